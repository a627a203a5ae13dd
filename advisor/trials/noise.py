"""The noise of a fork: what a gain must pass, so that at most one fork in twenty is kept where nothing has changed.

The rule, its factors and how many arms it takes stand here and nowhere else. Two candidates and two controls on two
streams of batches are judged as two samples (Student's t, 2r - 2 degrees of freedom for r + r arms): 1.5-2.8 % of null
trials were kept, and as many gains found as with any other rule of the same cost; differences in pairs were only 1.0-1.6
times less noisy for real candidates, too little for the one degree of freedom that they have (tests/bench/RESULTS.md,
«Forks»). Where there is room for one candidate only, its gain is held against null arms around the one control.

Limit: the factor is that of equally noisy arms. A candidate that changes nothing in the mean and only makes training
noisier is kept in 6-7 % of forks at three times the noise and in 9-10 % at ten times (simulated).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from statistics import fmean, variance

STUDENT_95 = (6.31, 2.92, 2.35, 2.13, 2.02, 1.94, 1.90, 1.86, 1.83, 1.81)
"""One-sided 95 % factors for 1, 2, … degrees of freedom. More than ten keep the factor of ten."""

STUDENT_TWO_SIDED_95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
"""Likewise where a difference may go either way: two runs that are compared."""

LEAST_LEARNING_GAIN = 0.005
"""Relative: below half a percent a gain is not worth a change, however sure it is (trials.md, «Fork»). A first pair of
arms that shows no more ends the fork: it costs no power and spares two arms in 76-88 % of null trials (tests/bench)."""

SURE_REPLICATES = 2
"""Candidates, each beside a control of its own, from which on a gain is judged by two samples."""

LEAST_OWN_NULLS = 1
"""Null arms of the fork's own: with pooled ones alone 5-8 % of null trials were kept (tests/bench)."""

LUCKY_EXAMPLES = 4.5
"""Held-out examples. A score that counts them ties by chance where they are few, and a null arm that ties tells no noise. Of
four examples that differ between two arms all go one way in 1 of 16 forks, of five in 1 of 32 (the sign test, which for
paired examples is McNemar's): below five a gain is luck, whatever the null arms tell."""

MOST_NULLS = 3
"""Null arms in the pool beyond which the Student factor hardly falls: 6.3, 2.9, 2.4."""


def counted(found: "Gain", one_example: float) -> "Gain":
    """Return a gain in a score that counts examples, its noise no less than what so many of them are worth.

    Args:
        found: By the arms.
        one_example: What one is worth, in the score's own unit; 0 where the score counts none.
    """
    least = LUCKY_EXAMPLES * one_example
    if found.noise >= least:
        return found
    return replace(found, noise=least, told=f"what {LUCKY_EXAMPLES:g} of so few held-out examples are worth")


@dataclass(frozen=True)
class Gain:
    """A gain, in the score's own unit and so that more is better, and the noise that it must pass."""

    gain: float
    noise: float
    told: str
    """What the noise was told by."""


def student(freedom: int) -> float:
    """Return the one-sided 95 % Student factor for so many degrees of freedom (at least one)."""
    return STUDENT_95[min(freedom, len(STUDENT_95)) - 1]


def student_two_sided(freedom: int) -> float:
    """Return the two-sided 95 % Student factor for so many degrees of freedom (at least one)."""
    return STUDENT_TWO_SIDED_95[min(freedom, len(STUDENT_TWO_SIDED_95)) - 1]


def gain_of(
    controls: Sequence[float], candidates: Sequence[float], nulls: Sequence[float], less_is_better: bool
) -> Gain | None:
    """Return the gain of the candidates over the controls and its noise; nothing where no arm has told the noise.

    Args:
        controls: Scores of the controls, one a stream of batches.
        candidates: Scores of the candidates on the same streams; as many or fewer.
        nulls: Differences null - control of this fork and of earlier ones; used where there is one candidate only.
        less_is_better: Of the score.
    """
    sign = -1.0 if less_is_better else 1.0
    count = len(candidates)
    if count >= SURE_REPLICATES:
        gain = sign * (fmean(candidates) - fmean(controls[:count]))
        spread = sqrt((variance(candidates) + variance(controls[:count])) / 2)
        noise = student(2 * count - 2) * spread * sqrt(2 / count)
        return Gain(gain, noise, f"{count} arms with it and {count} without")
    if not nulls or not controls or not candidates:
        return None
    gain = sign * (candidates[0] - controls[0])
    noise = student(len(nulls)) * sqrt(fmean(one * one for one in nulls))
    return Gain(gain, noise, f"{len(nulls)} null {'arm' if len(nulls) == 1 else 'arms'}")
