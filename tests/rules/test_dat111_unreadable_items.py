"""DAT111 unreadable items: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.data.dat111_unreadable_items import unreadable_items
from tests.rules.situations import assessed, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"inputs": {"unreadable": 2}}, id="two files"),
        pytest.param({"inputs": {"unreadable": 200}}, id="many"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(unreadable_items, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("DAT111", "unreadable_items")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(unreadable_items, changes) is None


@pytest.mark.parametrize("group", ["task", "inputs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(unreadable_items, group) == (group,)
