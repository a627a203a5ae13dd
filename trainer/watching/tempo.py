"""How far a run may leave its driver behind.

A short run is over before anybody could have acted on what it shows: as long as it looks like lasting less than `SHORT_S`, it
stands still at a step boundary until its driver has heard all that was said, for `WAITED_MOST_S` in all. A longer run waits
behind an evaluation alone, in lockstep a run waits at every step, and without a driver nothing is waited for.
"""

from math import inf
from time import perf_counter

from trainer.link import Link

SHORT_S = 20.0
"""All steps of a run together: beneath, a driver that is some tenths of a second late has missed a good part of it."""
WAITED_MOST_S = 10.0
"""In a short run, on a machine with more work than processors; usually it is a tenth of that."""
BEHIND_EVALUATION_S = 0.2
BEHIND_EVALUATION_SHARE = 0.01
"""In a longer run: at most so long, and so much of the time so far."""
AT_ONCE_S = 0.0002
"""A wait that is shorter was none."""


class Tempo:
    """Lets one run stand still for its driver, as long as it may."""

    def __init__(self, link: Link, *, lockstep: bool) -> None:
        self._link = link
        self._lockstep = lockstep
        self._begun = perf_counter()
        self._left_s = WAITED_MOST_S
        self._waited_s = 0.0
        self.paced = not lockstep
        """The run waits for answers outside lockstep; until its first beat every run may be a short one."""

    def wait(self) -> bool:
        """Wait until all was heard, as long as the run may; return whether its clocks stood still meanwhile.

        In lockstep nothing is judged by the clock: there it goes on.
        """
        if self._lockstep:
            self._link.wait_until_heard(inf)
            return False
        return self.paced and self._stand_still()

    def wait_behind_evaluation(self) -> None:
        """Let the driver hear an evaluation before the run moves on."""
        if self.paced or self._lockstep:
            self.wait()
        else:
            share_s = BEHIND_EVALUATION_SHARE * (perf_counter() - self._begun)
            self._link.wait_until_heard(min(BEHIND_EVALUATION_S, share_s))

    def beat(self, run_s: float) -> None:
        """Find out whether the run is a short one.

        Args:
            run_s: Seconds that all its steps take together, at the pace of now.
        """
        self.paced = not self._lockstep and run_s < SHORT_S and self._left_s > 0

    def take_waited_s(self) -> float:
        """Return the wall seconds that the run stood still since the last call."""
        waited_s, self._waited_s = self._waited_s, 0.0
        return waited_s

    def _stand_still(self) -> bool:
        begun = perf_counter()
        self.paced = self._link.wait_until_heard(self._left_s)  # nobody answers: the next beat asks again
        passed = perf_counter() - begun
        if passed < AT_ONCE_S:
            return False
        self._left_s -= passed
        self._waited_s += passed
        return True
