"""A candidate's own rate: another network, or inputs on another scale, may bear one that lies decades off the run's.

A candidate that loses its first pair of arms at the rate of the run may have lost by that rate alone. So the rate is swept on
the candidate itself, before its first step, and where the pick is another one, the candidate is run once more with it.
"""

from collections.abc import Callable
from math import isfinite, nan

from trainer.probing.probes import SWEEP_STEPS, sweep_rates
from trainer.probing.sweep import pick_rate
from trainer.training import Training

OWN_RATE_FACTOR = 3.0
"""Times: a sweep that disagrees by less tells nothing (one good rate in six is off by that), and by more, together with arms
that were lost at the present rate, that the rate is wrong (nine of ten rates ten times too high; tests/bench/bad_starts.py)."""


def own_rate(training: Training, begin: Callable[[], object]) -> tuple[float, int]:
    """Return the rate that a sweep picks for a candidate, and the steps that the sweep took.

    The training is left in any state: restore one.

    Args:
        training: The run.
        begin: Puts the run at the candidate's state before its first step, with its turns made.

    Returns:
        The rate, NaN where the sweep tells none or none that is another one; and the steps, 0 where nothing was swept.
    """
    if "lr" in training.unavailable:
        return nan, 0
    begin()
    rate = float(training.knobs["lr"])
    rates, losses = sweep_rates(training, SWEEP_STEPS)
    pick, _ = pick_rate(rates, losses, str(training.knobs["optimizer"]))
    other = pick is not None and isfinite(pick) and not 1 / OWN_RATE_FACTOR < pick / rate < OWN_RATE_FACTOR
    return (float(pick) if pick is not None and other else nan), len(rates)
