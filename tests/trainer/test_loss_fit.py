"""A loss is asked what it is: with real losses, right ones and wrong ones, on real tensors."""

from collections.abc import Callable
from math import isnan, log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from trainer.watching.loss_fit import (
    Reach,
    asking,
    floor_share,
    kind_of,
    order_share,
    pairing_share,
    sum_factor,
    target_use_share,
)

Loss = Callable[[Tensor, Tensor], Tensor]
EXAMPLES, CLASSES = 20, 5
UNIT = Reach(0.0, 1.0)
ROWS = Reach(0.0, 1.0, sums_to_one=True)


def logits(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return raw outputs [20, 5] and classes [20]."""
    random = torch.Generator().manual_seed(seed)
    return (
        torch.randn(EXAMPLES, CLASSES, generator=random),
        torch.randint(CLASSES, (EXAMPLES,), generator=random),
    )


def numbers(seed: int = 0, mean: float = 0.0) -> tuple[Tensor, Tensor]:
    """Return predictions [20, 1] and numbers [20]."""
    random = torch.Generator().manual_seed(seed)
    return torch.randn(EXAMPLES, 1, generator=random), mean + torch.randn(EXAMPLES, generator=random)


def rows(targets: Tensor) -> Tensor:
    return functional.one_hot(targets, CLASSES).float()


CLASS_LOSSES: dict[str, Loss] = {
    "cross_entropy": nn.CrossEntropyLoss(),
    "likelihood": nn.NLLLoss(),
    "likelihood_of_softmax": lambda z, y: functional.nll_loss(z.softmax(1), y),
    "cross_entropy_of_softmax": lambda z, y: functional.cross_entropy(z.softmax(1), y),
    "squared": lambda z, y: functional.mse_loss(z, rows(y)),
    "squared_of_softmax": lambda z, y: functional.mse_loss(z.softmax(1), rows(y)),
    "absolute": lambda z, y: functional.l1_loss(z, rows(y)),
    "absolute_of_softmax": lambda z, y: functional.l1_loss(z.softmax(1), rows(y)),
    "binary_cross_entropy": lambda z, y: functional.binary_cross_entropy_with_logits(z, rows(y)),
}


@pytest.mark.parametrize("kind", CLASS_LOSSES)
@given(
    seed=st.integers(0, 1000),
    factor=st.floats(0.01, 100).flatmap(lambda size: st.sampled_from([size, -size])),
    size=st.floats(0.1, 5),
)
@settings(max_examples=15, deadline=None)
def test_a_loss_of_classes_is_known_by_its_answers_whatever_its_factor(
    kind: str, seed: int, factor: float, size: float
) -> None:
    outputs, targets = logits(seed)
    found = kind_of(asking(lambda z, y: factor * CLASS_LOSSES[kind](z, y)), size * outputs, targets)
    assert found == (kind, pytest.approx(factor, rel=1e-3))


@pytest.mark.parametrize(
    ("loss", "kind"),
    [
        pytest.param(lambda p, y: functional.nll_loss(p.log(), y), "log_likelihood", id="of probabilities"),
        pytest.param(nn.NLLLoss(), "likelihood", id="the logarithm forgotten"),
        pytest.param(nn.CrossEntropyLoss(), "cross_entropy", id="softmax twice"),
        pytest.param(lambda p, y: functional.binary_cross_entropy(p, rows(y)), "binary_cross_entropy_of_probabilities", id="one against all"),
    ],
)  # fmt: skip
def test_a_loss_is_known_on_probabilities(loss: Loss, kind: str) -> None:
    outputs, targets = logits()
    assert kind_of(asking(loss), outputs.softmax(1), targets)[0] == kind


def test_negative_log_likelihood_of_a_log_softmax_is_cross_entropy() -> None:
    outputs, targets = logits()
    assert kind_of(asking(nn.NLLLoss()), outputs.log_softmax(1), targets)[0] == "cross_entropy"


@pytest.mark.parametrize(
    ("loss", "kind"),
    [
        pytest.param(lambda z, y: functional.mse_loss(z.squeeze(1), y), "squared", id="squared"),
        pytest.param(lambda z, y: (z.squeeze(1) - y).abs().sum(), "absolute", id="absolute, summed"),
        pytest.param(functional.mse_loss, "", id="broadcast"),
        pytest.param(lambda z, y: functional.huber_loss(z.squeeze(1), y), "", id="another"),
    ],
)
def test_a_loss_of_numbers_is_known_by_its_answers(loss: Loss, kind: str) -> None:
    outputs, targets = numbers()
    assert kind_of(asking(loss), outputs, targets)[0] == kind


@pytest.mark.parametrize(
    "loss",
    [
        pytest.param(nn.CrossEntropyLoss(label_smoothing=0.1), id="smoothed"),
        pytest.param(nn.CrossEntropyLoss(weight=torch.arange(1.0, CLASSES + 1)), id="weighted"),
        pytest.param(lambda z, y: functional.cross_entropy(z, y) + 0.1, id="with a penalty"),
    ],
)
def test_a_loss_that_is_none_of_the_known_ones_has_no_kind(loss: Loss) -> None:
    kind, factor = kind_of(asking(loss), *logits())
    assert kind == ""
    assert isnan(factor)


@pytest.mark.parametrize(
    ("several", "kind"),
    [pytest.param(True, "cross_entropy_of_marks", id="several or none"), pytest.param(False, "", id="one each")],
)
def test_the_loss_of_one_class_is_known_where_several_may_be_right(several: bool, kind: str) -> None:
    outputs, classes = logits()
    marks = rows(classes)
    if several:
        marks[::2, 0], marks[1::4] = 1.0, 0.0
    assert kind_of(asking(functional.cross_entropy), outputs, marks)[0] == kind


def test_outputs_that_are_constant_tell_no_loss_from_another() -> None:
    _, targets = logits()
    assert kind_of(asking(nn.CrossEntropyLoss()), torch.zeros(EXAMPLES, CLASSES), targets)[0] == ""


def test_the_floor_of_softmax_twice_is_that_of_theory() -> None:
    outputs, targets = logits()
    floor = (log(2.718281828 + CLASSES - 1) - 1) / log(CLASSES)
    assert floor_share(asking(nn.CrossEntropyLoss()), outputs.softmax(1), targets, ROWS) == pytest.approx(
        floor, abs=0.01
    )


@pytest.mark.parametrize(
    "loss",
    [
        pytest.param(lambda p, y: functional.nll_loss(p.log(), y), id="log likelihood"),
        pytest.param(lambda p, y: functional.mse_loss(p, rows(y)), id="squared"),
        pytest.param(lambda p, y: -(rows(y) * p.log()).sum(1).mean(), id="written by hand"),
    ],
)
def test_a_loss_that_takes_probabilities_has_no_floor(loss: Loss) -> None:
    outputs, targets = logits()
    assert floor_share(asking(loss), outputs.softmax(1), targets, ROWS) < 0.01


def test_a_bound_costs_what_lies_beyond_it() -> None:
    outputs, targets = numbers()
    loss = asking(lambda z, y: functional.mse_loss(z.squeeze(1), y))
    below = targets.clamp(max=0).square().mean() / (targets - targets.mean().clamp(min=0)).square().mean()
    assert floor_share(loss, outputs.relu(), targets, Reach(low=0.0)) == pytest.approx(float(below), rel=1e-3)
    assert floor_share(loss, outputs.relu(), targets.abs(), Reach(low=0.0)) == 0
    assert isnan(floor_share(loss, outputs, targets, Reach()))


def test_a_bound_costs_what_lies_beyond_it_in_any_of_several_columns() -> None:
    generator = torch.Generator().manual_seed(0)
    targets = torch.rand(EXAMPLES, 9, generator=generator) * 2 - 1
    outputs = torch.randn(EXAMPLES, 9, generator=generator).sigmoid()
    below = targets.clamp(max=0).square().mean() / (targets - targets.mean(0).clamp(0.001, 0.999)).square().mean()
    assert floor_share(asking(functional.mse_loss), outputs, targets, UNIT) == pytest.approx(float(below), rel=1e-2)
    assert floor_share(asking(functional.mse_loss), outputs, targets.abs(), UNIT) == 0


def test_a_sigmoid_before_the_loss_that_has_one_itself_leaves_a_floor() -> None:
    outputs, targets = numbers()
    targets = (targets > 0).float()
    twice = asking(lambda z, y: functional.binary_cross_entropy_with_logits(z.squeeze(1), y))
    once = asking(lambda z, y: functional.binary_cross_entropy(z.squeeze(1), y))
    assert floor_share(twice, outputs.sigmoid(), targets, UNIT) > 0.5
    assert floor_share(once, outputs.sigmoid(), targets, UNIT) < 0.01


@pytest.mark.parametrize("mean", [0.0, 3000.0])
def test_a_broadcast_loss_does_not_know_whose_target_is_which(mean: float) -> None:
    outputs, targets = numbers(mean=mean)
    broadcast, sound = asking(functional.mse_loss), asking(lambda z, y: functional.mse_loss(z.squeeze(1), y))
    assert pairing_share(broadcast, outputs, targets, Reach()) < 1e-5
    assert target_use_share(broadcast, outputs, targets, Reach()) > 1e-3
    assert pairing_share(sound, outputs, targets, Reach()) > 0.5


def test_a_loss_that_forgets_its_targets_does_not_use_them() -> None:
    outputs, targets = numbers()
    forgets = asking(lambda z, _: z.square().mean())
    assert target_use_share(forgets, outputs, targets, Reach()) == 0


def test_nothing_is_said_of_owners_where_all_targets_are_alike() -> None:
    outputs, _ = logits()
    alike = torch.ones(EXAMPLES, dtype=torch.int64)
    assert isnan(pairing_share(asking(nn.CrossEntropyLoss()), outputs, alike, Reach()))
    assert isnan(target_use_share(asking(nn.CrossEntropyLoss()), outputs, alike, Reach()))


def test_the_order_of_a_batch_counts_only_in_a_loss_that_shifts_it() -> None:
    outputs, targets = logits()
    assert order_share(asking(nn.CrossEntropyLoss()), outputs, targets) < 1e-5
    assert order_share(asking(lambda z, y: functional.cross_entropy(z[1:], y[:-1])), outputs, targets) > 0.01
    drawn = asking(lambda z, y: functional.cross_entropy(functional.dropout(z), y))
    assert isnan(order_share(drawn, outputs, targets))


@pytest.mark.parametrize(("reduction", "factor"), [("mean", 1.0), ("sum", 2.0)])
def test_a_sum_is_told_from_a_mean(reduction: str, factor: float) -> None:
    assert sum_factor(asking(nn.CrossEntropyLoss(reduction=reduction)), *logits()) == pytest.approx(factor, rel=1e-4)


def test_a_loss_that_raises_answers_nothing() -> None:
    def raises(outputs: Tensor, targets: Tensor) -> Tensor:
        raise ValueError("not with me")

    outputs, targets = logits()
    answers = [
        sum_factor(asking(raises), outputs, targets),
        order_share(asking(raises), outputs, targets),
        pairing_share(asking(raises), outputs, targets, Reach()),
        floor_share(asking(raises), outputs.softmax(1), targets, ROWS),
    ]
    assert all(isnan(one) for one in answers)
    assert kind_of(asking(raises), outputs, targets)[0] == ""


def test_maps_of_classes_are_held_against_outputs_pixel_by_pixel() -> None:
    random = torch.Generator().manual_seed(0)
    outputs = torch.randn(4, CLASSES, 6, 6, generator=random)
    targets = torch.randint(CLASSES, (4, 6, 6), generator=random)
    assert kind_of(asking(nn.CrossEntropyLoss()), outputs, targets)[0] == "cross_entropy"
    assert pairing_share(asking(nn.CrossEntropyLoss()), outputs, targets, Reach()) > 0.5
