"""The weights began on the wrong scale.

## What it does
Holds the variance of each layer's weights in the first step against the usual draws (He, Xavier, PyTorch's own). Speaks when
half of the layers lie more than ten times outside of them and the loss bears it out: it began at more than twice what
guessing loses and is still no better, or is no number, or the run learns badly.

## Why it matters
Weights that are too small let signal and gradient die from layer to layer; weights that are too large saturate tanh, blow up
a ReLU net, and let it begin sure of nonsense.

## What to do
Draw the weights anew: He's way for ReLU and its kin, Xavier's for tanh and sigmoid, PyTorch's own for a regression
under Adam, and begin anew.

## Fix safety
Changes the network itself: tried by a fork whose candidate is built anew, from before step 0 in a young run.

## When to ignore it
The scale is part of the method (a parametrisation that corrects it by rates or factors of its own), and the run learns.

## References
- Glorot and Bengio, «Understanding the difficulty of training deep feedforward neural networks», 2010
- He et al., «Delving Deep into Rectifiers», 2015
- Ben Braiek and Khomh, «TheDeepChecker», 2022 (initial loss and initial weights as checks)
"""

from math import isfinite

from rules.facts import KnobFacts, LayerFacts, LossFacts, RunFacts, TaskFacts
from rules.learning import FAR_START_FACTOR, at_chance, learns_badly
from rules.operations import WIDE_OF_USUAL, draw_ratio, fitting_init, init_said, off_scale, operation
from rules.remedies import advice, possible
from rules.vocabulary import Evidence, Finding, Severity, rule
from rules.wording import such_layers

OFF_SHARE = 0.5
"""Of the layers: a single one (an output drawn small, a scaled residual branch) is often meant."""


@rule("ARC111")
def bad_initialisation(
    run: RunFacts, task: TaskFacts, loss: LossFacts, layers: LayerFacts, knobs: KnobFacts
) -> Finding | None:
    """Find weights that began so large or so small that the net cannot learn."""
    known = [layer for layer in layers.at_start if isfinite(draw_ratio(layer))]
    off = off_scale(layers)
    far = not loss.at_start <= FAR_START_FACTOR * task.baseline_loss
    lost = not isfinite(loss.now) or loss.non_finite_in_a_row > 0
    ruined = far and (lost or at_chance(task, loss))
    if not off or len(off) < OFF_SHARE * len(known) or not (ruined or learns_badly(run, task, loss)):
        return None
    worst = max(off, key=lambda layer: max(draw_ratio(layer), 1 / draw_ratio(layer)))
    kind = fitting_init(task, layers, knobs)
    return Finding(
        code="ARC111",
        name="bad_initialisation",
        severity=Severity.ERROR,
        message=f"the weights of {worst.name} began with {draw_ratio(worst):.2g} times a usual variance "
        f"({such_layers(len(off))}); the first loss was {loss.at_start:.3g}, guessing gives {task.baseline_loss:.3g}",
        evidence=(
            Evidence(fact="layers.weight_std", value=draw_ratio(worst), limit=WIDE_OF_USUAL),
            Evidence(fact="loss.at_start", value=loss.at_start, limit=FAR_START_FACTOR * task.baseline_loss),
        ),
        causes=("weights drawn with one spread for all layers, whatever their width",),
        explains=(
            "ARC101", "ARC102", "ARC103", "ARC104", "ARC110", "DAT102", "DAT112", "GEN102", "GEN103", "NUM101",
            "NUM102", "NUM103", "OPT101", "OPT102", "OPT103", "OPT104", "OPT105", "OPT106", "OPT108", "OPT109",
        ),
        fixes=(
            advice(f"initialise the weights by {init_said(kind)}", improves="loss"),
            *possible(
                knobs, operation(run, task, loss, f"draw the weights anew ({init_said(kind)})", "signals keep their size", init=kind)
            ),
        ),
    )  # fmt: skip
