"""GEN103 underfitting: when it speaks, when it is silent, when it is not assessed."""

from math import nan
from typing import Any

import pytest

from rules.generalisation.gen103_underfitting import underfitting
from tests.rules.situations import assessed, evaluations, knobs, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {
                "loss": {"now": 1.5, "fall_share": 0.0},
                "validation": evaluations([1.5], [0.45], train=1.5, train_metric=0.45),
            },
            id="as bad in training",
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(underfitting, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("GEN103", "underfitting")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param(
            {
                "run": {"step": 200},
                "loss": {"now": 1.5, "fall_share": 0.0},
                "validation": evaluations([1.5], [0.45], train=1.5, train_metric=0.45),
            },
            id="young",
        ),
        pytest.param(
            {"loss": {"now": 1.5, "fall_share": 0.0}, "validation": evaluations([1.5], [0.35], train_metric=0.45)},
            id="a gap",
        ),
        pytest.param(
            {"loss": {"now": 1.5, "fall_share": 0.1}, "validation": evaluations([1.5], [0.45], train_metric=0.45)},
            id="still falls",
        ),
        pytest.param(
            {"loss": {"now": 1.5, "fall_share": 0.0}, "validation": evaluations([1.5], [0.45], train_metric=nan)},
            id="no training metric",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(underfitting, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "validation", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(underfitting, group) == (group,)


def test_what_regularises_is_released() -> None:
    flat = {"loss": {"now": 1.5, "fall_share": 0.0}, "validation": evaluations([1.5], [0.45], train_metric=0.45)}
    finding = assessed(underfitting, {**flat, "knobs": knobs(augment=True, dropout=0.3)})
    assert finding is not None
    assert [(fix.turns[0].knob, fix.turns[0].to) for fix in finding.fixes if fix.turns] == [
        ("augment", False),
        ("dropout", 0.0),
    ]
