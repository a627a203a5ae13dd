"""Tasks of a user's own for the recorded runs: each a real data set with one fault in the model, the data or the loader."""

import time
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes, load_digits
from torch import Tensor, nn
from torch.utils.data import Dataset

from trainer import Task

DIGITS = load_digits()
PIXELS = (DIGITS.data / 8 - 1).astype(np.float32)
LABELS = DIGITS.target.astype(np.int64)


def net(width: int = 64) -> nn.Sequential:
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))


def softmax_twice(seed: int) -> Task:
    return Task(model=nn.Sequential(*net(), nn.Softmax(dim=1)), train=(PIXELS, LABELS))


def equal_units(seed: int) -> Task:
    model = net()
    with torch.no_grad():
        for layer in (model[0], model[2]):
            layer.weight.fill_(0.01)
            layer.bias.zero_()
    return Task(model=model, train=(PIXELS, LABELS))


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


def raw_target(seed: int) -> Task:
    """Regression on a target of thousands, as it is, with a net whose weights start large."""
    inputs, target = load_diabetes(return_X_y=True)
    model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1), nn.Flatten(0))
    return Task(
        model=model, train=((20 * inputs).astype(np.float32), (100 * target).astype(np.float32)), loss=nn.MSELoss()
    )


def broken_examples(seed: int) -> Task:
    """One input in a hundred is a thousand times too large."""
    pixels = PIXELS.copy()
    broken = np.random.default_rng(0).random(len(pixels)) < 0.004
    pixels[broken] *= 100
    return Task(model=net(), train=(pixels, LABELS))


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
    drawn = np.random.default_rng(1).permutation(len(LABELS))
    held_out = drawn[:400]
    return Task(model=net(), train=_InOrder(drawn[400:]), val=(PIXELS[held_out], LABELS[held_out]))


class _Items(Dataset[tuple[Tensor, int]]):
    """Digits, one by one; each takes `decode_s` seconds to come, as from a disk."""

    def __init__(self, decode_s: float) -> None:
        self.decode_s = decode_s

    def __len__(self) -> int:
        return len(LABELS)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if self.decode_s:
            time.sleep(self.decode_s)
        return torch.from_numpy(PIXELS[index]), int(LABELS[index])


def slow_items(seed: int) -> Task:
    return Task(model=net(), train=_Items(0.0005))


def quick_items(seed: int) -> Task:
    return Task(model=net(), train=_Items(0.0))


def digits_by_item(seed: int) -> Task:
    return Task(model=nn.Sequential(nn.Linear(64, 1024), nn.ReLU(), nn.Linear(1024, 10)), train=_Items(0.0))


def random_labels(seed: int) -> Task:
    """The labels were shuffled: they say nothing about the inputs."""
    return Task(model=nn.Linear(64, 10), train=(PIXELS, np.random.default_rng(0).permutation(LABELS)))
