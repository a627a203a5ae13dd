"""DAT103 missing values: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.data.dat103_missing_values import missing_values
from rules.vocabulary import Severity
from tests.rules.situations import KNOBS, assessed, knobs, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"inputs": {"missing_share": 0.01}}, id="one in a hundred"),
        pytest.param({"inputs": {"missing_share": 0.33}}, id="a third"),
        pytest.param({"inputs": {"broken_share": 0.0001}}, id="one example reaches the net with a hole"),
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


@pytest.mark.parametrize(
    ("share", "severity"),
    [pytest.param(0.25, Severity.ERROR, id="most batches"), pytest.param(0.0005, Severity.WARNING, id="a few batches")],
)
def test_values_that_reach_the_net_are_as_grave_as_the_batches_that_they_break(
    share: float, severity: Severity
) -> None:
    finding = assessed(missing_values, {"inputs": {"broken_share": share, "missing_share": share / 10}})
    assert finding is not None
    assert finding.severity is severity
    assert "NUM101" in finding.explains
    assert finding.beyond_knobs is (severity is Severity.WARNING)


def test_values_that_cannot_be_filled_here_hold_back_what_they_explain() -> None:
    untouchable = knobs(frozenset(KNOBS) - {"standardise"})
    finding = assessed(missing_values, {"inputs": {"broken_share": 0.25, "missing_share": 0.1}, "knobs": untouchable})
    assert finding is not None
    assert finding.beyond_knobs
    assert "nothing is turned" in finding.message


def test_values_that_were_filled_hold_nothing_back() -> None:
    finding = assessed(missing_values, {"inputs": {"missing_share": 0.33}})
    assert finding is not None
    assert not finding.explains


@pytest.mark.parametrize("group", ["run", "inputs", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(missing_values, group) == (group,)


def test_values_that_reach_the_model_ruin_the_run_and_are_filled() -> None:
    finding = assessed(missing_values, {"inputs": {"broken_share": 0.1, "missing_share": 0.01}})
    assert finding is not None
    assert [(turn.knob, turn.to) for turn in finding.fixes[0].turns] == [("standardise", True)]


def test_values_that_the_model_fills_by_itself_are_told_as_filled() -> None:
    filling = {"inputs": {"broken_share": 0.1, "missing_share": 0.01}, "knobs": knobs(standardise=True)}
    finding = assessed(missing_values, filling)
    assert finding is not None
    assert (finding.severity, finding.explains) == ("info", ())
    assert [fix.turns for fix in finding.fixes] == [()]


def test_targets_that_are_no_numbers_are_beyond_all_knobs() -> None:
    finding = assessed(missing_values, {"inputs": {"broken_share": 0.25, "missing_share": 0.0}})
    assert finding is not None
    assert finding.beyond_knobs
