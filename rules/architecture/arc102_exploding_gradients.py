"""The gradient is far larger than a step can use.

## What it does
Looks for a gradient norm over a thousand, or seventy times as large in the first layer as in the last, in a run that
learns badly.

## Why it matters
A few such steps throw the weights to where nothing can be learned.

## What to do
Clip the gradients at the 90th percentile of their norms, and at 10 at most; draw the weights anew; scale the inputs; lower
the rate.

## Fix safety
Each changes what is learned; a fork with a control arm decides.

## When to ignore it
The loss is a sum over many items instead of a mean: its gradients are large by nature.

## References
- Pascanu et al., «On the difficulty of training recurrent neural networks», 2013
"""

from rules.facts import GradientFacts, KnobFacts, LayerFacts, LossFacts, RunFacts, TaskFacts
from rules.learning import LAYER_CHECKS, learns_badly
from rules.operations import fitting_init, init_said, operation
from rules.remedies import advice, clip_at, clip_norm, possible
from rules.vocabulary import Evidence, Finding, Fix, Severity, rule

NORM_LIMIT = 1e3
"""Norm of the whole gradient: mean losses of healthy nets stay two powers of ten below."""
RATIO_LIMIT = 70.0
"""First over last layer (the limit of DeepLocalize and TheDeepChecker)."""
CLIP_MOST = 10.0
"""Norm: sound nets with a mean loss seldom pass it; the percentiles of a run that explodes are part of the trouble."""


@rule("ARC102")
def exploding_gradients(
    run: RunFacts, task: TaskFacts, loss: LossFacts, gradients: GradientFacts, layers: LayerFacts, knobs: KnobFacts
) -> Finding | None:
    """Find gradients that are too large to learn from."""
    if not learns_badly(run, task, loss):
        return None
    known = layers.checks >= LAYER_CHECKS and len(layers.layers) > 1 and layers.layers[-1].grad_norm > 0
    ratio = layers.layers[0].grad_norm / layers.layers[-1].grad_norm if known else 0.0
    if gradients.now <= NORM_LIMIT and ratio <= RATIO_LIMIT:
        return None
    clips: tuple[Fix, ...] = ()
    if knobs.number("clip") == 0:
        clips = possible(
            knobs, clip_at(min(clip_norm(gradients.p90), CLIP_MOST), "nobody can say before the first clipped steps")
        )
    kind = fitting_init(task, layers, knobs)
    return Finding(
        code="ARC102",
        name="exploding_gradients",
        severity=Severity.WARNING,
        message=f"the gradient norm is {gradients.now:.3g}, and the run does not learn",
        evidence=(
            Evidence(fact="gradients.now", value=gradients.now, limit=NORM_LIMIT),
            Evidence(fact="layers.grad_norm", value=ratio, limit=RATIO_LIMIT),
        ),
        causes=("the learning rate is too high", "inputs or targets of large scale", "an initialisation that grows"),
        explains=("OPT104", "GEN103", "NUM103"),
        fixes=(
            *clips,
            *possible(
                knobs,
                operation(
                    run,
                    task,
                    loss,
                    f"draw the weights anew ({init_said(kind)})",
                    "it keeps the gradient's size from layer to layer",
                    init=kind,
                ),
            ),
            advice("scale inputs and targets to a spread of 1", improves="loss"),
        ),
    )
