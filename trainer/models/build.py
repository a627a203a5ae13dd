"""A model is built from its name, the shape of one example and the number of outputs."""

import difflib
from collections.abc import Callable

from torch import nn

from trainer.config import ModelConfig
from trainer.models.convolutional import cnn, resnet
from trainer.models.dense import linear, mlp
from trainer.models.errors import ModelError
from trainer.models.layers import initialise
from trainer.models.vision import PREFIX, vision_model

__all__ = ["BUILDERS", "ModelError", "build_model"]

Builder = Callable[[ModelConfig, float, tuple[int, ...], int], nn.Module]

BUILDERS: dict[str, Builder] = {"linear": linear, "mlp": mlp, "cnn": cnn, "resnet": resnet}
"""The built-in models. Each has `nn.Dropout` modules whatever its rate, so that the rate is an attribute to turn."""


def build_model(config: ModelConfig, dropout: float, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Build a network on the CPU, initialised by torch's global random state.

    Args:
        config: the name and the options.
        dropout: rate of every dropout layer, 0 to 1.
        input_shape: one example without the batch: [C, H, W] for images, [F] for tables.
        outputs: classes, labels, or columns of a regression target.

    Returns:
        A module from inputs [B, *input_shape] to outputs [B, outputs].

    Raises:
        ModelError: when the name is unknown, does not fit the data, or its weights cannot be had.
    """
    if config.name.startswith(PREFIX):
        return vision_model(config, dropout, input_shape, outputs)
    if config.name not in BUILDERS:
        raise ModelError(f"model.name: {unknown_name(config.name, [*BUILDERS, PREFIX + 'resnet18'])}")
    model = BUILDERS[config.name](config, dropout, input_shape, outputs)
    initialise(model, config.init, config.activation)
    return model


def unknown_name(name: str, known: list[str]) -> str:
    """Say that a name is unknown, and which right one is nearest."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    return f"unknown model {name!r}: " + (f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(known)}")
