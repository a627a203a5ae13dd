"""GEN103 underfitting: when it speaks, when it is silent, when it is not assessed."""

from math import nan
from typing import Any

import pytest

from rules.generalisation.gen103_underfitting import underfitting
from rules.vocabulary import Severity
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
        pytest.param(
            {
                "loss": {"now": 1.5, "fall_share": 0.0},
                "validation": evaluations([1.5], [0.41], train=1.5, train_metric=0.45, error=0.03),
            },
            id="a gap within the noise",
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


SLOW = {
    "run": {"step": 250},
    "loss": {"now": 2.1, "fall_share": 0.05, "curve": ((10, 2.35), (250, 2.1))},
    "validation": evaluations([2.2, 2.1], [0.15, 0.18], train=2.1, train_metric=0.18),
}


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        pytest.param({"inputs": {"linear_agreement": 0.85}}, Severity.WARNING, id="far below a linear model"),
        pytest.param({"inputs": {"linear_agreement": 0.2}}, None, id="as good as a linear model"),
        pytest.param({}, None, id="no linear model"),
        pytest.param({"inputs": {"linear_agreement": 0.85}, "run": {"step": 150}}, None, id="too young"),
        pytest.param({"inputs": {"linear_agreement": 0.85}, "knobs": knobs(warmup=0.2)}, None, id="hardly warmed up"),
        pytest.param(
            {
                "inputs": {"linear_agreement": 0.85},
                "loss": {"now": 2.1, "fall_share": 0.12, "curve": ((10, 2.35), (250, 2.1))},
            },
            None,
            id="it begins late, and falls faster and faster",
        ),
        pytest.param(
            {
                "inputs": {"linear_agreement": 0.85},
                "loss": {"now": 1.6, "fall_share": 0.3, "curve": ((10, 2.35), (250, 1.6))},
            },
            None,
            id="on its way",
        ),
        pytest.param(
            {
                "run": {"step": 500},
                "inputs": {"linear_agreement": 0.85},
                "loss": {"now": 1.5, "fall_share": 0.0},
                "validation": evaluations([1.5, 1.5], [0.48, 0.48], train=1.5, train_metric=0.48),
            },
            Severity.INFO,
            id="half as far as a linear model",
        ),
    ],
)
def test_a_net_that_a_linear_model_beats_by_far_is_a_warning(
    changes: dict[str, Any], severity: Severity | None
) -> None:
    finding = assessed(underfitting, {**SLOW, **changes})
    assert (finding and finding.severity) == severity
    assert finding is None or not finding.beyond_knobs


@pytest.mark.parametrize("group", ["run", "task", "loss", "validation", "inputs", "knobs"])
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
