"""One column of a log over steps or epochs, in bounded memory: when it is full, neighbours are merged in pairs.

A value that is not a number is never averaged away: each point counts the ones that it stands for.
"""

from bisect import bisect_right
from dataclasses import dataclass
from math import isfinite, nan

MOST_POINTS = 4096
"""Points of a curve: enough for every rule's window, and a log of a million rows takes no more memory."""


@dataclass(frozen=True)
class Point:
    """Some neighbouring rows of one column."""

    at: float
    """Step or epoch of the last row in it."""
    value: float
    """Mean of the finite rows; NaN where there is none."""
    rows: int = 1
    non_finite: int = 0
    """Rows that were NaN or infinite."""
    non_finite_at: float = nan
    """Where the first of them was."""


class Curve:
    """The values of one column by step or epoch, at most `most` points."""

    def __init__(self, most: int = MOST_POINTS) -> None:
        self.most = most
        self.rows = 0
        self.restarts = 0
        """Times that the axis went back: what lay behind it was logged anew."""
        self._stride = 1
        self._at: list[float] = []
        self._sum: list[float] = []
        self._rows: list[int] = []
        self._lost: list[int] = []
        self._lost_at: list[float] = []

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self._at)

    @property
    def points(self) -> list[Point]:
        """The points, oldest first."""
        return [
            Point(at, total / (rows - lost) if rows > lost else nan, rows, lost, lost_at)
            for at, total, rows, lost, lost_at in zip(
                self._at, self._sum, self._rows, self._lost, self._lost_at, strict=True
            )
        ]

    @property
    def last_at(self) -> float:
        """Step or epoch of the newest row; NaN before the first."""
        return self._at[-1] if self._at else nan

    def add(self, at: float, value: float) -> None:
        """Add a row. A place before the newest one replaces what came after it: the training was taken up again there."""
        places = self._at
        if places and at < places[-1]:
            self._cut(at)
        self.rows += 1
        finite = isfinite(value)
        if places and self._rows[-1] < self._stride:
            places[-1] = at
            self._rows[-1] += 1
            if finite:
                self._sum[-1] += value
            else:
                self._lost[-1] += 1
                if self._lost_at[-1] != self._lost_at[-1]:
                    self._lost_at[-1] = at
            return
        if len(places) >= self.most:
            self._halve()
        self._at.append(at)
        self._sum.append(value if finite else 0.0)
        self._rows.append(1)
        self._lost.append(0 if finite else 1)
        self._lost_at.append(nan if finite else at)

    def _cut(self, at: float) -> None:
        keep = bisect_right(self._at, at)
        self.restarts += 1
        for column in (self._at, self._sum, self._rows, self._lost, self._lost_at):
            del column[keep:]

    def _halve(self) -> None:
        even = len(self._at) // 2 * 2
        self._at = self._at[1:even:2]
        self._sum = [a + b for a, b in zip(self._sum[0:even:2], self._sum[1:even:2], strict=True)]
        self._rows = [a + b for a, b in zip(self._rows[0:even:2], self._rows[1:even:2], strict=True)]
        self._lost = [a + b for a, b in zip(self._lost[0:even:2], self._lost[1:even:2], strict=True)]
        first, second = self._lost_at[0:even:2], self._lost_at[1:even:2]
        self._lost_at = [a if a == a else b for a, b in zip(first, second, strict=True)]
        self._stride *= 2
