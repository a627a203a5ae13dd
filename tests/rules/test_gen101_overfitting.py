"""GEN101 overfitting: when it speaks, when it is silent, when it is not assessed."""

from dataclasses import replace
from math import nan
from typing import Any

import pytest

from rules.facts import ValidationFacts
from rules.generalisation.gen101_overfitting import overfitting
from rules.vocabulary import Severity
from tests.rules.situations import assessed, evaluations, knobs, missing_without

SLOW_RISE = [1.5, 1.29, 1.35, 1.3, 1.36, 1.34, 1.37, 1.40]
SLOWLY = {"validation": evaluations(SLOW_RISE, [0.7] * 8, train=0.7)}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {"validation": evaluations([0.6, 0.5, 0.8, 0.9, 0.95], [0.8, 0.85, 0.8, 0.79, 0.78])},
            id="validation rises, training falls",
        ),
        pytest.param(
            {"validation": evaluations([0.3, 0.2, 0.4, 0.5, 0.5], [0.96] * 5)}, id="a good model, as information"
        ),
        pytest.param(SLOWLY, id="a small rise that goes on over a wide gap"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(overfitting, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("GEN101", "overfitting")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"validation": evaluations([2.0, 1.5, 1.0, 0.5], [0.5] * 4)}, id="it falls steeply"),
        pytest.param({"validation": evaluations([0.02, 0.01, 0.03, 0.04, 0.05], [0.99] * 5)}, id="near zero"),
        pytest.param(
            {
                "loss": {"now": 1.0, "best": 0.3},
                "validation": evaluations([0.6, 0.5, 0.8, 0.9, 0.95], [0.8, 0.85, 0.8, 0.79, 0.78]),
            },
            id="training rises too",
        ),
        pytest.param({"validation": evaluations([0.5, 0.9, 0.9], [0.8] * 3)}, id="three evaluations"),
        pytest.param({"validation": evaluations(SLOW_RISE, [0.7] * 8, train=1.2)}, id="a small rise, and no gap"),
        pytest.param(
            {"validation": evaluations([1.5, 1.29, 1.4, 1.38, 1.37, 1.36, 1.35, 1.34], [0.7] * 8, train=0.7)},
            id="a small rise that is over",
        ),
        pytest.param({"validation": evaluations([0.6, 0.5, 0.5, 0.5, 0.95], [0.8] * 5)}, id="one bad one"),
        pytest.param(
            {
                "loss": {"now": 2.2, "best": 2.2},
                "validation": evaluations([2.4, 2.3, 3.5, 3.6, 3.8], [0.1] * 5, train=2.2),
            },
            id="a net that has learned nothing has nothing by heart",
        ),
        pytest.param(
            {"validation": evaluations([0.6, 0.5, 0.8, 0.9, 0.95], [0.8, 0.85, 0.8, 0.79, 0.78], train=0.93)},
            id="as bad on training examples",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(overfitting, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "validation", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(overfitting, group) == (group,)


RISING = {"validation": evaluations([0.6, 0.5, 0.8, 0.9, 0.95], [0.8, 0.85, 0.8, 0.79, 0.78])}


@pytest.mark.parametrize(
    ("train", "speaks"),
    [
        pytest.param([0.45, 1.88, 1.33, 0.83], False, id="worse on training examples as well: it was thrown"),
        pytest.param([0.45, 0.4, 0.3, 0.2], True, id="ever better on training examples"),
        pytest.param([nan] * 4, True, id="nobody took it"),
    ],
)
def test_what_rises_on_training_examples_too_is_not_learned_by_heart(train: list[float], speaks: bool) -> None:
    seen = evaluations([0.62, 2.12, 1.44, 1.07], [0.75, 0.62, 0.66, 0.67]).evaluations
    taken = tuple(replace(one, train_loss=loss) for one, loss in zip(seen, train, strict=True))
    finding = assessed(overfitting, {"validation": ValidationFacts(taken, higher_is_better=True)})
    assert (finding is not None) == speaks


def test_the_answers_come_in_order_and_images_are_augmented_first() -> None:
    images = assessed(overfitting, RISING)
    tables = assessed(overfitting, {**RISING, "task": {"inputs": "table"}, "knobs": knobs(label_smoothing=0.1)})
    assert images is not None
    assert tables is not None
    assert [fix.turns[0].knob for fix in images.fixes if fix.turns] == [
        "augment", "label_smoothing", "weight_decay", "dropout",
    ]  # fmt: skip
    assert [fix.turns[0].knob for fix in tables.fixes if fix.turns] == ["weight_decay", "dropout"]


def test_a_good_model_is_no_alarm() -> None:
    worse = assessed(overfitting, RISING)
    good = assessed(overfitting, {"validation": evaluations([0.3, 0.2, 0.4, 0.5, 0.5], [0.99, 0.98, 0.96, 0.96, 0.96])})
    assert worse is not None
    assert good is not None
    assert worse.severity is Severity.WARNING
    assert good.severity is Severity.INFO


@pytest.mark.parametrize(
    ("train", "rise", "severity"),
    [
        pytest.param(0.7, 1.0, Severity.INFO, id="the metric has not suffered"),
        pytest.param(0.05, 1.0, Severity.INFO, id="known by heart, and still far from guessing"),
        pytest.param(0.05, 1.6, Severity.WARNING, id="known by heart, and on the way back to guessing"),
        pytest.param(0.7, 1.6, Severity.WARNING, id="the loss has gone up by half"),
    ],
)
def test_a_rise_that_the_metric_does_not_feel_is_grave_where_the_loss_goes_back_to_guessing(
    train: float, rise: float, severity: Severity
) -> None:
    losses = [loss * (rise if place > 3 else 1) for place, loss in enumerate(SLOW_RISE)]
    finding = assessed(overfitting, {"validation": evaluations(losses, [0.7] * 8, train=train)})
    assert finding is not None
    assert finding.severity is severity
    assert finding.explains == ("GEN102", "OPT104")


SWINGING = [0.79, 0.69, 0.58, 0.71, 0.52, 0.53, 0.53, 1.12, 0.44, 0.67]


@pytest.mark.parametrize(
    ("losses", "severity"),
    [
        pytest.param(SWINGING, Severity.INFO, id="the loss swings"),
        pytest.param([*SWINGING, 1.2, 1.0, 1.3], Severity.WARNING, id="it swings, and has risen beyond that"),
        pytest.param([0.8, 0.6, 0.52, 0.5, 0.55, 0.62, 0.69, 0.76], Severity.WARNING, id="a steady rise is no swing"),
    ],
)
def test_a_loss_that_swings_from_one_evaluation_to_the_next_is_no_warning(
    losses: list[float], severity: Severity
) -> None:
    metrics = [0.85] * (len(losses) - 3) + [0.75] * 3
    finding = assessed(overfitting, {"validation": evaluations(losses, metrics)})
    assert finding is not None
    assert finding.severity is severity
