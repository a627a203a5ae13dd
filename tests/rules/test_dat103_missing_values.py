"""DAT103 missing values: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.data.dat103_missing_values import missing_values
from tests.rules.situations import KNOBS, assessed, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"inputs": {"missing_share": 0.01}}, id="one in a hundred"),
        pytest.param({"inputs": {"missing_share": 0.33}}, id="a third"),
        pytest.param({"inputs": {"non_finite_share": 0.0001}}, id="a single one that nothing fills"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(missing_values, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("DAT103", "missing_values")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(missing_values, changes) is None


@pytest.mark.parametrize("group", ["run", "inputs", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(missing_values, group) == (group,)


def test_values_that_reach_the_model_ruin_the_run_and_are_filled() -> None:
    finding = assessed(missing_values, {"inputs": {"missing_share": 0.01, "non_finite_share": 0.2}})
    assert finding is not None
    assert finding.severity == "error"
    assert finding.message == "1.00% of the input values are missing and reach the model as they are"
    assert "NUM101" in finding.explains
    assert [(turn.knob, turn.to) for turn in finding.fixes[0].turns] == [("standardise", True)]


def test_values_that_the_model_fills_by_itself_are_told_as_filled() -> None:
    held = {"values": {**KNOBS, "standardise": True}}
    finding = assessed(missing_values, {"inputs": {"missing_share": 0.01, "non_finite_share": 0.2}, "knobs": held})
    assert finding is not None
    assert (finding.severity, finding.explains) == ("info", ())
    assert [fix.turns for fix in finding.fixes] == [()]


def test_a_single_example_is_left_to_the_guard_and_to_a_person() -> None:
    finding = assessed(missing_values, {"inputs": {"missing_share": 0.001, "non_finite_share": 0.001}})
    assert finding is not None
    assert finding.severity == "info"
    assert "reach the model as they are" in finding.message
    assert [fix.turns for fix in finding.fixes] == [()]
