"""DAT109 too little data: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.data.dat109_too_little_data import too_little_data
from tests.rules.situations import assessed, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"task": {"train_examples": 80}}, id="eighty"),
        pytest.param({"classes": {"counts": (500, 3), "recalls": (0.9, 0.9)}}, id="a class of three"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(too_little_data, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("DAT109", "too_little_data")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(too_little_data, changes) is None


@pytest.mark.parametrize("group", ["task", "classes"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(too_little_data, group) == (group,)
