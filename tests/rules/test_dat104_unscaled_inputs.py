"""DAT104 unscaled inputs: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.data.dat104_unscaled_inputs import unscaled_inputs
from rules.vocabulary import Effect
from tests.rules.situations import KNOBS, assessed, missing_without

RAW = {"std_high": 85.0, "mean_abs": 60.0}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"inputs": {"std_high": 85.0, "mean_abs": 60.0}}, id="pixels to 255"),
        pytest.param(
            {"task": {"inputs": "table"}, "inputs": {"std_low": 0.1, "std_high": 300.0, "mean_abs": 2.0}},
            id="raw columns",
        ),
        pytest.param({"inputs": {"mean_abs": 40.0}}, id="far from zero"),
        pytest.param({"inputs": {"mean_abs": 0.001, "std_high": 0.001, "abs_max": 0.004}}, id="divided by 255 twice"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(unscaled_inputs, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("DAT104", "unscaled_inputs")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"task": {"inputs": "table"}, "inputs": {"mean_abs": 12.1, "std_high": 6.5}}, id="digits to 16"),
        pytest.param({"task": {"inputs": "table"}, "inputs": {"std_low": 1.0, "abs_max": 30.0}}, id="standardised"),
        pytest.param({"task": {"inputs": "other"}, "inputs": {"std_low": 0.001, "std_high": 0.4}}, id="rare pixels"),
        pytest.param({"inputs": RAW, "knobs": {"values": {**KNOBS, "standardise": True}}}, id="the model scales them"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(unscaled_inputs, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "inputs", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(unscaled_inputs, group) == (group,)


@pytest.mark.parametrize(
    ("loss", "effect"),
    [
        pytest.param({}, Effect.CHANGES_LEARNING, id="a run that goes on is compared"),
        pytest.param({"non_finite_in_50": 3}, Effect.RESCUE, id="not finite"),
        pytest.param({"now": 50.0}, Effect.RESCUE, id="far above where it began"),
        pytest.param({"above_best_steps": 12, "now": 2.4}, Effect.RESCUE, id="climbing to where guessing is better"),
        pytest.param({"highest_early": 13.0, "now": 2.0}, Effect.RESCUE, id="thrown up by one of its first steps"),
        pytest.param({"highest_early": 13.0, "now": 0.4}, Effect.CHANGES_LEARNING, id="it has got over that"),
        pytest.param({"above_best_steps": 12, "now": 0.4}, Effect.CHANGES_LEARNING, id="swinging at a low loss"),
    ],
)
def test_a_run_begins_anew_with_standardised_inputs_and_untried_only_when_it_is_lost(
    loss: dict[str, Any], effect: Effect
) -> None:
    finding = assessed(unscaled_inputs, {"inputs": RAW, "loss": loss, "run": {"step": 60}})
    assert finding is not None
    first = finding.fixes[0]
    assert (first.name, first.effect) == ("start over with standardised inputs", effect)


@pytest.mark.parametrize(("now", "severity"), [(2.0, "warning"), (float("nan"), "warning"), (0.4, "info")])
def test_a_run_that_learns_all_the_same_is_told_so_as_information(now: float, severity: str) -> None:
    finding = assessed(unscaled_inputs, {"inputs": RAW, "loss": {"now": now}})
    assert finding is not None
    assert finding.severity == severity


def test_where_the_knob_cannot_turn_a_person_has_to_scale_them() -> None:
    held = {"turnable": frozenset(KNOBS) - {"standardise"}}
    finding = assessed(unscaled_inputs, {"inputs": RAW, "knobs": held})
    assert finding is not None
    assert [fix.effect for fix in finding.fixes] == [Effect.NEEDS_A_PERSON]
