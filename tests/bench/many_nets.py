"""Many small nets trained side by side, one slice of each tensor a net, each with its own batches, rate and loss.

Autograd of the summed loss gives every net its own gradient, so a thousand trainings cost one pass of batched matrix
products instead of a thousand. Everything is bare torch; no project file is imported.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

SCORED_AT_ONCE = 24
"""Nets that are scored together; more would only cost memory."""


@dataclass(frozen=True)
class Shape:
    """A dense net with one hidden layer, or a net of two convolutions with stride 2 on 14×14 images."""

    inputs: int
    hidden: int
    classes: int
    convolutional: bool = False

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Rows and columns of the weights, first layer first."""
        if self.convolutional:
            return ((9, 8), (72, 16), (256, self.classes))
        return ((self.inputs, self.hidden), (self.hidden, self.classes))


@dataclass
class Nets:
    """Weights (nets × in × out) and biases (nets × 1 × out) in turn, with the optimizer's two moments."""

    shape: Shape
    weights: list[Tensor]
    first: list[Tensor]
    second: list[Tensor]
    steps: int = 0

    def chosen(self, rows: Tensor) -> "Nets":
        """Return copies of some nets, in the order asked for."""
        groups = [[one[rows].clone() for one in many] for many in (self.weights, self.first, self.second)]
        return Nets(self.shape, *groups, steps=self.steps)


@dataclass(frozen=True)
class Settings:
    """What differs between nets; every tensor has one value a net."""

    rate: Tensor
    decay: Tensor
    smoothing: Tensor
    class_weights: Tensor
    """Nets × classes."""
    adam: bool = True


def fresh(shape: Shape, seeds: range) -> Nets:
    """Build one net a seed, with the initial weights of `torch.nn.Linear`."""
    weights: list[list[Tensor]] = [[] for _ in range(2 * len(shape.sizes))]
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        for layer, (rows, columns) in enumerate(shape.sizes):
            bound = 1 / math.sqrt(rows)
            for kind, size in enumerate(((rows, columns), (1, columns))):
                drawn = torch.rand(size, generator=generator) * 2 * bound - bound
                weights[2 * layer + kind].append(drawn)
    stacked = [torch.stack(many) for many in weights]
    zeros = [[torch.zeros_like(one) for one in stacked] for _ in range(2)]
    return Nets(shape, stacked, *zeros)


def outputs(shape: Shape, weights: list[Tensor], inputs: Tensor) -> Tensor:
    """Return logits, nets × examples × classes.

    Args:
        shape: Of the nets.
        weights: As `Nets.weights`.
        inputs: (nets or 1) × examples × features; for a convolutional net the features are 49 patches of 9 pixels.
    """
    if not shape.convolutional:
        first, bias, second, end = weights
        return torch.baddbmm(end, (inputs @ first + bias).relu(), second)
    nets, examples = len(weights[0]), inputs.shape[1]
    patches = inputs.reshape(len(inputs), examples * 49, 9)
    hidden = (patches @ weights[0] + weights[1]).relu()
    maps = hidden.reshape(nets * examples, 7, 7, 8).permute(0, 3, 1, 2)
    again = nn.functional.unfold(maps, 3, padding=1, stride=2).transpose(1, 2).reshape(nets, examples * 16, 72)
    hidden = (again @ weights[2] + weights[3]).relu().reshape(nets, examples, 256)
    return hidden @ weights[4] + weights[5]


def losses(logits: Tensor, targets: Tensor, settings: Settings) -> Tensor:
    """Return each net's mean loss over its batch, weighted by class and smoothed as its settings say."""
    logs = logits.log_softmax(-1)
    weight = settings.class_weights.gather(1, targets)
    picked = logs.gather(-1, targets[..., None])[..., 0]
    smooth = settings.smoothing[:, None]
    each = -(1 - smooth) * picked - smooth * logs.mean(-1)
    return (each * weight).sum(1) / weight.sum(1)


def step(nets: Nets, settings: Settings, inputs: Tensor, targets: Tensor, rate_factor: float) -> None:
    """Take one step of AdamW or of SGD with momentum 0.9, both with decoupled weight decay on the weights alone."""
    leaves = [one.requires_grad_() for one in nets.weights]
    losses(outputs(nets.shape, leaves, inputs), targets, settings).sum().backward()  # type: ignore[no-untyped-call]
    nets.steps += 1
    rate = (settings.rate * rate_factor)[:, None, None]
    with torch.no_grad():
        for number, one in enumerate(leaves):
            gradient = one.grad
            assert gradient is not None
            if number % 2 == 0:
                one.mul_(1 - rate * settings.decay[:, None, None])
            if settings.adam:
                nets.first[number].lerp_(gradient, 0.1)
                nets.second[number].mul_(0.999).addcmul_(gradient, gradient, value=0.001)
                spread = (nets.second[number] / (1 - 0.999**nets.steps)).sqrt_().add_(1e-8)
                one.sub_(nets.first[number] / (1 - 0.9**nets.steps) * rate / spread)
            else:
                nets.first[number].mul_(0.9).add_(gradient)
                one.sub_(rate * nets.first[number])
            one.grad = None
    nets.weights = [one.detach() for one in leaves]


def scores(shape: Shape, weights: list[Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
    """Return mean loss, accuracy and mean recall of the classes: nets × 3.

    Args:
        shape: Of the nets.
        weights: As `Nets.weights`.
        inputs: Examples × features.
        targets: Class numbers.
    """
    found = []
    members = nn.functional.one_hot(targets, shape.classes).float()
    with torch.no_grad():
        for start in range(0, len(weights[0]), SCORED_AT_ONCE):
            logits = outputs(shape, [one[start : start + SCORED_AT_ONCE] for one in weights], inputs[None])
            picked = logits.log_softmax(-1)[:, torch.arange(len(targets)), targets]
            right = (logits.argmax(-1) == targets).float()
            recall = (right @ members / members.sum(0)).mean(-1)
            found.append(torch.stack([-picked.mean(-1), right.mean(-1), recall], 1))
    return torch.cat(found)


def orders(rows: int, batch: int, seeds: list[tuple[int, ...]]) -> Iterator[Tensor]:
    """Yield row numbers, seeds × batch: each seed's own shuffled epochs, whole batches only, without end."""
    generators = [torch.Generator().manual_seed(hash(seed) & 0x7FFFFFFF) for seed in seeds]
    while True:
        shuffled = torch.stack([torch.randperm(rows, generator=one) for one in generators])
        for start in range(0, rows - batch + 1, batch):
            yield shuffled[:, start : start + batch]


def versions(count: int, batch: int, seeds: list[tuple[int, ...]]) -> Iterator[Tensor]:
    """Yield which version of each example a random transform shows, seeds × batch, without end."""
    generators = [torch.Generator().manual_seed(hash((*seed, 1)) & 0x7FFFFFFF) for seed in seeds]
    while True:
        yield torch.stack([torch.randint(count, (batch,), generator=one) for one in generators])
