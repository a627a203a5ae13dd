"""Most units of a layer never fire.

## What it does
Looks for a layer with a ReLU-like activation of which more than half of the units are active on fewer than one in a
hundred examples, in the median of three checks, in a run that learns badly. A layer that was dead in the very first step was not killed by
the rate: then no sweep is asked for. Else the rate comes first, and until the sweep has answered, dead units are no cause.

## Why it matters
A unit that never fires gets no gradient and does not come back; the layer is narrower than it was built.

## What to do
Start over at the rate of a sweep when the rate is what killed them, up to the middle of the run; else He initialisation and an activation with a
slope below zero (LeakyReLU, GELU).

## Fix safety
A new start at another rate is a rescue: applied, not tried. Another activation and initialisation are tried by a fork whose
candidate is built anew, from before step 0 in a young run. Where the model's code stands in the way, it needs a person.

## When to ignore it
Sparse features are meant, and the loss is fine: the rule then keeps silent anyway.

## References
- Lu et al., «Dying ReLU and Initialization: Theory and Numerical Examples», 2019
- He et al., «Delving Deep into Rectifiers», 2015
"""

from rules.facts import KnobFacts, LayerFacts, LossFacts, ProbeFacts, RunFacts, TaskFacts
from rules.learning import (
    FAINT_SHARE,
    LAYER_CHECKS,
    SWEEP_MARGIN,
    has_not_begun,
    learns_badly,
    pays_to_start_over,
    rate_over_pick,
    rose,
)
from rules.operations import init_for_relu, init_named, operation
from rules.remedies import advice, new_start, possible, start_over
from rules.vocabulary import Evidence, Finding, Severity, rule
from rules.wording import such_layers

DEAD_LIMIT = 0.5
"""Of a layer's units: healthy nets have layers with a third of them silent."""
ALL_BUT_DEAD = 0.9
"""Of a layer's units: with more alive, one layer lets more than a twentieth of the inputs through."""


def from_the_start(layers: LayerFacts) -> bool:
    """Tell whether a layer was dead in the very first step: no rate has killed it."""
    return any(layer.dead_share > DEAD_LIMIT for layer in layers.at_start)


@rule("ARC103")
def dead_units(
    run: RunFacts, task: TaskFacts, loss: LossFacts, layers: LayerFacts, knobs: KnobFacts, probes: ProbeFacts
) -> Finding | None:
    """Find layers most of whose units are dead."""
    dead = [layer for layer in layers.layers if layer.dead_share > DEAD_LIMIT]
    bad = has_not_begun if from_the_start(layers) else learns_badly
    if not bad(run, task, loss) or layers.checks < LAYER_CHECKS or not dead:
        return None
    worst = max(dead, key=lambda layer: layer.dead_share)
    drowned = probes.zeroed_output_share <= FAINT_SHARE and len(dead) == 1 and worst.dead_share < ALL_BUT_DEAD
    if drowned:  # its living units pass on what there is: it was lost before them (OPT103)
        return None
    in_time = pays_to_start_over(run)
    asked = in_time and not from_the_start(layers) and "lr_sweep" not in probes.done
    blamed = in_time and rate_over_pick(knobs, probes) >= SWEEP_MARGIN
    kind = init_for_relu(task, knobs)
    revived = possible(
        knobs,
        operation(
            run,
            task,
            loss,
            f"use LeakyReLU and {init_named(kind)}",
            "a unit below zero gets a gradient again",
            activation="leaky_relu",
            init=kind,
        ),
    )
    over = start_over("dead units do not come back at any rate", lr=probes.lr_pick)
    return Finding(
        code="ARC103",
        name="dead_units",
        severity=Severity.INFO if asked else Severity.WARNING,
        message=f"{worst.dead_share:.0%} of the units of {worst.name} never fire ({such_layers(len(dead))})",
        evidence=(Evidence(fact="layers.dead_share", value=worst.dead_share, limit=DEAD_LIMIT),),
        causes=("a rate so high that it pushed them below zero", "an initialisation with large negative biases"),
        probes=("lr_sweep",) if asked else (),
        explains=(
            *("OPT103", "OPT104", "OPT108", "OPT109", "GEN102", "GEN103", "ARC101", "DAT102"),
            *(() if asked or rose(run, task, loss) else ("OPT102",)),
        ),
        fixes=(
            *((new_start(),) if asked else possible(knobs, over) if blamed else ()),
            *(
                revived
                or (advice("use He initialisation and LeakyReLU, whose slope below zero is not 0", improves="loss"),)
            ),
        ),
    )
