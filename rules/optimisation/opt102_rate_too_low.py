"""The learning rate is far too low.

## What it does
Draws the loss on in a straight line to the end of the run, which flatters it. When even that ends above half of
what a constant predictor loses, and the loss never rose on the way, it asks for a rate sweep, and speaks up when the
sweep picks at least ten times the present rate; a loss that has fallen and levels off alarms nobody. Where the sweep agrees and nothing was learned all the same after a
seventh of the run, a higher rate is proposed for a trial.

## Why it matters
The run will end before it has learned what its data can teach; the machine works for nothing.

## What to do
Start over with the pick while nothing was learned; later raise the rate to it (at most tenfold where something was learned) or, if that is too
much, half the way there on a logarithmic scale. A run of a few dozen steps needs more epochs besides.

## Fix safety
Starting over is a rescue: applied, not tried; nothing was learned that could be lost. Going on at another rate changes
what is learned; a fork with a control arm decides, on weights averaged over its second half.

## When to ignore it
A pretrained model is being tuned gently on purpose, or the loss has a floor that is high by nature.

## References
- Smith, «Cyclical Learning Rates for Training Neural Networks», 2017 (the range test)
"""

from math import sqrt

from rules.facts import KnobFacts, LossFacts, ProbeFacts, RunFacts, TaskFacts
from rules.learning import (
    HIGH_LOSS_SHARE,
    LAST_PROBE_SHARE,
    SUSPECTED_SHARE,
    SWEEP_FACTOR,
    creeps,
    heads_for,
    learned_nothing,
    levels_off,
    pays_to_start_over,
    rate_over_pick,
    suspected,
)
from rules.remedies import advice, new_start, possible, start_over, turned
from rules.vocabulary import METRIC_GUARD, Effect, Evidence, Finding, Fix, Severity, rule
from rules.wording import of_rate

CLOSED_SHARE = 0.3
"""Of the loss: the share that a rate of the right order closes over a run on small data, carefully said."""
LATER_SHARE = 0.15
"""Of the run: what has learned nothing by then at a rate that a sweep allows may be given a higher one on trial."""
MOST_OF_PICK = 4.0
"""Times the pick: it stands at a fifth of the rate with the lowest loss, or less (trainer/probing/sweep.py)."""
MOST_RAISE = 10.0
"""Times the rate of a net that has learned something: the sweep was made on one that had not."""
FAR_BELOW = 3.0
"""Times the rate: so far under the pick, the pick itself is high enough. At four times the pick units died later, in healthy
runs of batches of four (fault bench)."""
FEW_STEPS = 200
"""In a whole run: at any rate the simplest nets want some hundred."""


@rule("OPT102")
def rate_too_low(
    run: RunFacts, task: TaskFacts, loss: LossFacts, knobs: KnobFacts, probes: ProbeFacts
) -> Finding | None:
    """Find a run that will end before it has learned, because its steps are too short."""
    judged = suspected(run) and run.progress >= knobs.number("warmup") + SUSPECTED_SHARE
    if not judged or not creeps(run, task, loss):
        return None
    at_end = heads_for(run, task, loss)
    asked = "lr_sweep" not in probes.done
    ratio = rate_over_pick(knobs, probes)
    rate, pick = knobs.number("lr"), probes.lr_pick
    if not asked and not ratio <= 1 / SWEEP_FACTOR:
        return _flat_at_the_pick(run, task, loss, knobs, pick)
    said = f"the loss {loss.now:.3g} heads for {at_end:.3g} at the end of the run: lr {of_rate(rate)} may be too low"
    return Finding(
        code="OPT102",
        name="rate_too_low",
        severity=Severity.INFO if asked or levels_off(run, task, loss) else Severity.WARNING,
        message=said
        if asked
        else f"a sweep picks lr {of_rate(pick)}, {1 / ratio:.0f} times the present {of_rate(rate)}",
        evidence=(
            Evidence(fact="knobs.lr", value=rate, limit="sweep to come" if asked else pick / SWEEP_FACTOR),
            Evidence(fact="loss.now", value=at_end, limit=HIGH_LOSS_SHARE * task.baseline_loss),
        ),
        causes=("the learning rate is too low", "the data hold no more", "the net is too small"),
        probes=("lr_sweep",) if asked and run.progress <= LAST_PROBE_SHARE else (),
        explains=("GEN103",) if asked else ("OPT103", "OPT104", "OPT108", "OPT109", "GEN102", "GEN103"),
        fixes=(new_start(),) if asked else (*possible(knobs, *_raises(run, task, loss, rate, pick)), *_longer(run)),
    )


def _flat_at_the_pick(run: RunFacts, task: TaskFacts, loss: LossFacts, knobs: KnobFacts, pick: float) -> Finding | None:
    """Return what is left to try where nothing is learned at a rate that the sweep allows: a fork decides.

    A sweep that could not tell found no rate at which this net learns: then it is not the rate.
    """
    rate = knobs.number("lr")
    to = pick if pick >= FAR_BELOW * rate else MOST_OF_PICK * pick
    in_time = run.progress >= LATER_SHARE and pays_to_start_over(run)
    if not in_time or not to >= 2 * rate or not learned_nothing(task, loss):
        return None
    return Finding(
        code="OPT102",
        name="rate_too_low",
        severity=Severity.INFO,
        message=f"the loss is {loss.now:.3g} after {run.progress:.0%} of the run at lr {of_rate(rate)}, and a sweep "
        f"picks {of_rate(pick)}, on the low side",
        evidence=(
            Evidence(fact="knobs.lr", value=rate, limit=to),
            Evidence(fact="loss.now", value=heads_for(run, task, loss), limit=HIGH_LOSS_SHARE * task.baseline_loss),
        ),
        causes=("the learning rate is too low", "the data hold no more", "the net is too small"),
        explains=("OPT104", "GEN102", "GEN103"),
        fixes=possible(knobs, _raise_to(to)),
    )


def _raises(run: RunFacts, task: TaskFacts, loss: LossFacts, rate: float, pick: float) -> tuple[Fix, ...]:
    if not (learned_nothing(task, loss) and pays_to_start_over(run)):
        most = pick if learned_nothing(task, loss) else min(pick, MOST_RAISE * rate)
        return tuple(_raise_to(to) for to in dict.fromkeys((most, sqrt(pick * rate))))
    start = start_over("nothing was learned that could be lost", expected=CLOSED_SHARE, lr=pick)
    return (start,)


def _longer(run: RunFacts) -> tuple[Fix, ...]:
    if run.steps_total >= FEW_STEPS:
        return ()
    return (advice(f"train for more epochs: {run.steps_total} steps are few for any net", improves="loss"),)


def _raise_to(rate: float) -> Fix:
    return Fix(
        name=f"raise lr to {of_rate(rate)}",
        effect=Effect.CHANGES_LEARNING,
        turns=turned(lr=rate),
        improves="loss",
        guards=(METRIC_GUARD,),
        expected=CLOSED_SHARE,
        estimated_by="what a rate of the right order gained on small runs that were ten times too slow, at the least",
    )
