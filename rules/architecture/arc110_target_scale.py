"""The number to predict lies far from where a net begins.

## What it does
Compares mean and spread of a regression's target with the size of the outputs before the first step. Where the target is ten
times larger (or ten times smaller than where a sound net begins), it says so; where the run has warmed up and its loss is still above that of the best
constant, or its first steps have thrown it there, it names the scale as the cause. It is silent once the targets are scaled,
and where the target never changes: that has no scale.

## Why it matters
A net begins with outputs about 0 ± 1. Towards a target like 90 ± 30 an adaptive optimizer creeps, a rate's length a step, and
plain gradient descent gets gradients a hundred times too large: the rate that fits is tiny, or there is none.

## What to do
Let the run scale the targets (train.scale_targets): the model learns in spreads about the mean of the training targets, and
still says its predictions in their own unit. It pays from the first step on, so the run begins anew with it. In your own code:
standardise the target, `(y - mean) / std` over the training split, and undo it where the prediction is used. Built-in models of
this trainer do so by themselves.

## Fix safety
Changes what is learned. A run that goes on is compared with one that began with scaled targets, both trained from the first
step to the step of now, by the loss in the target's own unit, and goes on from the better one. A run that is lost already (its
loss not finite, or above where it began) is begun anew: applied, not tried. Where the targets cannot be scaled, a new start at
a sweep's rate is a rescue, proposed only while the run is worse than a constant. A loss with a bend (Huber) bends at so many
spreads where it bent at so many units.

## When to ignore it
The run has time enough: once its loss is below the constant's the rule only mentions the scale.

## References
- Goodfellow et al., «Deep Learning», 2016, section 8.2 (conditioning)
- LeCun et al., «Efficient BackProp», 1998, sections 4.3 and 4.5 (normalising inputs, choosing targets)
"""

from math import isfinite

from rules.facts import KnobFacts, LossFacts, OutputFacts, ProbeFacts, RunFacts, TaskFacts
from rules.learning import SWEEP_MARGIN, at_chance, lost_early, rate_over_pick, rose, rose_early
from rules.remedies import advice, begin_anew, new_start, possible, start_over
from rules.vocabulary import Evidence, Finding, Fix, Severity, rule

FAR_FACTOR = 10.0
"""Times the outputs at the start, or times 1 where these are smaller: within it, a net reaches its target in some dozen steps."""
SOUND_START = 3.0
"""Outputs of a soundly drawn net at the most: of one that begins farther out the weights are to blame (ARC111), not the target."""
SPREADS_OF_RANGE = 6.0
"""Spreads between the ends of a target: of several numbers, the one farthest from zero may hardly vary, and the others do."""
RESOLUTION = 1e-6
"""Of the target's size: a smaller spread is what single precision makes of one value."""
EARLY_SHARE = 0.25
"""Of the run: a new start costs little."""
SOONEST_STEP = 2
"""A loss that is no number in the first step has come of the data or the code: gradients that are too large take a step first."""
GAINED_SHARE = 0.5
"""Of the loss: what scaling took off it at the least on the bench's targets of tens and thousands."""
CREEPS = ("OPT102", "OPT103", "OPT104", "OPT109", "OPT110", "GEN102", "GEN103", "ARC102", "ARC103", "DAT112")
"""What a run shows that is still on its way to the mean of its target."""
THROWN = (*CREEPS, "NUM101", "NUM102", "NUM103", "OPT101", "OPT105", "OPT106", "ARC104", "GEN101")
"""What a run shows whose errors, and with them the gradients, are so large that its steps throw it."""


@rule("ARC110")
def target_scale(
    run: RunFacts, task: TaskFacts, loss: LossFacts, outputs: OutputFacts, knobs: KnobFacts, probes: ProbeFacts
) -> Finding | None:
    """Find a target on another scale than the outputs."""
    begins = outputs.first_rms if isfinite(outputs.first_rms) else 0.0
    size = max(abs(outputs.target_mean), outputs.target_std)
    spread = max(outputs.target_std, (outputs.target_high - outputs.target_low) / SPREADS_OF_RANGE)
    large, small = size > FAR_FACTOR * max(begins, 1.0), FAR_FACTOR * spread < min(begins, SOUND_START)
    scaled = knobs.values.get("scale_targets", False)
    varies = outputs.target_std > RESOLUTION * size
    if task.kind != "regression" or scaled or not varies or not (large or small):
        return None
    creeps = run.warm and isfinite(loss.now) and loss.now > task.baseline_loss and not rose(run, task, loss)
    soon = loss.non_finite_steps > 0 and loss.non_finite_onset < SOONEST_STEP
    lost = large and lost_early(run, task, loss) and not soon
    thrown = lost or (large and run.warm and at_chance(task, loss) and rose_early(run, task, loss))
    behind = creeps or thrown
    fixes = possible(knobs, _scaled(outputs, lost=lost)) if behind else ()
    rate = creeps and run.progress <= EARLY_SHARE and not knobs.can("scale_targets")
    asked = rate and "lr_sweep" not in probes.done
    said = (
        f"standardise the target: (y - {outputs.target_mean:.4g}) / {outputs.target_std:.4g}; undo it where it is used"
    )
    seen = f"the target is {outputs.target_mean:.3g} ± {outputs.target_std:.3g}, and the outputs began about ± {begins:.2g}"
    left = f"; after {run.progress:.0%} of the run the loss is {loss.now / task.baseline_loss:.2g} times a constant's"
    return Finding(
        code="ARC110",
        name="target_scale",
        severity=Severity.ERROR if lost else Severity.WARNING if behind else Severity.INFO,
        message=f"{seen}: the run blows up" if lost else seen + left if behind else seen,
        evidence=(
            Evidence(fact="outputs.target_mean", value=outputs.target_mean, limit=FAR_FACTOR),
            Evidence(fact="outputs.target_std", value=outputs.target_std, limit=FAR_FACTOR),
            Evidence(fact="loss.now", value=loss.now, limit=task.baseline_loss),
        ),
        causes=("a target that was not scaled",),
        probes=("lr_sweep",) if asked else (),
        explains=THROWN if thrown else CREEPS if creeps else (),
        eased_by_knobs=thrown,
        fixes=(
            *fixes,
            *((new_start(),) if asked else _new_start(knobs, probes) if rate else ()),
            advice(said, improves="loss"),
        ),
    )


def _scaled(outputs: OutputFacts, *, lost: bool) -> Fix:
    return begin_anew(
        f"the target scaled: (y - {outputs.target_mean:.3g}) / {outputs.target_std:.3g}",
        lost=lost,
        improves="finite",
        expected=GAINED_SHARE,
        estimated_by=f"{GAINED_SHARE:.0%} of the loss: what scaling took off it at the least, where targets were raw",
        scale_targets=True,
    )


def _new_start(knobs: KnobFacts, probes: ProbeFacts) -> tuple[Fix, ...]:
    ratio = rate_over_pick(knobs, probes)
    if not (ratio >= SWEEP_MARGIN or ratio <= 1 / SWEEP_MARGIN):
        return ()
    start = start_over("the run is worse than a constant, nothing was learned that could be lost", lr=probes.lr_pick)
    return possible(knobs, start)
