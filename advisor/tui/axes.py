"""Chooses the bounds and the ticks of a chart's axes; pure functions on numbers."""

from collections.abc import Sequence
from math import ceil, floor, log10

import numpy as np

from advisor.tui.series import Floats

LOGARITHMIC_RATIO = 30.0
"""A line of positive values that spans more than this is drawn on a logarithmic axis unless the user says otherwise: on a
linear one, nine tenths of it would lie in the lowest row."""
FEWEST_TO_SPAN = 4
"""A line of fewer values has not shown yet what it spans."""
LEAST_SPAN_SHARE = 0.02
"""A line that moves by less than a fiftieth of its value is drawn as what it is: nearly constant."""
OUTLIER_QUANTILE = 0.995
"""Above this quantile values may leave the picture when they would more than double its height: one spike must not
flatten a whole run."""


def bounds(values: Sequence[Floats], logarithmic: bool) -> tuple[float, float]:
    """Return (bottom, top) for finite values of several lines, with a little air; (0, 1) when there are none."""
    finite = np.concatenate([np.empty(0), *(one[np.isfinite(one)] for one in values)])
    if logarithmic:
        finite = finite[finite > 0]
    if not len(finite):
        return (0.1, 1.0) if logarithmic else (0.0, 1.0)
    bottom, top = float(finite.min()), float(finite.max())
    most = ranked(finite, OUTLIER_QUANTILE)
    if not logarithmic and top - bottom > 2 * (most - bottom) > 0:
        top = most
    if logarithmic:
        return bottom / 1.05, top * 1.05
    if top - bottom <= 1e-9 * max(abs(top), abs(bottom), 1e-12):
        spread = abs(top) * 0.1 or 1.0
        return bottom - spread, top + spread
    if top - bottom < (least := LEAST_SPAN_SHARE * max(abs(top), abs(bottom))):
        middle = (top + bottom) / 2
        bottom, top = middle - least / 2, middle + least / 2
    air = (top - bottom) * 0.04
    return bottom - air, top + air


def wants_logarithm(values: Sequence[Floats]) -> bool:
    """Tell whether the values are all positive and one line spans so much that a linear axis would hide most of it."""
    finite = [one[np.isfinite(one)] for one in values]
    if any(bool((one <= 0).any()) for one in finite):
        return False
    wide = [one for one in finite if len(one) >= FEWEST_TO_SPAN]
    return any(ranked(one, 0.99) > LOGARITHMIC_RATIO * ranked(one, 0.01) for one in wide)


def ranked(values: Floats, share: float) -> float:
    """Return the value at this share of the sorted [N], N ≥ 1, between whose neighbours nothing is interpolated."""
    place = round(share * (len(values) - 1))
    return float(np.partition(values, place)[place])


def linear_ticks(bottom: float, top: float, most: int) -> list[float]:
    """Return at most `most` round values (1, 2 or 5 times a power of ten) inside the bounds."""
    span = top - bottom
    if span <= 0 or most < 1:
        return []
    power = 10.0 ** floor(log10(span / most))
    for factor in (1, 2, 5, 10, 20, 50):
        step = power * factor
        first, last = ceil(bottom / step - 1e-9), floor(top / step + 1e-9)
        if last - first + 1 <= most:
            return [round(place * step, 12) if abs(step) > 1e-9 else place * step for place in range(first, last + 1)]
    return []


def logarithmic_ticks(bottom: float, top: float, most: int) -> list[float]:
    """Return at most `most` powers of ten inside the bounds; where there are fewer than two, 1-2-5 steps."""
    first, last = ceil(log10(bottom) - 1e-9), floor(log10(top) + 1e-9)
    if last - first >= 1:
        stride = max(1, ceil((last - first + 1) / most))
        return [10.0**power for power in range(first, last + 1, stride)]
    steps = [factor * 10.0**power for power in range(first - 1, last + 1) for factor in (1, 2, 5)]
    inside = [one for one in steps if bottom <= one <= top]
    return inside[:most] if len(inside) >= 2 else linear_ticks(bottom, top, most)
