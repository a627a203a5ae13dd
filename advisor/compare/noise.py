"""The noise of a comparison: how far two numbers must lie apart before one of them is called better.

Two runs differ by the draw of the examples that they are scored on, by the seed, and by what else the machine did. Where
several runs differ by their seed alone, their spread tells all of it, and Student's t decides. Of one run each, the noise
is put together from what the run itself has seen: the standard error on its split, and how much the score swings from
evaluation to evaluation.

Sources: Student's t for two samples with pooled variance; McNemar's test for paired examples (Dietterich, «Approximate
statistical tests for comparing supervised classification learning algorithms», 1998); differences of neighbours as a
measure of noise beside a trend (von Neumann, 1941).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import hypot, isfinite, sqrt
from statistics import fmean, median, variance

from advisor.trials.noise import LUCKY_EXAMPLES, student_two_sided

NOISE_FACTOR = 2.0
"""Standard errors of a difference: a smaller one cannot be told from none (two-sided 95 %)."""
UNKNOWN_NOISE_SHARE = 0.01
"""Of a value whose noise nobody knows."""
LEAST_SWINGS = 3
"""Values between two neighbours that tell how much a curve swings."""
TAIL_SHARE = 0.5
"""Of a curve: before that it still learns, and its swings are not those of what is compared."""
OF_NORMAL = 1.4826
"""Standard deviations in a median absolute deviation."""


@dataclass(frozen=True)
class Gap:
    """How far the second number lies from the first, and what part of that may be noise."""

    difference: float
    noise: float
    """The difference must be larger than this."""
    told_by: str
    """What the noise was told by, in words."""

    @property
    def detectable(self) -> bool:
        """Tell whether the difference is more than noise."""
        return abs(self.difference) > self.noise


def swing(values: Sequence[float]) -> float | None:
    """Return the standard deviation of a curve around its own trend; nothing where it is too short.

    Each value is held against the mean of its two neighbours, which no straight trend moves; the median keeps out a jump.
    """
    finite = [value for value in values if isfinite(value)]
    off = [abs(b - (a + c) / 2) for a, b, c in zip(finite, finite[1:], finite[2:], strict=False)]
    return OF_NORMAL * median(off) / sqrt(1.5) if len(off) >= LEAST_SWINGS else None


def tail(values: Sequence[float]) -> Sequence[float]:
    """Return the later part of a curve."""
    return values[int(len(values) * (1 - TAIL_SHARE)) :]


def standard_error(told: float | None, value: float) -> float:
    """Return the standard error of a value: as it was told, else a hundredth of the value."""
    return told if told is not None and isfinite(told) and told > 0 else UNKNOWN_NOISE_SHARE * abs(value)


def paired_error(first_wrong: Collection[int], second_wrong: Collection[int], examples: int) -> float:
    """Return the standard error of the difference of two accuracies on the same examples.

    Args:
        first_wrong: Numbers of the examples that the first got wrong.
        second_wrong: Likewise of the second.
        examples: How many there are.
    """
    only_first, only_second = len({*first_wrong} - {*second_wrong}), len({*second_wrong} - {*first_wrong})
    return sqrt(max(only_first + only_second - (only_first - only_second) ** 2 / examples, 0.0)) / examples


def gap_of_two(difference: float, errors: Sequence[float], told_by: str, least: float = 0.0) -> Gap:
    """Return the gap between two single runs.

    Args:
        difference: Second less first.
        errors: Standard errors that add up, independent of each other.
        told_by: What they are of.
        least: No smaller difference counts, however small the errors are.
    """
    return Gap(difference, max(NOISE_FACTOR * hypot(*errors), least), told_by)


def gap_of_groups(first: Sequence[float], second: Sequence[float], least: float = 0.0) -> Gap:
    """Return the gap between the means of two groups of runs; one of them has two at least.

    Args:
        first: One value a seed.
        second: Likewise.
        least: No smaller difference counts.
    """
    freedom = len(first) + len(second) - 2
    squares = sum((len(group) - 1) * variance(group) for group in (first, second) if len(group) > 1)
    error = sqrt(squares / freedom * (1 / len(first) + 1 / len(second)))
    told_by = f"the spread over {len(first)} and {len(second)} seeds"
    return Gap(fmean(second) - fmean(first), max(student_two_sided(freedom) * error, least), told_by)


def lucky(examples: int) -> float:
    """Return the least difference of an accuracy that counts: what so few examples are worth is luck."""
    return LUCKY_EXAMPLES / examples if examples else 0.0
