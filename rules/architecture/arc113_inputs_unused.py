"""The output does not depend on the input.

## What it does
Looks at what enters the first module with weights: are all examples of a batch the same there? In three looks in a row
they must be. And where a probe without inputs was made (OPT103 asks for it), whether the outputs are exactly those with
them, while no layer is dead and no weights are alike.

## Why it matters
The net can then learn how frequent the labels are, and nothing else.

## What to do
Follow one batch from the loader to the first layer: what is overwritten, multiplied by zero, masked, or read from another
variable?

## Fix safety
Needs a person: the fault is in the code. Nothing is turned, rolled back or stopped on its account.

## When to ignore it
Never known to be wanted.

## References
- Karpathy, «A Recipe for Training Neural Networks», 2019 («input-independent baseline»)
"""

from rules.facts import LayerFacts, ProbeFacts, StreamFacts
from rules.learning import LAYER_CHECKS
from rules.remedies import advice
from rules.symptoms import MISJUDGED, RUNAWAY, STUCK
from rules.vocabulary import Evidence, Finding, Severity, rule

OUTPUT_LIMIT = 1e-6
"""Relative: equal but for rounding. Layers that saturate let a ten thousandth through."""
DEAD_SHARE = 0.5
"""Of the units of a layer: then it is the layer that lets nothing through (ARC103)."""


@rule("ARC113")
def inputs_unused(stream: StreamFacts, layers: LayerFacts, probes: ProbeFacts) -> Finding | None:
    """Find a net that does not see its inputs."""
    looks = (*stream.first, *stream.later)[-LAYER_CHECKS:]
    alike = len(looks) == LAYER_CHECKS and all(look.alike for look in looks)
    other = layers.first_rows_identical or any(layer.dead_share > DEAD_SHARE for layer in layers.layers)
    unused = probes.zeroed_output_share <= OUTPUT_LIMIT and not other
    if alike:
        said = f"{len(looks)} batches entered the first layer with the same values for all their examples"
        evidence = Evidence(fact="stream.alike", value=len(looks), limit=0)
    elif unused:
        said = f"the outputs change by {probes.zeroed_output_share:.1g} only when the inputs are set to zero"
        evidence = Evidence(fact="probes.zeroed_output_share", value=probes.zeroed_output_share, limit=OUTPUT_LIMIT)
    else:
        return None
    return Finding(
        code="ARC113",
        name="inputs_unused",
        severity=Severity.ERROR,
        message=f"{said}: nothing is turned, the fault is in the code",
        evidence=(evidence,),
        causes=(
            "inputs that are overwritten, masked or multiplied by zero on their way",
            "a wrong variable in forward()",
        ),
        explains=(*RUNAWAY, *STUCK, *MISJUDGED, "ARC105", "DAT112"),
        fixes=(advice("follow one batch from the loader to the first layer, and see where it loses its values"),),
    )
