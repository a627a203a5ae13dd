"""Some tensors are trainable and never move.

## What it does
Compares the trainable tensors with those that the optimizer holds, and with those in a group whose rate is 0: that is
exact, and known at the first look. Besides, compares tensors before and after a step: those with a gradient that stay
exactly as they were, in three looks; and names layers to which none at all comes: half of them at least, while the run
creeps or is high after a fifth of it. Speaks while the loss is not low. Single layers to which none comes are told as a
hint after a fifth of the run, however well it learns. Of weights that are frozen it speaks where
after a fifth of the run most of what can be learned is still ahead; sooner, where the run creeps and most of them are
still as a random draw leaves them, for then nothing was ever learned by them.

## Why it matters
What the optimizer does not hold is never trained, however long the run; it is the classical mistake after a layer is
replaced or the model is rebuilt once the optimizer exists.

## What to do
Make the optimizer from the parameters of the model that is trained, after its last change; freeze what is not to be
trained with `requires_grad_(False)`.

## Fix safety
Needs a person: the fault is in the code (or the rate is 0). Nothing is turned, rolled back or stopped on its account: a
higher rate for the rest is no cure. Only where a head learns on frozen random weights, and creeps, the rate is looked at
all the same: it makes up for a part.

## When to ignore it
Layers that are frozen on purpose but left trainable, a head or branch that this training does not use, random features
that are frozen on purpose, or units that are all dead (ARC103 says so).

## References
- Jiang et al., «Training with Confidence: Catching Silent Errors in Deep Learning Training» (TrainCheck), OSDI 2025
"""

from rules.facts import KnobFacts, LayerFact, LayerFacts, LossFacts, ModelFacts, RunFacts, TaskFacts
from rules.learning import HIGH_LOSS_SHARE, LAYER_CHECKS, creeps, suspected
from rules.remedies import advice
from rules.symptoms import MISJUDGED, STUCK
from rules.vocabulary import Evidence, Finding, Severity, rule

LOW_LOSS_SHARE = 0.1
"""Of the chance loss: below it gradients become so small that weights may rest with reason."""
TAIL_SHARE = 0.9
"""Of the run: in the tail of a schedule the rate itself goes to 0."""
FROZEN_SHARE = 0.2
"""Of the parameters: a norm or an embedding that is frozen holds nobody back."""
FROZEN_JUDGED = 0.2
"""Of the run: a sound body that is frozen on purpose has carried its head well below chance by then."""
LEAST_GRADIENT = 1e-8
"""Norm in a tensor's layer: below Adam's epsilon, and times any rate below the last digit of a weight. Gradients that have vanished
(a saturated output left 1e-10) move nothing, whoever holds the weights."""
NAMED = 3
"""Tensors that are named: the rest is counted."""

HALF = 0.5
"""Of the layers, or of a layer's units: a branch of its own that no example takes gets no gradient with reason."""

CERTAIN = (*STUCK, *MISJUDGED, "ARC102", "ARC105", "DAT112")
"""What a net shows whose tensors certainly do not learn; tensors that only seem to rest explain less."""


@rule("OPT108")
def nothing_learns(
    run: RunFacts, task: TaskFacts, loss: LossFacts, layers: LayerFacts, model: ModelFacts, knobs: KnobFacts
) -> Finding | None:
    """Find tensors that the optimizer does not move."""
    if loss.now < LOW_LOSS_SHARE * task.baseline_loss:
        return _hint(run, layers)
    if layers.left_out:
        said = f"{len(layers.left_out)} of {layers.tensors} trainable tensors are not in the optimizer"
        return _finding(said, "layers.left_out", layers.left_out, ("the optimizer was made from other parameters",))
    if layers.idle:
        said = f"{len(layers.idle)} of {layers.tensors} trainable tensors are in a group whose rate is 0"
        return _finding(said, "layers.idle", layers.idle, ("a learning rate of 0 in a group of the optimizer",))
    share = model.frozen / max(model.parameters, 1)
    stuck = run.progress >= FROZEN_JUDGED and loss.now > HIGH_LOSS_SHARE * task.baseline_loss
    drawn = model.frozen_as_drawn / max(model.parameters, 1)
    random = drawn > FROZEN_SHARE and suspected(run) and creeps(run, task, loss)
    if (share > FROZEN_SHARE and stuck) or random:
        return _frozen(share, random, loss.now, task.baseline_loss)
    warming = run.progress <= knobs.number("warmup")
    if (cut := _cut_off(layers)) and run.warm and not warming and (stuck or creeps(run, task, loss)):
        return _unreached(cut, layers)
    resting = tuple(name for name in layers.unchanged if not _vanished(name, layers))
    zero = knobs.number("lr") == 0
    late = run.progress > TAIL_SHARE and not zero
    if not run.warm or warming or late or layers.checks < LAYER_CHECKS or not resting:
        return _hint(run, layers)
    found = _finding(
        f"{len(resting)} trainable tensors have a gradient and are not moved by a step",
        "layers.unchanged",
        resting,
        ("the optimizer holds other parameters than the net", "the rate is so small that steps vanish in rounding"),
        explains=("OPT103", "OPT104", "OPT109", "ARC102", "GEN103"),
    )
    return _of_rate_0(found, resting) if zero else found


def _cut_off(layers: LayerFacts) -> tuple[LayerFact, ...]:
    """Return the layers that no gradient at all comes to, where nothing that is known of them stops it.

    A gradient that vanishes shrinks from layer to layer, and units that are dead, saturated or alike are told as such, or
    had a gradient in the first step. What cuts a path off cuts it off for all layers before it; a branch that nothing
    uses is not what the net begins with.
    """
    none = _without_gradient(layers)
    from_the_first = bool(none) and none[0] == layers.layers[0]
    return none if from_the_first and len(none) >= HALF * len(layers.layers) else ()


def _without_gradient(layers: LayerFacts) -> tuple[LayerFact, ...]:
    """Return the layers that no gradient has come to from the first step on, where nothing that is known of them stops it."""
    never = {one.name for one in layers.at_start if one.grad_norm == 0}
    none = tuple(one for one in layers.layers if one.grad_norm == 0 and one.weight_norm > 0 and one.name in never)
    faint = any(0 < one.grad_norm < LEAST_GRADIENT for one in layers.layers)
    stopped = any(one.dead_share > HALF or one.saturated_share > HALF or one.twin_share > HALF for one in layers.layers)
    return () if layers.checks < LAYER_CHECKS or faint or stopped else none


def _hint(run: RunFacts, layers: LayerFacts) -> Finding | None:
    """Return what is worth a look though the run learns: layers that are trainable, and that nothing comes to."""
    none = _without_gradient(layers) if run.progress >= FROZEN_JUDGED else ()
    return _unreached(none, layers, Severity.INFO) if 0 < len(none) < len(layers.layers) else None


def _unreached(cut: tuple[LayerFact, ...], layers: LayerFacts, severity: Severity = Severity.ERROR) -> Finding:
    return _finding(
        f"no gradient comes to {len(cut)} of {len(layers.layers)} layers",
        "layers.grad_norm",
        tuple(one.name for one in cut),
        (
            "detach(), no_grad() or numpy between the layers and the loss, or nothing uses what they return",
            "a step of the forward pass without a slope: round, argmax, a comparison",
        ),
        severity=severity,
        explains=() if severity is Severity.INFO else CERTAIN,
        said_to_do="follow the outputs back to these layers: where does requires_grad, or the slope, end?",
    )


def _vanished(tensor: str, layers: LayerFacts) -> bool:
    """Tell whether hardly any gradient reaches a tensor's layer: that it rests is no fault of the optimizer."""
    return any(tensor.startswith(f"{one.name}.") and one.grad_norm < LEAST_GRADIENT for one in layers.layers)


def _finding(
    said: str,
    fact: str,
    tensors: tuple[str, ...],
    causes: tuple[str, ...],
    explains: tuple[str, ...] = CERTAIN,
    said_to_do: str = "make the optimizer from model.parameters() after the model's last change",
    severity: Severity = Severity.ERROR,
) -> Finding:
    return Finding(
        code="OPT108",
        name="nothing_learns",
        severity=severity,
        message=f"{said}: {_named(tensors)}"
        + ("" if severity is Severity.INFO else "; nothing is turned, the fault is in the code"),
        evidence=(Evidence(fact=fact, value=len(tensors), limit=0),),
        causes=causes,
        explains=explains,
        fixes=(advice(said_to_do, improves="loss"),),
    )


def _of_rate_0(found: Finding, tensors: tuple[str, ...]) -> Finding:
    said = f"the learning rate is 0, and no step moves {_named(tensors)}"
    fixes = (advice("give a learning rate above 0", improves="loss"),)
    causes = ("a learning rate of 0", "a schedule that begins or stays at 0")
    return found.model_copy(update={"message": said, "causes": causes, "eased_by_knobs": True, "fixes": fixes})


def _named(tensors: tuple[str, ...]) -> str:
    return ", ".join(tensors[:NAMED]) + (", …" if len(tensors) > NAMED else "")


def _frozen(share: float, random: bool, loss: float, chance: float) -> Finding:
    seen = "frozen as they were drawn at random" if random else "frozen"
    return Finding(
        code="OPT108",
        name="nothing_learns",
        severity=Severity.ERROR if random else Severity.WARNING,
        message=f"{share:.0%} of the weights are {seen}, and the loss is {loss:.3g} where guessing gives {chance:.3g}: "
        + ("the fault is in the code" if random else "nothing is turned, the fault is in the code"),
        evidence=(
            Evidence(fact="model.frozen_share", value=share, limit=FROZEN_SHARE),
            Evidence(fact="loss.now", value=loss, limit=HIGH_LOSS_SHARE * chance),
        ),
        causes=("weights that are frozen by mistake", "a frozen body that was never trained for inputs like these"),
        explains=CERTAIN,
        eased_by_knobs=random,
        fixes=(advice("let these weights learn (requires_grad_(True)) before the optimizer is made", improves="loss"),),
    )
