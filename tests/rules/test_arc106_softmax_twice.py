"""ARC106 softmax twice: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.architecture.arc106_softmax_twice import softmax_twice
from tests.rules.situations import assessed, evaluations, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {"validation": evaluations([1.7, 1.67, 1.65], [0.5, 0.8, 0.85], train=1.6)}, id="right and never sure"
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(softmax_twice, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("ARC106", "softmax_twice")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"validation": evaluations([1.9, 1.7, 1.3], [0.5, 0.8, 0.85], train=1.6)}, id="sure"),
        pytest.param(
            {"validation": evaluations([1.7, 1.67, 1.65], [0.5, 0.8, 0.85], train=0.5)}, id="sure in training"
        ),
        pytest.param({"validation": evaluations([1.7, 1.67, 1.65], [0.5, 0.5, 0.5], train=1.6)}, id="often wrong"),
        pytest.param(
            {
                "task": {"classes": ("no", "yes")},
                "validation": evaluations([1.7, 1.67, 1.65], [0.5, 0.8, 0.85], train=1.6),
            },
            id="two classes",
        ),
        pytest.param(
            {"validation": evaluations([1.9, 1.8, 1.77], [0.5, 0.65, 0.72], train=1.75)}, id="right, and still falling"
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(softmax_twice, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "validation", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(softmax_twice, group) == (group,)
