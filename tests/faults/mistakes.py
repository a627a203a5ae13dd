"""Mistakes in a user's code: in the model, the loss, the optimizer, the loader; from the start, or arising midway."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from tests.faults.data import Part

Loss = Callable[[Tensor, Tensor], Tensor]


class _Wrapped(nn.Module):
    def __init__(self, net: nn.Module, amount: float) -> None:
        super().__init__()
        self.net = net
        self.amount = amount

    def forward(self, inputs: Tensor) -> Tensor:
        return self.net(inputs)  # type: ignore[no-any-return]


class _NeverEvaluates(_Wrapped):
    """`eval()` does nothing: dropout and batch statistics stay on while the net is judged."""

    def train(self, mode: bool = True) -> "_NeverEvaluates":
        return super().train(True)


class _PilesUp(_Wrapped):
    """`zero_grad()` does nothing: each gradient is the sum of all before it."""

    def zero_grad(self, set_to_none: bool = True) -> None:
        pass


class _Keeps(_Wrapped):
    """Hooks keep every gradient and add it to the next."""

    def __init__(self, net: nn.Module, amount: float) -> None:
        super().__init__(net, amount)
        for parameter in net.parameters():
            parameter.register_hook(partial(self._add, torch.zeros_like(parameter).detach()))

    @staticmethod
    def _add(kept: Tensor, gradient: Tensor) -> Tensor:
        kept += gradient
        return kept.clone()


class _DropsAlways(_Wrapped):
    """Dropout in functional form, which stays on unless it is told the mode."""

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(functional.dropout(inputs, self.amount))


class _Blind(_Wrapped):
    """The net is given zeros in place of its inputs."""

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs * 0)


class _FromBatch(_Wrapped):
    """Something begins at the training batch of number `amount`; the count is a buffer, so a snapshot holds it."""

    def __init__(self, net: nn.Module, amount: float) -> None:
        super().__init__(net, amount)
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))

    def forward(self, inputs: Tensor) -> Tensor:
        if self.training and torch.is_grad_enabled():
            self.batches += 1
            if int(self.batches) > self.amount:
                inputs = self.spoil(inputs)
        return super().forward(inputs)

    def spoil(self, inputs: Tensor) -> Tensor:
        raise NotImplementedError


class _LargeFromBatch(_FromBatch):
    """The training inputs lose their scaling."""

    def spoil(self, inputs: Tensor) -> Tensor:
        return inputs * 100


class _NoiseFromBatch(_FromBatch):
    """The training inputs are noise."""

    def spoil(self, inputs: Tensor) -> Tensor:
        return torch.randn_like(inputs)


class _MissingFromBatch(_FromBatch):
    """Every training batch has a value that is no number."""

    def spoil(self, inputs: Tensor) -> Tensor:
        broken = inputs.clone()
        broken.view(-1)[0] = torch.nan
        return broken


MODELS: dict[str, Callable[[nn.Module, float], nn.Module]] = {
    "never_evaluates": _NeverEvaluates,
    "gradients_pile_up": _PilesUp,
    "gradients_kept": _Keeps,
    "drops_always": _DropsAlways,
    "blind": _Blind,
    "inputs_large_from": _LargeFromBatch,
    "inputs_noise_from": _NoiseFromBatch,
    "inputs_missing_from": _MissingFromBatch,
}


def _dead_layer(net: nn.Module, bias: float) -> nn.Module:
    """All units of the last hidden layer start far below zero."""
    layers = [module for module in net.modules() if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d)]
    with torch.no_grad():
        layers[-2 if len(layers) > 1 else -1].bias.fill_(-bias)  # type: ignore[union-attr]
    return net


def _frozen_body(net: nn.Module, amount: float) -> nn.Module:
    """Only the last layer may learn."""
    for parameter in list(net.parameters())[:-2]:
        parameter.requires_grad_(False)
    return net


MODELS |= {"dead_layer": _dead_layer, "frozen_body": _frozen_body}


def _every_pair(outputs: Tensor, targets: Tensor) -> Tensor:
    """Outputs [B, 1] against targets [B]: each is compared with all."""
    return ((outputs.reshape(-1, 1) - targets.reshape(1, -1)) ** 2).mean()


def _absolute(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean absolute error of the probabilities."""
    wanted = functional.one_hot(targets, outputs.shape[1]).float()
    return (outputs.softmax(1) - wanted).abs().mean()


def _squared(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.mse_loss(outputs, functional.one_hot(targets, outputs.shape[1]).float())


def _negated(outputs: Tensor, targets: Tensor) -> Tensor:
    return -functional.cross_entropy(outputs, targets)


def _likelihood_of_logits(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.nll_loss(outputs, targets)


def _summed(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(outputs, targets, reduction="sum")


def _negated_squared(outputs: Tensor, targets: Tensor) -> Tensor:
    return -functional.mse_loss(outputs, targets)


def _softmax_in_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(outputs.softmax(1), targets)


def _probability(outputs: Tensor, targets: Tensor) -> Tensor:
    """The logarithm is missing."""
    return functional.nll_loss(outputs.softmax(1), targets)


def _cold(outputs: Tensor, targets: Tensor) -> Tensor:
    """A temperature of 100000, where one of 1 belongs."""
    return functional.cross_entropy(outputs / 1e5, targets)


def _of_probabilities(outputs: Tensor, targets: Tensor) -> Tensor:
    """What outputs that are probabilities ask for: no mistake."""
    return functional.nll_loss(outputs.clamp(min=1e-7).log(), targets)


def _smoothed(outputs: Tensor, targets: Tensor) -> Tensor:
    """A loss of the user's own that is right: no mistake."""
    return functional.cross_entropy(outputs, targets, label_smoothing=0.1)


LOSSES: dict[str, Loss] = {
    "negated_squared": _negated_squared,
    "softmax_in_loss": _softmax_in_loss,
    "probability": _probability,
    "cold": _cold,
    "of_probabilities": _of_probabilities,
    "smoothed": _smoothed,
    "every_pair": _every_pair,
    "absolute": _absolute,
    "squared": _squared,
    "negated": _negated,
    "likelihood_of_logits": _likelihood_of_logits,
    "summed": _summed,
}


class _Explodes(torch.optim.SGD):
    """A schedule of the user's own that multiplies the step by a hundred from step `begins` on."""

    def __init__(self, model: nn.Module, begins: float) -> None:
        super().__init__(model.parameters(), lr=0.1)
        for group in self.param_groups:
            group |= {"taken": 0, "begins": begins}

    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            group["taken"] += 1
            if group["taken"] > group["begins"]:
                group["lr"] *= 100
        return super().step(closure)


def _head_only(model: nn.Module, amount: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(list(model.parameters())[-2:], lr=amount)


def _body_at_zero(model: nn.Module, amount: float) -> torch.optim.Optimizer:
    parameters = list(model.parameters())
    return torch.optim.SGD([{"params": parameters[:-2], "lr": 0.0}, {"params": parameters[-2:]}], lr=amount)


OPTIMIZERS: dict[str, Callable[[nn.Module, float], torch.optim.Optimizer]] = {
    "schedule_explodes_at": _Explodes,
    "head_only": _head_only,
    "body_at_zero": _body_at_zero,
}


class Items(Dataset[tuple[Tensor, Any]]):
    """Examples one by one, as a user's data set gives them."""

    def __init__(self, part: Part, amount: float) -> None:
        self.inputs = torch.from_numpy(part.inputs)
        self.labels = torch.from_numpy(part.targets)
        self.amount = amount

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        return self.inputs[index], self.labels[index]


class _Sorted(Items):
    """Deals its examples in the order of their labels, whatever index it is asked for."""

    def __init__(self, part: Part, amount: float) -> None:
        super().__init__(part.take(np.argsort(part.targets, kind="stable")), amount)
        self._turn = self._endless()

    def _endless(self) -> Iterator[int]:
        while True:
            yield from range(len(self))

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        return super().__getitem__(next(self._turn))


def _in_order(part: Part, amount: float) -> DataLoader[Any]:
    """A loader that does not shuffle, over examples that lie sorted by their targets."""
    return DataLoader(Items(part.take(np.argsort(part.targets, kind="stable")), amount), shuffle=False)


class _FewAgain(Items):
    """A wrong modulus: only the first so many examples ever come."""

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        return super().__getitem__(index % int(self.amount))


class _Neighbours(Items):
    """An index that is off by one: each input comes with the label of the next example."""

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        return self.inputs[index], self.labels[(index + 1) % len(self)]


class _ChangesAt(Items):
    """From the item of number `amount` on the labels that are dealt are those of other examples."""

    def __init__(self, part: Part, amount: float) -> None:
        super().__init__(part, amount)
        self._dealt = 0

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        self._dealt += 1
        off = 7 if self._dealt > self.amount else 0
        return self.inputs[index], self.labels[(index + off) % len(self)]


class _TurnsAt(Items):
    """From the item of number `amount` on the inputs that are dealt have the other sign."""

    def __init__(self, part: Part, amount: float) -> None:
        super().__init__(part, amount)
        self._dealt = 0

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        self._dealt += 1
        return self.inputs[index] * (-1 if self._dealt > self.amount else 1), self.labels[index]


LOADERS: dict[str, Callable[[Part, float], Dataset[tuple[Tensor, Any]] | DataLoader[Any]]] = {
    "items": Items,
    "sorted": _Sorted,
    "in_order": _in_order,
    "few_again": _FewAgain,
    "neighbours": _Neighbours,
    "labels_change_at": _ChangesAt,
    "inputs_turn_at": _TurnsAt,
}
