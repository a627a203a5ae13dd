"""The steps have the wrong length for the weights they move.

## What it does
Takes the median over the layers of the last update's norm over the weights' norm. Speaks when it lies outside of
1e-5 to 1e-1 while the run learns badly.

## Why it matters
An update of a thousandth of the weight is usual. A tenth shakes the layer; a hundred-thousandth does not move it
within a run.

## What to do
Follow a rate sweep, when one was made.

## Fix safety
Only the sweep's rate is offered; it changes what is learned, and a fork with a control arm decides.

## When to ignore it
The layers start at zero (some last layers do), so that a ratio means nothing yet.

## References
- Karpathy, CS231n, «Babysitting the learning process: ratio of weights to updates»
"""

from statistics import median

from rules.facts import KnobFacts, LayerFacts, LossFacts, ProbeFacts, RunFacts, TaskFacts
from rules.learning import LAYER_CHECKS, SWEEP_MARGIN, learns_badly, rate_over_pick
from rules.remedies import possible, turned
from rules.vocabulary import METRIC_GUARD, Effect, Evidence, Finding, Fix, Severity, rule

RATIO_LOW = 1e-5
"""Update over weight: a thousandth of this per cent of a weight per step is no movement within a run."""
RATIO_HIGH = 1e-1
"""Update over weight: ten such steps replace the layer."""


@rule("OPT109")
def update_ratio(
    run: RunFacts, task: TaskFacts, loss: LossFacts, layers: LayerFacts, knobs: KnobFacts, probes: ProbeFacts
) -> Finding | None:
    """Find updates that are far too large or too small for their weights."""
    if not learns_badly(run, task, loss) or layers.checks < LAYER_CHECKS or not layers.layers:
        return None
    ratio = median(layer.update_ratio for layer in layers.layers)
    farthest = max if ratio > RATIO_HIGH else min
    worst = farthest(layers.layers, key=lambda layer: layer.update_ratio)
    if RATIO_LOW <= ratio <= RATIO_HIGH or run.progress <= knobs.number("warmup"):
        return None
    over = rate_over_pick(knobs, probes)
    told = over >= SWEEP_MARGIN if ratio > RATIO_HIGH else over <= 1 / SWEEP_MARGIN
    fix = Fix(
        name=f"set lr to {probes.lr_pick:.2g}",
        effect=Effect.CHANGES_LEARNING,
        turns=turned(lr=probes.lr_pick),
        improves="loss",
        guards=(METRIC_GUARD,),
        expected=0.0,
        estimated_by="nobody can say: the sweep tells a rate, not a gain",
    )
    return Finding(
        code="OPT109",
        name="update_ratio",
        severity=Severity.INFO,
        message=f"a step moves a layer's weights by {ratio:.1e} of their size ({worst.update_ratio:.1e} at {worst.name}), "
        "and the run does not learn",
        evidence=(
            Evidence(fact="layers.update_ratio", value=ratio, limit=RATIO_HIGH if ratio > RATIO_HIGH else RATIO_LOW),
        ),
        causes=("the learning rate is of the wrong order", "the initialisation is"),
        fixes=possible(knobs, fix) if told else (),
    )
