"""Standardised inputs: the model itself takes the mean from its inputs and divides them by their spread.

Mean and spread are those of the training split, feature by feature (an image's channels, a table's columns, else of the
whole), and lie in the model as buffers (`mixing.Standardised`): whatever gives the model inputs gives it the raw ones. Taking
it off leaves the model as it was, to the last bit and type.

A value that is missing (no number) is set to the feature's mean.

Weights that were trained on raw inputs do not suit standardised ones: turning it on pays from the first step of a run on
(LeCun et al. 1998, «Efficient BackProp», section 4.3).
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainer import mixing
from trainer.data.fetch import Fetch
from trainer.data.seeding import preserved_generators, seed_fetch
from trainer.data.source import Source

SAMPLE_EXAMPLES = 5000
"""Enough to know a spread to two per cent; so many lie in memory anyway."""

SAMPLE_ITEMS = 512
"""Of a data set that is read item by item: a spread to six per cent, in a second or two."""

CONSTANT_SHARE = 1e-7
"""Spread over largest value: a feature below it never changes, and is only moved to zero."""


def refusal(model: nn.Module, inputs: Any) -> str:
    """Return why these inputs of this model cannot be standardised; nothing where they can."""
    if why := mixing.refusal(model, mixing.Standardised):
        return why
    if not isinstance(inputs, Tensor) or not inputs.is_floating_point() or inputs.ndim < 2:
        return "only inputs that are one tensor of fractions have a scale"
    return ""


def scale_of(source: Source) -> tuple[Tensor, Tensor]:
    """Return mean and spread of the training inputs, in shapes that broadcast to an example; NaN is left out."""
    inputs = few_of(source)[0]
    if source.inputs == "image":
        kept: tuple[int, ...] = (0, *range(2, inputs.ndim))
    else:
        kept = (0,) if inputs.ndim == 2 else tuple(range(inputs.ndim))
    mean, spread = mean_and_spread(inputs, kept)
    return mean[0], spread[0]


def mean_and_spread(values: Tensor, over: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return mean and spread over these axes, which stay, of length 1; NaN is left out, and what never changes has spread 1."""
    known = values.double().where(torch.isfinite(values), torch.nan)
    mean = known.nanmean(dim=over, keepdim=True)
    spread = ((known - mean) ** 2).nanmean(dim=over, keepdim=True).sqrt()
    varies = spread > CONSTANT_SHARE * known.abs().nan_to_num(0.0).amax(dim=over, keepdim=True)
    return mean.nan_to_num(0.0).float(), torch.where(varies, spread, 1.0).float()


def few_of(source: Source) -> tuple[Tensor, Tensor]:
    """Return some training inputs and targets, drawn at random and always the same, as the model gets them.

    Generators are left alone.
    """
    split = source.train
    most = SAMPLE_ITEMS if split.tensors is None else SAMPLE_EXAMPLES
    indices = np.random.default_rng(0).permutation(split.examples)[:most]
    if split.tensors is not None:
        rows = torch.from_numpy(indices)
        return split.tensors[0][rows], split.tensors[1][rows]
    with preserved_generators():
        seed_fetch(0, 0, 0)
        return Fetch(split.dataset, source.collate, seed=0).read(indices, transformed=False)
