"""Most units of a layer sit on the flat ends of their activation.

## What it does
Looks for a layer with tanh or sigmoid of which more than half of the inputs to the activation lie beyond ±5, in the
median of three checks, in a run that learns badly.

## Why it matters
There the slope is below a hundredth (sigmoid) or a ten-thousandth (tanh): no gradient comes through.

## What to do
Scale the inputs, initialise smaller (Xavier), or take an activation that does not saturate.

## Fix safety
Needs a person: the model or its inputs have to change.

## When to ignore it
Gates that are meant to be open or closed.

## References
- Glorot and Bengio, «Understanding the difficulty of training deep feedforward neural networks», 2010
"""

from rules.facts import LayerFacts, LossFacts, RunFacts, TaskFacts
from rules.learning import LAYER_CHECKS, learns_badly
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

SATURATED_LIMIT = 0.5
"""Of a layer's pre-activations beyond ±5."""


@rule("ARC104")
def saturated_units(run: RunFacts, task: TaskFacts, loss: LossFacts, layers: LayerFacts) -> Finding | None:
    """Find layers that are saturated."""
    full = [layer for layer in layers.layers if layer.saturated_share > SATURATED_LIMIT]
    if not learns_badly(run, task, loss) or layers.checks < LAYER_CHECKS or not full:
        return None
    worst = max(full, key=lambda layer: layer.saturated_share)
    return Finding(
        code="ARC104",
        name="saturated_units",
        severity=Severity.WARNING,
        message=f"{worst.saturated_share:.0%} of the units of {worst.name} are saturated ({len(full)} such layers)",
        evidence=(Evidence(fact="layers.saturated_share", value=worst.saturated_share, limit=SATURATED_LIMIT),),
        causes=("inputs of large scale", "weights initialised too large", "the learning rate is too high"),
        explains=("OPT103", "OPT104", "OPT109", "GEN102", "GEN103", "ARC101"),
        fixes=(advice("scale the inputs to a spread of 1 and use Xavier initialisation, or ReLU", improves="loss"),),
    )
