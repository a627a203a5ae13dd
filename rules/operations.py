"""Operations on a net that cannot learn: what its layers are like, and the changes of the network that may mend it.

What a net that has learned nothing loses by beginning anew is the steps that taught it nothing; what it wins is its whole
schedule. So an operation on it begins before step 0, and a fork holds it against the run as it is.

The order of the operations is that of twenty starts with each of thirteen (`python -m tests.bench.operations`, 2026-11-23, one
thread of a shared processor: ten faults of initialisation, depth and activation on digits, breast cancer, a generated table
and circles, two seeds, test accuracy). ReLU with He initialisation came within a point of the sound net or above it in eight
of ten; the others were circles in a net of five units a layer (.77, .72 of .84, .78) and breast cancer (.96, .97 of .98).
Twenty plain ReLU layers (.09, .10) were mended by He initialisation (.86, .75), not by shortcuts (.10) or batch normalisation
(.48, .52) alone, and best by all three together (.88, .87).
"""

from math import isfinite

from rules.facts import KnobFacts, LayerFact, LayerFacts, LossFacts, RunFacts, TaskFacts
from rules.learning import at_chance
from rules.remedies import surgery
from rules.vocabulary import Deed, Fix, Value

EARLY_SHARE = 0.25
"""Of the run: a new start costs little."""
WIDE_OF_USUAL = 10.0
"""Times, in variance: the usual draws (He, Xavier, PyTorch's own) lie six apart, and nets learn a good way beyond them."""
LEAST_WEIGHTS = 30
"""Of a layer: the variance of fewer says little about the draw."""
TWIN_LIMIT = 0.5
"""Of a layer's units: of units that were drawn at random not one in a hundred comes so near another."""
UNIFORM_GAIN = 1 / 3
"""Fan-in times variance of PyTorch's own draw, uniform within one over the root of the fan-in."""
HE_GAIN = 2.0
"""The same of He's (2015)."""


ADAPTIVE = frozenset({"adam", "adamw", "rmsprop"})
"""Optimizers whose steps are as long in a layer that little gradient reaches as in another."""


def squashes(layers: LayerFacts) -> bool:
    """Tell whether the net has activations that squash (tanh, sigmoid)."""
    return any(isfinite(layer.saturated_share) for layer in layers.layers)


def fitting_init(task: TaskFacts, layers: LayerFacts, knobs: KnobFacts) -> str:
    """Return the initialisation that fits: Xavier's for activations that squash, else He's, or PyTorch's own draw.

    PyTorch's shrinks signal and gradient from layer to layer; a regression that adaptive steps make up for that has from it the
    small outputs that a squared error would else have to come down to. Test score from the start, mean of four seeds (of two
    where so marked), PyTorch's own draw / He's (2026-11-23, sound nets of the fault bench). Numbers under Adam: friedman .931 /
    .899, with five layers .922 / .839, eight .899 / .811 (two), twelve .902 / .810 (two). Under SGD: diabetes .526 / .492, with
    three layers .456 / .417 (two); friedman .816 / .819, with three layers .799 / .816, five .702 / .796 (two each). Classes
    under SGD: digits .942 / .951, with three layers .888 / .942, four .746 / .941; clothes .802 / .825, a table .824 / .801.
    """
    return "xavier" if squashes(layers) else init_for_relu(task, knobs)


def init_for_relu(task: TaskFacts, knobs: KnobFacts) -> str:
    """Return the initialisation that fits a net whose activations do not squash, or are replaced by such ones."""
    adaptive = knobs.values.get("optimizer") in ADAPTIVE
    return "torch" if task.kind == "regression" and adaptive else "he"


def init_said(kind: str) -> str:
    """Return how an initialisation is called in a sentence."""
    return "PyTorch's own draw" if kind == "torch" else kind


def init_named(kind: str) -> str:
    """Return how an initialisation is called beside an activation."""
    return "PyTorch's own draw" if kind == "torch" else f"{kind.capitalize()} initialisation"


def draw_ratio(layer: LayerFact) -> float:
    """Return the variance of a layer's weights over the nearest of the usual draws: 1 between them; NaN where unknown."""
    if not (layer.fan_in and layer.fan_out and isfinite(layer.weight_std)):
        return float("nan")
    if layer.fan_in * layer.units < LEAST_WEIGHTS:
        return float("nan")
    gain = layer.weight_std**2 * layer.fan_in
    xavier = 2 * layer.fan_in / (layer.fan_in + layer.fan_out)
    low, high = min(UNIFORM_GAIN, xavier), HE_GAIN
    return gain / low if gain < low else gain / high if gain > high else 1.0


def off_scale(layers: LayerFacts) -> tuple[LayerFact, ...]:
    """Return the layers that began with weights more than ten times off the usual variance, and not all of one value.

    Units that are nearly the same have no spread of their own: that they are is the fault (ARC105).
    """
    return tuple(
        layer
        for layer in layers.at_start
        if layer.weight_std > 0 and not layer.twin_share > TWIN_LIMIT
        if not 1 / WIDE_OF_USUAL <= draw_ratio(layer) <= WIDE_OF_USUAL
        if draw_ratio(layer) == draw_ratio(layer)
    )


def operation(run: RunFacts, task: TaskFacts, loss: LossFacts, name: str, why: str, **knobs: Value) -> Fix:
    """Return a change of the network; from before step 0 where the run is young and has nothing to lose by that.

    Nothing is lost where nothing was learned, and where all weights are drawn anew anyway.

    Args:
        run: Where the run stands.
        task: What chance is.
        loss: Whether it is better.
        name: Of the fix.
        why: Why it should help.
        **knobs: Knob of surgery and its value.
    """
    fix = surgery(name, why, **knobs)
    nothing_to_lose = "init" in knobs or not isfinite(loss.now) or at_chance(task, loss)
    return begun_early(run, fix) if nothing_to_lose else fix


def begun_early(run: RunFacts, fix: Fix) -> Fix:
    """Return a change of the network so that it is tried from before step 0 where the run is young."""
    if run.progress > EARLY_SHARE:
        return fix
    return fix.model_copy(update={"deed": Deed.START_OVER, "name": f"start over: {fix.name}"})
