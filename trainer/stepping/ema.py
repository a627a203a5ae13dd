"""An exponential moving average of the weights, kept beside those that are trained.

Evaluated, saved and exported in their place while the knob `ema` is on (Polyak & Juditsky 1992; Tarvainen & Valpola
2017, arXiv 1703.01780). The decay rises with the steps averaged, so that the first weights are soon forgotten.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn


@dataclass
class AveragedState:
    """What a snapshot holds of an average."""

    weights: dict[str, torch.Tensor]
    samples: int


class Averaged:
    """The average of a model's floating-point parameters and buffers; all else is as it is in the model.

    Args:
        model: On its device; the average begins with its weights of now.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self.weights = {name: tensor.detach().clone() for name, tensor in _averageable(model)}
        self.samples = 0
        """Examples behind the steps averaged: counted like this, a change of the batch size bends nothing."""

    @torch.no_grad()
    def update(self, decay: float, batch_size: int) -> None:
        """Take in the weights after a step.

        Args:
            decay: Share of the average that stays at each step, 0 to 1, once enough steps are averaged.
            batch_size: Examples behind the step.
        """
        self.samples += batch_size
        steps = self.samples / batch_size
        kept = min(decay, (1 + steps) / (10 + steps))
        torch._foreach_lerp_(list(self.weights.values()), [tensor for _, tensor in _averageable(self._model)], 1 - kept)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the model hold the averaged weights for a while. Nothing is copied: the two change places and back."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def fit(self) -> None:
        """Follow the model when it has got new tensors or lost some: new ones begin as they are."""
        there = _averageable(self._model)
        self.weights = {name: self.weights.get(name, tensor.detach().clone()) for name, tensor in there}

    def lay_out(self) -> None:
        """Follow the model into another memory layout, so that both compute by the same kernels."""
        for name, tensor in _averageable(self._model):
            self.weights[name] = laid_like(self.weights[name], tensor)

    def state(self) -> AveragedState:
        """Return the tensors themselves, and how far the average is."""
        return AveragedState(self.weights, self.samples)

    @torch.no_grad()
    def restore(self, state: AveragedState) -> None:
        """Take over another average of the same model; what that one lacks stays as it is."""
        for name, weight in self.weights.items():
            weight.copy_(state.weights.get(name, weight))
        self.samples = state.samples

    def _exchange(self) -> None:
        for name, tensor in _averageable(self._model):
            tensor.data, self.weights[name] = self.weights[name], tensor.data


def laid_like(tensor: torch.Tensor, model: torch.Tensor) -> torch.Tensor:
    """Return a tensor in the memory layout of another one of its shape; the very same where it has it already.

    Fused optimizers go through memory without a look at the layout: a moment in another one than its parameter's would
    be that of other weights.
    """
    if tensor.shape != model.shape or tensor.stride() == model.stride():
        return tensor
    return torch.empty_like(model, dtype=tensor.dtype, device=tensor.device).copy_(tensor)


def _averageable(model: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield parameters and buffers with a floating point, each once, shared ones too."""
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if tensor.is_floating_point():
            yield name, tensor
