"""Tasks of a user's own whose memory creeps, each by a mistake that people make, and the same without it.

A list of losses or outputs that are never let go of (with the graphs behind them), a dictionary without a bound, and beside
them a cache that fills in the first pass and is then full. `TRAINING_ADVISOR_BENCH_MENDED_AT` in the environment names the
step from which on the mistake is mended, so that a verdict can be seen to clear.
"""

import os
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import Dataset

from trainer import Task

MENDED_AT = "TRAINING_ADVISOR_BENCH_MENDED_AT"
WIDTH = 128
BATCH = 64

DIGITS = load_digits()
PIXELS = (DIGITS.data / 8 - 1).astype(np.float32)
LABELS = DIGITS.target.astype(np.int64)
NEVER = 1 << 60
KEPT: list[Tensor] = []
"""Where a module's own variable keeps outputs."""


def mended_at() -> int:
    return int(os.environ.get(MENDED_AT, NEVER))


def net(width: int = WIDTH) -> nn.Sequential:
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))


class LossWithHistory(nn.Module):
    """Cross entropy that remembers how far the outputs lie apart, for a plot at the end: as a tensor, with its graph.

    No gradient is ever taken of it, so the graph keeps all that it was computed from: 160 KiB for 64 examples.
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: list[Tensor] = []
        self.calls = 0

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        self.calls += 1
        if self.calls < mended_at():
            self.history.append((outputs[:, None] - outputs[None]).pow(2).mean())
        elif self.history:
            self.history.clear()
        return nn.functional.cross_entropy(outputs, targets)


def graphs_kept(seed: int) -> Task:
    return Task(model=net(), train=(PIXELS, LABELS), loss=LossWithHistory())


class Remembers(nn.Module):
    """A net that keeps what its hidden layer gave, in a variable of its module."""

    def __init__(self) -> None:
        super().__init__()
        self.net = net()
        KEPT.clear()

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = self.net[1](self.net[0](inputs))
        if self.training:
            KEPT.append(hidden.detach().clone())
        return self.net[2](hidden)  # type: ignore[no-any-return]


def outputs_kept(seed: int) -> Task:
    return Task(model=Remembers(), train=(PIXELS, LABELS))


def closed_over(seed: int) -> Task:
    """Losses are kept in a list that the loss closes over."""
    kept: list[Tensor] = []

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        kept.append(nn.functional.cross_entropy(outputs, targets))
        return kept[-1]

    return Task(model=net(), train=(PIXELS, LABELS), loss=loss)


class CachedItems(Dataset[tuple[Tensor, int]]):
    """Digits with a cache of what was decoded: by the number of the example, or, wrongly, by the number of the call."""

    def __init__(self, bounded: bool, item_bytes: int = 16 << 10) -> None:
        self.bounded = bounded
        self.floats = item_bytes // 4
        self.cache: dict[int, Any] = {}
        self.calls = 0

    def __len__(self) -> int:
        return len(LABELS)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        self.calls += 1
        if self.calls >= mended_at() * BATCH:
            self.cache.clear()
        key = index if self.bounded else self.calls
        if key not in self.cache:
            self.cache[key] = np.full(self.floats, PIXELS[index].mean(), dtype=np.float32)
        return torch.from_numpy(PIXELS[index]), int(LABELS[index])


def cache_unbounded(seed: int) -> Task:
    return Task(model=net(128), train=CachedItems(bounded=False))


def cache_bounded(seed: int) -> Task:
    """Healthy: what it holds after the first pass is all that it ever holds."""
    return Task(model=net(128), train=CachedItems(bounded=True))


def nothing_kept(seed: int) -> Task:
    """Healthy."""
    return Task(model=net(), train=(PIXELS, LABELS))
