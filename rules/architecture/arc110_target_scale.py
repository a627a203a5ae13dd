"""The number to predict lies far from where a net begins.

## What it does
Compares mean and spread of a regression's target with the size of the outputs before the first step. Where the target is ten
times larger (or ten times smaller), it says so; where the run has warmed up and its loss is still above that of the best
constant, it names the scale as the cause and asks for a rate sweep. A run that such a target has blown up is named at once;
what a lower rate can save of it is OPT101's matter.

## Why it matters
A net begins with outputs about 0 ± 1. Towards a target like 90 ± 30 an adaptive optimizer creeps, a rate's length a step, and
plain gradient descent gets gradients a hundred times too large: the rate that fits is tiny, or there is none.

## What to do
Standardise the target, `(y - mean) / std` over the training split, and undo it where the prediction is used. Built-in models
of this trainer do so by themselves.

## Fix safety
Scaling the target needs a person. A new start at the sweep's rate is a rescue: applied, not tried; it is proposed only while
the run is worse than a constant, so nothing is lost.

## When to ignore it
The run has time enough: once its loss is below the constant's the rule only mentions the scale.

## References
- Goodfellow et al., «Deep Learning», 2016, section 8.2 (conditioning)
- LeCun et al., «Efficient BackProp», 1998, sections 4.3 and 4.5 (normalising inputs, choosing targets)
"""

from math import isfinite

from rules.facts import KnobFacts, LossFacts, OutputFacts, ProbeFacts, RunFacts, TaskFacts
from rules.learning import SWEEP_MARGIN, rate_over_pick, rose
from rules.remedies import advice, new_start, possible, start_over
from rules.vocabulary import Evidence, Finding, Fix, Severity, rule

FAR_FACTOR = 10.0
"""Times the outputs at the start, or times 1 where these are smaller: within it, a net reaches its target in some dozen steps."""
EARLY_SHARE = 0.25
"""Of the run: a new start costs little."""
CREEPS = ("OPT102", "OPT103", "OPT104", "OPT109", "OPT110", "GEN102", "GEN103", "ARC102", "ARC103")
"""What a run shows that is still on its way to the mean of its target."""
BLOWS_UP = ("OPT101", "NUM101", "NUM102", "NUM103", "OPT105", "OPT106", "GEN101")
"""What it shows besides where the errors, and with them the gradients, are so large that its steps throw it."""


@rule("ARC110")
def target_scale(
    run: RunFacts, task: TaskFacts, loss: LossFacts, outputs: OutputFacts, knobs: KnobFacts, probes: ProbeFacts
) -> Finding | None:
    """Find a target on another scale than the outputs."""
    begins = outputs.first_rms if isfinite(outputs.first_rms) else 0.0
    size = max(abs(outputs.target_mean), outputs.target_std)
    large, small = size > FAR_FACTOR * max(begins, 1.0), FAR_FACTOR * outputs.target_std < begins
    if task.kind != "regression" or not (large or small):
        return None
    creeps = run.warm and loss.now > task.baseline_loss and not rose(task, loss)
    blown = large and not loss.now <= task.baseline_loss and (rose(task, loss) or loss.non_finite_in_50 > 0)
    early = run.progress <= EARLY_SHARE
    asked = creeps and early and "lr_sweep" not in probes.done
    said = (
        f"standardise the target: (y - {outputs.target_mean:.4g}) / {outputs.target_std:.4g}; undo it where it is used"
    )
    seen = f"{outputs.target_mean:.3g} ± {outputs.target_std:.3g} is the target, and the outputs began about ± {begins:.2g}"
    left = f"; after {run.progress:.0%} of the run the loss is {loss.now / task.baseline_loss:.2g} times a constant's"
    return Finding(
        code="ARC110",
        name="target_scale",
        severity=Severity.ERROR if blown else Severity.WARNING if creeps else Severity.INFO,
        message=f"{seen}: the run blows up" if blown else seen + left if creeps else seen,
        evidence=(
            Evidence(fact="outputs.target_mean", value=outputs.target_mean, limit=FAR_FACTOR),
            Evidence(fact="outputs.target_std", value=outputs.target_std, limit=FAR_FACTOR),
            Evidence(fact="loss.now", value=loss.now, limit=task.baseline_loss),
        ),
        causes=("a target that was not scaled",),
        probes=("lr_sweep",) if asked else (),
        explains=(*CREEPS, *BLOWS_UP) if blown else CREEPS if creeps else (),
        eased_by_knobs=blown,
        fixes=(
            advice(said, improves="loss"),
            *((new_start(),) if asked else _new_start(knobs, probes) if creeps and early else ()),
        ),
    )


def _new_start(knobs: KnobFacts, probes: ProbeFacts) -> tuple[Fix, ...]:
    ratio = rate_over_pick(knobs, probes)
    if not (ratio >= SWEEP_MARGIN or ratio <= 1 / SWEEP_MARGIN):
        return ()
    start = start_over("the run is worse than a constant, nothing was learned that could be lost", lr=probes.lr_pick)
    return possible(knobs, start)
