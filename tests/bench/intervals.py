"""Intervals that the bench prints beside its shares and means."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from scipy.stats import t as student

TWO_SIDED_95 = 1.96


def wilson(successes: float, trials: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share; `successes` may be a mean over dependent looks at each trial."""
    if trials == 0:
        return 0.0, 1.0
    share, z = successes / trials, TWO_SIDED_95
    middle = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return (middle - half) / scale, (middle + half) / scale


def of_mean(values: Sequence[float]) -> tuple[float, float, float]:
    """Return a mean and its 95 % interval by Student's t; infinite for fewer than two values."""
    middle = fmean(values)
    if len(values) < 2:
        return middle, -math.inf, math.inf
    half = float(student.ppf(0.975, len(values) - 1)) * stdev(values) / math.sqrt(len(values))
    return middle, middle - half, middle + half
