"""The gradient is gone before it reaches the first layers.

## What it does
Compares the gradient norms of the first and the last layer, in the median of three checks, in a run that learns
badly. A gradient that came through in the first step was killed since, by a rate, a decay or the data: that is not its
matter.

## Why it matters
The first layers stay as they were initialised; the last ones learn from random features.

## What to do
An activation that does not squash (ReLU) with He's initialisation; then normalisation; beyond ten layers both with residual
connections. Shortcuts or normalisation alone do not mend a deep plain ReLU net.

## Fix safety
Changes the network itself: each is tried by a fork whose candidate is built anew. A young run that has learned nothing begins
anew with it. Where the model's code stands in the way, it needs a person.

## When to ignore it
The first layers are frozen or pretrained on purpose.

## References
- Glorot and Bengio, «Understanding the difficulty of training deep feedforward neural networks», 2010
- He et al., «Delving Deep into Rectifiers», 2015
"""

from rules.facts import KnobFacts, LayerFacts, LossFacts, RunFacts, TaskFacts
from rules.learning import LAYER_CHECKS, has_not_begun, learns_badly, rose
from rules.operations import init_for_relu, init_named, operation, squashes
from rules.remedies import advice, possible
from rules.vocabulary import Evidence, Finding, Fix, Severity, Value, rule

RATIO_LIMIT = 1e-3
"""First over last layer: healthy nets of ten layers stay over a hundredth."""
NORM_LIMIT = 1e-4
"""Norm in the first layer: a small ratio under a large gradient still trains."""
SOUND_NORM = 1e-3
"""Norm in the first layer, in the first step: nets that are built so that it vanishes began under 1e-4; where a rate, a
decay or the data killed it later it began with .007 and more (fault bench)."""
DEEP_LAYERS = 12
"""Beyond them normalisation alone makes a dying plain net worse (twenty layers, measured), and shortcuts come with it."""


@rule("ARC101")
def vanishing_gradients(
    run: RunFacts, task: TaskFacts, loss: LossFacts, layers: LayerFacts, knobs: KnobFacts
) -> Finding | None:
    """Find first layers that no gradient reaches."""
    bad = learns_badly if rose(run, task, loss) else has_not_begun
    if not bad(run, task, loss) or layers.checks < LAYER_CHECKS or len(layers.layers) < 2:
        return None
    first, last = layers.layers[0], layers.layers[-1]
    if first.grad_norm >= NORM_LIMIT or not first.grad_norm < RATIO_LIMIT * last.grad_norm or _was_sound(layers):
        return None

    def operated(name: str, why: str, **change: Value) -> Fix:
        return operation(run, task, loss, name, why, **change)

    kind = init_for_relu(task, knobs)
    drawn = (
        operated(
            f"use ReLU and {init_named(kind)}", "its slope does not shrink the gradient", activation="relu", init=kind
        )
        if squashes(layers)
        else operated("use He initialisation", "it keeps the gradient's size from layer to layer", init="he")
    )
    normed = operated("normalise behind the layers", "the activations stay in their slope", norm="batch")
    around = operated(
        "add shortcuts and normalise", "the gradient goes around the layers", residual=True, norm="batch", init="he"
    )
    deep = len(layers.layers) > DEEP_LAYERS
    return Finding(
        code="ARC101",
        name="vanishing_gradients",
        severity=Severity.WARNING,
        message=f"the gradient norm is {first.grad_norm:.1e} at {first.name}, {last.grad_norm:.1e} at {last.name}",
        evidence=(
            Evidence(fact="layers.grad_norm", value=first.grad_norm, limit=RATIO_LIMIT * last.grad_norm),
            Evidence(fact="layers.grad_norm", value=first.grad_norm, limit=NORM_LIMIT),
        ),
        causes=(
            "activations that squash (sigmoid, tanh)",
            "an initialisation that shrinks",
            "too many layers in a row",
        ),
        explains=(
            *("OPT103", "OPT104", "OPT108", "OPT109", "GEN102", "GEN103", "DAT102"),
            *(() if rose(run, task, loss) else ("OPT101", "OPT102")),
        ),
        fixes=(
            advice("use ReLU with He initialisation, and residual connections beyond ten layers", improves="loss"),
            *possible(knobs, drawn, *((around, normed) if deep else (normed, around))),
        ),
    )


def _was_sound(layers: LayerFacts) -> bool:
    """Tell whether the gradient came through in the first step: something has killed it since."""
    return bool(layers.at_start) and layers.at_start[0].grad_norm >= SOUND_NORM
