"""DAT107 constant features: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.data.dat107_constant_features import constant_features
from tests.rules.situations import assessed, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"task": {"inputs": "table"}, "inputs": {"constant_features": 32}}, id="half of a table"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(constant_features, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("DAT107", "constant_features")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"inputs": {"constant_features": 32}}, id="dark margins"),
        pytest.param({"task": {"inputs": "table"}}, id="three of sixty-four"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(constant_features, changes) is None


@pytest.mark.parametrize("group", ["task", "inputs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(constant_features, group) == (group,)
