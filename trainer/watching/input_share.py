"""How evenly the inputs of a layer are learned from: one step's gradient, input by input.

An embedding's row gets a gradient when its number comes up, a column of a table when it is not 0. Where a few inputs are in
every batch and most are rare, the gradients of the two lie decades apart, and one rate cannot serve both (Duchi et al. 2011,
«Adaptive Subgradient Methods», section 1.3).
"""

import torch
from torch import nn

LEAST_INPUTS = 8
"""Of a few inputs there is no even or uneven use."""


def input_share(module: nn.Module, weight: nn.Parameter, *, first: bool) -> torch.Tensor | None:
    """Return the share of a layer's inputs that its gradient comes down to, 0 to 1, a scalar on its device.

    It is (Σ g²)² / (n · Σ g⁴) over the n inputs, g² being the squared gradient of all weights of one: 1 = all alike, 1/n = one
    alone.

    Args:
        module: An embedding, or a linear layer.
        weight: Of it, with its gradient.
        first: It is the first layer of the net: what enters a linear layer further in is no input of the run.

    Returns:
        Nothing where the layer has no gradient, few inputs, or none that can be told apart.
    """
    gradient = weight.grad
    if isinstance(module, nn.Embedding | nn.EmbeddingBag):
        across = 1
    elif isinstance(module, nn.Linear) and first:
        across = 0
    else:
        return None
    if gradient is None or weight.shape[1 - across] < LEAST_INPUTS:
        return None
    values = gradient.detach().coalesce().values() if gradient.is_sparse else gradient.detach()
    energy = values.double().square().sum(across)
    return energy.sum().square() / (weight.shape[1 - across] * energy.square().sum())
