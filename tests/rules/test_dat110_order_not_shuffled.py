"""DAT110 order not shuffled: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.data.dat110_order_not_shuffled import order_not_shuffled
from tests.rules.situations import assessed, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"classes": {"neighbour_label_match": 0.99}}, id="sorted"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(order_not_shuffled, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("DAT110", "order_not_shuffled")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"classes": {"neighbour_label_match": 0.15}}, id="by chance"),
        pytest.param({"classes": {"counts": (900, 100), "neighbour_label_match": 0.83}}, id="imbalanced and shuffled"),
        pytest.param(
            {"classes": {"counts": (116, 7), "neighbour_label_match": 0.93}}, id="a few neighbours more, by chance"
        ),
        pytest.param({"classes": {"counts": (900,), "neighbour_label_match": 1.0}}, id="one class"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(order_not_shuffled, changes) is None


@pytest.mark.parametrize("group", ["classes"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(order_not_shuffled, group) == (group,)
