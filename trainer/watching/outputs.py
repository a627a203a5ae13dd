"""Outputs, targets and loss are held against each other, now and then, on a batch that is about to be trained on.

A forward pass in evaluation mode, and some calls of the loss on at most 64 examples. The run does not notice: generators,
buffers and a loss with a state of its own are put back, and whatever fails here is told, not raised.
"""

import copy
from math import inf, isfinite, nan

import torch
from torch import Tensor, nn

from trainer.data.batch import Batch
from trainer.evaluate import evaluating
from trainer.knobs import KnobValue
from trainer.stepping.pieces import cut, in_layout
from trainer.stepping.recovery import forward
from trainer.stepping.window import PassState
from trainer.surgery.anatomy import watched
from trainer.training import Training
from trainer.watching import loss_fit
from trainer.watching.loss_fit import Reach
from trainer.wire import OutputsMeasured, Told
from trainer.words import LossKind, Outputs

LOOK_SHARES = (0.05, 0.3)
"""Of the run: besides the first step of every start, while something is not known yet. A net whose outputs begin as
constants can be told about only later; a look costs as much as a few steps of a small net."""

VALUES_MOST = 1 << 20
"""Outputs on which a loss is asked: two dozen calls on so many take a tenth of a second; of larger ones nothing is asked."""

EXAMPLES_MOST = 64
"""Enough for shares and spreads of outputs; the loss is called two dozen times on them."""

SUM_MARGIN = 1e-4
"""A softmax in half precision sums to 1 within that."""

CLIPPED_SHARE = 0.1
"""Outputs that are 0 to the bit, none below: so many are no accident, but what a clip at 0 leaves."""

REACH: dict[str, tuple[float, float]] = {
    "relu": (0.0, inf),
    "relu_": (0.0, inf),
    "relu6": (0.0, 6.0),
    "softplus": (0.0, inf),
    "sigmoid": (0.0, 1.0),
    "sigmoid_": (0.0, 1.0),
    "hardsigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "tanh_": (-1.0, 1.0),
    "hardtanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "elu": (-1.0, inf),
    "elu_": (-1.0, inf),
    "celu": (-1.0, inf),
    "logsigmoid": (-inf, 0.0),
    "log_softmax": (-inf, 0.0),
    "logsoftmax": (-inf, 0.0),
}
"""What the outputs of an activation cannot leave, at its usual settings; others have no reach that is known."""

BUILT_IN: dict[str, LossKind] = {
    "classification": "cross_entropy",
    "regression": "squared",
    "multilabel": "binary_cross_entropy",
}


class OutputLooks:
    """Looks at the outputs at the first step of every start, when the loss has turned, and later until all is known."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._left = [share for share in LOOK_SHARES if share > training.share_done]
        self._loss: KnobValue | None = None
        """By which it was looked last; nothing before the first look."""
        self._failed = False

    def due(self) -> bool:
        """Tell whether the next batch is to be looked at."""
        due = bool(self._left) and self._training.share_done >= self._left[0]
        return not self._failed and (due or self._loss != self._training.knobs["loss"])

    def take(self, batch: Batch) -> None:
        """Look at the next batch and tell what is seen; where that fails, tell it once and look no more."""
        training = self._training
        self._loss = training.knobs["loss"]
        self._left = [share for share in self._left if share > training.share_done]
        try:
            seen = measure(training, batch)
        except Exception as failed:  # whatever the user's model does on a pass of ours is no reason to stop the run
            self._failed = True
            text = f"outputs and loss cannot be held against each other: {type(failed).__name__}: {failed}"
            training.link.say(Told(**training.progress.where(), level="info", text=text))
            return
        if seen.loss_kind and seen.spread > 0:
            self._left = []
        training.link.say(OutputsMeasured(**training.progress.where(), outputs=seen))


def measure(training: Training, batch: Batch) -> Outputs:
    """Return what the model makes of a batch, and the loss of that; the state of the run is as before."""
    count = min(len(batch.targets), EXAMPLES_MOST)
    inputs = in_layout(training, cut(batch.inputs, 0, count))
    targets = batch.targets[:count].to(training.device)
    loss = training.objective.user_loss
    loss_state = copy.deepcopy(loss.state_dict()) if isinstance(loss, nn.Module) else {}
    before = PassState(training)
    try:
        with evaluating(training.model), torch.no_grad():
            with watched(training.model) as anatomy:
                outputs = forward(training, training.model, inputs, count).float()
            return _seen(training, outputs, targets, anatomy.bent_behind(), anatomy.given)
    finally:
        before.restore()
        if loss_state and isinstance(loss, nn.Module):
            loss.load_state_dict(loss_state)


def _zero_share(outputs: Tensor) -> float:
    """Return the share of outputs that are 0 to the bit, where an example has others: all at once are what dead units leave."""
    zeros = (outputs == 0).reshape(len(outputs), -1)
    if zeros.shape[1] > 1:
        zeros = zeros[~zeros.all(1)]
    return float(zeros.float().mean()) if len(zeros) else 0.0


def _seen(
    training: Training, outputs: Tensor, targets: Tensor, behind: tuple[str, ...], given: Tensor | None
) -> Outputs:
    own = training.objective.own is not None
    few = outputs.numel() <= VALUES_MOST
    ask = loss_fit.asking(training.objective.plain) if few else loss_fit.unasked
    reach = reach_of(outputs, behind, given)
    kind, factor = loss_fit.kind_of(ask, outputs, targets) if own else (BUILT_IN[training.objective.kind], 1.0)
    low, high = outputs.aminmax()
    return Outputs(
        examples=len(targets),
        output_shape=tuple(outputs.shape[1:]),
        target_shape=tuple(targets.shape[1:]),
        behind=behind,
        low=float(low),
        high=float(high),
        rms=float(outputs.square().mean().sqrt()),
        spread=float(outputs.std(0, correction=0).mean()),
        zero_share=_zero_share(outputs),
        sums_to_one=reach.sums_to_one,
        reach_low=reach.low,
        reach_high=reach.high,
        loss=ask(outputs, targets),
        loss_kind=kind,
        loss_factor=factor,
        floor_share=loss_fit.floor_share(ask, outputs, targets, reach),
        sum_factor=loss_fit.sum_factor(ask, outputs, targets),
        pairing_share=loss_fit.pairing_share(ask, outputs, targets, reach),
        target_use_share=loss_fit.target_use_share(ask, outputs, targets, reach),
        order_share=loss_fit.order_share(ask, outputs, targets),
        **_of_targets(training, targets),
    )


def reach_of(outputs: Tensor, behind: tuple[str, ...], given: Tensor | None = None) -> Reach:
    """Return what these outputs cannot leave: by what stands behind the last layer if they keep to it, else as they are.

    Args:
        outputs: [B, …], float.
        behind: names of what bends them behind the last layer, the last one last.
        given: what the last layer with weights gave, where it is known: what lies at or above 0 there already is cut off by
            nothing behind it.
    """
    low, high = (float(end) for end in outputs.aminmax())
    if not (isfinite(low) and isfinite(high)):
        return Reach()
    sums = outputs.ndim >= 2 and bool(((outputs.sum(1) - 1).abs() <= SUM_MARGIN).all())
    if sums and 0 <= low <= high <= 1 + SUM_MARGIN:
        return Reach(0.0, 1.0, sums_to_one=True)
    known = REACH.get(behind[-1]) if behind else None
    if known is not None and known[0] <= low and high <= known[1]:
        return Reach(*known)
    clipped = low == 0 < high and float((outputs == 0).float().mean()) >= CLIPPED_SHARE
    clipped = clipped and (given is None or float(given.min()) < 0)
    return Reach(0.0, inf) if clipped else Reach()


def _of_targets(training: Training, targets: Tensor) -> dict[str, float]:
    """Return mean, widest spread and ends of numbers to predict; NaN for classes."""
    known = training.setup.source.train.targets
    values = (targets if known is None else known).detach().cpu()
    if not values.is_floating_point() or not values.numel():
        return dict.fromkeys(("target_mean", "target_std", "target_low", "target_high"), nan)
    columns = values.double().reshape(len(values), -1)
    worst = columns.square().mean(0).argmax()  # of several columns the one farthest from zero steers the loss
    return {
        "target_mean": float(columns[:, worst].mean()),
        "target_std": float(columns.std(0, correction=0).max()),
        "target_low": float(columns.min()),
        "target_high": float(columns.max()),
    }
