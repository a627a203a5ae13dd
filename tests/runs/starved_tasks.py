"""Tasks whose loader starves the loop for one cause at a time, and healthy ones: a real net, real processes, real files.

The net takes so many milliseconds a step; the items, digits as files where reading is the cause, take what the cause says.
"""

import atexit
import multiprocessing
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import Dataset, default_collate

from trainer import Task

EXAMPLES = 1600
COLD_EXAMPLES = 4800
COLD_BYTES = 16 * 1024
STEP_MS = 12.0
"""Of the starved loops."""
DISK_BYTES_S = 40e6
FILE_BYTES = 64 * 1024
SMALL_BYTES = 2048
SEEK_S = 0.0008
"""A small read of a disk that turns."""
COLD_S = 0.001
WORK_S = 0.0008
"""To decode an item: twice a step for a batch of 32."""
LATE_S = 0.1
LATE_EVERY = 288
"""Items: of a batch of 32 each, one in nine is late."""


SLOW_MS = 3.0


class Digits(Dataset[tuple[Tensor, int]]):
    """Digits item by item, which are always the same."""

    deterministic_items = True

    def __init__(self, examples: int = EXAMPLES) -> None:
        pixels, labels = load_digits(return_X_y=True)
        chosen = np.arange(examples) % len(labels)
        noise = np.random.default_rng(0).normal(0, 0.01, (examples, 64)) * (np.arange(examples) >= len(labels))[:, None]
        self.inputs = torch.tensor(pixels[chosen] / 8 - 1 + noise, dtype=torch.float32)
        self.labels = self.targets = torch.tensor(labels[chosen])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.inputs[index], int(self.labels[index])


class Batched(Digits):
    """The same, as whole batches."""

    def __getitems__(self, indices: list[int]) -> tuple[Tensor, Tensor]:
        return self.inputs[indices], self.labels[indices]


class Filed(Digits):
    """Digits in files of their own, padded to a size."""

    def __init__(self, size: int, examples: int = EXAMPLES) -> None:
        super().__init__(examples)
        self.root = tempfile.mkdtemp(prefix="starved_")
        owner = os.getpid()
        atexit.register(lambda: shutil.rmtree(self.root, ignore_errors=True) if os.getpid() == owner else None)
        for index in range(examples):
            pixels = self.inputs[index].numpy().tobytes()
            self.file(index).write_bytes(pixels + os.urandom(size - len(pixels)))
        os.sync()

    def file(self, index: int) -> Path:
        return Path(self.root) / f"{index}.bin"

    def read(self, index: int) -> bytes:
        return self.file(index).read_bytes()

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        pixels = np.frombuffer(self.read(index)[: 64 * 4], dtype=np.float32)
        return torch.from_numpy(pixels.copy()), int(self.labels[index])


class SlowDisk(Filed):
    """A throttled reader: a read takes as long as its bytes on a slow disk."""

    def read(self, index: int) -> bytes:
        begun = time.perf_counter()
        read = super().read(index)
        time.sleep(max(len(read) / DISK_BYTES_S - (time.perf_counter() - begun), 0))
        return read


class SmallFiles(Filed):
    """A throttled reader: each read waits for the head of the disk."""

    def read(self, index: int) -> bytes:
        time.sleep(SEEK_S)
        return super().read(index)


class Cold(Filed):
    """Slow, and from storage, until an item was read once."""

    def __init__(self) -> None:
        super().__init__(COLD_BYTES, COLD_EXAMPLES)
        self.seen = torch.zeros(COLD_EXAMPLES, dtype=torch.bool).share_memory_()  # type: ignore[no-untyped-call]

    def read(self, index: int) -> bytes:
        if self.seen[index]:
            return self.file(index).read_bytes()
        self.seen[index] = True
        with self.file(index).open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        time.sleep(COLD_S)
        return super().read(index)


class Decoded(Digits):
    """Items that take work."""

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        work(WORK_S)
        return super().__getitem__(index)


class Locked(Decoded):
    """Items that take work under a lock that all workers share."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = multiprocessing.get_context("fork").Lock()

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        with self.lock:
            return super().__getitem__(index)


class Light(Digits):
    """Items that take a little work: a worker keeps up with the step, as long as it has a core."""

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        work(0.3 * STEP_MS / 1000 / 32)
        return super().__getitem__(index)


class Crowded(Decoded):
    """Items for which the data set starts a second thread that works, too."""

    def __getitems__(self, indices: list[int]) -> list[tuple[Tensor, int]]:
        half = len(indices) // 2
        other = threading.Thread(target=lambda: [_grind(WORK_S) for _ in indices[half:]])
        other.start()
        items = [self[index] for index in indices]
        other.join()
        return items


class Late(Digits):
    """Items of which one in a few hundred comes very late."""

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        time.sleep(LATE_S if index % LATE_EVERY == 0 else 0.0001)
        return super().__getitem__(index)


def work(seconds: float) -> None:
    """Keep a core busy for so much of its time."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def _grind(seconds: float) -> None:
    """Do the same without the interpreter's lock."""
    end = time.thread_time() + seconds
    numbers = np.ones((64, 64))
    while time.thread_time() < end:
        numbers @ numbers


class Net(nn.Module):
    """A net that takes about so many milliseconds a step of 32 examples, by going through one layer again and again."""

    def __init__(self, step_ms: float) -> None:
        super().__init__()
        self.first, self.again, self.last = nn.Linear(64, 256), nn.Linear(256, 256), nn.Linear(256, 10)
        self.times = round(step_ms / PASS_MS)

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = torch.relu(self.first(inputs))
        for _ in range(self.times):
            hidden = hidden + torch.tanh(self.again(hidden)) / self.times
        outputs: Tensor = self.last(hidden)
        return outputs


PASS_MS = 0.3
"""Of one layer, forward and backward, on one thread: measured where this was written."""


def _task(items: Digits, step_ms: float = STEP_MS, **rest: Any) -> Task:
    torch.manual_seed(0)
    return Task(model=Net(step_ms), train=items, **rest)


def slow_disk(seed: int) -> Task:
    return _task(SlowDisk(FILE_BYTES))


def small_files(seed: int) -> Task:
    return _task(SmallFiles(SMALL_BYTES))


def cold_cache(seed: int) -> Task:
    return _task(Cold())


def slow_decode(seed: int) -> Task:
    return _task(Decoded())


def lock_held(seed: int) -> Task:
    return _task(Locked())


def light(seed: int) -> Task:
    return _task(Light())


def crowded(seed: int) -> Task:
    return _task(Crowded())


def jitter(seed: int) -> Task:
    return _task(Late())


def tiny(seed: int) -> Task:
    return _task(Digits(), step_ms=1.0)


def _joined(items: Any) -> Any:
    """Leave a whole batch as it is."""
    return items if isinstance(items, tuple) else default_collate(items)


def healthy(seed: int) -> Task:
    """Whole batches that cost nothing; `STARVED_STEP_MS` in the environment says what a step takes.

    For quick steps the digits lie in memory, as two arrays: 0.3 ms for a batch from a data set would be a stall there.
    """
    step_ms = float(os.environ["STARVED_STEP_MS"])
    if step_ms >= SLOW_MS:
        return _task(Batched(), step_ms, collate=_joined)
    digits = Digits()
    return Task(model=Net(step_ms), train=(digits.inputs, digits.labels))
