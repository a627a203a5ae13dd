"""The learning rate as a function of samples seen: base rate × warm-up × schedule × re-warm-up.

Counted in samples, so that a change of the batch size bends nothing.
"""

from math import cos, pi

FLOOR = 0.01
"""Cosine and one-cycle end at 1 % of the base rate: at exactly 0 the last steps would be wasted."""

STEP_PLACES = (0.5, 0.75)
"""The step schedule divides the rate by ten at these shares of the run (He et al. 2016, arXiv 1512.03385)."""

ONE_CYCLE_RISE = 0.3
"""Share of the run over which one-cycle rises from a twenty-fifth to the base rate (Smith, arXiv 1708.07120)."""

ONE_CYCLE_START = 0.04
"""A twenty-fifth."""


def factor(schedule: str, progress: float, warmup: float) -> float:
    """Return what the base rate is multiplied by.

    Args:
        schedule: constant, step, cosine or one-cycle.
        progress: Share of the run's samples that were seen, 0 to 1.
        warmup: Share of the run over which the rate rises linearly; one-cycle has its own rise.
    """
    progress = min(max(progress, 0.0), 1.0)
    if schedule == "one-cycle":
        if progress < ONE_CYCLE_RISE:
            rise = (1 - cos(pi * progress / ONE_CYCLE_RISE)) / 2
            return ONE_CYCLE_START + (1 - ONE_CYCLE_START) * rise
        return _half_cosine((progress - ONE_CYCLE_RISE) / (1 - ONE_CYCLE_RISE))
    if warmup > 0 and progress < warmup:
        return max(progress / warmup, FLOOR)
    if schedule == "cosine":
        return _half_cosine((progress - warmup) / (1 - warmup))
    if schedule == "step":
        return 0.1 ** sum(progress >= place for place in STEP_PLACES)
    return 1.0


def _half_cosine(share: float) -> float:
    return FLOOR + (1 - FLOOR) * (1 + cos(pi * share)) / 2


def rewarm(samples: int, since: int, over: int) -> float:
    """Return the factor of a re-warm-up that began at `since` and lasts `over` samples; 1 when there is none."""
    if over <= 0 or samples >= since + over:
        return 1.0
    return max((samples - since) / over, FLOOR)
