"""Tasks of a user's own that stand still for a while, or take some steps that are far longer than the others."""

import gc
import os
import threading
import time
from typing import Any

import numpy as np
import safetensors.torch
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import Dataset

from trainer import Task

DIGITS = load_digits()
PIXELS = (DIGITS.data / 8 - 1).astype(np.float32)
LABELS = DIGITS.target.astype(np.int64)
STANDS_AT_ITEM = 6000
"""Some hundred steps into the run."""
STANDS_S = 14.0
MENDED_AT = int(os.environ.get("TRAINING_ADVISOR_BENCH_MENDED_AT", 1 << 60))
"""Step from which on nothing comes late any more."""
SLOW_WRITES = 8
SLOW_WRITE_S = 0.15
BATCH = 64
NOTES = 300_000
LATE_EVERY = 640
"""Items: every tenth batch of 64 holds one that comes late."""
LATE_S = 0.03


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


class Items(Dataset[tuple[Tensor, int]]):
    """Digits, one by one."""

    def __init__(self) -> None:
        self.calls = 0

    def __len__(self) -> int:
        return len(LABELS)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        self.calls += 1
        return torch.from_numpy(PIXELS[index]), int(LABELS[index])


class Locked(Items):
    """Waits once for a lock that nobody lets go of; for the sake of a recording, not for ever."""

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if self.calls == STANDS_AT_ITEM:
            threading.Event().wait(STANDS_S)
        return super().__getitem__(index)


class Late(Items):
    """Now and then an item comes late."""

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if self.calls % LATE_EVERY == LATE_EVERY - 1 and self.calls < MENDED_AT * BATCH:
            time.sleep(LATE_S)
        return super().__getitem__(index)


class Collects(Items):
    """Collects Python's garbage now and then, among very many objects."""

    def __init__(self) -> None:
        super().__init__()
        self.notes = [[place] for place in range(NOTES)]

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if self.calls % LATE_EVERY == LATE_EVERY - 1 and self.calls < MENDED_AT * BATCH:
            gc.collect()
        return super().__getitem__(index)


def stands_still(seed: int) -> Task:
    return Task(model=net(), train=Locked())


def items_late(seed: int) -> Task:
    return Task(model=net(), train=Late())


def garbage(seed: int) -> Task:
    return Task(model=net(), train=Collects())


def disk_slow(seed: int) -> Task:
    """Checkpoints are written to a disk that takes its time: in place of the library's own writing, so many times."""
    write, left = safetensors.torch.serialize_file, [SLOW_WRITES]

    def slowly(*args: Any, **options: Any) -> None:
        if left[0] > 0:
            time.sleep(SLOW_WRITE_S)
        left[0] -= 1
        write(*args, **options)

    safetensors.torch.serialize_file = slowly  # type: ignore[assignment]
    return Task(model=net(), train=(PIXELS, LABELS))
