"""Most units of a layer sit on the flat ends of their activation.

## What it does
Looks for a layer with tanh or sigmoid of which more than half of the inputs to the activation lie beyond ±5, in the
median of three checks, in a run that learns badly, or whose loss began and still is far above chance.

## Why it matters
There the slope is below a hundredth (sigmoid) or a ten-thousandth (tanh): no gradient comes through.

## What to do
Where the inputs are on a scale of their own, scale them first. Else draw the weights anew, smaller (Xavier); then take an
activation that does not saturate, with the initialisation that fits it.

## Fix safety
Changes the network itself: tried by a fork whose candidate is built anew, from before step 0 in a young run. Scaling the
inputs needs a person.

## When to ignore it
Gates that are meant to be open or closed.

## References
- Glorot and Bengio, «Understanding the difficulty of training deep feedforward neural networks», 2010
"""

from rules.facts import KnobFacts, LayerFacts, LossFacts, RunFacts, TaskFacts
from rules.learning import FAR_START_FACTOR, LAYER_CHECKS, at_chance, learns_badly
from rules.operations import init_for_relu, init_named, operation
from rules.remedies import advice, possible
from rules.vocabulary import Evidence, Finding, Severity, rule
from rules.wording import such_layers

SATURATED_LIMIT = 0.5
"""Of a layer's pre-activations beyond ±5."""


@rule("ARC104")
def saturated_units(
    run: RunFacts, task: TaskFacts, loss: LossFacts, layers: LayerFacts, knobs: KnobFacts
) -> Finding | None:
    """Find layers that are saturated."""
    full = [layer for layer in layers.layers if layer.saturated_share > SATURATED_LIMIT]
    far = run.warm and at_chance(task, loss) and loss.at_start > FAR_START_FACTOR * task.baseline_loss
    if not (far or learns_badly(run, task, loss)) or layers.checks < LAYER_CHECKS or not full:
        return None
    worst = max(full, key=lambda layer: layer.saturated_share)
    drawn = operation(
        run, task, loss, "use Xavier initialisation", "its outputs stay where the activation has a slope", init="xavier"
    )
    kind = init_for_relu(task, knobs)
    relu = operation(
        run, task, loss, f"use ReLU and {init_named(kind)}", "it does not saturate", activation="relu", init=kind
    )
    return Finding(
        code="ARC104",
        name="saturated_units",
        severity=Severity.WARNING,
        message=f"{worst.saturated_share:.0%} of the units of {worst.name} are saturated ({such_layers(len(full))})",
        evidence=(Evidence(fact="layers.saturated_share", value=worst.saturated_share, limit=SATURATED_LIMIT),),
        causes=("inputs of large scale", "weights initialised too large", "the learning rate is too high"),
        explains=("OPT103", "OPT104", "OPT105", "OPT109", "GEN102", "GEN103", "ARC101", "DAT102"),
        fixes=(
            advice("scale the inputs to a spread of 1 and use Xavier initialisation, or ReLU", improves="loss"),
            *possible(knobs, drawn, relu),
        ),
    )
