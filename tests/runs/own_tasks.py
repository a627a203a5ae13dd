"""Tasks of a user's own for the recorded runs: each a real data set with one fault in the model, the data or the loader."""

import argparse
import inspect
import tarfile
import time
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes, load_digits, make_moons
from torch import Tensor, nn
from torch.utils.data import Dataset

from trainer import Task

DIGITS = load_digits()
PIXELS = (DIGITS.data / 8 - 1).astype(np.float32)
LABELS = DIGITS.target.astype(np.int64)
DRAWN = np.random.default_rng(1).permutation(len(LABELS))


def net(width: int = 64) -> nn.Sequential:
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))


def softmax_twice(seed: int) -> Task:
    return Task(model=nn.Sequential(*net(), nn.Softmax(dim=1)), train=(PIXELS, LABELS))


def raw_validation(seed: int) -> Task:
    points, labels = make_moons(600, noise=0.1, random_state=0)
    train, val = (points[:400].astype(np.float32), labels[:400]), (100 * points[400:].astype(np.float32), labels[400:])
    return Task(model=nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2)), train=train, val=val)


def equal_units(seed: int) -> Task:
    model = net()
    with torch.no_grad():
        for layer in (model[0], model[2]):
            layer.weight.fill_(0.01)
            layer.bias.zero_()
    return Task(model=model, train=(PIXELS, LABELS))


def wild_weights(seed: int) -> Task:
    model = nn.Sequential(nn.Linear(64, 128), nn.Tanh(), nn.Linear(128, 64), nn.Tanh(), nn.Linear(64, 10))
    for layer in (model[0], model[2], model[4]):
        nn.init.normal_(layer.weight, std=2.0)
    return Task(model=model, train=(PIXELS, LABELS))


def no_activations(seed: int) -> Task:
    inputs, targets = make_moons(1200, noise=0.1, random_state=0)
    model = nn.Sequential(nn.Linear(2, 32), nn.Linear(32, 32), nn.Linear(32, 2))
    return Task(model=model, train=(inputs.astype(np.float32), targets.astype(np.int64)))


def raw_layers(seed: int) -> Task:
    """Three layers with nothing between, whose weights start at a spread of one."""
    model = nn.Sequential(nn.Linear(64, 48), nn.Linear(48, 48), nn.Linear(48, 10))
    with torch.no_grad():
        for layer in model:
            layer.weight.normal_()  # type: ignore[union-attr,operator]
    return Task(model=model, train=(PIXELS, LABELS))


def units_that_never_fire(seed: int) -> Task:
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    with torch.no_grad():
        model[2].bias.fill_(-20.0)
    return Task(model=model, train=(PIXELS, LABELS))


def _head_only(model: nn.Module) -> torch.optim.Optimizer:
    head = list(model.parameters())[-2:]
    return torch.optim.SGD(head, lr=0.01)


def forgotten_layers(seed: int) -> Task:
    """The optimizer was made from the head alone."""
    model = nn.Sequential(nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 10))
    return Task(model=model, train=(PIXELS, LABELS), optimizer=_head_only)


class _Jumps(torch.optim.SGD):
    """A schedule of the user's own: from step 100 on the rate is a hundred times the one that was set."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model.parameters(), lr=0.1)
        self.taken = 0

    def step(self, closure: Any = None) -> Any:
        self.taken += 1
        for group in self.param_groups:
            group["lr"] *= 100 if self.taken > 100 else 1
        return super().step(closure)


def rate_that_jumps(seed: int) -> Task:
    return Task(model=net(), train=(PIXELS, LABELS), optimizer=_Jumps)


def raw_target(seed: int) -> Task:
    """Regression on a target of thousands, as it is, with a net whose weights start large."""
    inputs, target = load_diabetes(return_X_y=True)
    model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1), nn.Flatten(0))
    return Task(
        model=model, train=((20 * inputs).astype(np.float32), (100 * target).astype(np.float32)), loss=nn.MSELoss()
    )


def absolute_error(seed: int) -> Task:
    """Classes are learned by the mean absolute error of their probabilities."""

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        wanted = nn.functional.one_hot(targets, 10).float()
        return (outputs.softmax(1) - wanted).abs().mean()

    return Task(model=net(), train=(PIXELS, LABELS), loss=loss)


def relu_on_logits(seed: int) -> Task:
    return Task(model=nn.Sequential(*net(), nn.ReLU()), train=(PIXELS, LABELS))


def likelihood_of_logits(seed: int) -> Task:
    """The log-softmax before the negative log likelihood was forgotten."""
    return Task(model=net(), train=(PIXELS, LABELS), loss=nn.NLLLoss())


def summed_loss(seed: int) -> Task:
    return Task(model=net(), train=(PIXELS, LABELS), loss=nn.CrossEntropyLoss(reduction="sum"))


def _progress(standardised: bool) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    inputs, target = load_diabetes(return_X_y=True)
    target = (target - target.mean()) / target.std() if standardised else target
    return (20 * inputs).astype(np.float32), target.astype(np.float32)


def every_pair(seed: int) -> Task:
    """Outputs [B, 1] are subtracted from targets [B]: each is compared with all."""
    model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
    return Task(
        model=model, train=_progress(standardised=True), loss=lambda outputs, targets: ((outputs - targets) ** 2).mean()
    )


def far_target(seed: int) -> Task:
    """Regression on 152 ± 77, as it is."""
    model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
    return Task(model=model, train=_progress(standardised=False))


class _Bag(nn.Module):
    """The mean of what is known of each word of a line."""

    def __init__(self, rows: int, classes: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(rows, 16)
        self.head = nn.Linear(16, classes)

    def forward(self, words: Tensor) -> Tensor:
        outputs: Tensor = self.head(self.embed(words).mean(1))
        return outputs


def rare_words(seed: int) -> Task:
    """Lines of three modules by their words, of which most are rare; the module is the class."""
    lines: dict[tuple[int, ...], int] = {}
    for label, module in enumerate((argparse, tarfile, inspect)):
        for line in inspect.getsource(module).splitlines():
            if len(words := line.split()) >= 4:
                lines.setdefault(tuple(1 + crc32(word.encode()) % 1000 for word in (words * 2)[:6]), label)
    rows, labels = np.array(list(lines), dtype=np.int64), np.array(list(lines.values()))
    return Task(model=_Bag(1001, 3), train=(rows, labels))


def broken_examples(seed: int) -> Task:
    """One input in a hundred is a thousand times too large."""
    pixels = PIXELS.copy()
    broken = np.random.default_rng(0).random(len(pixels)) < 0.004
    pixels[broken] *= 100
    return Task(model=net(), train=(pixels, LABELS))


class _Spoilt(nn.Module):
    """A net with a mistake of its author's around it."""

    def __init__(self) -> None:
        super().__init__()
        self.net = net(16)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.net(inputs)  # type: ignore[no-any-return]


class _KeepsGradients(_Spoilt):
    def zero_grad(self, set_to_none: bool = True) -> None:
        pass


class _DropsAlways(_Spoilt):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(nn.functional.dropout(inputs, 0.3))


class _Blind(_Spoilt):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs * 0)


def kept_gradients(seed: int) -> Task:
    return Task(model=_KeepsGradients(), train=(PIXELS, LABELS))


def dropout_always(seed: int) -> Task:
    """Dropout in functional form, which is never told that the net is being judged."""
    return Task(model=_DropsAlways(), train=(PIXELS, LABELS))


def blind_net(seed: int) -> Task:
    return Task(model=_Blind(), train=(PIXELS, LABELS))


class _InOrder(Dataset[tuple[Tensor, int]]):
    """Deals its examples one after the other, sorted by label, whatever index it is asked for."""

    def __init__(self, kept: NDArray[np.int64]) -> None:
        order = kept[np.argsort(LABELS[kept], kind="stable")]
        self.pixels, self.targets = torch.from_numpy(PIXELS[order]), LABELS[order]
        self._turn = self._endless()

    def _endless(self) -> Iterator[int]:
        while True:
            yield from range(len(self.targets))

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        place = next(self._turn)
        return self.pixels[place], int(self.targets[place])


def sorted_order(seed: int) -> Task:
    held_out = DRAWN[:400]
    return Task(model=net(), train=_InOrder(DRAWN[400:]), val=(PIXELS[held_out], LABELS[held_out]))


class _Items(Dataset[tuple[Tensor, int]]):
    """Digits, one by one; each takes `decode_s` seconds to come, as from a disk."""

    def __init__(self, decode_s: float, kept: NDArray[np.int64] | None = None) -> None:
        self.decode_s = decode_s
        self.kept = np.arange(len(LABELS)) if kept is None else kept

    def __len__(self) -> int:
        return len(self.kept)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if self.decode_s:
            time.sleep(self.decode_s)
        place = self.kept[index]
        return torch.from_numpy(PIXELS[place]), int(LABELS[place])


class _FewAgain(_Items):
    """A wrong modulus: only thirty examples ever come."""

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return super().__getitem__(index % 30)


class _LabelsMove(_Items):
    """From the 14000th item on the labels are those of other examples."""

    dealt = 0

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        self.dealt += 1
        pixels, label = super().__getitem__(index)
        return pixels, super().__getitem__((index + 7) % len(self))[1] if self.dealt > 14_000 else label


def few_items(seed: int) -> Task:
    return Task(model=net(16), train=_FewAgain(0.0, DRAWN[400:]), val=(PIXELS[DRAWN[:400]], LABELS[DRAWN[:400]]))


def labels_that_move(seed: int) -> Task:
    return Task(model=net(16), train=_LabelsMove(0.0, DRAWN[400:]), val=(PIXELS[DRAWN[:400]], LABELS[DRAWN[:400]]))


def slow_items(seed: int) -> Task:
    return Task(model=net(), train=_Items(0.0005))


def quick_items(seed: int) -> Task:
    return Task(model=net(), train=_Items(0.0))


def digits_by_item(seed: int) -> Task:
    return Task(model=nn.Sequential(nn.Linear(64, 1024), nn.ReLU(), nn.Linear(1024, 10)), train=_Items(0.0))


def random_labels(seed: int) -> Task:
    """The labels were shuffled: they say nothing about the inputs."""
    return Task(model=nn.Linear(64, 10), train=(PIXELS, np.random.default_rng(0).permutation(LABELS)))
