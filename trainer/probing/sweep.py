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

USUAL_FOR_ADAM = 3e-3
"""Rate that Adam takes on small nets of most kinds: a pick above it is drawn towards it, on the scale of logarithms …"""

TRUST_SHARE = 2 / 3
"""… so far does the sweep count. Adam's best rates lie within a decade whatever the net, and a sweep of a net that learns little
in 60 steps picks up to ten times too high: drawn so, 12 of 15 picks ended within a point of the best rate, before 10."""

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
    return _towards_usual(optimizer, rates[lowest] * _stretched(optimizer, lowest) / BELOW_THE_LOWEST), spread


def _towards_usual(optimizer: str, rate: float) -> float:
    """Return a pick, drawn down towards the usual rate where it is one for Adam and above it."""
    if optimizer not in ADAMS or rate <= USUAL_FOR_ADAM:
        return rate
    return float(USUAL_FOR_ADAM * (rate / USUAL_FOR_ADAM) ** TRUST_SHARE)


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
