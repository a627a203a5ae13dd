"""Mistakes of the second hold-out that the other benches have not, and losses and optimizers of the user's own that are none.
Importing the module adds them to the others."""

from math import cos, pi
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.faults.data import Data, Part
from tests.faults.mistakes import LOADERS, LOSSES, MODELS, OPTIMIZERS, Items
from tests.faults.spoil import SPOILS

SENTINEL = -999.0
"""What some tables hold where a value is missing."""
OTHER_UNIT = 1000.0
QUANTILE = 0.6
RARE_WEIGHT = 0.1


def _detached(net: nn.Module, amount: float) -> nn.Module:
    """What reaches the last layer is cut off from the layers before it."""
    last = [module for module in net.modules() if isinstance(module, nn.Linear)][-1]
    last.register_forward_pre_hook(lambda module, given: (given[0].detach(),))
    return net


def _faint(net: nn.Module, bound: float) -> nn.Module:
    """Hooks hold every single gradient value within `bound`."""
    for parameter in net.parameters():
        parameter.register_hook(lambda gradient: gradient.clamp(-bound, bound))
    return net


def _rounded(net: nn.Module, amount: float) -> nn.Module:
    """The outputs are rounded, and nothing flows back through that."""
    net.register_forward_hook(lambda module, given, outputs: (outputs * amount).round() / amount + 0 * outputs)
    return net


MODELS |= {"detached": _detached, "faint": _faint, "rounded": _rounded}


def _pinball(outputs: Tensor, targets: Tensor) -> Tensor:
    """The loss of a quantile: no mistake."""
    apart = targets - outputs
    return torch.maximum(QUANTILE * apart, (QUANTILE - 1) * apart).mean()


def _rooted(outputs: Tensor, targets: Tensor) -> Tensor:
    """The root of the mean squared error: no mistake."""
    return (functional.mse_loss(outputs, targets) + 1e-8).sqrt()


def _margins(outputs: Tensor, targets: Tensor) -> Tensor:
    """The right class has to lead by a margin: no mistake."""
    return functional.multi_margin_loss(outputs, targets)


def _squares_summed(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.mse_loss(outputs, targets, reduction="sum")


def _one_of_many(outputs: Tensor, targets: Tensor) -> Tensor:
    """The loss for one class each, where an example may have several or none."""
    return functional.cross_entropy(outputs, targets)


def _common_first(outputs: Tensor, targets: Tensor) -> Tensor:
    """Class weights the wrong way round: the rare class, which is the last, counts least."""
    weights = torch.ones(outputs.shape[1])
    weights[-1] = RARE_WEIGHT
    return functional.cross_entropy(outputs, targets, weight=weights)


def _hot(outputs: Tensor, targets: Tensor) -> Tensor:
    """A temperature where none belongs: outputs are taken fifty times as large."""
    return functional.cross_entropy(outputs * 50, targets)


LOSSES |= {
    "pinball": _pinball,
    "rooted": _rooted,
    "huber": functional.smooth_l1_loss,
    "margins": _margins,
    "squares_summed": _squares_summed,
    "one_of_many": _one_of_many,
    "common_first": _common_first,
    "hot": _hot,
}


class _DecaysEachStep(torch.optim.SGD):
    """A decay by three hundredths that was meant for each epoch, taken in each step."""

    def __init__(self, model: nn.Module, rate: float) -> None:
        super().__init__(model.parameters(), lr=rate, momentum=0.9)
        for group in self.param_groups:
            group["taken"] = 0

    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            group["lr"] *= 0.97 ** group["taken"]
            group["taken"] += 1
        return super().step(closure)


class _Restarts(torch.optim.SGD):
    """Momentum on a half cosine of the user's own that begins anew every `period` steps: no mistake."""

    def __init__(self, model: nn.Module, period: float) -> None:
        super().__init__(model.parameters(), lr=0.05, momentum=0.9)
        for group in self.param_groups:
            group |= {"taken": 0, "period": period}

    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            group["lr"] *= 0.55 + 0.45 * cos(pi * (group["taken"] % group["period"]) / group["period"])
            group["taken"] += 1
        return super().step(closure)


def _adagrad(model: nn.Module, rate: float) -> torch.optim.Optimizer:
    return torch.optim.Adagrad(model.parameters(), lr=rate)


def _nadam(model: nn.Module, rate: float) -> torch.optim.Optimizer:
    return torch.optim.NAdam(model.parameters(), lr=rate)


def _two_rates(model: nn.Module, rate: float) -> torch.optim.Optimizer:
    """The last layer at a rate ten times that of the others: no mistake."""
    parameters = list(model.parameters())
    return torch.optim.Adam([{"params": parameters[:-2], "lr": rate / 10}, {"params": parameters[-2:]}], lr=rate)


OPTIMIZERS |= {
    "decays_each_step": _DecaysEachStep,
    "restarts": _Restarts,
    "adagrad": _adagrad,
    "nadam": _nadam,
    "two_rates": _two_rates,
}


class _OneBuffer(Items):
    """Every item is written into one buffer, so that a batch holds its last example many times, under all their labels."""

    def __init__(self, part: Part, amount: float) -> None:
        super().__init__(part, amount)
        self._buffer = torch.zeros_like(self.inputs[0])

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        self._buffer.copy_(self.inputs[index])
        return self._buffer, self.labels[index]


class _Turned(Items):
    """Each picture is turned by quarters at random, as an augmentation, and keeps its label."""

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        return torch.rot90(self.inputs[index], int(torch.randint(4, ())), (-2, -1)), self.labels[index]


class _Apart(Items):
    """Inputs and labels are shuffled by two draws, anew whenever one is asked for."""

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        return self.inputs[index], self.labels[int(torch.randint(len(self), ()))]


LOADERS |= {"one_buffer": _OneBuffer, "turned": _Turned, "apart": _Apart}


def _with_train(data: Data, inputs: Any) -> Data:
    return Data(Part(inputs.astype(np.float32), data.train.targets), data.val, data.test, data.outputs)


def _sentinel(data: Data, share: float) -> Data:
    """So many values to train on are missing, and -999 stands in their place."""
    inputs = data.train.inputs.copy()
    inputs[np.random.default_rng(71).random(inputs.shape) < share] = SENTINEL
    return _with_train(data, inputs)


def _other_unit(data: Data, share: float) -> Data:
    """So many rows to train on have their first column in another unit."""
    inputs = data.train.inputs.copy()
    inputs[np.random.default_rng(72).random(len(inputs)) < share, 0] *= OTHER_UNIT
    return _with_train(data, inputs)


def _last_is_rare(data: Data, one_in: float) -> Data:
    """The last class is kept one in so many, to train on."""
    random = np.random.default_rng(73)
    kept = (data.train.targets < data.outputs - 1) | (random.random(len(data.train.targets)) < 1 / one_in)
    return Data(data.train.take(np.flatnonzero(kept)), data.val, data.test, data.outputs)


SPOILS |= {"sentinel": _sentinel, "other_unit": _other_unit, "last_is_rare": _last_is_rare}
