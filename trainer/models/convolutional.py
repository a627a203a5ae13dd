"""Convolutional networks for small images: a plain one and a residual one.

The residual net follows He et al. (2016), section 4.2 (the CIFAR form), with three stages of two blocks.
"""

from collections import OrderedDict

import torch
from torch import nn

from trainer.config import ModelConfig
from trainer.models.errors import ModelError
from trainer.models.layers import activation

STAGES = 3
"""Channels double and sides halve from stage to stage; three suit sides from 8 to 64 pixels."""

LEAST_SIDE_PX = 4
"""A side below this is not halved again: a 3×3 kernel would see mostly padding."""

HEAD_SIDE_PX = 3
"""The plain net's head sees a 3×3 map: where a part lies still counts, and any image size gives one head."""

BLOCKS_A_STAGE = 2
"""With three stages a 14-layer residual net: trains on a CPU in minutes."""


def _sides(input_shape: tuple[int, ...], name: str) -> tuple[int, int, int]:
    if len(input_shape) != 3:
        shape = "×".join(map(str, input_shape))
        raise ModelError(
            f"model.name: {name} needs images [channels, height, width], the examples are [{shape}]: take mlp"
        )
    channels, height, width = input_shape
    return channels, height, width


def _conv(
    inputs: int, outputs: int, norm: bool, *, name: str = "", stride: int = 1, kernel: int = 3
) -> dict[str, nn.Module]:
    """Return one convolution by name; with batch norm behind it, its own bias would do nothing."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=not norm)
    return {f"conv{name}": conv} | ({f"norm{name}": nn.BatchNorm2d(outputs)} if norm else {})


def cnn(config: ModelConfig, dropout: float, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Return three convolutions, each followed by a halving of the sides, and a linear head."""
    channels, height, width_px = _sides(input_shape, "cnn")
    side = min(height, width_px)
    layers: dict[str, nn.Module] = {}
    for stage in range(STAGES):
        wide = config.width << stage
        layers |= _conv(channels, wide, config.norm, name=str(stage + 1))
        layers[f"activation{stage + 1}"] = activation(config.activation)
        if side >= LEAST_SIDE_PX:
            layers[f"pool{stage + 1}"] = nn.MaxPool2d(2)
            side //= 2
        channels = wide
    layers |= {"pool": nn.AdaptiveAvgPool2d(HEAD_SIDE_PX), "flatten": nn.Flatten(), "dropout": nn.Dropout(dropout)}
    return nn.Sequential(OrderedDict(layers | {"head": nn.Linear(channels * HEAD_SIDE_PX**2, outputs)}))


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut; without batch norm the branch starts at zero (as in Fixup, 2019)."""

    def __init__(self, inputs: int, outputs: int, stride: int, config: ModelConfig) -> None:
        super().__init__()
        first = _conv(inputs, outputs, config.norm, name="1", stride=stride)
        second = _conv(outputs, outputs, config.norm, name="2")
        self.branch = nn.Sequential(OrderedDict(first | {"activation": activation(config.activation)} | second))
        fitting = (
            {} if inputs == outputs and stride == 1 else _conv(inputs, outputs, config.norm, stride=stride, kernel=1)
        )
        self.shortcut = nn.Sequential(OrderedDict(fitting))
        self.gain = None if config.norm else nn.Parameter(torch.zeros(1))
        self.activation = activation(config.activation)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Map [B, C, H, W] to [B, outputs, H / stride, W / stride]."""
        branch = self.branch(inputs)
        if self.gain is not None:
            branch = branch * self.gain
        out: torch.Tensor = self.activation(branch + self.shortcut(inputs))
        return out


def resnet(config: ModelConfig, dropout: float, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Return a stem, three stages of two residual blocks, global pooling and a linear head."""
    channels, height, width_px = _sides(input_shape, "resnet")
    side = min(height, width_px)
    layers = _conv(channels, config.width, config.norm, name="0") | {"activation0": activation(config.activation)}
    channels = config.width
    for stage in range(STAGES):
        wide = config.width << stage
        for block in range(BLOCKS_A_STAGE):
            stride = 2 if stage and not block and side >= LEAST_SIDE_PX else 1
            side //= stride
            layers[f"stage{stage + 1}_block{block + 1}"] = ResidualBlock(channels, wide, stride, config)
            channels = wide
    layers |= {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "dropout": nn.Dropout(dropout)}
    return nn.Sequential(OrderedDict(layers | {"head": nn.Linear(channels, outputs)}))
