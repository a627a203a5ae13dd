"""Which steps' gradient norms are taken where nothing is done by them: every step's at first, later as many as cost little.

The norm of a small net's gradient takes as long as a fifteenth of its step. Where the guard acts, where gradients are clipped
or scaled, on an accelerator, and in lockstep (what is seen must not depend on time), every step has one. In watch mode on the
CPU the guard only tells: there the norm of the first steps is taken, then that of every k-th step, k being such that it costs
half a hundredth of them. Every loss is looked at all the same, and while something goes wrong, or did lately, every norm.
"""

from collections.abc import Callable
from math import ceil
from time import perf_counter

FIRST_STEPS = 400
"""Steps of each start whose norms are all taken: early rules read them."""

SHARE = 0.005
"""Of a step's time that its norm may take on average: half of what watching may cost (monitoring.md)."""

EVERY_MOST = 16
"""Steps between two norms at most: a window of 500 norms is then a few seconds of steps of a millisecond."""

SMOOTHED = 0.9
"""Share of what was known in the running mean of a norm's cost: one that another program has disturbed counts for little."""


class NormWatch:
    """Says which norms are taken, and measures what they cost.

    Args:
        clock: Seconds since whenever.
    """

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self._taken = 0
        self._rest = 0
        """Steps still to be left out."""
        self._steps = 0
        """Since the last norm."""
        self._cost_share = 0.0
        self._began = self._ended = clock()

    def due(self, *, needed: bool) -> bool:
        """Tell whether the norm of the step at hand is to be taken.

        Args:
            needed: Something hangs on the norm of this very step.
        """
        self._steps += 1
        if self._rest > 0 and not needed:
            self._rest -= 1
            return False
        return True

    def begin(self) -> None:
        """Begin to take a norm."""
        self._began = self._clock()

    def end(self) -> None:
        """Note that it was taken, and how many steps may do without."""
        now = self._clock()
        share = (now - self._began) * self._steps / max(now - self._ended, 1e-9)
        self._cost_share = SMOOTHED * self._cost_share + (1 - SMOOTHED) * share
        self._ended, self._steps = now, 0
        self._taken += 1
        if self._taken > FIRST_STEPS:
            self._rest = min(ceil(self._cost_share / SHARE), EVERY_MOST) - 1
