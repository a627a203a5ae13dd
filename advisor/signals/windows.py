"""Windows over a series of steps: bounded memory, with the median always at hand."""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Sequence
from math import isfinite, nan
from statistics import median

MOST_VALUES = 512
"""Values in one window: enough for a steady median, little enough to insert in microseconds."""

NORMAL_MAD = 1.4826
"""The median absolute deviation of a normal distribution times this is its standard deviation."""


class StepWindow:
    """Keeps the finite values of the last `span_steps` steps; a span of very many steps is kept by bins."""

    def __init__(self, span_steps: int) -> None:
        self.span_steps = span_steps
        self._bin_steps = max(1, span_steps // MOST_VALUES)
        self._bin: list[float] = []
        self._bin_began = 0
        self._points: deque[tuple[int, float]] = deque()
        self._sorted: list[float] = []

    def __len__(self) -> int:
        return len(self._points)

    def push(self, step: int, value: float) -> None:
        """Add the value of a step and let go of what is older than the span."""
        if isfinite(value):
            if not self._bin:
                self._bin_began = step
            self._bin.append(value)
            if step - self._bin_began + 1 >= self._bin_steps:
                self._insert(step, median(self._bin))
                self._bin = []
        while self._points and self._points[0][0] <= step - self.span_steps:
            self._remove(self._points.popleft()[1])

    def cut(self, step: int) -> None:
        """Forget everything after `step`."""
        self._bin = []
        while self._points and self._points[-1][0] > step:
            self._remove(self._points.pop()[1])

    @property
    def values(self) -> tuple[float, ...]:
        """The values, oldest first."""
        return tuple(value for _, value in self._points)

    @property
    def median(self) -> float:
        """The median; NaN when there is no value."""
        return middle(self._sorted)

    @property
    def spread(self) -> float:
        """1.4826 times the median absolute deviation, in the unit of the values; NaN when there is no value."""
        centre = self.median
        return NORMAL_MAD * middle(sorted(abs(value - centre) for value in self._sorted))

    def _insert(self, step: int, value: float) -> None:
        self._points.append((step, value))
        insort(self._sorted, value)

    def _remove(self, value: float) -> None:
        del self._sorted[bisect_left(self._sorted, value)]


def middle(ordered: Sequence[float]) -> float:
    """Return the median of values that are in order; NaN when there are none."""
    count = len(ordered)
    if not count:
        return nan
    half = count // 2
    return ordered[half] if count % 2 else (ordered[half - 1] + ordered[half]) / 2


def median_of(values: Iterable[float]) -> float:
    """Return the median of the finite values; NaN when there are none."""
    return middle(sorted(value for value in values if isfinite(value)))


def quantile_of(values: Iterable[float], share: float) -> float:
    """Return the value that `share` (0 to 1) of the finite values do not pass; NaN when there are none."""
    ordered = sorted(value for value in values if isfinite(value))
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else nan


def spread_over_steps(last_step: int, steps: int, values: Sequence[float]) -> list[tuple[int, float]]:
    """Give each value of a beat its step: the last value belongs to `last_step`, the others are evenly before it."""
    count = len(values)
    return [(last_step - steps + round(steps * (place + 1) / count), value) for place, value in enumerate(values)]
