"""Paints lines as braille dots: a cell is two dots wide and four high; pure functions on arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.tui.series import Floats, Points

DOTS_WIDE, DOTS_HIGH = 2, 4
_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], dtype=np.uint8)
"""Unicode, block «Braille Patterns»: the bit of the dot in row r, column c of a cell."""
FIRST_BRAILLE = 0x2800
NO_INK = -1
DASH_CELLS = 3
"""A dash and the gap behind it: a gap of one cell is seen, and a line stays a line."""


@dataclass(frozen=True)
class Frame:
    """What part of the plane is drawn, and on how many cells."""

    width: int
    height: int
    first: float
    last: float
    bottom: float
    top: float
    logarithmic: bool

    def column(self, x: Floats) -> NDArray[np.int64]:
        """Return the dot column of each step."""
        span = max(self.last - self.first, 1e-12)
        place = (x - self.first) / span * (self.width * DOTS_WIDE - 1)
        return np.clip(np.rint(place), 0, self.width * DOTS_WIDE - 1).astype(np.int64)

    def row(self, y: Floats) -> Floats:
        """Return the dot row of each value, 0 on top; out of bounds lies on the border, NaN stays NaN."""
        bottom, top, value = self.bottom, self.top, y
        if self.logarithmic:
            bottom, top, value = np.log10(bottom), np.log10(top), np.log10(np.maximum(y, self.bottom))
        place = (top - value) / max(top - bottom, 1e-300) * (self.height * DOTS_HIGH - 1)
        return np.clip(place, 0, self.height * DOTS_HIGH - 1)


@dataclass(frozen=True)
class Columns:
    """A line decimated to dot columns, [2·width] each; NaN where a column has no value."""

    low: Floats
    high: Floats
    mean: Floats
    holes: NDArray[np.bool_]


def decimate(line: Points, frame: Frame) -> Columns:
    """Reduce a line to the least, greatest and mean value of each dot column: never more than 2 × width of them."""
    count = frame.width * DOTS_WIDE
    low, high, mean = (np.full(count, np.nan) for _ in range(3))
    holes = np.zeros(count, dtype=np.bool_)
    if not len(line):
        return Columns(low, high, mean, holes)
    place = frame.column(line.x)
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    where = place[starts]
    low[where] = np.fmin.reduceat(line.low, starts)
    high[where] = np.fmax.reduceat(line.high, starts)
    finite = np.isfinite(line.mean)
    counts = np.add.reduceat(finite.astype(np.float64), starts)
    totals = np.add.reduceat(np.where(finite, line.mean, 0.0), starts)
    mean[where] = np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)
    holes[where] = np.logical_or.reduceat(line.holes, starts)
    return Columns(low, high, mean, holes)


class Canvas:
    """A plane of dots with one ink a cell; later lines lie on top."""

    def __init__(self, width: int, height: int) -> None:
        self.dots = np.zeros((height * DOTS_HIGH, width * DOTS_WIDE), dtype=np.bool_)
        self.inks = np.full((height, width), NO_INK, dtype=np.int64)

    def draw(
        self,
        low: Floats,
        high: Floats,
        gaps: NDArray[np.bool_],
        frame: Frame,
        ink: int,
        alone: bool,
        dashed: bool = False,
    ) -> None:
        """Draw a line by the extent of each dot column, joined to its neighbours except across a gap.

        Args:
            low: Least value of each dot column, [2·width]; NaN where there is none.
            high: Greatest value likewise.
            gaps: Columns that break the line.
            frame: Where the values lie.
            ink: Number of the ink.
            alone: Wipe the cells that the line crosses first, so that it stands out against what lies behind it.
            dashed: Leave out a cell after each dash; a single value is always drawn.
        """
        filled = np.flatnonzero(np.isfinite(low))
        if not len(filled):
            return
        columns = np.arange(len(low))
        top = np.rint(np.interp(columns, filled, frame.row(high[filled]))).astype(np.int64)
        bottom = np.rint(np.interp(columns, filled, frame.row(low[filled]))).astype(np.int64)
        drawn = _joined(filled, gaps)
        if dashed and len(filled) > 1:
            drawn &= columns // DOTS_WIDE % DASH_CELLS < DASH_CELLS - 1
        neighbours = drawn[1:] & drawn[:-1]
        falls, rises = neighbours & (bottom[:-1] < top[1:] - 1), neighbours & (top[:-1] > bottom[1:] + 1)
        reached_top, reached_bottom = top.copy(), bottom.copy()
        reached_top[1:][falls] = bottom[:-1][falls] + 1
        reached_bottom[1:][rises] = top[:-1][rises] - 1
        rows = np.arange(self.dots.shape[0])[:, None]
        mask = (rows >= reached_top) & (rows <= reached_bottom) & drawn
        if alone and len(filled) == 1:
            mask[:, filled[0] ^ 1] = mask[:, filled[0]]
            mask |= np.roll(mask, -1, axis=0) if bottom[filled[0]] else mask
        crossed = mask.reshape(self.inks.shape[0], DOTS_HIGH, self.inks.shape[1], DOTS_WIDE).any(axis=(1, 3))
        if alone:
            self.dots[crossed.repeat(DOTS_HIGH, axis=0).repeat(DOTS_WIDE, axis=1)] = False
        self.dots |= mask
        self.inks[crossed] = ink

    def text(self, ascii_only: bool = False) -> list[str]:
        """Return the rows of cells as text; an empty cell is a blank."""
        rows, columns = self.inks.shape
        cells = self.dots.reshape(rows, DOTS_HIGH, columns, DOTS_WIDE)
        if ascii_only:
            upper, lower = cells[:, :2].any(axis=(1, 3)), cells[:, 2:].any(axis=(1, 3))
            forms = np.array(list(" '.:"))[np.add(upper, 2 * lower, dtype=np.int64)]
            return ["".join(row) for row in forms.tolist()]
        codes = (cells * _BITS[None, :, None, :]).sum(axis=(1, 3), dtype=np.uint32)
        points = np.where(codes > 0, codes + FIRST_BRAILLE, ord(" ")).astype(np.uint32)
        return [str(row) for row in points.view(f"<U{columns}")[:, 0]]


def _joined(filled: NDArray[np.int64], gaps: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the columns that a line covers: those with a value, and those between two values without a gap."""
    broken = np.cumsum(gaps)
    left, right = filled[:-1], filled[1:]
    whole = broken[left] == broken[right]
    edges = np.zeros(len(gaps) + 1, dtype=np.int64)
    edges[left[whole]] += 1
    edges[right[whole]] -= 1
    drawn = np.cumsum(edges[:-1]) > 0
    drawn[filled] = True
    return drawn
