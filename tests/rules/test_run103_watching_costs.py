"""RUN103 watching costs: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.upkeep.run103_watching_costs import watching_costs
from tests.rules.situations import assessed, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"phases": {"step_s": 0.05, "shares": {"advisor": 0.03}}}, id="three per cent"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(watching_costs, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("RUN103", "watching_costs")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"phases": {"shares": {"advisor": 0.03}}}, id="a run of two seconds"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(watching_costs, changes) is None


@pytest.mark.parametrize("group", ["run", "phases"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(watching_costs, group) == (group,)
