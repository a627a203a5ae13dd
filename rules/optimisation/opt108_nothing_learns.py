"""Some tensors get a gradient and never move.

## What it does
Compares the trainable tensors before and after a step. Speaks when tensors with a gradient stay exactly as they were,
in three checks, while the loss is not low.

## Why it matters
What the optimizer does not hold is never trained, however long the run; it is the classical mistake after a layer is
replaced or the model is rebuilt once the optimizer exists.

## What to do
Make the optimizer from the parameters of the model that is trained, after its last change.

## Fix safety
Needs a person: the fault is in the code (or the rate is 0).

## When to ignore it
Layers that are frozen on purpose but left trainable, or units that are all dead (ARC103 says so).

## References
- Jiang et al., «Training with Confidence: Catching Silent Errors in Deep Learning Training» (TrainCheck), OSDI 2025
"""

from rules.facts import KnobFacts, LayerFacts, LossFacts, RunFacts, TaskFacts
from rules.learning import LAYER_CHECKS
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

LOW_LOSS_SHARE = 0.1
"""Of the chance loss: below it gradients become so small that weights may rest with reason."""
TAIL_SHARE = 0.9
"""Of the run: in the tail of a schedule the rate itself goes to 0."""


@rule("OPT108")
def nothing_learns(
    run: RunFacts, task: TaskFacts, loss: LossFacts, layers: LayerFacts, knobs: KnobFacts
) -> Finding | None:
    """Find tensors that the optimizer does not move."""
    warming = run.progress <= knobs.number("warmup")
    if not run.warm or warming or run.progress > TAIL_SHARE or layers.checks < LAYER_CHECKS or not layers.unchanged:
        return None
    if loss.now < LOW_LOSS_SHARE * task.baseline_loss:
        return None
    named = ", ".join(layers.unchanged[:3]) + (", …" if len(layers.unchanged) > 3 else "")
    return Finding(
        code="OPT108",
        name="nothing_learns",
        severity=Severity.ERROR,
        message=f"{len(layers.unchanged)} trainable tensors have a gradient and are not moved by a step: {named}",
        evidence=(Evidence(fact="layers.unchanged", value=len(layers.unchanged), limit=0),),
        causes=(
            "the learning rate is 0"
            if knobs.number("lr") == 0
            else "the optimizer holds other parameters than the net",
            "the rate is so small that steps vanish in rounding",
        ),
        explains=("OPT103", "OPT104", "OPT109", "ARC102", "GEN103"),
        fixes=(advice("make the optimizer from model.parameters() after the model's last change", improves="loss"),),
    )
