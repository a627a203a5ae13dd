"""Series over the steps of a run that never grow past a limit: when one is full, its neighbours are averaged in pairs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import isfinite, nan

POINTS = 500
"""Points kept of a series: more than a plot has room for, and a week's run costs no more than a minute's."""


class Thinned:
    """Values by step, at most `limit` points; a point is the mean of the finite values that it stands for."""

    def __init__(self, limit: int = POINTS) -> None:
        self.limit = limit
        self.steps: list[int] = []
        self.values: list[float] = []
        self._stride = 1
        self._waiting: list[float] = []

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.steps)

    def add(self, step: int, value: float) -> None:
        """Add the value of a step. A point whose values are all NaN or infinite is NaN: a gap, never a zero."""
        self._waiting.append(value)
        if len(self._waiting) >= self._stride:
            self._put(step, self._waiting)

    def spread(self, last_step: int, steps: int, values: Iterable[float]) -> None:
        """Add values that lie evenly over the `steps` steps up to `last_step`."""
        listed = tuple(values)
        taken, count = 0, len(listed)
        while taken < count:
            end = taken + self._stride - len(self._waiting)
            if end > count:
                self._waiting += listed[taken:]
                return
            self._put(last_step - steps + round(steps * end / count), (*self._waiting, *listed[taken:end]))
            taken = end

    def _put(self, step: int, values: Sequence[float]) -> None:
        """Add a point that stands for these values, those that waited among them."""
        self.steps.append(step)
        self.values.append(_mean(values))
        self._waiting.clear()
        if len(self.steps) > self.limit:
            self._halve()

    def cut(self, step: int) -> list[tuple[int, float]]:
        """Take away all points after `step` and return them, oldest first."""
        keep = sum(1 for at in self.steps if at <= step)
        gone = list(zip(self.steps[keep:], self.values[keep:], strict=True))
        del self.steps[keep:], self.values[keep:]
        self._waiting.clear()
        return gone

    def _halve(self) -> None:
        pairs = list(pairwise(range(len(self.steps))))[::2]
        tail = len(self.steps) % 2
        steps = [self.steps[second] for _, second in pairs] + self.steps[len(self.steps) - tail :]
        values = [_mean((self.values[first], self.values[second])) for first, second in pairs]
        self.values = values + self.values[len(self.values) - tail :]
        self.steps = steps
        self._stride *= 2


@dataclass
class Series:
    """The curves of the branch that counts."""

    loss: Thinned = field(default_factory=Thinned)
    grad_norm: Thinned = field(default_factory=Thinned)
    lr: Thinned = field(default_factory=Thinned)
    step_s: Thinned = field(default_factory=Thinned)
    memory_bytes: Thinned = field(default_factory=Thinned)

    def all(self) -> dict[str, Thinned]:
        """Return the curves by name."""
        return dict(vars(self))


def _mean(values: Sequence[float]) -> float:
    count = len(values)
    mean = sum([value / count for value in values])
    if isfinite(mean):
        return mean
    finite = [value for value in values if isfinite(value)]
    return sum(value / len(finite) for value in finite) if finite else nan
