"""The units of a layer are the same.

## What it does
Looks for a layer more than half of whose units take in the same weights as another unit, or weights within a per cent of
them, in the first step and in the median of three checks since. A layer whose units became alike later was decayed, which is
another fault (OPT107).

## Why it matters
Equal units get equal gradients and stay equal: a layer of a hundred units learns what one could.

## What to do
Draw the weights at random (He for ReLU, Xavier for tanh, PyTorch's own draw for a regression under Adam).

## Fix safety
Changes the network itself: tried by a fork whose candidate is built anew, from before step 0 in a young run.

## When to ignore it
Never; even a pretrained layer has different units.

## References
- Goodfellow et al., «Deep Learning», 2016, section 8.4 (initialisation must break symmetry)
"""

from rules.facts import KnobFacts, LayerFact, LayerFacts, LossFacts, RunFacts, TaskFacts
from rules.learning import LAYER_CHECKS
from rules.operations import TWIN_LIMIT, fitting_init, init_said, operation
from rules.remedies import advice, possible
from rules.vocabulary import Evidence, Finding, Severity, rule
from rules.wording import such_layers

VANISHED_NORM = 1e-3
"""Norm of the layer: weights that decayed to nothing are equal too, by another cause (OPT107)."""


@rule("ARC105")
def symmetric_units(
    run: RunFacts, task: TaskFacts, loss: LossFacts, layers: LayerFacts, knobs: KnobFacts
) -> Finding | None:
    """Find layers whose units can never learn different things."""
    same = _same(layers)
    if not same:
        return None
    kind = fitting_init(task, layers, knobs)
    return Finding(
        code="ARC105",
        name="symmetric_units",
        severity=Severity.ERROR,
        message=f"the units of {same[0].name} share 1 set of weights ({such_layers(len(same))}): they never differ",
        evidence=(Evidence(fact="layers.twin_share", value=_share(same[0]), limit=TWIN_LIMIT),),
        causes=("weights initialised to one constant",),
        explains=(
            "OPT101", "OPT102", "OPT103", "OPT104", "OPT109", "GEN102", "GEN103", "ARC101", "ARC103", "ARC111", "DAT102",
            "DAT112",
        ),
        fixes=(
            advice("initialise the weights with random numbers (He for ReLU, Xavier for tanh)", improves="loss"),
            *possible(
                knobs,
                operation(run, task, loss, f"draw the weights at random ({init_said(kind)})", "units begin to differ", init=kind),
            ),
        ),
    )  # fmt: skip


def _same(layers: LayerFacts) -> tuple[LayerFact, ...]:
    began = {layer.name for layer in layers.at_start if layer.twin_share > TWIN_LIMIT}
    if layers.checks >= LAYER_CHECKS and began:
        return tuple(layer for layer in layers.layers if layer.name in began and layer.twin_share > TWIN_LIMIT)
    told = any(layer.twin_share == layer.twin_share for layer in layers.layers)
    known = layers.first_rows_identical and layers.layers and not told
    return layers.layers[:1] if known and layers.layers[0].weight_norm >= VANISHED_NORM else ()


def _share(layer: LayerFact) -> float:
    return layer.twin_share if layer.twin_share == layer.twin_share else 1.0
