"""RUN105 steps uneven: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.upkeep.run105_steps_uneven import MET, steps_uneven
from tests.rules.situations import assessed, missing_without

UNEVEN = {"slow": 40, "excess_share": 0.3, "excess_s": 0.02, "met": {"input": 30, "work": 10}}


@pytest.mark.parametrize("met", MET)
def test_it_says_what_most_of_them_met(met: str) -> None:
    finding = assessed(steps_uneven, {"pace": UNEVEN | {"met": {met: 30, "other": 10}}})
    assert finding is not None
    assert (finding.code, finding.name) == ("RUN105", "steps_uneven")
    assert finding.message == (
        f"40 of 500 steps took over twice the usual time, 30% of all; 75% of them met {MET[met][0]}"
    )
    assert finding.fixes[0].name == MET[met][1]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"run": {"step": 10}, "pace": UNEVEN}, id="young"),
        pytest.param({"pace": UNEVEN | {"slow": 10}}, id="few"),
        pytest.param({"pace": UNEVEN | {"excess_share": 0.04}}, id="they cost nothing"),
        pytest.param(
            {"pace": UNEVEN | {"excess_s": 0.001, "excess_share": 0.1}}, id="a millisecond each: the scheduler's own"
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(steps_uneven, changes) is None


@pytest.mark.parametrize("group", ["run", "pace"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(steps_uneven, group) == (group,)
