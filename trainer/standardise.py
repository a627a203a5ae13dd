"""Standardised inputs: the model itself takes the mean from its inputs and divides them by their spread.

Mean and spread are those of the training split, feature by feature (an image's channels, a table's columns, else of the
whole), and lie in the model as buffers: they are saved, exported and loaded with its weights, and whatever gives the
model inputs gives it the raw ones. Taking it off leaves the model as it was, to the last bit and type.

A value that is missing (no number) is set to the feature's mean.

Weights that were trained on raw inputs do not suit standardised ones: turning it on pays from the first step of a run on
(LeCun et al. 1998, «Efficient BackProp», section 4.3).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainer import mixing
from trainer.data.fetch import Fetch
from trainer.data.seeding import preserved_generators, seed_fetch
from trainer.data.source import Source

MEAN, SPREAD = "standardised_mean", "standardised_spread"
"""Names of the buffers, at the root of the model."""

SAMPLE_EXAMPLES = 5000
"""Enough to know a spread to two per cent; so many lie in memory anyway."""

SAMPLE_ITEMS = 512
"""Of a data set that is read item by item: a spread to six per cent, in a second or two."""

CONSTANT_SHARE = 1e-7
"""Spread over largest value: a feature below it never changes, and is only moved to zero."""


class Standardised(nn.Module):
    """What a model's own class is mixed with while its inputs are standardised."""

    standardised_mean: Tensor
    standardised_spread: Tensor

    def forward(self, inputs: Tensor) -> Any:
        """Pass the standardised inputs on to the model's own forward; what is no number becomes the mean, 0."""
        scaled = (inputs - self.standardised_mean) / self.standardised_spread
        return super().forward(scaled.nan_to_num(0.0, 0.0, 0.0))


def is_on(model: nn.Module) -> bool:
    """Tell whether a model standardises its inputs."""
    return isinstance(model, Standardised)


def put_on(model: nn.Module, mean: Tensor, spread: Tensor) -> None:
    """Let a model standardise its inputs; one that does is given other numbers.

    Args:
        model: On its device.
        mean: Taken from an example, in a shape that broadcasts to one.
        spread: What the rest is divided by, likewise.
    """
    mixing.mix_in(model, Standardised)
    device = next((tensor.device for tensor in model.parameters()), mean.device)
    model.register_buffer(MEAN, mean.to(device))
    model.register_buffer(SPREAD, spread.to(device))


def take_off(model: nn.Module) -> None:
    """Give a model its own class back, without the buffers."""
    if is_on(model):
        mixing.take_out(model, Standardised)
        del model._buffers[MEAN], model._buffers[SPREAD]


def fit(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Make a model standardise its inputs if these weights are of one that does, and not otherwise."""
    if mixing.has_its_own(model, Standardised, MEAN):
        return
    if MEAN in weights and SPREAD in weights:
        put_on(model, torch.zeros_like(weights[MEAN]), torch.ones_like(weights[SPREAD]))
    else:
        take_off(model)


def own_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Return mean and spread under their names; nothing where inputs are not standardised."""
    return {name: model.get_buffer(name) for name in (MEAN, SPREAD)} if is_on(model) else {}


def refusal(model: nn.Module, inputs: Any) -> str:
    """Return why these inputs of this model cannot be standardised; nothing where they can."""
    if why := mixing.refusal(model, (MEAN, SPREAD)):
        return why
    if not isinstance(inputs, Tensor) or not inputs.is_floating_point() or inputs.ndim < 2:
        return "only inputs that are one tensor of fractions have a scale"
    return ""


def scale_of(source: Source) -> tuple[Tensor, Tensor]:
    """Return mean and spread of the training inputs, in shapes that broadcast to an example; NaN is left out."""
    inputs = few_of(source, SAMPLE_EXAMPLES if source.train.tensors is not None else SAMPLE_ITEMS)[0]
    if source.inputs == "image":
        kept: tuple[int, ...] = (0, *range(2, inputs.ndim))
    else:
        kept = (0,) if inputs.ndim == 2 else tuple(range(inputs.ndim))
    known = inputs.double().where(torch.isfinite(inputs), torch.nan)
    mean = known.nanmean(dim=kept, keepdim=True)
    spread = ((known - mean) ** 2).nanmean(dim=kept, keepdim=True).sqrt()
    varies = spread > CONSTANT_SHARE * known.abs().nan_to_num(0.0).amax(dim=kept, keepdim=True)
    return mean.nan_to_num(0.0)[0].float(), torch.where(varies, spread, 1.0)[0].float()


def few_of(source: Source, most: int) -> tuple[Tensor, Tensor]:
    """Return training inputs and targets, drawn at random and always the same, as the model gets them.

    Generators are left alone.
    """
    split = source.train
    indices = np.random.default_rng(0).permutation(split.examples)[:most]
    if split.tensors is not None:
        rows = torch.from_numpy(indices)
        return split.tensors[0][rows], split.tensors[1][rows]
    with preserved_generators():
        seed_fetch(0, 0, 0)
        return Fetch(split.dataset, source.collate, seed=0).read(indices, transformed=False)
