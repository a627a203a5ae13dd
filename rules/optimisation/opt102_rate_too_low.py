"""The learning rate is far too low.

## What it does
Draws the loss on in a straight line to the end of the run, which flatters it. When even that ends above half of
what a constant predictor loses, and the loss never rose on the way, it asks for a rate sweep, and speaks up when the
sweep picks at least ten times the present rate; a loss that has fallen and levels off alarms nobody. Where the sweep agrees and nothing was learned all the same after a
seventh of the run, a higher rate is proposed for a trial. Where plain gradient descent learns nothing at any rate of the sweep, it
asks for another one under AdamW.

## Why it matters
The run will end before it has learned what its data can teach; the machine works for nothing.

## What to do
Start over with the pick while nothing was learned, and with a short warm-up in place of one over most of the run; later raise the
rate to it or, if that is too much, half the way there on a logarithmic scale. Gradients too faint for any rate: AdamW, which
divides by their size. A run of a few dozen steps needs more epochs besides.

## Fix safety
Starting over is a rescue: applied, not tried; nothing was learned that could be lost. Going on at another rate changes
what is learned; a fork with a control arm decides, on weights averaged over its second half.

## When to ignore it
A pretrained model is being tuned gently on purpose, or the loss has a floor that is high by nature.

## References
- Smith, «Cyclical Learning Rates for Training Neural Networks», 2017 (the range test)
"""

from math import isfinite, isnan

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
    wandered,
)
from rules.raising import LONGEST_WARMUP, longer, raise_to, raises, under_adamw
from rules.remedies import new_start, possible
from rules.vocabulary import Evidence, Finding, Severity, rule
from rules.wording import of_rate

LATER_SHARE = 0.15
"""Of the run: what has learned nothing by then at a rate that a sweep allows may be given a higher one on trial."""
MOST_OF_PICK = 4.0
"""Times the pick: it stands at a fifth of the rate with the lowest loss, or less (trainer/probing/sweep.py)."""
FAR_BELOW = 3.0
"""Times the rate: so far under the pick, the pick itself is high enough. At four times the pick units died later, in healthy
runs of batches of four (fault bench)."""
HIGHEST_RATE = 9.0
"""A sweep of plain steps goes on to 10, unless the loss explodes before."""
UNMOVED_SHARE = 0.1
"""Of the size of the weights: a sweep takes dozens of steps at rates above 1, and moves a net by many times that."""
PLAIN = frozenset({"sgd", "momentum", "nesterov"})
"""Optimizers whose steps are as short as the gradient is faint."""
SYMPTOMS = ("OPT103", "OPT104", "OPT108", "OPT109", "GEN102", "GEN103")


@rule("OPT102")
def rate_too_low(
    run: RunFacts, task: TaskFacts, loss: LossFacts, knobs: KnobFacts, probes: ProbeFacts
) -> Finding | None:
    """Find a run that will end before it has learned, because its steps are too short."""
    warmed = min(knobs.number("warmup"), LONGEST_WARMUP)
    if not suspected(run) or run.progress < warmed + SUSPECTED_SHARE or not creeps(run, task, loss):
        return None
    at_end = heads_for(run, task, loss)
    asked = "lr_sweep" not in probes.done
    ratio = rate_over_pick(knobs, probes)
    rate, pick = knobs.number("lr"), probes.lr_pick
    if not asked and isnan(ratio):
        return _no_rate_helps(run, task, loss, knobs, probes)
    if not asked and not ratio <= 1 / SWEEP_FACTOR:
        return _flat_at_the_pick(run, task, loss, knobs, pick)
    said = f"the loss {loss.now:.3g} heads for {at_end:.3g} at the end of the run: lr {of_rate(rate)} may be too low"
    if asked and wandered(run, task, loss):
        said = f"the loss {loss.now:.3g} is no better than guessing: lr {of_rate(rate)} may be wrong"
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
        explains=("GEN103",) if asked else SYMPTOMS,
        fixes=(new_start(),) if asked else (*possible(knobs, *raises(run, task, loss, knobs, pick)), *longer(run)),
    )


def _no_rate_helps(
    run: RunFacts, task: TaskFacts, loss: LossFacts, knobs: KnobFacts, probes: ProbeFacts
) -> Finding | None:
    """Return that gradients are too faint for any rate, where steps of a length of their own learn and plain ones do not.

    A sweep that came to its end without a fall has moved the net too little, or there is nothing to learn; one under AdamW, which
    divides by the size of the gradient, tells them apart.
    """
    plain = knobs.values.get("optimizer") in PLAIN and knobs.can("optimizer", "lr")
    unmoved = probes.lr_finite_to >= HIGHEST_RATE and probes.lr_moved_share <= UNMOVED_SHARE
    faint = plain and unmoved and learned_nothing(task, loss) and pays_to_start_over(run)
    asked = "adaptive_sweep" not in probes.done
    if not faint or not (asked or isfinite(probes.adaptive_pick)):
        return None
    rate, pick = knobs.number("lr"), probes.adaptive_pick
    tried = f"no rate up to {of_rate(probes.lr_finite_to)} makes the loss fall from {loss.now:.3g}"
    return Finding(
        code="OPT102",
        name="rate_too_low",
        severity=Severity.INFO if asked else Severity.WARNING,
        message=tried if asked else f"{tried} under {knobs.values['optimizer']}, and under adamw {of_rate(pick)} does",
        evidence=(
            Evidence(fact="knobs.lr", value=rate, limit="sweep to come" if asked else probes.lr_finite_to),
            Evidence(fact="loss.now", value=heads_for(run, task, loss), limit=HIGH_LOSS_SHARE * task.baseline_loss),
        ),
        causes=(
            "gradients that are too faint for plain steps",
            "a loss that is divided too often",
            "gradients that vanish",
        ),
        probes=("adaptive_sweep",) if asked else (),
        explains=("GEN103",) if asked else SYMPTOMS,
        fixes=(new_start(),) if asked else possible(knobs, under_adamw(pick)),
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
        fixes=possible(knobs, raise_to(to)),
    )
