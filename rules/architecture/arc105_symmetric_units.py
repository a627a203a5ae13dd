"""All units of the first layer are the same.

## What it does
Looks whether the rows of the first layer's weights are identical.

## Why it matters
Equal units get equal gradients and stay equal: a layer of a hundred units learns what one could.

## What to do
Initialise with random numbers (He for ReLU, Xavier for tanh).

## Fix safety
Needs a person: the initialisation is in the model's code (or `model.init` of a built-in model).

## When to ignore it
Never; even a pretrained layer has different rows.

## References
- Goodfellow et al., «Deep Learning», 2016, section 8.4 (initialisation must break symmetry)
"""

from rules.facts import LayerFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

VANISHED_NORM = 1e-3
"""Norm of the layer: weights that decayed to nothing are equal too, by another cause (OPT107)."""


@rule("ARC105")
def symmetric_units(layers: LayerFacts) -> Finding | None:
    """Find a first layer whose units can never learn different things."""
    if not layers.first_rows_identical or not layers.layers or layers.layers[0].weight_norm < VANISHED_NORM:
        return None
    return Finding(
        code="ARC105",
        name="symmetric_units",
        severity=Severity.ERROR,
        message=f"1 set of weights is shared by all units of {layers.layers[0].name}: they can never differ",
        evidence=(Evidence(fact="layers.first_rows_identical", value=True, limit=False),),
        causes=("weights initialised to one constant",),
        explains=("OPT103", "OPT104", "OPT109", "GEN102", "GEN103", "ARC101", "ARC103"),
        fixes=(advice("initialise the weights with random numbers (He for ReLU, Xavier for tanh)", improves="loss"),),
    )
