"""The nets of the hold-out cases, of kinds that the main bench has not. Importing the module adds them to the others."""

import torch
from torch import Tensor, nn

from tests.faults.data import ALPHABET, Data
from tests.faults.nets import ACTIVATIONS, NETS, Options

ACTIVATIONS |= {"gelu": nn.GELU, "silu": nn.SiLU, "leaky": lambda: nn.LeakyReLU(0.1), "elu": nn.ELU}


def _activation(options: Options, usual: str) -> nn.Module:
    return ACTIVATIONS[options.get("activation", usual)]()


def _drop(options: Options) -> list[nn.Module]:
    return [nn.Dropout(options["dropout"])] if "dropout" in options else []


def _reads_symbols(data: Data) -> bool:
    return data.train.inputs.dtype.kind == "i"


class _LongShort(nn.Module):
    """An LSTM over symbols, of which the mean state is read, or over steps [T, F], of which the last one is."""

    def __init__(self, data: Data, options: Options) -> None:
        super().__init__()
        width = int(options.get("width", 32))
        symbols = _reads_symbols(data)
        self.symbols = symbols
        self.embed = nn.Embedding(len(ALPHABET) + 1, 12) if symbols else nn.Identity()
        self.recurrent = nn.LSTM(12 if symbols else data.input_shape[-1], width, batch_first=True)
        self.head = nn.Sequential(*_drop(options), nn.Linear(width, data.outputs))

    def forward(self, inputs: Tensor) -> Tensor:
        states, _ = self.recurrent(self.embed(inputs))
        return self.head(states.mean(1) if self.symbols else states[:, -1])  # type: ignore[no-any-return]


class _Attending(nn.Module):
    """A transformer that norms before each part, GELU inside, with a learned place to read the answer from."""

    def __init__(self, data: Data, options: Options) -> None:
        super().__init__()
        width, depth = int(options.get("width", 32)), int(options.get("depth", 2))
        self.embed = nn.Embedding(len(ALPHABET) + 1, width)
        self.answer = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.place = nn.Parameter(0.02 * torch.randn(data.input_shape[-1] + 1, width))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, 4, 3 * width, float(options.get("dropout", 0.0)), "gelu", batch_first=True, norm_first=True
            )
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, data.outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        states = torch.cat([self.answer.expand(len(inputs), -1, -1), self.embed(inputs)], 1) + self.place
        for block in self.blocks:
            states = block(states)
        return self.head(self.norm(states[:, 0]))  # type: ignore[no-any-return]


class _Signal(nn.Module):
    """Convolutions along one dimension, over a signal [C, L] or over embedded symbols."""

    def __init__(self, data: Data, options: Options) -> None:
        super().__init__()
        width = int(options.get("width", 12))
        self.embed = nn.Embedding(len(ALPHABET) + 1, 12) if _reads_symbols(data) else None
        inputs = 12 if self.embed else data.input_shape[0]
        self.body = nn.Sequential(
            nn.Conv1d(inputs, width, 7, stride=2, padding=3),
            *([nn.BatchNorm1d(width)] if options.get("norm") == "batch" else []),
            _activation(options, "leaky"),
            nn.Conv1d(width, 2 * width, 5, stride=2, padding=2),
            *([nn.BatchNorm1d(2 * width)] if options.get("norm") == "batch" else []),
            _activation(options, "leaky"),
            nn.AdaptiveMaxPool1d(4),
            nn.Flatten(),
            *_drop(options),
            nn.Linear(8 * width, data.outputs),
        )

    def forward(self, inputs: Tensor) -> Tensor:
        return self.body(self.embed(inputs).transpose(1, 2) if self.embed else inputs)  # type: ignore[no-any-return]


class _MixerBlock(nn.Module):
    def __init__(self, tokens: int, width: int, options: Options) -> None:
        super().__init__()
        self.norm_tokens, self.norm_channels = nn.LayerNorm(width), nn.LayerNorm(width)
        self.tokens = nn.Sequential(
            nn.Linear(tokens, 2 * tokens), _activation(options, "gelu"), nn.Linear(2 * tokens, tokens)
        )
        self.channels = nn.Sequential(
            nn.Linear(width, 2 * width), _activation(options, "gelu"), *_drop(options), nn.Linear(2 * width, width)
        )

    def forward(self, states: Tensor) -> Tensor:
        states = states + self.tokens(self.norm_tokens(states).transpose(1, 2)).transpose(1, 2)
        return states + self.channels(self.norm_channels(states))  # type: ignore[no-any-return]


def _mixer(data: Data, options: Options) -> nn.Module:
    """An MLP-mixer over patches (Tolstikhin et al., 2021); `patch` is their side."""
    width, patch = int(options.get("width", 24)), int(options.get("patch", 2))
    channels, side = data.input_shape[0], data.input_shape[1] // patch
    return nn.Sequential(
        nn.Unfold(patch, stride=patch),
        _Turned(),
        nn.Linear(channels * patch * patch, width),
        *(_MixerBlock(side * side, width, options) for _ in range(int(options.get("depth", 2)))),
        nn.LayerNorm(width),
        _MeanOverTokens(),
        nn.Linear(width, data.outputs),
    )


class _Turned(nn.Module):
    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.transpose(1, 2)


class _MeanOverTokens(nn.Module):
    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.mean(1)


def _grouped(data: Data, options: Options) -> nn.Module:
    """Strided convolutions with group norm."""
    width = int(options.get("width", 12))
    layers: list[nn.Module] = []
    for stage in range(int(options.get("depth", 3))):
        layers.append(nn.Conv2d(width if stage else data.input_shape[0], width, 3, stride=2 if stage else 1, padding=1))
        layers += [nn.GroupNorm(3, width)] if options.get("norm", "group") == "group" else []
        layers.append(_activation(options, "silu"))
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), *_drop(options), nn.Linear(4 * width, data.outputs)
    )


class _UShaped(nn.Module):
    """An autoencoder that halves the image twice, and passes what it saw across to the way back; [1, 8, 8] → [64]."""

    def __init__(self, data: Data, options: Options) -> None:
        super().__init__()
        width = int(options.get("width", 8))
        self.first = nn.Conv2d(1, width, 3, padding=1)
        self.down = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.bottom = nn.Conv2d(2 * width, 2 * width, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(2 * width, 2 * width, 2, stride=2)
        self.last = nn.ConvTranspose2d(4 * width, width, 2, stride=2)
        self.out = nn.Conv2d(2 * width, 1, 3, padding=1)
        self.act = _activation(options, "relu")

    def forward(self, inputs: Tensor) -> Tensor:
        whole = self.act(self.first(inputs))
        half = self.act(self.down(whole))
        quarter = self.act(self.bottom(half))
        back = torch.cat([self.act(self.up(quarter)), half], 1)
        return self.out(torch.cat([self.act(self.last(back)), whole], 1)).flatten(1)  # type: ignore[no-any-return]


class _Twins(nn.Module):
    """Each of two images is embedded by one net; the answer is read from how the two differ."""

    def __init__(self, data: Data, options: Options) -> None:
        super().__init__()
        width = int(options.get("width", 32))
        self.embed = nn.Sequential(
            nn.Flatten(),
            nn.Linear(64, 2 * width),
            _activation(options, "elu"),
            *_drop(options),
            nn.Linear(2 * width, width),
        )
        self.head = nn.Sequential(nn.Linear(width, width), _activation(options, "elu"), nn.Linear(width, data.outputs))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head((self.embed(inputs[:, 0]) - self.embed(inputs[:, 1])).abs())  # type: ignore[no-any-return]


NETS |= {
    "lstm": _LongShort,
    "attending": _Attending,
    "signal": _Signal,
    "mixer": _mixer,
    "grouped": _grouped,
    "u_shaped": _UShaped,
    "twins": _Twins,
}
