"""The nets of the second hold-out for tables and pictures, of kinds that the other benches have not. Importing the module
adds them to the others."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from tests.faults.data import Data
from tests.faults.nets import ACTIVATIONS, NETS, Options

ACTIVATIONS |= {
    "mish": nn.Mish,
    "selu": nn.SELU,
    "softplus": nn.Softplus,
    "silu": nn.SiLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
}


def activation(options: Options, usual: str) -> nn.Module:
    """Return the activation function that the options name, or else the usual one of the net."""
    return ACTIVATIONS[options.get("activation", usual)]()


def drop(options: Options) -> list[nn.Module]:
    """Return the dropout that the options ask for, if any."""
    return [nn.Dropout(options["dropout"])] if "dropout" in options else []


def _norm(options: Options, channels: int) -> list[nn.Module]:
    if options.get("norm", "batch") != "batch":
        return []
    return [nn.BatchNorm2d(channels, momentum=float(options.get("memory", 0.1)))]


def _features(data: Data) -> int:
    return int(torch.Size(data.input_shape).numel())


def _separable(data: Data, options: Options) -> nn.Module:
    """Convolutions channel by channel, each with one of size 1 behind it (Howard et al., 2017)."""
    width = int(options.get("width", 16))
    layers: list[nn.Module] = [nn.Conv2d(data.input_shape[0], width, 3, padding=1), *_norm(options, width)]
    layers.append(activation(options, "silu"))
    for stage in range(int(options.get("depth", 2))):
        wanted = width * (2 if stage else 1)
        layers += [nn.Conv2d(width, width, 3, padding=1, groups=width, stride=2), *_norm(options, width)]
        layers += [nn.Conv2d(width, wanted, 1), *_norm(options, wanted), activation(options, "silu")]
        width = wanted
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), *drop(options), nn.Linear(4 * width, data.outputs)
    )


class _Grown(nn.Module):
    """A convolution whose result is laid beside what it was given."""

    def __init__(self, channels: int, growth: int, options: Options) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_norm(options, channels), activation(options, "relu"), nn.Conv2d(channels, growth, 3, padding=1)
        )

    def forward(self, states: Tensor) -> Tensor:
        return torch.cat([states, self.body(states)], 1)


def _dense(data: Data, options: Options) -> nn.Module:
    """Two blocks in which each convolution sees all before it (Huang et al., 2017)."""
    growth, channels = int(options.get("width", 8)), 12
    layers: list[nn.Module] = [nn.Conv2d(data.input_shape[0], channels, 3, padding=1)]
    for block in range(2):
        for _ in range(int(options.get("depth", 2))):
            layers.append(_Grown(channels, growth, options))
            channels += growth
        if not block:
            layers += [nn.Conv2d(channels, 12, 1), nn.AvgPool2d(2)]
            channels = 12
    layers += [*_norm(options, channels), activation(options, "relu"), nn.AdaptiveAvgPool2d(2), nn.Flatten()]
    return nn.Sequential(*layers, *drop(options), nn.Linear(4 * channels, data.outputs))


class _Squeezed(nn.Module):
    """Each channel is weighed by what all of them hold on the mean (Hu et al., 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.less, self.back = nn.Linear(channels, channels // 4), nn.Linear(channels // 4, channels)

    def forward(self, states: Tensor) -> Tensor:
        weights = self.back(self.less(states.mean((2, 3))).relu()).sigmoid()
        return states * weights[:, :, None, None]


def _squeeze(data: Data, options: Options) -> nn.Module:
    """Convolutions, each of whose channels are weighed."""
    width = int(options.get("width", 12))
    layers: list[nn.Module] = []
    channels = data.input_shape[0]
    for stage in range(int(options.get("depth", 2))):
        layers += [nn.Conv2d(channels, width, 3, padding=1), *_norm(options, width), activation(options, "elu")]
        layers += [_Squeezed(width), *([nn.MaxPool2d(2)] if stage < 2 else [])]
        channels = width
    side = data.input_shape[1] // 2 ** min(int(options.get("depth", 2)), 2)
    return nn.Sequential(*layers, nn.Flatten(), *drop(options), nn.Linear(width * side * side, data.outputs))


class _GatedBlock(nn.Module):
    """Half of what the first layer gives decides how much of the other half goes on (Dauphin et al., 2017)."""

    def __init__(self, width: int, options: Options) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width) if options.get("norm", "layer") == "layer" else nn.Identity()
        self.both = nn.Linear(width, 4 * width)
        self.back = nn.Linear(2 * width, width)
        self.act = activation(options, "sigmoid")
        self.drop = nn.Sequential(*drop(options))

    def forward(self, states: Tensor) -> Tensor:
        goes, gate = self.both(self.norm(states)).chunk(2, 1)
        return states + self.drop(self.back(goes * self.act(gate)))  # type: ignore[no-any-return]


def _gated(data: Data, options: Options) -> nn.Module:
    width = int(options.get("width", 32))
    blocks = (_GatedBlock(width, options) for _ in range(int(options.get("depth", 2))))
    return nn.Sequential(nn.Flatten(), nn.Linear(_features(data), width), *blocks, nn.Linear(width, data.outputs))


class _ResidualBlock(nn.Module):
    def __init__(self, width: int, options: Options) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *([nn.LayerNorm(width)] if options.get("norm", "layer") == "layer" else []),
            nn.Linear(width, width),
            activation(options, "gelu"),
            *drop(options),
            nn.Linear(width, width),
        )

    def forward(self, states: Tensor) -> Tensor:
        return states + self.body(states)  # type: ignore[no-any-return]


def _residual(data: Data, options: Options) -> nn.Module:
    """A net of shortcuts for tables, with a norm at the beginning of each block (Gorishniy et al., 2021)."""
    width = int(options.get("width", 32))
    blocks = (_ResidualBlock(width, options) for _ in range(int(options.get("depth", 3))))
    return nn.Sequential(
        nn.Flatten(), nn.Linear(_features(data), width), *blocks, nn.LayerNorm(width), nn.Linear(width, data.outputs)
    )


class _WideAndDeep(nn.Module):
    """What a linear layer and a deep net say is added (Cheng et al., 2016)."""

    def __init__(self, data: Data, options: Options) -> None:
        super().__init__()
        width = int(options.get("width", 32))
        self.wide = nn.Linear(_features(data), data.outputs)
        self.deep = nn.Sequential(
            nn.Linear(_features(data), width),
            activation(options, "relu"),
            *drop(options),
            nn.Linear(width, width),
            activation(options, "relu"),
            nn.Linear(width, data.outputs),
        )

    def forward(self, inputs: Tensor) -> Tensor:
        return self.wide(inputs) + self.deep(inputs)  # type: ignore[no-any-return]


class _Distances(nn.Module):
    """How near each point lies to some centres, 0 to 1."""

    def __init__(self, features: int, centres: int) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(centres, features))
        self.narrowness = nn.Parameter(torch.zeros(centres))

    def forward(self, inputs: Tensor) -> Tensor:
        apart = ((inputs[:, None] - self.centres) ** 2).sum(2)
        return (-apart * self.narrowness.exp()).exp()


def _radial(data: Data, options: Options) -> nn.Module:
    """Radial basis functions whose centres are learned."""
    centres = int(options.get("width", 60))
    return nn.Sequential(_Distances(_features(data), centres), nn.Linear(centres, data.outputs))


class _Factors(nn.Module):
    """A factorisation machine over the numbers of categories [K]: a weight of each, and how each two agree (Rendle, 2010)."""

    def __init__(self, data: Data, options: Options) -> None:
        super().__init__()
        rows = int(data.train.inputs.max()) + 1
        self.weights = nn.Embedding(rows, 1)
        self.factors = nn.Embedding(rows, int(options.get("width", 6)))
        self.drop = nn.Sequential(*drop(options))
        self.head = nn.Linear(int(options.get("width", 6)), data.outputs)
        with torch.no_grad():
            self.factors.weight.mul_(float(options.get("spread", 0.3)))

    def forward(self, inputs: Tensor) -> Tensor:
        factors = self.drop(self.factors(inputs))
        agree = (factors.sum(1) ** 2 - (factors**2).sum(1)) / 2
        return self.weights(inputs).sum(1) + self.head(agree)  # type: ignore[no-any-return]


def _bottleneck(data: Data, options: Options) -> nn.Module:
    """Down to a few numbers and up again."""
    width, code = int(options.get("width", 64)), int(options.get("code", 12))
    widths = (_features(data), width, code, width)
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), activation(options, "mish")]
    return nn.Sequential(*layers, *drop(options), nn.Linear(width, data.outputs))


class _Pairwise(nn.Module):
    """Each of two pictures gets a height from one net; the answer is which is the higher (Burges et al., 2005)."""

    def __init__(self, data: Data, options: Options) -> None:
        super().__init__()
        width = int(options.get("width", 48))
        self.height = nn.Sequential(
            nn.Flatten(),
            nn.Linear(_features(data) // 2, width),
            activation(options, "tanh"),
            *drop(options),
            nn.Linear(width, width),
            activation(options, "tanh"),
        )
        self.head = nn.Linear(width, data.outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(self.height(inputs[:, 0]) - self.height(inputs[:, 1]))  # type: ignore[no-any-return]


NETS |= {
    "separable": _separable,
    "dense": _dense,
    "squeeze": _squeeze,
    "gated": _gated,
    "residual": _residual,
    "wide_and_deep": _WideAndDeep,
    "radial": _radial,
    "factors": _Factors,
    "bottleneck": _bottleneck,
    "pairwise": _Pairwise,
}
