"""DAT103 missing values: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.data.dat103_missing_values import missing_values
from rules.vocabulary import Severity
from tests.rules.situations import assessed, missing_without


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
    finding = assessed(missing_values, {"inputs": {"broken_share": share}})
    assert finding is not None
    assert finding.severity is severity
    assert "NUM101" in finding.explains
    assert finding.beyond_knobs


def test_values_that_were_filled_hold_nothing_back() -> None:
    finding = assessed(missing_values, {"inputs": {"missing_share": 0.33}})
    assert finding is not None
    assert not finding.explains


@pytest.mark.parametrize("group", ["run", "inputs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(missing_values, group) == (group,)
