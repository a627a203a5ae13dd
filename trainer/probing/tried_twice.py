"""Tried twice before the first step: does the model judge a batch alike each time, and is a gradient the same each time?

What fails here is left to the run, which will say so in its own place; the state of the run is as before.
"""

from math import nan

import torch
from torch import nn

from trainer.evaluate import evaluating
from trainer.stepping.pieces import cut, to_device
from trainer.stepping.window import PassState, random_state, set_random_state
from trainer.training import Training

MODES_DIFFER = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd)
"""Modules that do something else in training than in evaluation."""

EVALUATED = 64
"""Examples of the batch that are evaluated: random numbers show in any of them."""

FEW = 4
"""Examples whose gradient is taken: enough for batch norm, and a pass of them takes milliseconds."""

GOES = 3
"""Gradients of the same examples: two show that they differ, the third that each has the same more."""

STEADY = 0.01
"""Relative: so near to one another two additions must lie to be the same, and to nothing to be none."""


def tried_twice(training: Training) -> dict[str, float]:
    """Return what two goes have shown, by the names of `ModelInfo`.

    evaluation_difference: distance of two evaluations of a batch, relative; NaN where the model fails.
    left_training: dropout and batch norm modules that stay in training mode when the model is put into evaluation mode.
    gradient_added: what every further gradient of the same examples has more than the one before, over the first; 0 where
        they are the same, NaN where it changes in another way, or cannot be had.
    """
    state, held = PassState(training), [parameter.grad for parameter in training.model.parameters()]
    found: dict[str, float] = {"evaluation_difference": nan, "left_training": 0, "gradient_added": nan}
    try:
        found |= _evaluated(training)
        state.restore()
        found["gradient_added"] = _gradient_added(training)
    except Exception:  # the user's model and data run in there
        return found
    finally:
        state.restore()
        for parameter, gradient in zip(training.model.parameters(), held, strict=True):
            parameter.grad = gradient
    return found


def _evaluated(training: Training) -> dict[str, float]:
    inputs, _ = to_device(training, next(training.supply.look_ahead(1)))
    inputs = cut(inputs, 0, EVALUATED)
    with evaluating(training.model), torch.no_grad():
        left = sum(module.training for module in training.model.modules() if isinstance(module, MODES_DIFFER))
        first, second = (training.model(inputs).float() for _ in range(2))
    return {"evaluation_difference": relative_difference(first, second), "left_training": left}


def _gradient_added(training: Training) -> float:
    """Return what is added to the gradient of a few examples whenever it is taken again, under the same random numbers."""
    inputs, targets = to_device(training, next(training.supply.look_ahead(1)))
    inputs, targets = cut(inputs, 0, FEW), targets[:FEW]
    random, taken = random_state(training), []
    training.model.train()
    for _ in range(GOES):
        set_random_state(training, random)
        training.objective(training.model(inputs), targets).backward()  # type: ignore[no-untyped-call]
        gradients = [
            p.grad.detach().float().flatten().clone() for p in training.model.parameters() if p.grad is not None
        ]
        training.model.zero_grad(set_to_none=True)
        taken.append(torch.cat(gradients))
    first, second, third = taken
    if relative_difference(first, second) <= STEADY:
        return 0.0
    steady = relative_difference(second - first, third - second) <= STEADY
    return relative_difference(first, second) if steady else nan


def relative_difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return the distance of two tensors over the size of the first; 0 where the first is 0."""
    size = float(one.norm())
    return float((other - one).norm()) / size if size > 0 else 0.0
