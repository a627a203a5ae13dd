"""DAT103 missing values: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.data.dat103_missing_values import missing_values
from tests.rules.situations import assessed, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"inputs": {"missing_share": 0.01}}, id="one in a hundred"),
        pytest.param({"inputs": {"missing_share": 0.33}}, id="a third"),
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


@pytest.mark.parametrize("group", ["inputs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(missing_values, group) == (group,)
