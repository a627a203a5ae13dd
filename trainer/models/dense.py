"""Networks of fully connected layers: a linear model and a multilayer perceptron."""

from collections import OrderedDict
from math import prod

from torch import nn

from trainer.config import ModelConfig
from trainer.models.layers import activation


def linear(config: ModelConfig, dropout: float, input_shape: tuple[int, ...], outputs: int) -> nn.Module:  # noqa: ARG001
    """Return one linear layer on the flattened input (dropout acts on the input)."""
    layers: dict[str, nn.Module] = {"flatten": nn.Flatten(), "dropout": nn.Dropout(dropout)}
    return nn.Sequential(OrderedDict(layers | {"head": nn.Linear(prod(input_shape), outputs)}))


def mlp(config: ModelConfig, dropout: float, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Return hidden layers of `config.hidden` units on the flattened input, dropout behind each activation."""
    layers: dict[str, nn.Module] = {"flatten": nn.Flatten()}
    width = prod(input_shape)
    for depth, hidden in enumerate(config.hidden, start=1):
        layers[f"hidden{depth}"] = nn.Linear(width, hidden)
        layers[f"activation{depth}"] = activation(config.activation)
        layers[f"dropout{depth}"] = nn.Dropout(dropout)
        width = hidden
    if not config.hidden:
        layers["dropout"] = nn.Dropout(dropout)
    return nn.Sequential(OrderedDict(layers | {"head": nn.Linear(width, outputs)}))
