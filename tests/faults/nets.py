"""The nets of the bench, by name and options, each a module as a user would write it.

Options: width, depth, activation, init, norm, dropout, output. What an option is left out for is PyTorch's own way.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from tests.faults.data import ALPHABET, Data

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "none": nn.Identity,
    "softmax": lambda: nn.Softmax(dim=1),
}
Options = Mapping[str, Any]


def build(name: str, data: Data, options: Options) -> nn.Module:
    """Return a net that fits the data, initialised as its options say."""
    net = NETS[name](data, options)
    if init := options.get("init"):
        net.apply(lambda module: _initialise(module, init))
    output = options.get("output")
    if output is not None:
        net = nn.Sequential(net, ACTIVATIONS[output]())
    return nn.Sequential(net, nn.Flatten(0)) if data.regression and data.outputs == 1 else net


def _initialise(module: nn.Module, init: str | float) -> None:
    """Draw the weights of a layer anew: by name, all of one value (`same:V`) or within a thousandth of it
    (`near:V`), or normal with a spread (`normal:S`; `all:S`: the biases too, which begin at zero otherwise)."""
    if not isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d):
        return
    how, _, amount = str(init).partition(":")
    with torch.no_grad():
        match how:
            case "he":
                nn.init.kaiming_normal_(module.weight)
            case "xavier":
                nn.init.xavier_uniform_(module.weight)
            case "same":
                module.weight.fill_(float(amount))
            case "near":
                module.weight.normal_(float(amount), abs(float(amount)) / 1000)
            case "normal" | "all":
                module.weight.normal_(0.0, float(amount))
        if module.bias is not None:
            module.bias.normal_(0.0, float(amount)) if how == "all" else nn.init.zeros_(module.bias)


def _features(data: Data) -> int:
    size = 1
    for side in data.input_shape:
        size *= side
    return size


def _linear(data: Data, options: Options) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(_features(data), data.outputs))


def _mlp(data: Data, options: Options) -> nn.Module:
    """`depth` hidden layers of `width`, or hidden layers of `widths`; with `residual`, a shortcut around all but the first."""
    widths = options.get("widths") or (int(options.get("width", 64)),) * int(options.get("depth", 2))
    layers: list[nn.Module] = [nn.Flatten()]
    features = _features(data)
    for place, width in enumerate(widths):
        part = _hidden(features, width, options)
        layers += [_Shortcut(nn.Sequential(*part))] if options.get("residual") and place else part
        features = width
    return nn.Sequential(*layers, nn.Linear(features, data.outputs))


def _hidden(inputs: int, outputs: int, options: Options) -> list[nn.Module]:
    norm = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}.get(options.get("norm", ""))
    return [
        nn.Linear(inputs, outputs),
        *([norm(outputs)] if norm else []),
        ACTIVATIONS[options.get("activation", "relu")](),
        *([nn.Dropout(options["dropout"])] if "dropout" in options else []),
    ]


class _Shortcut(nn.Module):
    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + self.block(inputs)  # type: ignore[no-any-return]


def _cnn(data: Data, options: Options) -> nn.Module:
    width = int(options.get("width", 8))
    layers: list[nn.Module] = []
    channels = data.input_shape[0]
    for stage in range(int(options.get("depth", 2))):
        wanted = width * 2 ** min(stage, 1)
        layers.append(nn.Conv2d(channels, wanted, 3, padding=1))
        if options.get("norm") == "batch":
            layers.append(nn.BatchNorm2d(wanted))
        layers.append(ACTIVATIONS[options.get("activation", "relu")]())
        if stage < 2:
            layers.append(nn.MaxPool2d(2))
        channels = wanted
    side = data.input_shape[1] // 4
    drop = [nn.Dropout(options["dropout"])] if "dropout" in options else []
    return nn.Sequential(*layers, nn.Flatten(), *drop, nn.Linear(channels * side * side, data.outputs))


def _resnet(data: Data, options: Options) -> nn.Module:
    """`depth` blocks of two convolutions with a shortcut."""
    width = int(options.get("width", 8))

    def block() -> nn.Module:
        convolutions: list[nn.Module] = []
        for _ in range(2):
            convolutions += [nn.Conv2d(width, width, 3, padding=1)]
            convolutions += [nn.BatchNorm2d(width)] if options.get("norm", "batch") == "batch" else []
            convolutions += [ACTIVATIONS[options.get("activation", "relu")]()]
        return _Shortcut(nn.Sequential(*convolutions))

    return nn.Sequential(
        nn.Conv2d(data.input_shape[0], width, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        *(block() for _ in range(int(options.get("depth", 2)))),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * width, data.outputs),
    )


class _Reader(nn.Module):
    """A recurrent net over characters, or over the rows of an image."""

    def __init__(self, data: Data, options: Options) -> None:
        super().__init__()
        width = int(options.get("width", 32))
        self.text = len(data.input_shape) == 1
        self.embed = nn.Embedding(len(ALPHABET) + 1, 16) if self.text else nn.Identity()
        self.recurrent = nn.GRU(16 if self.text else data.input_shape[-1], width, batch_first=True)
        self.head = nn.Linear(width, data.outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        states, _ = self.recurrent(self.embed(inputs if self.text else inputs.squeeze(1)))
        return self.head(states.mean(1))  # type: ignore[no-any-return]


class _Transformer(nn.Module):
    """A small encoder over characters, or over the rows of an image; its states are averaged."""

    def __init__(self, data: Data, options: Options) -> None:
        super().__init__()
        width = int(options.get("width", 32))
        self.text = len(data.input_shape) == 1
        self.embed = nn.Embedding(len(ALPHABET) + 1, width) if self.text else nn.Linear(data.input_shape[-1], width)
        self.place = nn.Parameter(0.02 * torch.randn(data.input_shape[-1], width))
        self.encoder = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(width, 2, 2 * width, float(options.get("dropout", 0.0)), batch_first=True)
                for _ in range(int(options.get("depth", 1)))
            )
        )
        self.head = nn.Linear(width, data.outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        states = self.embed(inputs if self.text else inputs.squeeze(1)) + self.place
        return self.head(self.encoder(states).mean(1))  # type: ignore[no-any-return]


class _BagOfCharacters(nn.Module):
    """A linear classifier of texts over the mean of their characters; `rows` numbers for words instead."""

    def __init__(self, data: Data, options: Options) -> None:
        super().__init__()
        self.embed = nn.Embedding(int(options.get("rows", len(ALPHABET) + 1)), int(options.get("width", 32)))
        self.head = nn.Linear(int(options.get("width", 32)), data.outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(self.embed(inputs).mean(1))  # type: ignore[no-any-return]


NETS: dict[str, Callable[[Data, Options], nn.Module]] = {
    "linear": _linear,
    "mlp": _mlp,
    "cnn": _cnn,
    "resnet": _resnet,
    "gru": _Reader,
    "transformer": _Transformer,
    "bag": _BagOfCharacters,
}
