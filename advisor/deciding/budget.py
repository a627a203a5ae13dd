"""What trials may cost, counted in steps: a stated share of the run, and what may be borrowed once."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from advisor.trials.noise import LEAST_OWN_NULLS, MOST_NULLS, SURE_REPLICATES

HORIZON_SHARE = 0.10
"""Of what remains: a fork looks this far (trials.md, «Fork»)."""
LEAST_HORIZON = 40
SHORTEST_HORIZON = 24
"""Steps: in a run of some two hundred, two arms of 40 cost more than may be borrowed; two of these do not. A second cause is
looked at for so long where the first has left no more."""
MOST_HORIZON = 100
"""Steps. 40 find as many small gains as 100, and 400 fewer (.72, .70 and .53 of them), for a tenth of the price
(tests/bench/RESULTS.md, «Forks»)."""
MOST_EPOCH = 400
"""Steps that a regulariser's fork looks ahead at most: it needs about an epoch (trials.md), and a long one costs too much."""
PAYS_BACK_HORIZONS = 3
"""A fork is tried while so many of its horizons remain: what it finds must still have time to pay."""
BORROWED = 3.0
"""Times the budget: what all trials together may cost where the first probe or the first fork does not fit into it. In a
run of some hundred steps a tenth pays for no fork at all; 10-30 % for tuning is held reasonable (trials.md)."""
BORROWED_FOR_A_CAUSE = 3.75
"""Times the budget, for what may ruin the run: a fork from the start trains the control once more, an arm in five."""
BORROWED_FOR_NOTHING = 5.0
"""Times the budget, for the cause of a run that has learned nothing: what it may cost besides is lost already."""
FIRST_SUSPICION_STEPS = 60
"""A sweep: what the first probe may cost in any run that may have been wrong from its start. In a run of a hundred steps
that is much, and yet less than the run that comes to nothing."""
ROUNDS = 6
STRETCH_STEPS = 20
STRETCH_S = 0.25
"""Rounds: six pairs of stretches, each at least so long (trials.md, «Rounds»)."""
SIZING_STRETCHES = 4
"""Stretches without the turn that tell the noise first (trainer/trials/rounds.py)."""
HOPELESS_GAIN = -1.0
"""Twice as long: rounds that were broken off after that are a verdict, for all of them would have to agree."""
ROUNDS_PAY_BACK = 1.25
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
    of_a_cause: bool = False
    """It is what may ruin the run that is to be tried."""
    borrows: float = BORROWED
    """Times the share, for the next fork."""

    @property
    def room_steps(self) -> float:
        """Steps that the next trial may cost."""
        return self._room(1.0)

    @property
    def probe_room_steps(self) -> float:
        """Steps that the next probe may cost: the first may borrow."""
        return self._room(1.0 if self.probed else BORROWED)

    @property
    def suspicion_room_steps(self) -> float:
        """Steps that the next probe may cost where the run may have to start over: no fork follows it."""
        return self.probe_room_steps if self.probed else max(self.probe_room_steps, FIRST_SUSPICION_STEPS)

    @property
    def lost_room_steps(self) -> float:
        """The same where nothing was learned: every probe may borrow, for what is spent on this run else is lost already."""
        return max(self.suspicion_room_steps, self._room(BORROWED))

    @property
    def fork_room_steps(self) -> float:
        """Steps that the next fork may cost: the first may borrow."""
        return self._room(1.0 if self.forked else self.borrows)

    def for_a_cause(self, *, nothing_learned: bool = False) -> "Budget":
        """Return the budget of what may ruin the run: every fork may borrow, and all together no more than may be borrowed.

        Of two causes the second is open still when the fix of the first is kept, and its fork is as much worth as the first.
        """
        borrows = BORROWED_FOR_NOTHING if nothing_learned else BORROWED_FOR_A_CAUSE
        return replace(self, forked=False, of_a_cause=True, borrows=borrows)

    def _room(self, times: float) -> float:
        return max(times * self.share * self.steps_total - self.spent_steps, 0.0)


@dataclass(frozen=True)
class Reach:
    """How far a fork of a fix has to look, in steps."""

    least: int = LEAST_HORIZON
    """Shorter, its effect cannot show."""
    wanted: int = 0
    """0 = a tenth of what remains."""

    def of(self, steps_left: int) -> int:
        """Return how far the fork looks if there is room."""
        usual = int(min(max(HORIZON_SHARE * steps_left, LEAST_HORIZON), MOST_HORIZON))
        return max(usual, min(self.wanted, MOST_EPOCH), self.least)


USUAL_REACH = Reach()
LONE_ARMS = 2.0
PAIRED_ARMS = 3.0
"""Arms that one pair and a null arm cost, and two pairs: the control of one is the run itself. For a cause, a short run rather looks
less far with two pairs than farther with one: beside a single null arm a gain has to be six times the noise."""


def shortest_horizon(budget: Budget, arms: float = LONE_ARMS, scoring_steps: float = 0.0) -> int:
    """Return how far a fork looks at the least: in a short run as far as may be borrowed for so many arms and their scores.

    For a cause it is what is left of that: a short look at what ruins the run is better than none.
    """
    room = budget.fork_room_steps if budget.of_a_cause else BORROWED * budget.share * budget.steps_total
    return int(min(max((room - scoring_steps) / arms - scoring_steps, SHORTEST_HORIZON), LEAST_HORIZON))


@dataclass(frozen=True)
class ForkPlan:
    """How far a fork looks, and how many null arms and candidates it runs."""

    steps: int
    nulls: int
    replicates: int
    cost_steps: float
    """At most: a first pair without a gain ends the fork."""


def afford_fork(
    budget: Budget, steps_left: int, scoring_steps: float, pooled: Callable[[int], int], reach: Reach = USUAL_REACH
) -> ForkPlan | str:
    """Return the fork that fits the budget; the first one borrows where the budget pays for none that could be sure."""
    own = plan_fork(steps_left, budget.room_steps, scoring_steps, pooled, reach)
    if isinstance(own, ForkPlan) and own.replicates >= SURE_REPLICATES:
        return own
    return plan_fork(steps_left, budget.fork_room_steps, scoring_steps, pooled, reach)


def plan_fork(
    steps_left: int, room_steps: float, scoring_steps: float, pooled: Callable[[int], int], reach: Reach = USUAL_REACH
) -> ForkPlan | str:
    """Return the fork that fits into so many steps, or why none does.

    For want of room it gives up its reach before its second pair of arms, and that before null arms.

    Args:
        steps_left: Of the run.
        room_steps: What the trial may cost.
        scoring_steps: What scoring one arm costs.
        pooled: Returns how many null arms for a horizon of so many steps are known already.
        reach: How far it has to look.
    """
    if steps_left < PAYS_BACK_HORIZONS * reach.least:
        return f"too late: {steps_left} steps are left, and a fork looks {reach.least} steps ahead"
    most = max(min(reach.of(steps_left), steps_left // PAYS_BACK_HORIZONS), reach.least)
    for replicates in (SURE_REPLICATES, 1):
        for nulls in _nulls(replicates, pooled(most)):
            arms = nulls + replicates
            steps = min(int((room_steps - scoring_steps) / arms - scoring_steps), most)
            if steps >= reach.least:
                return ForkPlan(steps, nulls, replicates, arms * (steps + scoring_steps) + scoring_steps)
    needed = 2 * (reach.least + scoring_steps) + scoring_steps
    return f"budget: a fork costs {needed:.0f} steps, and trials may cost {room_steps:.0f} more in this run"


REPLAYED_ARMS = 5.0
"""Times the steps of now that two pairs of arms from the start cost, four, and a margin: between two looks at a run some steps go
by. Two pairs of fewer steps tell more than one of more and a null arm, by which a gain has to be six times the noise."""


def plan_replay(steps: int, steps_left: int, room_steps: float, scoring_steps: float, pooled: int) -> ForkPlan | str:
    """Return the fork whose arms begin before the first step and train up to the step of now, or why there is none.

    Args:
        steps: That the run has done.
        steps_left: Of the run.
        room_steps: What the trial may cost.
        scoring_steps: What scoring one arm costs.
        pooled: Null arms of such a horizon that are known already.
    """
    if steps_left < PAYS_BACK_HORIZONS * steps:
        return f"too late: {steps_left} steps are left, and arms from the start take {steps}"
    for replicates in (SURE_REPLICATES, 1):
        for nulls in _nulls(replicates, pooled):
            cost = (1 + nulls + replicates) * (steps + scoring_steps)
            if cost <= room_steps:
                return ForkPlan(steps, nulls, replicates, cost)
    cost = 3 * (steps + scoring_steps)
    return f"budget: arms from the start cost {cost:.0f} steps, and trials may cost {room_steps:.0f} more in this run"


def _nulls(replicates: int, pooled: int) -> range:
    """Return the numbers of null arms to consider, best first: a second candidate has one beside it."""
    if replicates > 1:
        return range(replicates - 1, replicates)
    return range(max(MOST_NULLS - pooled, LEAST_OWN_NULLS), LEAST_OWN_NULLS - 1, -1)


def rounds_steps(step_s: float) -> int:
    """Return how many steps of the run its rounds take; they are steps of the run, not lost ones."""
    stretch = max(STRETCH_STEPS, STRETCH_S / step_s if step_s > 0 else STRETCH_STEPS)
    return int((2 * ROUNDS + SIZING_STRETCHES) * stretch)


def too_late_for_rounds(steps_left: int, step_s: float) -> str:
    """Return why rounds cannot pay back any more; nothing when they can."""
    needed = rounds_steps(step_s)
    if steps_left >= ROUNDS_PAY_BACK * needed:
        return ""
    return f"too late: {steps_left} steps are left, and six rounds take {needed}"
