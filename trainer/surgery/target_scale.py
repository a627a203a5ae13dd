"""Scaled targets: a model learns a number in spreads about its mean, and still says it in the number's own unit.

A net begins with outputs about 0 ± 1. Where the number to predict is 90 ± 30, or 0.001, it spends the run on its way there, or
its gradients are as many times too large. So the model gets an affine map behind its last layer, with mean and spread of the
training targets as buffers (`mixing.InTargetUnits`): whoever calls the model gets the target's own unit. The loss that is trained on is taken of outputs and targets in spreads about the mean; the loss that is told and
judged, and every metric, stay in the target's own unit. Taking it off leaves the model as it was, to the last bit and type.

Of several outputs each has its own mean and spread, so that each counts alike in the loss; of targets with more than one axis
(a map, a series) all numbers of an example share one. A column that never changes is only moved.

What the task's own loss then means: a squared or an absolute error is the same one up to a factor (of several outputs, one for
each). A loss with a bend (Huber, smooth L1) bends at so many spreads where it bent at so many units. A loss that is not of the
difference alone (a logarithm or a share of the target, a likelihood of counts) means nothing in spreads, and is refused.

Weights that were trained in the target's unit do not suit: turning it on pays from the first step of a run on
(LeCun et al. 1998, «Efficient BackProp», section 4.5).
"""

from math import isfinite

import torch
from torch import Tensor, nn

from trainer.data.source import Source
from trainer.stepping.objective import Objective
from trainer.surgery import mixing
from trainer.surgery.standardise import few_of, mean_and_spread
from trainer.watching.loss_fit import asking

SAME_SHARE = 0.01
"""Of the loss: a loss of the difference alone moves by rounding when outputs and targets move together, which is far less."""

MOVED_SPREADS = 3.0
"""So far they are moved together."""


def scale_of(source: Source) -> tuple[Tensor, Tensor]:
    """Return mean and spread of the training targets, [K] for K columns, else [1]; NaN is left out."""
    targets = source.train.targets
    if targets is None:
        targets = few_of(source)[1]
    mean, spread = mean_and_spread(targets if targets.ndim == 2 else targets.reshape(-1, 1), (0,))
    return mean[0], spread[0]


def refusal(
    model: nn.Module, objective: Objective, output_shape: tuple[int, ...], targets: Tensor, bent: tuple[str, ...]
) -> str:
    """Return why the targets of this task cannot be scaled; nothing where they can.

    Args:
        model: As it is built.
        objective: Its loss; it is asked about a few numbers.
        output_shape: What the model returns for one example.
        targets: Of a few examples.
        bent: What stands behind the last layer.
    """
    if objective.kind != "regression" or not targets.is_floating_point():
        return "only numbers to predict have a scale"
    if objective.in_spreads:
        return "the model predicts in spreads about the mean already"
    columns = targets.shape[1] if targets.ndim == 2 else 1
    if torch.Size(output_shape).numel() != targets[0].numel() or (columns > 1 and output_shape[-1] != columns):
        return f"outputs of shape {list(output_shape)} are not one number for each target of {list(targets.shape[1:])}"
    if bent:
        return f"a {bent[-1]} stands behind the last layer, and bounds what it can say"
    if any(True for _ in _state(objective)):
        return "the loss holds numbers of its own, which are of the target's unit"
    return mixing.refusal(model, mixing.InTargetUnits) or _loss_refusal(objective, output_shape, targets)


def _state(objective: Objective) -> tuple[Tensor, ...]:
    loss = objective.own
    return (*loss.parameters(), *loss.buffers()) if isinstance(loss, nn.Module) else ()


def _loss_refusal(objective: Objective, output_shape: tuple[int, ...], targets: Tensor) -> str:
    """Say that a loss is not of the difference alone, where outputs and targets that move together change it."""
    noise = torch.randn(len(targets), *output_shape, generator=torch.Generator().manual_seed(0))
    spread = float(targets.double().std(correction=0).nan_to_num(1.0)) or 1.0
    ask = asking(objective.plain)
    outputs = targets.reshape(len(targets), *output_shape) + spread * noise
    here = ask(outputs, targets)
    there = [ask(outputs + by, targets + by) for by in (MOVED_SPREADS * spread, -MOVED_SPREADS * spread)]
    if not isfinite(here) or not all(abs(value - here) <= SAME_SHARE * abs(here) for value in there):
        return "the loss is not one of the difference between output and target alone: in other units it means another thing"
    return ""
