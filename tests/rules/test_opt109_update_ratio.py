"""OPT109 update ratio: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.facts import ProbeFacts
from rules.optimisation.opt109_update_ratio import update_ratio
from tests.rules.situations import assessed, layers, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {"loss": {"now": 2.0, "fall_share": 0.0}, "layers": {"layers": layers(0.1, 0.1, ratio=1e-7)}},
            id="hardly moving",
        ),
        pytest.param(
            {"loss": {"now": 2.0, "fall_share": 0.0}, "layers": {"layers": layers(0.1, 0.1, ratio=0.5)}}, id="shaken"
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(update_ratio, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("OPT109", "update_ratio")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"layers": {"layers": layers(0.1, 0.1, ratio=0.5)}}, id="it learns"),
        pytest.param(
            {"loss": {"now": 2.0, "fall_share": 0.0}, "layers": {"layers": layers(0.1, 0.1, ratio=1e-3)}},
            id="usual steps",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(update_ratio, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "layers", "knobs", "probes"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(update_ratio, group) == (group,)


def test_the_pick_is_offered_when_it_points_the_same_way() -> None:
    shaken = {"loss": {"now": 2.0, "fall_share": 0.0}, "layers": {"layers": layers(0.1, ratio=0.5)}}
    lower = ProbeFacts(done=frozenset({"lr_sweep"}), lr_pick=0.001)
    higher = ProbeFacts(done=frozenset({"lr_sweep"}), lr_pick=5.0)
    agreed, contrary = (assessed(update_ratio, {**shaken, "probes": probes}) for probes in (lower, higher))
    assert agreed is not None
    assert contrary is not None
    assert [fix.name for fix in agreed.fixes] == ["set lr to 0.001"]
    assert contrary.fixes == ()
