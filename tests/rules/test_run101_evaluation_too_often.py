"""RUN101 evaluation too often: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.upkeep.run101_evaluation_too_often import evaluation_too_often
from rules.vocabulary import Turned
from tests.rules.situations import assessed, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {"run": {"steps_total": 10_000, "step": 600}, "phases": {"evaluation_share": 0.2}}, id="a fifth of the time"
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(evaluation_too_often, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("RUN101", "evaluation_too_often")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"phases": {"evaluation_share": 0.2}}, id="few are left"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(evaluation_too_often, changes) is None


@pytest.mark.parametrize("group", ["run", "phases", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(evaluation_too_often, group) == (group,)


def test_half_as_often() -> None:
    finding = assessed(
        evaluation_too_often, {"run": {"steps_total": 10_000, "step": 600}, "phases": {"evaluation_share": 0.2}}
    )
    assert finding is not None
    assert finding.fixes[0].turns == (Turned(knob="eval_every", to=2.0),)
    assert finding.fixes[0].expected == pytest.approx(0.1)
