"""The nets of the second hold-out for series and symbols. Importing the module adds them to the others."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.faults.data import ALPHABET, Data
from tests.faults.nets import NETS, Options
from tests.faults.second_nets import activation, drop

EMBEDDED = 16
"""Numbers that stand for a symbol."""


class _Steps(nn.Module):
    """Inputs as steps [B, T, F]: symbols [B, T] are embedded, signals [B, C, L] turned about."""

    def __init__(self, data: Data, width: int) -> None:
        super().__init__()
        self.symbols = data.train.inputs.dtype.kind == "i"
        self.turned = not self.symbols and data.input_shape[-1] > data.input_shape[0]
        self.embed = nn.Embedding(len(ALPHABET) + 1, width) if self.symbols else nn.Identity()
        self.features = width if self.symbols else data.input_shape[0 if self.turned else 1]
        self.steps = data.input_shape[-1 if self.symbols or self.turned else 0]

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.transpose(1, 2) if self.turned else self.embed(inputs)  # type: ignore[no-any-return]


class _TwoWays(nn.Module):
    """An LSTM that reads from both ends; the greatest of each state counts."""

    def __init__(self, data: Data, options: Options) -> None:
        super().__init__()
        width = int(options.get("width", 24))
        self.steps = _Steps(data, EMBEDDED)
        self.recurrent = nn.LSTM(self.steps.features, width, batch_first=True, bidirectional=True)
        self.head = nn.Sequential(*drop(options), nn.Linear(2 * width, data.outputs))

    def forward(self, inputs: Tensor) -> Tensor:
        states, _ = self.recurrent(self.steps(inputs))
        return self.head(states.amax(1))  # type: ignore[no-any-return]


class _Stacked(nn.Module):
    """Two GRU layers, of which the last state is read."""

    def __init__(self, data: Data, options: Options) -> None:
        super().__init__()
        width = int(options.get("width", 32))
        self.steps = _Steps(data, EMBEDDED)
        self.recurrent = nn.GRU(
            self.steps.features, width, 2, batch_first=True, dropout=float(options.get("dropout", 0.0))
        )
        self.head = nn.Linear(width, data.outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        states, _ = self.recurrent(self.steps(inputs))
        return self.head(states[:, -1])  # type: ignore[no-any-return]


class _Dilated(nn.Module):
    """A convolution that sees only the past, ever further of it (Bai et al., 2018)."""

    def __init__(self, width: int, reach: int, options: Options) -> None:
        super().__init__()
        self.reach = 2 * reach
        self.convolution = nn.Conv1d(width, width, 3, dilation=reach)
        self.norm = nn.BatchNorm1d(width) if options.get("norm") == "batch" else nn.Identity()
        self.act = activation(options, "relu")
        self.drop = nn.Sequential(*drop(options))

    def forward(self, states: Tensor) -> Tensor:
        past = functional.pad(states, (self.reach, 0))
        return states + self.drop(self.act(self.norm(self.convolution(past))))  # type: ignore[no-any-return]


class _Temporal(nn.Module):
    """A temporal convolutional net; the last moment and the greatest values are read."""

    def __init__(self, data: Data, options: Options) -> None:
        super().__init__()
        width = int(options.get("width", 16))
        self.steps = _Steps(data, EMBEDDED)
        self.first = nn.Conv1d(self.steps.features, width, 1)
        self.blocks = nn.Sequential(
            *(_Dilated(width, 2**place, options) for place in range(int(options.get("depth", 3))))
        )
        self.head = nn.Linear(2 * width, data.outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        states = self.blocks(self.first(self.steps(inputs).transpose(1, 2)))
        return self.head(torch.cat([states[:, :, -1], states.amax(2)], 1))  # type: ignore[no-any-return]


class _Block(nn.Module):
    """Attention and a net of two layers, each with a shortcut; the norms stand before or behind."""

    def __init__(self, width: int, options: Options) -> None:
        super().__init__()
        self.before = options.get("norms", "behind") == "before"
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True, dropout=float(options.get("dropout", 0.0)))
        self.net = nn.Sequential(
            nn.Linear(width, 2 * width), activation(options, "relu"), *drop(options), nn.Linear(2 * width, width)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))

    def forward(self, states: Tensor) -> Tensor:
        if self.before:
            looked = self.norms[0](states)
            states = states + self.attention(looked, looked, looked, need_weights=False)[0]
            return states + self.net(self.norms[1](states))  # type: ignore[no-any-return]
        states = self.norms[0](states + self.attention(states, states, states, need_weights=False)[0])
        return self.norms[1](states + self.net(states))  # type: ignore[no-any-return]


class _Encoder(nn.Module):
    """Attention over steps, each with a learned place; the greatest of each state, the mean, or the last state is read."""

    def __init__(self, data: Data, options: Options) -> None:
        super().__init__()
        width = int(options.get("width", 32))
        self.steps = _Steps(data, width)
        self.lift = nn.Identity() if self.steps.symbols else nn.Linear(self.steps.features, width)
        self.place = nn.Parameter(0.1 * torch.randn(self.steps.steps, width))
        self.blocks = nn.Sequential(*(_Block(width, options) for _ in range(int(options.get("depth", 2)))))
        self.pool = str(options.get("pool", "mean"))
        self.head = nn.Linear(width, data.outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        states = self.blocks(self.lift(self.steps(inputs)) + self.place)
        pooled = {"mean": states.mean(1), "last": states[:, -1], "greatest": states.amax(1)}[self.pool]
        return self.head(pooled)  # type: ignore[no-any-return]


class _Context(nn.Module):
    """A net over the embedded symbols, laid side by side (Bengio et al., 2003)."""

    def __init__(self, data: Data, options: Options) -> None:
        super().__init__()
        width = int(options.get("width", 64))
        self.embed = nn.Embedding(len(ALPHABET) + 1, EMBEDDED)
        self.net = nn.Sequential(
            nn.Linear(EMBEDDED * data.input_shape[0], width), activation(options, "tanh"), *drop(options)
        )
        self.head = nn.Linear(width, data.outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(self.net(self.embed(inputs).flatten(1)))  # type: ignore[no-any-return]


class _Grams(nn.Module):
    """A linear classifier over the mean of embedded pairs of neighbouring symbols."""

    def __init__(self, data: Data, options: Options) -> None:
        super().__init__()
        self.letters = len(ALPHABET) + 1
        self.embed = nn.Embedding(self.letters**2, int(options.get("width", 16)))
        self.drop = nn.Sequential(*drop(options))
        self.head = nn.Linear(int(options.get("width", 16)), data.outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(self.drop(self.embed(inputs[:, :-1] * self.letters + inputs[:, 1:]).mean(1)))  # type: ignore[no-any-return]


NETS |= {
    "two_ways": _TwoWays,
    "stacked": _Stacked,
    "temporal": _Temporal,
    "encoder": _Encoder,
    "context": _Context,
    "grams": _Grams,
}
