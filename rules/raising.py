"""What is done about steps that are too short: a higher rate, another optimizer, more epochs."""

from math import sqrt

from rules.facts import KnobFacts, LossFacts, RunFacts, TaskFacts
from rules.learning import learned_nothing, pays_to_start_over
from rules.remedies import advice, begin_anew, start_over, turned
from rules.vocabulary import METRIC_GUARD, Effect, Fix
from rules.wording import of_rate

CLOSED_SHARE = 0.3
"""Of the loss: the share that a rate of the right order closes over a run on small data, carefully said."""
LONGEST_WARMUP = 0.2
"""Of the run: a warm-up is meant for its first steps. Behind a longer one the rate is judged while it still rises."""
USUAL_WARMUP = 0.05
"""Of the run (knobs.md: 2 to 5 %)."""
FEW_STEPS = 200
"""In a whole run: at any rate the simplest nets want some hundred."""
NOTHING_LOST = "nothing was learned that could be lost"


def raises(run: RunFacts, task: TaskFacts, loss: LossFacts, knobs: KnobFacts, pick: float) -> tuple[Fix, ...]:
    """Return the fixes that raise the rate, in the order in which they are tried.

    Where nothing was learned the run starts over with the pick; later a fork tries it from here, and, where that is too much,
    half the way there on a logarithmic scale.

    Args:
        run: Where the run stands.
        task: What chance is.
        loss: Whether it is better.
        knobs: The rate and the warm-up; a warm-up over most of the run goes with the old rate.
        pick: Of the sweep.
    """
    if not (learned_nothing(task, loss) and pays_to_start_over(run)):
        return tuple(raise_to(to) for to in (pick, sqrt(pick * knobs.number("lr"))))
    shorter = {"warmup": USUAL_WARMUP} if knobs.number("warmup") > LONGEST_WARMUP else {}
    return (start_over(NOTHING_LOST, expected=CLOSED_SHARE, lr=pick, **shorter),)


def raise_to(rate: float) -> Fix:
    """Return the fix that goes on at a higher rate."""
    return Fix(
        name=f"raise lr to {of_rate(rate)}",
        effect=Effect.CHANGES_LEARNING,
        turns=turned(lr=rate),
        improves="loss",
        guards=(METRIC_GUARD,),
        expected=CLOSED_SHARE,
        estimated_by="what a rate of the right order gained on small runs that were ten times too slow, at the least",
    )


def under_adamw(rate: float) -> Fix:
    """Return the fix that starts over with steps that do not grow faint with the gradient."""
    return begin_anew(
        f"adamw at lr {of_rate(rate)}",
        lost=True,
        expected=CLOSED_SHARE,
        estimated_by=f"applied, not tried: {NOTHING_LOST}",
        optimizer="adamw",
        lr=rate,
    )


def longer(run: RunFacts) -> tuple[Fix, ...]:
    """Return the advice that goes with a run of a few dozen steps."""
    if run.steps_total >= FEW_STEPS:
        return ()
    return (advice(f"train for more epochs: {run.steps_total} steps are few for any net", improves="loss"),)
