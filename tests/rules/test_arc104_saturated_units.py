"""ARC104 saturated units: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.architecture.arc104_saturated_units import saturated_units
from tests.rules.situations import assessed, layers, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {"loss": {"now": 2.0, "fall_share": 0.0}, "layers": {"layers": layers(0.1, saturated=0.8)}}, id="flat ends"
        ),
        pytest.param(
            {"loss": {"at_start": 22.0, "now": 5.0}, "layers": {"layers": layers(0.1, saturated=0.8)}},
            id="falling from far above chance",
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(saturated_units, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("ARC104", "saturated_units")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"layers": {"layers": layers(0.1, saturated=0.8)}}, id="it learns"),
        pytest.param(
            {"loss": {"now": 2.0, "fall_share": 0.0}, "layers": {"layers": layers(0.1, saturated=0.3)}}, id="some"
        ),
        pytest.param(
            {"loss": {"at_start": 22.0, "now": 1.0}, "layers": {"layers": layers(0.1, saturated=0.8)}},
            id="better than chance by now",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(saturated_units, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "layers", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(saturated_units, group) == (group,)


def test_the_weights_are_drawn_anew_before_the_activation_is_changed() -> None:
    finding = assessed(
        saturated_units,
        {"loss": {"now": 2.3, "fall_share": 0.0}, "layers": {"layers": layers(0.1, saturated=0.8)}},
    )
    assert finding is not None
    turns = [{turn.knob: turn.to for turn in fix.turns} for fix in finding.fixes if fix.turns]
    assert turns == [{"init": "xavier"}, {"activation": "relu", "init": "he"}]
