"""How evenly a series of memory readings grows: a robust slope, and whether the rise is ordered and goes on.

The slope is Theil and Sen's (Sen 1968, «Estimates of the regression coefficient based on Kendall's tau»): the median over
all pairs, so that single peaks do not tilt it. A slope alone is no creep: a heap that settles, a cache that fills and a
snapshot that is kept all rise. Creep rises in every part of the window, and lately as fast as at first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import median

POINTS_MOST = 48
"""1128 pairs: a third of a millisecond."""
POINTS_LEAST = 12
PARTS = 6
"""Three states kept one after the other make three stairs: six parts tell stairs from a slope."""
PART_SHARE = 0.25
"""Of an even rise, in each part: less is a pause."""
LATE_SHARE = 0.6
"""Of the first half's rise, in the second half: what settles rises less and less."""


@dataclass(frozen=True)
class Slope:
    """What a series tells."""

    bytes_per_step: float
    ordered: bool


def slope(points: Sequence[tuple[float, float]]) -> Slope | None:
    """Return the slope of (step, bytes) points, oldest first; nothing where there are too few."""
    if len(points) < POINTS_LEAST:
        return None
    points = _fewer(points)
    rises = [
        (late[1] - early[1]) / (late[0] - early[0]) for early, late in combinations(points, 2) if late[0] > early[0]
    ]
    return Slope(median(rises), _ordered([value for _, value in points])) if rises else None


def _fewer(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return at most so many points, evenly over the series: of each stretch the last step and the least value."""
    wide = -(-len(points) // POINTS_MOST)
    groups = [points[at : at + wide] for at in range(0, len(points), wide)]
    return [(group[-1][0], min(value for _, value in group)) for group in groups]


def _ordered(values: Sequence[float]) -> bool:
    edges = [round(part * len(values) / PARTS) for part in range(PARTS + 1)]
    middles = [median(values[first:last]) for first, last in pairwise(edges)]
    rises = [after - before for before, after in pairwise(middles)]
    even, half = (middles[-1] - middles[0]) / (PARTS - 1), PARTS // 2
    late, early = middles[-1] - middles[half], middles[half - 1] - middles[0]
    return even > 0 and min(rises) >= PART_SHARE * even and late >= LATE_SHARE * early
