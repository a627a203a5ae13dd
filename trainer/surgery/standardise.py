"""Standardised inputs: the model itself takes the mean from its inputs and divides them by their spread.

Mean and spread are those of the training split, feature by feature (an image's channels, a table's columns, else of the
whole), and lie in the model as buffers (`mixing.Standardised`): whatever gives the model inputs gives it the raw ones. Taking
it off leaves the model as it was, to the last bit and type.

A value that is missing (no number) is set to the feature's mean. A few values far out (a code for «unknown», a slipped point)
would be all of the spread and leave nothing of the rest: mean and spread are those of the other values, and the model takes
what lies more than `mixing.REACH` spreads out as lying there (as `VecNormalize` of stable-baselines3 does).

Weights that were trained on raw inputs do not suit standardised ones: turning it on pays from the first step of a run on
(LeCun et al. 1998, «Efficient BackProp», section 4.3).
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainer.data.fetch import Fetch
from trainer.data.seeding import preserved_generators, seed_fetch
from trainer.data.source import Source
from trainer.surgery import mixing

SAMPLE_EXAMPLES = 5000
"""Enough to know a spread to two per cent; so many lie in memory anyway."""

SAMPLE_ITEMS = 512
"""Of a data set that is read item by item: a spread to six per cent, in a second or two."""

CONSTANT_SHARE = 1e-7
"""Spread over largest value: a feature below it never changes, and is only moved to zero."""

USUAL_SHARE = 0.98
"""Of a feature's values: what more than two in a hundred have is a part of the data, however far out it lies."""

FAR_TIMES = 5.0
"""As far from the median as the usual values: 12 spreads of normal values, 14 of those with exponential tails; of log-normal
ones (sigma 1) it is passed by 2 in 10,000."""

QUANTILE_ROWS = 100_000
QUANTILE_VALUES = 8_000_000
"""Looked at to know a quantile: torch sorts at most 16 million."""


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
    over = within(source.inputs, inputs.ndim)
    usual = inputs.where(reach_of(inputs, over) <= FAR_TIMES, torch.nan)
    mean, spread = mean_and_spread(usual, over)
    return mean[0], spread[0]


def within(kind: str, axes: int) -> tuple[int, ...]:
    """Return the axes of a batch that lie within a feature: an image's channel, a table's column, else the whole."""
    if kind == "image":
        return (0, *range(2, axes))
    return (0,) if axes == 2 else tuple(range(axes))


def reach_of(values: Tensor, over: tuple[int, ...]) -> Tensor:
    """Return how far each value lies from its feature's median, in the distance within which 98 % of them lie.

    A feature with one value in 98 % of the places (a rare category) has no usual distance: 0, as of what is no number.

    Args:
        values: Of any shape.
        over: The axes that are not the feature's.

    Returns:
        As many numbers, from 0 on.
    """
    distance, usual = _distances(values, over)
    return (distance / usual).where(usual > 0, 0.0).nan_to_num(0.0)


def stands_out(values: Tensor, over: tuple[int, ...]) -> Tensor:
    """Tell of each value whether it lies far out of its feature, and of what is usual of the other features too.

    A pixel at the rim of a picture that is hardly ever lit lies far out of its own values when it is, and is no larger than
    its neighbours.

    Args:
        values: Of any shape.
        over: The axes that are not the feature's.
    """
    distance, usual = _distances(values, over)
    of_all = usual[usual > 0].median() if bool((usual > 0).any()) else usual.max()
    return (usual > 0) & (distance > FAR_TIMES * usual) & (distance > FAR_TIMES * of_all)


def _distances(values: Tensor, over: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return how far each value lies from its feature's median, and within which distance 98 % of the feature's do."""
    known = values.float().where(torch.isfinite(values), torch.nan)
    features = [axis for axis in range(values.ndim) if axis not in over]
    rows = known.permute(*over, *features).flatten(0, len(over) - 1).flatten(1) if features else known.reshape(-1, 1)
    most = min(QUANTILE_ROWS, max(QUANTILE_VALUES // rows.shape[1], 1))
    if len(rows) > most:
        rows = rows[torch.from_numpy(np.random.default_rng(0).permutation(len(rows))[:most])]
    middle = rows.nanmedian(dim=0).values
    usual = (rows - middle).abs().nanquantile(USUAL_SHARE, dim=0, interpolation="lower")
    shape = [1 if axis in over else size for axis, size in enumerate(values.shape)]
    return (known - middle.reshape(shape)).abs(), usual.reshape(shape)


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
