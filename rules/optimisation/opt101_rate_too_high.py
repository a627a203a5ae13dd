"""The learning rate is far too high.

## What it does
Suspects the rate when, after the first steps, the loss is worse than a constant predictor's and has risen; or is no
better than that and does not fall, or stays high and throws about from step to step; or when one of the first steps
drove it to a multiple of where it began, however it came down since: such a net creeps, or rests at a constant, and looks
converged. It then asks for a rate sweep, and speaks up when the rate is at least three times the one that the sweep
picks (ten times, where it is only noisy, or where the weights have gone a long way and the net guesses as before). A rise
of a net that had learned something is not its matter, nor what a net loses whose weights have hardly moved.

## Why it matters
At such a rate a step overshoots whatever the gradient says. In the first steps it also drives the units into
states (dead, saturated) that a later, lower rate does not mend.

## What to do
When nothing was learned, start over with the rate that the sweep picks, up to the middle of the run; so too in the
first fifth of it after a throw, for the units that it killed do not come back. Else, or later, go on from here with it.

## Fix safety
Starting over is a rescue: applied, not tried. Going on at another rate changes what is learned; a fork with a
control arm decides, on weights averaged over its second half.

## When to ignore it
A very large rate is meant: cyclical schedules with super-convergence, or a rate scaled by the model's own code.

## References
- Smith, «Cyclical Learning Rates for Training Neural Networks», 2017 (the range test)
- Wu et al., «Understanding Short-Horizon Bias in Stochastic Meta-Optimization», arXiv 1803.02021
"""

from rules.facts import KnobFacts, LossFacts, ProbeFacts, RunFacts, TaskFacts
from rules.learning import (
    LAST_PROBE_SHARE,
    LEARNED_SHARE,
    SWEEP_FACTOR,
    SWEEP_MARGIN,
    THROWN_FACTOR,
    at_chance,
    pays_to_start_over,
    rate_over_pick,
    rose_early,
    stalled_high,
    stood_still,
    suspected,
    thrown_up,
    wandered,
)
from rules.remedies import new_start, possible, turned
from rules.vocabulary import METRIC_GUARD, Deed, Effect, Evidence, Finding, Fix, Severity, rule
from rules.wording import of_rate

WILD_NOISE_SHARE = 0.5
"""Spread over smoothed loss: healthy runs have .35 at most while the loss is still high (regression, batch 32)."""
WORSE_FACTOR = 1.05
"""Times the chance loss, after the first steps and a rise: only steps that are too long do that."""
THROWS_FACTOR = 100.0
"""Times the pick: such a rate throws the loss to thrice its start in 28 of 30 runs (ten times it in 6: tests/bench/RESULTS.md). Where
it has not, the sweep has picked from noise: shuffled labels and the like fall here and there by chance."""
THROWN_SHARE = 0.20
"""Of the run: until then a new start after a throw costs less than the harm that it did."""


@rule("OPT101")
def rate_too_high(
    run: RunFacts, task: TaskFacts, loss: LossFacts, knobs: KnobFacts, probes: ProbeFacts
) -> Finding | None:
    """Find a run that does not learn, or creeps, because its steps are or were too long."""
    asked = "lr_sweep" not in probes.done
    thrown, high = thrown_up(task, loss), rose_early(run, task, loss)
    worse = high and loss.now > WORSE_FACTOR * task.baseline_loss
    knew = loss.best < LEARNED_SHARE * task.baseline_loss and not high
    ratio = rate_over_pick(knobs, probes)
    strayed = wandered(run, task, loss) and ratio < THROWS_FACTOR
    returned = at_chance(task, loss) and (high or thrown or strayed)
    wild = not knew and stalled_high(task, loss) and loss.noise_share > WILD_NOISE_SHARE
    if not thrown and (stood_still(run) or not (suspected(run) and (worse or returned or wild))):
        return None
    factor = SWEEP_MARGIN if worse or thrown or high else SWEEP_FACTOR
    if not asked and not ratio >= factor:
        return None
    rate, pick = knobs.number("lr"), probes.lr_pick
    against = "no better than guessing" if at_chance(task, loss) else f"noisy by {loss.noise_share:.0%}"
    if not (worse or returned or wild):
        against = f"what is left of the {loss.highest_early:.3g} that the first steps drove it to"
    said = f"the loss {loss.now:.3g} is {against}: lr {of_rate(rate)} may be too high"
    start_over = worse or returned or (thrown and run.progress <= THROWN_SHARE)
    mild = asked and not worse
    return Finding(
        code="OPT101",
        name="rate_too_high",
        severity=Severity.INFO if mild else Severity.ERROR,
        message=said if asked else f"lr {of_rate(rate)} is {ratio:.0f} times what a sweep picks ({of_rate(pick)})",
        evidence=(
            Evidence(fact="knobs.lr", value=rate, limit="sweep to come" if asked else factor * pick),
            Evidence(fact="loss.now", value=loss.now, limit=task.baseline_loss),
            Evidence(fact="loss.noise_share", value=loss.noise_share, limit=WILD_NOISE_SHARE),
            Evidence(fact="loss.highest_early", value=loss.highest_early, limit=THROWN_FACTOR * task.baseline_loss),
        ),
        causes=("the learning rate is too high", "dead or saturated units", "inputs of very large scale"),
        probes=("lr_sweep",) if asked and run.progress <= LAST_PROBE_SHARE else (),
        explains=OF_A_SUSPECT if mild else (*SYMPTOMS, *(("NUM101",) if high or thrown else ())),
        fixes=(new_start(),) if asked else possible(knobs, _to_the_pick(run, task, loss, pick, start_over)),
    )


SYMPTOMS = (
    "NUM102", "NUM103", "OPT103", "OPT104", "OPT105", "OPT106", "OPT108", "OPT109", "GEN101", "GEN102", "GEN103",
    "ARC101", "ARC102", "ARC103", "ARC104",
)  # fmt: skip
"""What a rate that is far too high brings about; after a rise also a loss that is no number, which has other causes too."""
OF_A_SUSPECT = ("OPT105", "OPT106", "GEN101", "GEN103")
"""What waits for the sweep's answer: swings, a rise without a warm-up, what is said of a net that may have been thrown."""


def _to_the_pick(run: RunFacts, task: TaskFacts, loss: LossFacts, pick: float, from_start: bool) -> Fix:
    start_over = from_start and pays_to_start_over(run)
    return Fix(
        name=f"start over with lr {of_rate(pick)}" if start_over else f"set lr to {of_rate(pick)}",
        effect=Effect.RESCUE if start_over else Effect.CHANGES_LEARNING,
        deed=Deed.START_OVER if start_over else Deed.TURN,
        turns=turned(lr=pick),
        improves="loss",
        guards=() if start_over else (METRIC_GUARD,),
        expected=max(0.0, 1 - task.baseline_loss / loss.now) if loss.now > 0 else 0.0,
        estimated_by="at least back to the loss of a constant predictor; what lies below it nobody can say",
    )
