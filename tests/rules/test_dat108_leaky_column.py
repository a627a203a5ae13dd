"""DAT108 leaky column: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.data.dat108_leaky_column import leaky_column
from rules.facts import ColumnFact
from tests.rules.situations import assessed, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"table": {"columns": (ColumnFact("rownames", 0.0, 6400, 1.0, 0.999),)}}, id="the row number"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(leaky_column, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("DAT108", "leaky_column")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"table": {"columns": (ColumnFact("petal width", 0.0, 22, 1.0, 0.957),)}}, id="iris at its best"),
        pytest.param({"table": {"columns": (ColumnFact("a", 0.0, 10, 1.0, 1.0),), "examples": 10}}, id="ten rows"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(leaky_column, changes) is None


@pytest.mark.parametrize("group", ["table"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(leaky_column, group) == (group,)
