"""A learning-rate sweep in bare torch, and the choice of a rate by the recipe that was written down first.

The sweep raises the rate geometrically, one step a rate, on the live training batches, and stops where the smoothed
loss has left its best far behind. `trainer.probing.sweep.pick_rate` is what it is held against; of the project nothing else is
used, so that what is measured is the method and not our trainer.
"""

import itertools
import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

STOP_AT_TIMES_BEST = 4.0
"""A smoothed loss four times its best has diverged; further steps only cost time (Smith 2017; fastai)."""

RUNNING_BETA = 0.9
"""Weight of the past in the running mean that stops a sweep, and in the recipe first written down."""

LEAST_DROP_SHARE = 0.05
"""A curve that falls by less than this share of its start is flat: it says nothing about the rate."""

WIDEST_SPREAD_FIRST_WRITTEN = 30.0
FIRST_WRITTEN_MARGIN = 10.0
"""The limits of the recipe first written down: median of valley, steepest and a tenth of the lowest."""


def running_mean(losses: Sequence[float], beta: float = RUNNING_BETA) -> list[float]:
    """Return the bias-corrected exponential mean of `losses`, up to the first value that is not finite."""
    smooth: list[float] = []
    mean = 0.0
    for count, loss in enumerate(losses, start=1):
        if not math.isfinite(loss):
            break
        mean = beta * mean + (1 - beta) * loss
        smooth.append(mean / (1 - beta**count))
    return smooth


def valley(rates: list[float], smooth: list[float]) -> float:
    """Return the rate in the middle of the longest falling subsequence of the curve (fastai's `valley`)."""
    length, before = [1] * len(smooth), [-1] * len(smooth)
    for at in range(len(smooth)):
        for earlier in range(at):
            if smooth[earlier] > smooth[at] and length[earlier] + 1 > length[at]:
                length[at], before[at] = length[earlier] + 1, earlier
    end = max(range(len(smooth)), key=length.__getitem__)
    start = end
    while before[start] >= 0:
        start = before[start]
    return rates[(start + end) // 2]


def steepest(rates: list[float], smooth: list[float]) -> float:
    """Return the rate where the curve falls fastest by the logarithm of the rate (equal steps in a geometric sweep)."""
    falls = [after - before for before, after in itertools.pairwise(smooth)]
    return rates[min(range(len(falls)), key=falls.__getitem__)]


def before_the_lowest(rates: list[float], smooth: list[float]) -> float:
    """Return a tenth of the rate at the lowest smoothed loss."""
    return rates[min(range(len(smooth)), key=smooth.__getitem__)] / FIRST_WRITTEN_MARGIN


def pick_first_written(rates: Sequence[float], losses: Sequence[float]) -> tuple[float | None, float]:
    """Choose a rate by the recipe first written down: the median of three readings of a running mean."""
    smooth = running_mean(losses)
    if len(smooth) < 3 or min(smooth) > (1 - LEAST_DROP_SHARE) * smooth[0]:
        return None, math.inf
    used = list(rates[: len(smooth)])
    picks = sorted(reading(used, smooth) for reading in (valley, steepest, before_the_lowest))
    spread = picks[-1] / picks[0]
    return (None if spread > WIDEST_SPREAD_FIRST_WRITTEN else picks[1]), spread


def sweep(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: Iterator[tuple[Tensor, Tensor]],
    lo: float,
    hi: float,
    steps: int,
) -> tuple[list[float], list[float]]:
    """Train `model` for `steps` at rates from `lo` to `hi`; return the rates and losses. The model is left changed."""
    rates = [lo * (hi / lo) ** (step / (steps - 1)) for step in range(steps)]
    losses: list[float] = []
    mean, lowest = 0.0, math.inf
    for count, rate in enumerate(rates, start=1):
        for group in optimizer.param_groups:
            group["lr"] = rate
        inputs, targets = next(batches)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), targets)
        loss.backward()  # type: ignore[no-untyped-call]
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            break
        mean = RUNNING_BETA * mean + (1 - RUNNING_BETA) * losses[-1]
        smooth = mean / (1 - RUNNING_BETA**count)
        lowest = min(lowest, smooth)
        if smooth > STOP_AT_TIMES_BEST * lowest:
            break
        optimizer.step()
    return rates[: len(losses)], losses
