"""Bare-torch trainings on small real data: the ground on which the bench looks for good and bad learning rates.

scikit-learn's digits, and 3000 Fashion-MNIST images halved to 14×14 for the convolutional net. No project file is
imported, so that what is measured is the method and not our trainer.
"""

import gzip
import itertools
import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from tests.bench.rate_sweep import sweep

STEPS = {"linear": 420, "mlp": 420, "deep": 420, "cnn": 300}
"""Length of a run: ten epochs of digits at batch 32, three of the Fashion-MNIST part."""

GRID = {
    "sgd": [10 ** (half / 2) for half in range(-6, 3)],
    "momentum": [10 ** (half / 2) for half in range(-8, 2)],
    "adam": [10 ** (half / 2) for half in range(-9, 1)],
}
"""Rates tried to find the good one: half decades around every rate that learns."""

HIGHEST = {"sgd": 10.0, "momentum": 10.0, "adam": 1.0}
"""Where a sweep ends."""

BAND_POINTS = 1.0
"""A rate whose mean accuracy is within a point of the best is good; the good rate is the band's middle by logarithm."""

GRID_SEEDS = range(2)
CHANCE_LOSS = math.log(10)
"""Cross entropy of the constant predictor with ten balanced classes."""

FASHION_FOLDER = Path("/usr/share/datasets/fashion-mnist")


@dataclass(frozen=True)
class Case:
    """One net, optimizer and batch size."""

    net: str
    optimizer: str
    batch: int = 32


@dataclass
class Trained:
    """What a training left behind."""

    losses: list[float]
    accuracy: float
    """Share of the held-out examples, in percent."""
    states: dict[int, dict[str, Tensor]] = field(default_factory=dict)
    """The weights before the steps asked for."""


@cache
def examples(net: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return training inputs and targets, held-out inputs and targets; inputs standardised by one mean and spread."""
    if net == "cnn":

        def images(name: str, count: int) -> Tensor:
            raw = np.frombuffer(
                gzip.decompress((FASHION_FOLDER / f"{name}-images-idx3-ubyte.gz").read_bytes())[16:], np.uint8
            )
            pixels = torch.tensor(raw.reshape(-1, 1, 28, 28)[:count] / 255, dtype=torch.float32)
            return nn.functional.avg_pool2d(pixels, 2)

        def labels(name: str, count: int) -> Tensor:
            raw = np.frombuffer(
                gzip.decompress((FASHION_FOLDER / f"{name}-labels-idx1-ubyte.gz").read_bytes())[8:], np.uint8
            )
            return torch.tensor(raw[:count].astype(np.int64))

        train, held = images("train", 3000), images("t10k", 2000)
        targets, held_targets = labels("train", 3000), labels("t10k", 2000)
    else:
        pixels, digits = load_digits(return_X_y=True)
        order = np.random.default_rng(0).permutation(len(digits))
        inputs = torch.tensor(pixels[order] / 16, dtype=torch.float32)
        known = torch.tensor(digits[order])
        train, held, targets, held_targets = inputs[:1347], inputs[1347:], known[:1347], known[1347:]
    mean, spread = train.mean(), train.std()
    return (train - mean) / spread, targets, (held - mean) / spread, held_targets


def fresh(net: str, seed: int) -> nn.Module:
    """Build the net with the initial weights of `seed`."""
    torch.manual_seed(seed)
    if net == "linear":
        return nn.Linear(64, 10)
    if net == "mlp":
        return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    if net == "deep":
        layers = [layer for _ in range(4) for layer in (nn.Linear(64, 64), nn.Tanh())]
        return nn.Sequential(*layers, nn.Linear(64, 10))
    first, second = nn.Conv2d(1, 8, 3, padding=1, stride=2), nn.Conv2d(8, 16, 3, padding=1, stride=2)
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Flatten(), nn.Linear(256, 10))


def make_optimizer(case: Case, model: nn.Module, rate: float) -> torch.optim.Optimizer:
    """Build the optimizer with a fresh state."""
    if case.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    return torch.optim.SGD(
        model.parameters(), lr=rate, momentum=0.9 if case.optimizer == "momentum" else 0.0, fused=True
    )


def batches(case: Case, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield shuffled batches without end."""
    inputs, targets, _, _ = examples(case.net)
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(len(targets), generator=generator)
        for rows in torch.split(order, case.batch):
            if len(rows) == case.batch:
                yield inputs[rows], targets[rows]


def accuracy_points(net: str, model: nn.Module) -> float:
    """Return the held-out accuracy in percent."""
    _, _, inputs, targets = examples(net)
    with torch.no_grad():
        return 100.0 * int((model(inputs).argmax(1) == targets).sum()) / len(targets)


def train(
    case: Case,
    seed: int,
    rate: float,
    steps: int | None = None,
    start: dict[str, Tensor] | None = None,
    halve_at: int | None = None,
    switch_at: tuple[int, float] | None = None,
    keep_states: tuple[int, ...] = (),
) -> Trained:
    """Train at a constant rate; a step whose loss is not finite is skipped, as the trainer's own guard does.

    Args:
        case: net, optimizer, batch.
        seed: of the initial weights and the order of the batches.
        rate: learning rate.
        steps: how many; default the net's own length.
        start: weights to begin from instead of the seed's.
        halve_at: the step before which the rate is halved, in place.
        switch_at: the step before which the rate becomes another, in place.
        keep_states: steps before which the weights are kept.
    """
    model = fresh(case.net, seed)
    if start is not None:
        model.load_state_dict(start)
    optimizer = make_optimizer(case, model, rate)
    losses: list[float] = []
    states = {}
    for step, (inputs, targets) in enumerate(itertools.islice(batches(case, seed), steps or STEPS[case.net])):
        if step in keep_states:
            states[step] = {name: value.clone() for name, value in model.state_dict().items()}
        if step == halve_at:
            optimizer.param_groups[0]["lr"] = rate / 2
        if switch_at is not None and step == switch_at[0]:
            optimizer.param_groups[0]["lr"] = switch_at[1]
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), targets)
        losses.append(loss.item())
        if math.isfinite(losses[-1]):
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return Trained(losses, accuracy_points(case.net, model), states)


def curve(
    case: Case, seed: int, steps: int, lo: float, hi: float, start: dict[str, Tensor] | None = None
) -> tuple[list[float], list[float]]:
    """Sweep from the seed's initial weights, or from `start`, on the run's first batches."""
    model = fresh(case.net, seed)
    if start is not None:
        model.load_state_dict(start)
    return sweep(model, make_optimizer(case, model, lo), batches(case, seed), lo, hi, steps)


@dataclass(frozen=True)
class Landscape:
    """Mean held-out accuracy by rate, and the band of good rates in it."""

    rates: list[float]
    accuracies: list[float]

    @property
    def band(self) -> tuple[float, float]:
        """Return the lowest and highest good rate around the best."""
        best = max(range(len(self.rates)), key=self.accuracies.__getitem__)
        low = high = best
        limit = self.accuracies[best] - BAND_POINTS
        while low > 0 and self.accuracies[low - 1] >= limit:
            low -= 1
        while high < len(self.rates) - 1 and self.accuracies[high + 1] >= limit:
            high += 1
        return self.rates[low], self.rates[high]

    @property
    def good(self) -> float:
        """Return the middle of the band by logarithm."""
        return math.sqrt(self.band[0] * self.band[1])

    def shortfall_points(self, rate: float) -> float:
        """Return how far below the best a rate ends, between the measured rates by logarithm."""
        logs = [math.log(known) for known in self.rates]
        return max(self.accuracies) - float(np.interp(math.log(rate), logs, self.accuracies))


def landscape(case: Case) -> Landscape:
    """Train at every rate of the grid."""
    rates = GRID[case.optimizer]
    return Landscape(
        rates, [statistics.fmean(train(case, seed, rate).accuracy for seed in GRID_SEEDS) for rate in rates]
    )
