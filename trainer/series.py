"""A series of values as it is told: at most so many, the means of bins."""

from itertools import pairwise

VALUES_MOST = 64
"""Values of a series in one beat; more steps than that are told as the means of bins."""


def binned(values: list[float]) -> tuple[float, ...]:
    """Return at most 64 values: the means of bins of equal length. One NaN makes its bin NaN: it must not be lost."""
    if len(values) <= VALUES_MOST:
        return tuple(values)
    edges = [round(i * len(values) / VALUES_MOST) for i in range(VALUES_MOST + 1)]
    return tuple(sum(values[a:b]) / (b - a) for a, b in pairwise(edges))
