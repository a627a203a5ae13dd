"""Bounded series for the charts: memory stays flat however long a run is."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CAPACITY_SLOTS = 4096
"""Slots a series holds before neighbours are merged: more than ten times the columns of any terminal."""
ABANDONED_BRANCHES = 3
"""Branches that rollbacks left behind and that are still drawn, dimmed; older ones only confuse."""


@dataclass(frozen=True)
class Points:
    """A stretch of a series, [N] each: a slot ends at step `x` and spans `low` to `high`; NaN where nothing is finite."""

    x: Floats
    low: Floats
    high: Floats
    mean: Floats
    holes: NDArray[np.bool_]
    """Slots with a value in them that was not finite."""

    def __len__(self) -> int:
        return len(self.x)

    def between(self, first: float, last: float) -> "Points":
        """Return the slots whose step lies in [first, last]."""
        a, b = int(np.searchsorted(self.x, first, "left")), int(np.searchsorted(self.x, last, "right"))
        return Points(self.x[a:b], self.low[a:b], self.high[a:b], self.mean[a:b], self.holes[a:b])


def points(x: Floats, y: Floats) -> Points:
    """Return single values as points; what is not finite becomes a hole."""
    clean = np.where(np.isfinite(y), y, np.nan)
    return Points(x, clean, clean, clean, ~np.isfinite(y))


EMPTY = points(np.empty(0), np.empty(0))


class Series:
    """A growing series over steps that merges neighbours when it is full; least and greatest values survive.

    A step at or before the last one means that the run was turned back: what lies behind it becomes an abandoned branch.
    """

    def __init__(self, capacity: int = CAPACITY_SLOTS) -> None:
        self.capacity = capacity
        self.stride = 1
        """Values behind one slot."""
        self.length = 0
        self.version = 0
        """Rises with every change: a chart that has drawn this version need not draw again."""
        self.last = float("nan")
        self.abandoned: deque[Points] = deque(maxlen=ABANDONED_BRANCHES)
        self._table = np.empty((4, capacity))
        self._holes = np.zeros(capacity, dtype=np.bool_)
        self._steps: list[float] = []
        self._values: list[float] = []
        """What came in and was not yet put into slots: cheap to add to, put away in bulk."""
        self._last_step = float("-inf")

    def append(self, steps: Sequence[float], values: Sequence[float]) -> None:
        """Add values at ascending steps."""
        if not len(steps):
            return
        if steps[0] <= self._last_step:
            self.turn_back(steps[0] - 1)
        self.version += 1
        self.last, self._last_step = float(values[-1]), steps[-1]
        self._steps.extend(steps)
        self._values.extend(values)
        if len(self._steps) >= self.capacity:
            self._settle()

    def _settle(self) -> None:
        """Put what came in into slots; less than a slot's worth waits on."""
        x, y = np.array(self._steps, dtype=np.float64), np.array(self._values, dtype=np.float64)
        start = 0
        while len(x) - start >= self.stride:
            if self.length == self.capacity:
                self._merge()
                continue
            whole = min((len(x) - start) // self.stride, self.capacity - self.length)
            end = start + whole * self.stride
            self._store(x[start:end].reshape(whole, self.stride), y[start:end].reshape(whole, self.stride))
            start = end
        self._steps, self._values = self._steps[start:], self._values[start:]

    def turn_back(self, to_step: float) -> None:
        """Leave what lies behind `to_step` as an abandoned branch."""
        behind = self.all().between(to_step + 0.5, np.inf)
        if not len(behind):
            return
        self.abandoned.append(Points(*(part.copy() for part in vars(behind).values())))
        self.length = int(np.searchsorted(self._table[0, : self.length], to_step, "right"))
        kept = sum(step <= to_step for step in self._steps)
        del self._steps[kept:], self._values[kept:]
        self._last_step = to_step
        self.version += 1

    def all(self) -> Points:
        """Return the whole series, copied: the next append does not change it."""
        self._settle()
        low, high, mean = (self._table[row, : self.length].copy() for row in (1, 2, 3))
        kept = Points(self._table[0, : self.length].copy(), low, high, mean, self._holes[: self.length].copy())
        if not self._steps:
            return kept
        tail = points(np.array(self._steps), np.array(self._values))
        pairs = zip(vars(kept).values(), vars(tail).values(), strict=True)
        return Points(*(np.concatenate(pair) for pair in pairs))

    def _store(self, x: Floats, y: Floats) -> None:
        a, b = self.length, self.length + len(x)
        finite = np.isfinite(y)
        count = finite.sum(axis=1)
        some = count > 0
        self._table[0, a:b] = x[:, -1]
        self._table[1, a:b] = np.where(some, np.where(finite, y, np.inf).min(axis=1), np.nan)
        self._table[2, a:b] = np.where(some, np.where(finite, y, -np.inf).max(axis=1), np.nan)
        total = np.where(finite, y, 0.0).sum(axis=1)
        self._table[3, a:b] = np.where(some, total / np.maximum(count, 1), np.nan)
        self._holes[a:b] = count < y.shape[1]
        self.length = b

    def _merge(self) -> None:
        half = self.length // 2
        pairs = self._table[:, : 2 * half].reshape(4, half, 2)
        merged = np.stack(
            [
                pairs[0, :, 1],
                np.fmin(pairs[1, :, 0], pairs[1, :, 1]),
                np.fmax(pairs[2, :, 0], pairs[2, :, 1]),
                _mean(pairs[3]),
            ]
        )
        holes = self._holes[: 2 * half].reshape(half, 2).any(axis=1)
        self._table[:, :half], self._holes[:half] = merged, holes
        self.length = half
        self.stride *= 2


def _mean(pairs: Floats) -> Floats:
    """Return the mean of each pair; of the finite one where the other is missing."""
    left, right = pairs[:, 0], pairs[:, 1]
    both = (left + right) / 2
    return np.where(np.isnan(left), right, np.where(np.isnan(right), left, both))


def smoothed(mean: Floats, memory: float) -> Floats:
    """Return the exponential moving average of [N] with a memory of so many points, bias-corrected, through gaps."""
    keep = 1 - 1 / max(memory, 1.0)
    result = np.full(len(mean), np.nan)
    total = weight = 0.0
    for place, one in enumerate(mean.tolist()):
        if one == one:
            total, weight = keep * total + (1 - keep) * one, keep * weight + (1 - keep)
            result[place] = total / weight
    return result
