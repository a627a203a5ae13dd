"""What a loss makes of outputs and targets: it is asked, never read.

A user's loss is code of which nothing is known. So it is called on outputs that are known: the model's own, perfect ones,
constant ones, and the same in another order. What it answers tells whether it knows which target belongs to which output,
whether it adds up or averages, what it is at best, and which standard loss it is a multiple of.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf, isfinite, nan

import torch
from torch import Tensor
from torch.nn import functional

from trainer.words import LossKind

Ask = Callable[[Tensor, Tensor], float]

PAIRS_MOST = 12
"""Pairs of examples whose loss is held against the standard losses; three numbers would do, more make chance impossible."""

SAME_SHARE = 1e-4
"""Two losses differ by less: float32 adds up a dozen numbers to 1e-6, and other losses differ by a tenth of their spread."""

TOLD_APART_SHARE = 1e-3
"""Of the loss: what changes it by less, over the pairs or from perfect outputs to constant ones, is nothing to it."""

INSIDE_SHARE = 1e-3
"""Of the reach: perfect outputs stay so far within it, because a logarithm of 0 tells nothing."""


@dataclass(frozen=True)
class Reach:
    """What outputs cannot leave."""

    low: float = -inf
    high: float = inf
    sums_to_one: bool = False

    @property
    def closed(self) -> bool:
        """Whether both ends are finite."""
        return isfinite(self.low) and isfinite(self.high)

    @property
    def open(self) -> bool:
        """Whether neither end is."""
        return not isfinite(self.low) and not isfinite(self.high)

    def held(self, values: Tensor) -> Tensor:
        """Return the values moved into the reach, and where it is closed a little inside."""
        margin = INSIDE_SHARE * (self.high - self.low) if self.closed else 0.0
        return values.clamp(self.low + margin, self.high - margin)


def asking(loss: Callable[[Tensor, Tensor], Tensor]) -> Ask:
    """Return a loss as a question: its value, or NaN where the user's code raises or gives no number."""

    def ask(outputs: Tensor, targets: Tensor) -> float:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return float(loss(outputs, targets))
        except Exception:  # the user's code, asked what it was not written for: no answer is an answer
            return nan

    return ask


def unasked(_outputs: Tensor, _targets: Tensor) -> float:
    """Return the answer of a loss that is not asked."""
    return nan


def by_class(outputs: Tensor, targets: Tensor) -> bool:
    """Tell whether the outputs hold one number for each class of the targets, along their second axis."""
    fits = not targets.is_floating_point() and outputs.ndim == targets.ndim + 1 and outputs.shape[1] > 1
    return (
        fits
        and outputs.shape[2:] == targets.shape[1:]
        and 0 <= int(targets.min()) <= int(targets.max()) < outputs.shape[1]
    )


def perfect(outputs: Tensor, targets: Tensor, reach: Reach) -> Tensor | None:
    """Return the best outputs within reach, in the shape of the outputs; nothing where nobody can say what is best.

    Of classes they never leave what the model itself has said: on an accelerator, a loss that is given what it does not
    take (a binary cross entropy of -5) ends the process.
    """
    if by_class(outputs, targets):
        rows = _rows(outputs, targets)
        if reach.sums_to_one:
            return rows * (1 - INSIDE_SHARE * outputs.shape[1]) + INSIDE_SHARE
        seen_low, seen_high = (float(end) for end in outputs.aminmax())
        low = reach.low if isfinite(reach.low) else seen_low
        high = reach.high if isfinite(reach.high) else seen_high
        return reach.held(low + (high - low) * rows) if low < high else None
    if outputs.numel() == targets.numel():
        return reach.held(targets.reshape(outputs.shape).float())
    return None


def constant(outputs: Tensor, targets: Tensor, reach: Reach) -> Tensor:
    """Return what a net says that has learned nothing: all classes alike, or the mean of the targets, within reach."""
    if not by_class(outputs, targets):
        return reach.held(targets.float().mean(0, keepdim=True).expand(targets.shape).reshape(outputs.shape))
    level = 1 / outputs.shape[1] if reach.sums_to_one else (reach.low + reach.high) / 2 if reach.closed else 0.0
    return torch.full_like(outputs, level)


def floor_share(ask: Ask, outputs: Tensor, targets: Tensor, reach: Reach) -> float:
    """Return the loss of perfect outputs over that of constant ones, both within reach; NaN where the reach is open.

    Of numbers some of which lie beyond the reach it is what these cost: the loss of the best outputs, less that of the same
    against targets within reach. Else only examples count that lie at its ends: a cross entropy of shares (0.3 of this, 0.7 of
    that) is above zero at its best, and no bound is to blame.
    """
    best = perfect(outputs, targets, reach)
    if best is None or reach.open or (by_class(outputs, targets) and not reach.closed):
        return nan
    guessed = ask(constant(outputs, targets, reach), targets)
    if by_class(outputs, targets):
        least = ask(best, targets)
    elif bool(((targets < reach.low) | (targets > reach.high)).any()):
        least = ask(best, targets) - ask(best, targets.clamp(reach.low, reach.high))
    else:
        values = targets.reshape(len(targets), -1)
        held = ((values <= reach.low) | (values >= reach.high)).all(1)
        least = float(held.float().mean()) * ask(best[held], targets[held]) if bool(held.any()) else 0.0
    return least / guessed if guessed > 0 and isfinite(least) and least >= 0 else nan


def sum_factor(ask: Ask, outputs: Tensor, targets: Tensor) -> float:
    """Return the loss of a batch over the mean loss of its halves: 1 = it averages the examples, 2 = it adds them up."""
    half = len(targets) // 2
    if not half:
        return nan
    whole = ask(outputs[: 2 * half], targets[: 2 * half])
    halves = (ask(outputs[:half], targets[:half]) + ask(outputs[half : 2 * half], targets[half : 2 * half])) / 2
    return whole / halves if halves else nan


def order_share(ask: Ask, outputs: Tensor, targets: Tensor) -> float:
    """Return how much the loss changes when outputs and targets change places together; NaN for a loss that is drawn."""
    if ask(outputs, targets) != ask(outputs, targets):
        return nan
    order = _shuffled(len(targets), targets.device)
    return _change(ask(outputs[order], targets[order]), ask(outputs, targets))


def pairing_share(ask: Ask, outputs: Tensor, targets: Tensor, reach: Reach) -> float:
    """Return how much the loss of perfect outputs changes when the targets are dealt out anew; NaN where they are alike."""
    best, other = perfect(outputs, targets, reach), targets[_shuffled(len(targets), targets.device)]
    if best is None or torch.equal(other, targets) or _deaf(ask, best, constant(outputs, targets, reach), targets):
        return nan
    return _change(ask(best, other), ask(best, targets))


def target_use_share(ask: Ask, outputs: Tensor, targets: Tensor, reach: Reach) -> float:
    """Return how much that loss changes when all examples are given the first one's target; NaN where all have it."""
    best, other = perfect(outputs, targets, reach), targets[:1].expand_as(targets)
    if best is None or torch.equal(other, targets) or _deaf(ask, best, constant(outputs, targets, reach), targets):
        return nan
    return _change(ask(best, other), ask(best, targets))


def _deaf(ask: Ask, best: Tensor, guessed: Tensor, targets: Tensor) -> bool:
    """Tell whether perfect outputs and constant ones are alike to the loss: then whose target is whose is, too."""
    return _change(ask(best, targets), ask(guessed, targets)) <= TOLD_APART_SHARE


def kind_of(ask: Ask, outputs: Tensor, targets: Tensor) -> tuple[LossKind, float]:
    """Return the standard loss that this one is a multiple of, and the factor; nothing and NaN where it is none."""
    count = len(targets)
    if count < 2:
        return "", nan
    first = torch.arange(min(count, PAIRS_MOST), device=targets.device)
    pairs = torch.stack([first, (first + 1) % count], 1)
    told = torch.tensor([ask(outputs[pair], targets[pair]) for pair in pairs], dtype=torch.float64)
    size = float(told.abs().max())
    if not isfinite(size) or float(told.max() - told.min()) <= TOLD_APART_SHARE * size:
        return "", nan
    for kind, losses in _standard(outputs.cpu().double(), targets.cpu()):
        known = losses.reshape(count, -1).mean(1)[pairs.cpu()].mean(1)
        if not bool(torch.isfinite(known).all()) or not bool(known.any()):
            continue
        factor = float((told * known).sum() / known.square().sum())
        if float((told - factor * known).abs().max()) <= SAME_SHARE * size:
            return kind, factor
    return "", nan


def _standard(outputs: Tensor, targets: Tensor) -> Iterator[tuple[LossKind, Tensor]]:
    """Yield the standard losses of each example; of two that are one here, the one that is meant comes first."""
    if by_class(outputs, targets):
        rows, within = _rows(outputs, targets), _in_unit(outputs)
        right, softmax = (outputs * rows).sum(1), outputs.softmax(1)
        yield "cross_entropy", functional.cross_entropy(outputs, targets, reduction="none")
        if within:
            yield "log_likelihood", -right.log()
        yield "likelihood", -right
        yield "likelihood_of_softmax", -(softmax * rows).sum(1)
        yield "cross_entropy_of_softmax", functional.cross_entropy(softmax, targets, reduction="none")
        yield "squared_of_softmax", (softmax - rows).square()
        yield "absolute_of_softmax", (softmax - rows).abs()
    elif outputs.numel() == targets.numel():
        rows, within = targets.reshape(outputs.shape).to(outputs.dtype), _in_unit(outputs)
    else:
        return
    yield "squared", (outputs - rows).square()
    yield "absolute", (outputs - rows).abs()
    yield "binary_cross_entropy", functional.binary_cross_entropy_with_logits(outputs, rows, reduction="none")
    if within and _in_unit(rows):
        yield "binary_cross_entropy_of_probabilities", functional.binary_cross_entropy(outputs, rows, reduction="none")
    if _marks(outputs, targets):
        yield "cross_entropy_of_marks", functional.cross_entropy(outputs, rows, reduction="none")


def _rows(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the classes as rows of 0 and 1 in the shape of the outputs."""
    return functional.one_hot(targets.long(), outputs.shape[1]).movedim(-1, 1).to(outputs.dtype)


def _marks(outputs: Tensor, targets: Tensor) -> bool:
    """Tell whether the targets are rows of 0 and 1 with several ones in some, beside as many outputs."""
    if outputs.ndim != 2 or outputs.shape != targets.shape or outputs.shape[1] < 2:
        return False
    return bool(((targets == 0) | (targets == 1)).all()) and bool((targets.sum(1) > 1).any())


def _in_unit(values: Tensor) -> bool:
    return bool(((values >= 0) & (values <= 1)).all())


def _shuffled(count: int, device: torch.device) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(0)).to(device)


def _change(now: float, before: float) -> float:
    size = max(abs(now), abs(before))
    return abs(now - before) / size if size and isfinite(size) else nan
