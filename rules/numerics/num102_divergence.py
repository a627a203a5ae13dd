"""The training loss climbs away from where it has been.

## What it does
Looks for a smoothed loss that stayed over 1.5 times its least value for 50 steps (20 in the first fifth of the run, or after three outliers in 50 steps),
or that is twice as high as before the first step. The climb must also be more than a tenth of what a constant predictor
loses, and more than twice the spread of the batches: a loss near zero, or a noisy one, may double without meaning.

## Why it matters
A loss that climbs for that long does not come back by itself at this rate; the steps from here on are lost.

## What to do
Go back to a state from before the climb and clip the gradients at their 90th percentile. If it happens again, halve
the rate. If it was so from the first steps, the rate was never right: start over with the one a sweep picks.

## Fix safety
Rescue: applied and not tried, because there is no sound run to compare with.

## When to ignore it
The loss itself was changed on the way (other weights, smoothing, stronger augmentation), by your own code.

## References
- Chowdhery et al., «PaLM», 2022, section 5.1 (rewind and skip the batches)
- Schaul et al., «No More Pesky Learning Rates», 2013
"""

from rules.facts import BranchFacts, KnobFacts, LossFacts, ProbeFacts, RunFacts, TaskFacts
from rules.rescue import ladder, look_at_the_code
from rules.vocabulary import Evidence, Finding, Severity, rule

CLIMB_STEPS = 50
"""Steps over 1.5 × the least smoothed loss: spikes of healthy runs are over by then."""
EARLY_CLIMB_STEPS = 20
"""Steps of climb in the first fifth of a run: no false alarm in 120 healthy runs there (bad starts, measured)."""
EARLY_SHARE = 0.20
"""Of the run: where the shorter patience holds."""
OUTLIERS = 3
"""Among the last 50 steps: with a climb that began with a burst of them, the shorter patience holds at any time."""
START_FACTOR = 2.0
"""Times the loss before the first step: an untrained net is not that wrong (no false alarm in 120 healthy runs)."""
MEANT_SHARE = 0.1
"""Of the chance loss: a climb smaller than this is noise around a converged loss."""
NOISE_FACTOR = 2.0
"""Spreads of the batch loss: the least of many medians of 20 lies up to one and a half below a flat curve."""
LOST_SHARE = 0.5
"""Of all that a loss has fallen which is below zero at its least: batches of a Poisson likelihood, whose spread is as uneven
as they are, came to a third of it by chance."""
SETTLED_STEPS = 20
"""Steps before a smoothed loss exists that can be held against the first one."""


@rule("NUM102")
def divergence(
    run: RunFacts,
    task: TaskFacts,
    loss: LossFacts,
    knobs: KnobFacts,
    probes: ProbeFacts,
    branch: BranchFacts,
) -> Finding | None:
    """Find a training loss that has climbed and stays up."""
    noise = NOISE_FACTOR * loss.noise_share * abs(loss.now)
    lost = LOST_SHARE * (loss.at_start - loss.best) if loss.best <= 0 else 0.0  # a multiple of it says nothing
    meant = loss.now - loss.best > max(MEANT_SHARE * task.baseline_loss, noise, lost)
    comparable = loss.best_step >= run.last_turn_step
    shaken = loss.outliers_in_50 >= OUTLIERS
    patience = EARLY_CLIMB_STEPS if run.progress <= EARLY_SHARE or shaken else CLIMB_STEPS
    climbing = run.warm and comparable and loss.above_best_steps >= patience
    untrained = max(loss.at_start, task.baseline_loss)
    positive = untrained > 0  # of a loss that begins below zero (a density, a similarity) a multiple says nothing
    worse_than_untrained = positive and run.step >= SETTLED_STEPS and loss.now > START_FACTOR * untrained
    if not (climbing and meant) and not worse_than_untrained:
        return None
    onset = max(run.step - loss.above_best_steps, 0) if climbing else 0
    fixes, asked = ladder(run, onset, branch.clip_norm, knobs, probes, branch)
    return Finding(
        code="NUM102",
        name="divergence",
        severity=Severity.ERROR,
        message=f"the training loss is {loss.now:.3g}, up from {loss.best:.3g} at step {loss.best_step}"
        if climbing and meant
        else f"the training loss is {loss.now:.3g}, {loss.now / untrained:.0f} times that of an untrained net",
        evidence=(
            Evidence(fact="loss.above_best_steps", value=loss.above_best_steps, limit=patience),
            Evidence(fact="loss.now", value=loss.now, limit=START_FACTOR * untrained),
        ),
        causes=("the learning rate is too high here", "a run of bad batches", "moments that no longer fit the loss"),
        probes=asked,
        explains=("OPT104", "ARC102", "OPT105", "OPT106", "NUM103", "GEN101"),
        fixes=(*fixes, look_at_the_code()),
    )
