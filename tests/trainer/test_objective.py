"""The loss: accumulation equals the whole batch, weights and smoothing turn, the plain loss never moves."""

from functools import partial
from math import isnan

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from trainer.stepping.objective import WEIGHT_CAP, Objective, weights_of

COUNTS = (180, 20, 4)
NONE_OF_CLASSES = {"class_weights", "logit_adjustment", "focal", "label_smoothing", "loss"}


def batch(examples: int = 12, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    outputs = torch.randn(examples, 3, generator=generator).requires_grad_()
    return outputs, torch.randint(0, 3, (examples,), generator=generator)


def gradient(objective: Objective, outputs: Tensor, targets: Tensor, cuts: list[int]) -> Tensor:
    """Of the loss accumulated over pieces of the given sizes."""
    leaf = outputs.detach().clone().requires_grad_()
    for piece, wanted in zip(leaf.split(cuts), targets.split(cuts), strict=True):
        objective(piece, wanted, normaliser=len(targets)).backward()
    assert leaf.grad is not None
    return leaf.grad


@settings(deadline=None, max_examples=50)
@given(
    cut=st.integers(1, 11),
    scheme=st.sampled_from(["none", "sqrt", "balanced"]),
    smoothing=st.sampled_from([0.0, 0.1]),
    adjustment=st.sampled_from([0.0, 1.0]),
    focal=st.sampled_from([0.0, 0.5, 2.0]),
    own=st.sampled_from([None, nn.CrossEntropyLoss(), functional.cross_entropy]),
)
def test_accumulated_pieces_have_the_gradient_of_the_whole_batch(
    cut: int, scheme: str, smoothing: float, adjustment: float, focal: float, own: object
) -> None:
    objective = Objective("classification", own, COUNTS)  # type: ignore[arg-type]
    if not objective.unavailable:
        objective.class_weights, objective.label_smoothing = scheme, smoothing  # type: ignore[assignment]
        objective.logit_adjustment, objective.focal = adjustment, focal
    outputs, targets = batch()
    whole = gradient(objective, outputs, targets, [12])
    assert torch.allclose(whole, gradient(objective, outputs, targets, [cut, 12 - cut]), atol=1e-7)


def test_a_loss_that_sums_is_not_divided_twice() -> None:
    objective = Objective("classification", nn.CrossEntropyLoss(reduction="sum"), COUNTS)
    outputs, targets = batch()
    assert torch.allclose(
        gradient(objective, outputs, targets, [12]), gradient(objective, outputs, targets, [5, 7]), atol=1e-6
    )


@pytest.mark.parametrize("scheme", ["sqrt", "balanced"])
def test_weights_have_mean_one_over_the_training_examples(scheme: str) -> None:
    counts = torch.tensor(COUNTS, dtype=torch.float64)
    weights = weights_of(counts, scheme)  # type: ignore[arg-type]
    assert float((weights * counts).sum() / counts.sum()) == pytest.approx(1.0)
    assert weights[2] > weights[1] > weights[0]


def test_balanced_weights_are_capped_and_the_root_is_milder() -> None:
    counts = torch.tensor([10_000.0, 1.0], dtype=torch.float64)
    balanced, root = weights_of(counts, "balanced"), weights_of(counts, "sqrt")
    assert balanced[1] / balanced[0] == pytest.approx(WEIGHT_CAP / 0.50005)
    assert root[1] / root[0] < balanced[1] / balanced[0]


def test_a_class_without_examples_gets_a_finite_weight() -> None:
    assert torch.isfinite(weights_of(torch.tensor([5.0, 0.0]), "balanced")).all()


def test_the_built_in_loss_is_that_of_torch() -> None:
    outputs, targets = batch()
    objective = Objective("classification", None, COUNTS)
    assert torch.equal(objective(outputs, targets), objective.plain(outputs, targets))
    assert objective.plain(outputs, targets).item() == pytest.approx(functional.cross_entropy(outputs, targets).item())
    objective.label_smoothing = 0.1
    smooth = functional.cross_entropy(outputs, targets, label_smoothing=0.1)
    assert float(objective(outputs, targets)) == pytest.approx(float(smooth))


def test_weights_and_smoothing_move_the_loss_but_never_the_plain_one() -> None:
    outputs, targets = batch()
    objective = Objective("classification", None, COUNTS)
    plain = float(objective.plain(outputs, targets))
    objective.class_weights, objective.label_smoothing = "balanced", 0.2
    assert float(objective(outputs, targets)) != pytest.approx(plain)
    assert float(objective.plain(outputs, targets)) == plain
    objective.class_weights, objective.label_smoothing = "none", 0.0
    assert float(objective(outputs, targets)) == plain


def test_a_logit_adjustment_moves_the_loss_by_the_log_frequency_of_each_class_and_goes_again() -> None:
    outputs, targets = batch()
    objective = Objective("classification", None, COUNTS)
    plain = float(objective(outputs, targets))
    objective.logit_adjustment = 1.0
    frequencies = torch.tensor(COUNTS) / sum(COUNTS)
    wanted = functional.cross_entropy(outputs + frequencies.log(), targets)
    assert float(objective(outputs, targets)) == pytest.approx(float(wanted))
    assert float(objective.plain(outputs, targets)) == plain
    objective.logit_adjustment = 0.0
    assert float(objective(outputs, targets)) == plain


def test_an_adjusted_net_that_knows_no_input_takes_all_classes_as_equally_frequent() -> None:
    objective = Objective("classification", None, COUNTS)
    objective.logit_adjustment = 1.0
    targets = torch.arange(3).repeat_interleave(torch.tensor(COUNTS))
    constant = torch.tensor([1.0, -2.0, 0.5], requires_grad=True)
    descent = torch.optim.Adam([constant], lr=0.1)
    for _ in range(200):
        descent.zero_grad()
        objective(constant.expand(len(targets), -1), targets).backward()
        descent.step()
    assert torch.allclose(constant.softmax(0), torch.full((3,), 1 / 3), atol=1e-2)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_loss_of_the_users_own_is_asked_class_by_class_for_the_loss_with_all_classes_alike(reduction: str) -> None:
    outputs, targets = batch(60)
    outputs = outputs.detach()
    own = Objective("classification", partial(functional.cross_entropy, reduction="mean"), COUNTS)
    if reduction == "sum":
        own = Objective("classification", nn.CrossEntropyLoss(reduction="sum"), COUNTS)
    built_in = Objective("classification", None, COUNTS)
    assert own.balanced(outputs, targets) == pytest.approx(built_in.balanced(outputs, targets), rel=1e-5)
    assert own.balanced(outputs, targets) != pytest.approx(float(built_in.plain(outputs, targets)), rel=1e-3)


def test_an_own_loss_that_takes_no_single_class_has_no_loss_with_all_classes_alike() -> None:
    def contrasts(outputs: Tensor, targets: Tensor) -> Tensor:
        if len(targets.unique()) < 2:
            raise ValueError("one class alone")
        return functional.cross_entropy(outputs, targets)

    outputs, targets = batch(60)
    assert isnan(Objective("classification", contrasts, COUNTS).balanced(outputs.detach(), targets))


def test_a_class_without_examples_has_a_finite_adjustment() -> None:
    objective = Objective("classification", None, (5, 0, 5))
    objective.logit_adjustment = 1.0
    assert torch.isfinite(objective(*batch())).all()


@pytest.mark.parametrize("focal", [0.5, 1.0, 2.0])
def test_a_focal_loss_is_that_of_the_paper_and_has_a_gradient_where_the_net_is_sure(focal: float) -> None:
    outputs, targets = batch()
    objective = Objective("classification", None, COUNTS)
    plain = float(objective.plain(outputs, targets))
    objective.focal = focal
    right = outputs.softmax(1).gather(1, targets[:, None])[:, 0]
    wanted = (-((1 - right) ** focal) * right.log()).mean()
    assert float(objective(outputs, targets)) == pytest.approx(float(wanted), rel=1e-5)
    assert float(objective.plain(outputs, targets)) == plain
    sure = torch.tensor([[200.0, 0.0, 0.0]], requires_grad=True)
    objective(sure, torch.tensor([0])).backward()
    assert sure.grad is not None
    assert torch.isfinite(sure.grad).all()


def test_a_focal_loss_leaves_out_the_targets_that_cross_entropy_leaves_out() -> None:
    outputs, targets = torch.randn(4, 3, 5, requires_grad=True), torch.randint(0, 3, (4, 5))
    targets[0, 2] = -100
    objective = Objective("classification")
    objective.focal = 2.0
    objective(outputs, targets).backward()
    assert outputs.grad is not None
    assert torch.isfinite(outputs.grad).all()
    assert float(outputs.grad[0, :, 2].abs().max()) == 0.0


def test_outputs_of_one_column_are_compared_with_their_own_targets_only() -> None:
    objective = Objective("regression")
    targets = torch.randn(8)
    assert float(objective(targets.reshape(8, 1).clone(), targets)) == 0.0


def test_a_loss_of_the_users_gets_the_shapes_as_they_are() -> None:
    seen = []

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        seen.append((outputs.shape, targets.shape))
        return (outputs[:, 0] - targets).abs().mean()

    Objective("regression", loss).plain(torch.zeros(4, 1), torch.zeros(4))
    assert seen == [((4, 1), (4,))]


@pytest.mark.parametrize(
    ("objective", "stuck"),
    [
        pytest.param(Objective("classification", None, COUNTS), {"loss"}, id="built-in"),
        pytest.param(Objective("classification", nn.CrossEntropyLoss(), COUNTS), {"loss"}, id="plain-cross-entropy"),
        pytest.param(
            Objective("classification", nn.CrossEntropyLoss(label_smoothing=0.1), COUNTS),
            {"class_weights", "logit_adjustment", "focal", "label_smoothing"},
            id="smoothed-by-the-user",
        ),
        pytest.param(
            Objective("classification", partial(functional.cross_entropy, reduction="mean"), COUNTS),
            {"class_weights", "logit_adjustment", "focal", "label_smoothing"},
            id="function",
        ),
        pytest.param(Objective("classification"), {"class_weights", "logit_adjustment", "loss"}, id="counts-unknown"),
        pytest.param(Objective("regression"), NONE_OF_CLASSES, id="regression"),
        pytest.param(Objective("multilabel"), NONE_OF_CLASSES, id="multilabel"),
    ],
)
def test_knobs_that_the_loss_cannot_turn_are_named_with_a_reason(objective: Objective, stuck: set[str]) -> None:
    assert set(objective.unavailable) == stuck
    assert all(objective.unavailable.values())


def test_the_standard_loss_takes_the_place_of_the_users_own_and_goes_again() -> None:
    outputs, classes = batch()
    objective = Objective("classification", nn.NLLLoss(), COUNTS)
    own, standard = functional.nll_loss(outputs, classes), functional.cross_entropy(outputs, classes)
    for in_place, wanted in ((False, own), (True, standard), (False, own)):
        objective.standard = in_place
        assert torch.allclose(objective(outputs, classes), wanted)
        assert torch.allclose(objective.plain(outputs, classes), wanted)
        assert (objective.per_example(outputs, classes) is not None) is in_place


@pytest.mark.parametrize("kind", ["classification", "regression", "multilabel"])
def test_the_losses_of_the_examples_have_the_plain_loss_as_mean(kind: str) -> None:
    outputs, classes = batch()
    targets = {
        "classification": classes,
        "regression": torch.randn(12, 3),
        "multilabel": functional.one_hot(classes, 3).float(),
    }[kind]
    objective = Objective(kind)  # type: ignore[arg-type]
    losses = objective.per_example(outputs, targets)
    assert losses is not None
    assert losses.shape == (12,)
    assert float(losses.mean()) == pytest.approx(float(objective.plain(outputs, targets)))


def test_the_loss_of_a_regression_is_relative_to_the_spread_of_each_column() -> None:
    targets = torch.randn(500, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([100.0, 0.01])
    objective = Objective("regression", target_variance=targets.var(0, correction=0))
    losses = objective.per_example(targets.mean(0).expand_as(targets), targets)
    assert losses is not None
    assert float(losses.mean()) == pytest.approx(1.0, rel=1e-4)
