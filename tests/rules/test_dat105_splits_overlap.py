"""DAT105 splits overlap: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.data.dat105_splits_overlap import splits_overlap
from tests.rules.situations import assessed, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"splits": {"val_overlap_share": 0.05}}, id="one in twenty"),
        pytest.param({"splits": {"test_overlap_share": 0.3}}, id="in the test split"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(splits_overlap, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("DAT105", "splits_overlap")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"task": {"val_examples": 30}, "splits": {"val_overlap_share": 0.034}}, id="one double of thirty"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(splits_overlap, changes) is None


@pytest.mark.parametrize("group", ["task", "splits"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(splits_overlap, group) == (group,)
