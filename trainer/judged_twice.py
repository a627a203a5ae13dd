"""Judged twice: does the model, in evaluation mode, say the same of the same batch?"""

from math import nan

import torch
from torch import nn

from trainer.evaluate import evaluating
from trainer.pieces import to_device
from trainer.training import Training
from trainer.window import PassState

MODES_DIFFER = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd)
"""Modules that do something else in training than in evaluation."""


def judged_twice(training: Training) -> tuple[float, int]:
    """Return how far two evaluations of the next batch lie apart, relative, and how many modules stayed in training.

    NaN where the model fails here: it will say so when it is evaluated. The state of the run is as before.
    """
    state = PassState(training)
    try:
        inputs, _ = to_device(training, next(training.supply.look_ahead(1)))
        with evaluating(training.model), torch.no_grad():
            left = sum(module.training for module in training.model.modules() if isinstance(module, MODES_DIFFER))
            first, second = (training.model(inputs).float() for _ in range(2))
        return relative_difference(first, second), left
    except Exception:  # the user's model and data run in there
        return nan, 0
    finally:
        state.restore()


def relative_difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return the distance of two tensors over the size of the first; 0 where the first is 0."""
    size = float(one.norm())
    return float((other - one).norm()) / size if size > 0 else 0.0
