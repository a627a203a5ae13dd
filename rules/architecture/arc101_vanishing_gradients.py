"""The gradient is gone before it reaches the first layers.

## What it does
Compares the gradient norms of the first and the last layer, in the median of three checks, in a run that learns
badly.

## Why it matters
The first layers stay as they were initialised; the last ones learn from random features.

## What to do
An activation that does not squash (ReLU, SELU) with the initialisation that fits it; then residual connections; then
normalisation.

## Fix safety
Changes the network itself: each is tried by a fork whose candidate is built anew, with the weights trained so far. Where
the model's code stands in the way, it needs a person.

## When to ignore it
The first layers are frozen or pretrained on purpose.

## References
- Glorot and Bengio, «Understanding the difficulty of training deep feedforward neural networks», 2010
- He et al., «Delving Deep into Rectifiers», 2015
"""

from rules.facts import KnobFacts, LayerFacts, LossFacts, RunFacts, TaskFacts
from rules.learning import LAYER_CHECKS, learns_badly
from rules.remedies import advice, possible, surgery
from rules.vocabulary import Evidence, Finding, Severity, rule

RATIO_LIMIT = 1e-3
"""First over last layer: healthy nets of ten layers stay over a hundredth."""
NORM_LIMIT = 1e-4
"""Norm in the first layer: a small ratio under a large gradient still trains."""


@rule("ARC101")
def vanishing_gradients(
    run: RunFacts, task: TaskFacts, loss: LossFacts, layers: LayerFacts, knobs: KnobFacts
) -> Finding | None:
    """Find first layers that no gradient reaches."""
    if not learns_badly(run, task, loss) or layers.checks < LAYER_CHECKS or len(layers.layers) < 2:
        return None
    first, last = layers.layers[0], layers.layers[-1]
    if first.grad_norm >= NORM_LIMIT or not first.grad_norm < RATIO_LIMIT * last.grad_norm:
        return None
    squashes = any(layer.saturated_share == layer.saturated_share for layer in layers.layers)
    relu = surgery(
        "use ReLU and He initialisation", "its slope does not shrink the gradient", activation="relu", init="he"
    )
    around = surgery("add shortcuts around the layers", "the gradient goes around them", residual=True)
    normed = surgery(
        "normalise behind the layers", "it keeps the inputs of the activations in their slope", norm="batch"
    )
    return Finding(
        code="ARC101",
        name="vanishing_gradients",
        severity=Severity.WARNING,
        message=f"{first.grad_norm:.1e} is the gradient norm at {first.name}, {last.grad_norm:.1e} at {last.name}",
        evidence=(
            Evidence(fact="layers.grad_norm", value=first.grad_norm, limit=RATIO_LIMIT * last.grad_norm),
            Evidence(fact="layers.grad_norm", value=first.grad_norm, limit=NORM_LIMIT),
        ),
        causes=(
            "activations that squash (sigmoid, tanh)",
            "an initialisation that shrinks",
            "too many layers in a row",
        ),
        explains=("OPT103", "OPT104", "OPT108", "OPT109", "GEN102", "GEN103"),
        fixes=(
            advice("use ReLU with He initialisation, and residual connections beyond ten layers", improves="loss"),
            *possible(knobs, *((relu,) if squashes else ()), around, normed),
        ),
    )
