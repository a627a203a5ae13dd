"""Neighbours in a drawn order: how alike their targets are, and so whether the order is shuffled."""

from math import nan

import torch
from torch import Tensor


def same_label(targets: Tensor) -> float:
    """Return the share of neighbours with the same label; NaN where the targets are no plain classes.

    Args:
        targets: In the order in which they were drawn, [N].
    """
    if targets.ndim != 1 or targets.is_floating_point() or len(targets) < 2:
        return nan
    return float((targets[1:] == targets[:-1]).float().mean())


def alike(targets: Tensor) -> float:
    """Return how alike numbers of neighbours are: 1 less von Neumann's ratio over 2; NaN for classes, or one value only.

    0 on average in any shuffled order, about 1 in a sorted one (von Neumann 1941, «Distribution of the ratio of the mean
    square successive difference to the variance»).

    Args:
        targets: In the order in which they were drawn, [N] or [N, K]; of several columns the mean is returned.
    """
    if not targets.is_floating_point() or len(targets) < 2:
        return nan
    rows = targets.detach().double().reshape(len(targets), -1)
    variance = rows.var(0)
    varied = torch.isfinite(variance) & (variance > 0)
    if not bool(varied.any()):
        return nan
    steps = (rows[1:] - rows[:-1]).square().mean(0)
    return float((1 - steps[varied] / (2 * variance[varied])).mean())
