"""One column of a log over steps or epochs, in bounded memory: when it is full, neighbours are merged in pairs.

A value that is not a number is never averaged away: each point counts the ones that it stands for.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite, isnan, nan

MOST_POINTS = 4096
"""Points of a curve, an even number: enough for every rule's window; a log of a million rows takes no more memory."""
CHUNK_ROWS = 8192
"""Rows that are put into points at once: a million rows take a second instead of ten."""
LARGEST = 1e300
"""A sum beyond it would be infinite, and the loss is only large."""


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


def added(one: Point, other: Point) -> Point:
    """Return the sum of two columns' points at one place: it is no number where either is none."""
    lost_at = [at for at in (one.non_finite_at, other.non_finite_at) if not isnan(at)]
    return replace(
        one,
        value=one.value + other.value,
        non_finite=max(one.non_finite, other.non_finite),
        non_finite_at=min(lost_at, default=nan),
    )


class Curve:
    """The values of one column by step or epoch, at most `most` points."""

    def __init__(self, most: int = MOST_POINTS) -> None:
        self.most = most
        self._restarts = 0
        self._turned_to = nan
        self._taken = 0
        self._stride = 1
        self._at: list[float] = []
        self._sum: list[float] = []
        self._rows: list[int] = []
        self._lost: list[int] = []
        self._lost_at: list[float] = []
        self._new_at: list[float] = []
        self._new: list[float] = []

    def __len__(self) -> int:
        """Return the number of points."""
        self._settle()
        return len(self._at)

    @property
    def rows(self) -> int:
        """Rows so far, those that were logged anew among them."""
        return self._taken + len(self._new)

    @property
    def restarts(self) -> int:
        """Times that the axis went back: what lay behind it was logged anew."""
        self._settle()
        return self._restarts

    @property
    def turned_to(self) -> float:
        """Where the newest restart began to log anew; NaN where there was none."""
        self._settle()
        return self._turned_to

    @property
    def points(self) -> list[Point]:
        """The points, oldest first."""
        self._settle()
        columns = zip(self._at, self._sum, self._rows, self._lost, self._lost_at, strict=True)
        return [
            Point(at, total / (rows - lost) if rows > lost else nan, rows, lost, lost_at)
            for at, total, rows, lost, lost_at in columns
        ]

    @property
    def first_at(self) -> float:
        """Step or epoch of the oldest point; NaN before there is one."""
        self._settle()
        return self._at[0] if self._at else nan

    @property
    def last_at(self) -> float:
        """Step or epoch of the newest row; NaN before the first."""
        self._settle()
        return self._at[-1] if self._at else nan

    def add(self, at: float, value: float) -> None:
        """Add a row. A place before the newest one replaces what came after it: the training was taken up again there."""
        self._new_at.append(at)
        self._new.append(value)
        if len(self._new) >= CHUNK_ROWS:
            self._settle()

    def extend(self, places: Sequence[float], values: Sequence[float]) -> None:
        """Add many rows."""
        self._new_at += places
        self._new += values
        if len(self._new) >= CHUNK_ROWS:
            self._settle()

    def _settle(self) -> None:
        """Put the newest rows into points: whole stretches at once where the axis only rises."""
        if not self._new:
            return
        places, values = self._new_at, self._new
        self._new_at, self._new = [], []
        self._taken += len(values)
        begin = 0
        for turn in (
            [at for at in range(1, len(places)) if places[at] < places[at - 1]] if sorted(places) != places else []
        ):
            self._append(places[begin:turn], values[begin:turn])
            begin = turn
        self._append(places[begin:], values[begin:])

    def _append(self, places: list[float], values: list[float]) -> None:
        """Add rows whose places rise."""
        if self._at and places[0] < self._at[-1]:
            self._cut(places[0])
        done = 0
        while done < len(values):
            room = self._stride - self._rows[-1] if self._rows else 0
            if room <= 0:
                if len(self._at) >= self.most:
                    self._halve()
                    continue
                for column, empty in ((self._at, 0.0), (self._sum, 0.0), (self._lost_at, nan)):
                    column.append(empty)
                self._rows.append(0)
                self._lost.append(0)
                room = self._stride
            some = values[done : done + room]
            total = sum(some)
            if not isfinite(total):
                lost = [at for at, value in enumerate(some) if not isfinite(value)]
                if lost and self._lost[-1] == 0:
                    self._lost_at[-1] = places[done + lost[0]]
                self._lost[-1] += len(lost)
                total = sum(value / len(some) for value in some if isfinite(value)) * len(some)
            self._sum[-1] += min(max(total, -LARGEST), LARGEST)
            self._rows[-1] += len(some)
            done += len(some)
            self._at[-1] = places[done - 1]

    def _cut(self, at: float) -> None:
        keep = bisect_right(self._at, at)
        self._restarts += 1
        self._turned_to = at
        for column in (self._at, self._sum, self._rows, self._lost, self._lost_at):
            del column[keep:]

    def _halve(self) -> None:
        """Merge neighbours; `most` is even, so that none is left over."""
        self._at = self._at[1::2]
        self._sum = [a + b for a, b in zip(self._sum[0::2], self._sum[1::2], strict=True)]
        self._rows = [a + b for a, b in zip(self._rows[0::2], self._rows[1::2], strict=True)]
        self._lost = [a + b for a, b in zip(self._lost[0::2], self._lost[1::2], strict=True)]
        pairs = zip(self._lost_at[0::2], self._lost_at[1::2], strict=True)
        self._lost_at = [a if a == a else b for a, b in pairs]
        self._stride *= 2
