"""What a learning-rate sweep says: the pure choice of a rate from the curve of losses at rising rates.

The method and its limits were measured on 18 kinds of bad start; tests/bench/bad_starts.py repeats that.
"""

import math
import statistics
from collections.abc import Sequence

SMOOTHING_DECADES = (0.15, 0.25, 0.4)
"""Reach of the centred mean on either side; the middle one gives the pick, all three must agree."""

BELOW_THE_LOWEST = 5.0
"""The pick stands this far below the rate of the lowest loss: of 3 to 10, fewest runs lose more than a point, and
no run fails outright. Too low costs points, too high costs the run, so the margin leans low."""

BELOW_FOR_ADAM = 10.0
"""The same for Adam and AdamW, whose steps do not shrink with the gradient: half of the other pick ended within 2 points of the
best rate in 12 runs of 12 (tasks of the fault bench), the other in 11, and half as much again above it in 8."""

ADAMS = frozenset({"adam", "adamw"})

MEMORY_OF_RMSPROP = 0.99
"""Share of its mean square that RMSprop keeps at each step (torch's own default)."""

LEAST_DROP_SHARE = 0.05
"""A curve that falls by less than this share of its start is flat: it says nothing about the rate."""

LEAST_RISE_SHARE = 0.10
"""A curve that does not climb this far above its lowest has no upper end: the sweep stopped too soon."""

HALF = 0.5
"""Of its start: a curve without an upper end that comes down to it tells where learning is fast, if not where it ends."""

WIDEST_SPREAD = 10.0
"""Lowest points that move by more than this between smoothings are noise (largest seen from an initial state: 7)."""


def pick_rate(rates: Sequence[float], losses: Sequence[float], optimizer: str = "sgd") -> tuple[float | None, float]:
    """Choose a rate from a sweep that began at a run's initial state.

    Args:
        rates: The rate of each step, rising geometrically.
        losses: The loss of each step's batch before the step, same length; values after one that is not finite
            are not read.
        optimizer: Under which it was swept.

    Returns:
        The pick, or None where the curve is short, flat, without an upper end (unless it came down to a half: then the
        rate at which it did) or read too differently; and the
        spread of the readings (highest over lowest rate, 1 or more; infinite where there is nothing to read).
    """
    if len(rates) < 3:
        return None, math.inf
    steps_per_decade = 1 / math.log10(rates[1] / rates[0])
    curves = [_centred_mean(losses, max(1, round(steps_per_decade * reach))) for reach in SMOOTHING_DECADES]
    middle = curves[len(curves) // 2]
    if len(middle) < 3 or min(middle) > (1 - LEAST_DROP_SHARE) * middle[0]:
        return None, math.inf
    lowest_at = [min(range(len(curve)), key=curve.__getitem__) for curve in curves]
    spread = rates[max(lowest_at)] / rates[min(lowest_at)]
    lowest = lowest_at[len(lowest_at) // 2]
    ended_finite = len(middle) == len(losses)
    if ended_finite and max(middle[lowest:]) < (1 + LEAST_RISE_SHARE) * middle[lowest]:
        return _halved(rates, middle), spread
    if spread > WIDEST_SPREAD:
        return None, spread
    below = BELOW_FOR_ADAM if optimizer in ADAMS else BELOW_THE_LOWEST
    return rates[lowest] * _stretched(optimizer, lowest) / below, spread


def _stretched(optimizer: str, step: int) -> float:
    """Return by how much the steps are longer at this step of a sweep than the rate says, later in a run.

    RMSprop divides by a mean square that begins at zero and, unlike Adam's, is not corrected for it: a rate that is too high for
    a step of the sweep is right for a run that is past its first hundred steps.
    """
    return 1 / math.sqrt(1 - MEMORY_OF_RMSPROP ** (step + 1)) if optimizer == "rmsprop" else 1.0


def _halved(rates: Sequence[float], smooth: Sequence[float]) -> float | None:
    """Return the rate at which a curve without an upper end has come down to half of its start; None where it has not."""
    return next((rate for rate, loss in zip(rates, smooth, strict=False) if loss <= HALF * smooth[0]), None)


def _centred_mean(losses: Sequence[float], half_width: int) -> list[float]:
    """Return the mean over `half_width` neighbours on either side, up to the first value that is not finite.

    A running mean lags by 1/(1-β) steps, which in a sweep is a shift to higher rates; this one does not lag.
    """
    finite: list[float] = []
    for loss in losses:
        if not math.isfinite(loss):
            break
        finite.append(loss)
    last = len(finite) - 1
    smooth = []
    for at in range(len(finite)):
        reach = min(half_width, at, last - at)
        smooth.append(statistics.fmean(finite[at - reach : at + reach + 1]))
    return smooth
