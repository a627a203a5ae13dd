"""What trials may cost, counted in steps: a stated share of the run, and what may be borrowed once."""

from collections.abc import Callable
from dataclasses import dataclass

HORIZON_SHARE = 0.10
"""Of what remains: a fork looks this far (trials.md, «Fork»)."""
LEAST_HORIZON = 40
MOST_HORIZON = 400
"""Steps: shorter, noise decides; longer, the other batches' noise comes back (trials.md)."""
MOST_NULLS = 3
"""Null arms in the pool beyond which the Student factor hardly falls: 6.3, 2.9, 2.4."""
PAYS_BACK_HORIZONS = 3
"""A fork is tried while so many of its horizons remain: what it finds must still have time to pay."""
BORROWED = 3.0
"""Times the budget: what all trials together may cost where the first probe or the first fork does not fit into it. In a
run of some hundred steps a tenth pays for no fork at all; 10-30 % for tuning is held reasonable (trials.md)."""
SURE_NULLS = 2
"""Null arms from which on a fork can see an ordinary gain: from one the Student factor is 6.3, from two 2.9."""
ROUNDS = 6
STRETCH_STEPS = 20
STRETCH_S = 0.25
"""Rounds: six pairs of stretches, each at least so long (trials.md, «Rounds»)."""
ROUNDS_PAY_BACK = 1.5
"""Rounds are tried while this multiple of their own steps remains."""


@dataclass(frozen=True)
class Budget:
    """The bill of a run, and what it may still cost. All in steps of this run."""

    share: float
    spent_steps: float
    steps_total: float
    probed: bool = False
    """A probe was paid for already."""
    forked: bool = False
    """A fork was run already."""

    @property
    def room_steps(self) -> float:
        """Steps that the next trial may cost."""
        return self._room(1.0)

    @property
    def probe_room_steps(self) -> float:
        """Steps that the next probe may cost: the first may borrow."""
        return self._room(1.0 if self.probed else BORROWED)

    @property
    def fork_room_steps(self) -> float:
        """Steps that the next fork may cost: the first may borrow."""
        return self._room(1.0 if self.forked else BORROWED)

    def _room(self, times: float) -> float:
        return max(times * self.share * self.steps_total - self.spent_steps, 0.0)


@dataclass(frozen=True)
class ForkPlan:
    """How far a fork looks and how many null arms it runs."""

    steps: int
    nulls: int
    cost_steps: float


def afford_fork(budget: Budget, steps_left: int, scoring_steps: float, pooled: Callable[[int], int]) -> ForkPlan | str:
    """Return the fork that fits the budget; the first one borrows where the budget pays for none that could be sure."""
    own = plan_fork(steps_left, budget.room_steps, scoring_steps, pooled)
    if isinstance(own, ForkPlan) and own.nulls + pooled(own.steps) >= SURE_NULLS:
        return own
    return plan_fork(steps_left, budget.fork_room_steps, scoring_steps, pooled)


def plan_fork(steps_left: int, room_steps: float, scoring_steps: float, pooled: Callable[[int], int]) -> ForkPlan | str:
    """Return the fork that fits into so many steps, or why none does.

    For want of room it gives up half its reach before it gives up null arms: from one null arm to three the noise that
    a gain has to pass falls to less than half.

    Args:
        steps_left: Of the run.
        room_steps: What the trial may cost.
        scoring_steps: What scoring one arm costs.
        pooled: Returns how many null arms for a horizon of so many steps are known already.
    """
    reach = int(min(max(HORIZON_SHARE * steps_left, LEAST_HORIZON), MOST_HORIZON))
    if steps_left < PAYS_BACK_HORIZONS * reach:
        return f"too late: {steps_left} steps are left, and a fork looks {reach} steps ahead"
    for least_reach, least_nulls in ((max(reach // 2, LEAST_HORIZON), MOST_NULLS - 1), (LEAST_HORIZON, 1)):
        for wanted in range(MOST_NULLS, least_nulls - 1, -1):
            nulls = max(wanted - pooled(reach), 0)
            steps = min(int((room_steps - scoring_steps) / (1 + nulls) - scoring_steps), reach)
            if steps >= least_reach and nulls + pooled(steps) >= least_nulls:
                return ForkPlan(steps, nulls, (1 + nulls) * (steps + scoring_steps) + scoring_steps)
    needed = 2 * (LEAST_HORIZON + scoring_steps) + scoring_steps
    return f"budget: a fork costs {needed:.0f} steps, and trials may cost {room_steps:.0f} more in this run"


def rounds_steps(step_s: float) -> int:
    """Return how many steps of the run its rounds take; they are steps of the run, not lost ones."""
    stretch = max(STRETCH_STEPS, STRETCH_S / step_s if step_s > 0 else STRETCH_STEPS)
    return int(2 * ROUNDS * stretch)


def too_late_for_rounds(steps_left: int, step_s: float) -> str:
    """Return why rounds cannot pay back any more; nothing when they can."""
    needed = rounds_steps(step_s)
    if steps_left >= ROUNDS_PAY_BACK * needed:
        return ""
    return f"too late: {steps_left} steps are left, and six rounds take {needed}"
