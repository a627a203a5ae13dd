"""A task whose items cost time to read, so that keeping them in memory is a throughput gain of known size.

`TRAINING_ADVISOR_BENCH_TURNS` in the environment says how many turns of an empty loop a batch costs.
"""

import os

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import Dataset

from trainer import Task

TURNS = "TRAINING_ADVISOR_BENCH_TURNS"


class SlowDigits(Dataset[tuple[Tensor, Tensor]]):
    """Digits whose every batch spins a while before it is there."""

    deterministic_items = True

    def __init__(self) -> None:
        pixels, labels = load_digits(return_X_y=True)
        inputs = torch.tensor(pixels / 8 - 1, dtype=torch.float32)
        self.items = list(zip(inputs, torch.tensor(labels), strict=True))
        self.turns = int(os.environ.get(TURNS, "0"))

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.items[index]

    def __getitems__(self, indices: list[int]) -> list[tuple[Tensor, Tensor]]:
        for _ in range(self.turns):
            pass
        return [self[index] for index in indices]


def task(seed: int) -> Task:
    """Return a dense net and the slow digits."""
    return Task(model=nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10)), train=SlowDigits())
