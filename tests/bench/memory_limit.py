"""A step limit simulated on the CPU: what the memory model predicts beside what was there, and a run that goes on in pieces.

    OMP_NUM_THREADS=1 .venv/bin/python -m tests.bench.memory_limit

Peaks are counted by `trainer.stepping.simulated`: bytes of live tensors, in the forward pass, the backward pass and the update. The two
runs of a row differ in `train.memory_limit` alone, start from one seed and take their steps in turns; both are counted, so that
counting costs both the same.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from tests.bench.bad_starts import table
from tests.trainer.running import config_of, training_of
from trainer.probing.memory_model import batch_of, memory_model
from trainer.state.snapshot import restore, take
from trainer.stepping.step import take_step
from trainer.training import Training

BATCH = 128
SIZES = (16, 64, 128, 256)
"""Examples at once whose peak is predicted by a line through 32 and 64."""
SHARES = (0.75, 0.5, 0.3)
"""Of what the peak of the whole batch is above that of 16 examples: the limit leaves so much of it."""
ROUNDS = 5
STEPS = 5
"""Of a round, of either run."""
MIB = 2**20


@dataclass(frozen=True)
class Net:
    """What is trained."""

    name: str
    model: dict[str, Any]
    optimizer: str


NETS = (
    Net("mlp, SGD", {"name": "mlp"}, "sgd"),
    Net("cnn, SGD", {"name": "cnn", "width": 8, "norm": False}, "sgd"),
    Net("cnn, AdamW", {"name": "cnn", "width": 8, "norm": False}, "adamw"),
)


def training_with(net: Net, folder: Path, limit_mib: float = 0.0) -> Training:
    """Return a run that stands before its first step."""
    folder.mkdir()
    options = {"optimizer": net.optimizer, "batch_size": BATCH, "memory_limit": limit_mib, "epochs": 100}
    training, _ = training_of(folder, config_of(model=net.model, **options))
    training.model.train()
    training.watching = False
    return training


def counted_peak(training: Training, examples: int) -> int:
    """Return the peak of a step of so many examples at once, in bytes; the optimizer has its state already."""
    batch = batch_of(training, examples)
    with training.room.measuring():
        take_step(training, batch)
    return training.room.measured_bytes


def predictions(net: Net, folder: Path) -> tuple[list[str], dict[int, int]]:
    """Return a row of the first table, and the peaks in bytes by the examples at once."""
    training = training_with(net, folder)
    start = take(training)
    told = memory_model(training)
    restore(training, start)
    take_step(training, training.supply.take())
    row, peaks = [net.name], {}
    for size in SIZES:
        predicted = told["fixed_bytes"] + told["bytes_per_example"] * size
        there = peaks[size] = counted_peak(training, size)
        row.append(f"{predicted / MIB:.2f} / {there / MIB:.2f} MiB ({predicted / there - 1:+.1%})")
    return row, peaks


def in_pieces(net: Net, share: float, peaks: dict[int, int], folder: Path) -> list[str]:
    """Return a row of the second table."""
    folder.mkdir()
    whole, least = peaks[BATCH], peaks[SIZES[0]]
    limit = least + share * (whole - least)
    free, tight = training_with(net, folder / "free", 1e6), training_with(net, folder / "tight", limit / MIB)
    free.watching = tight.watching = True  # else a step that runs out of memory is given up
    apart, ratios = [], []
    for number in range(ROUNDS + 1):
        seconds, losses = {}, {}
        for training in (free, tight) if number % 2 else (tight, free):
            begun = perf_counter()
            losses[training is tight] = [float(take_step(training, training.supply.take()).loss) for _ in range(STEPS)]
            seconds[training is tight] = perf_counter() - begun
        apart += [abs(a - b) for a, b in zip(losses[False], losses[True], strict=True)]
        if number:  # the first one finds the size
            ratios.append(seconds[True] / seconds[False])
    assert tight.room.simulated is not None
    return [
        net.name,
        f"{limit / MIB:.2f} MiB, {limit / whole:.0%}",
        f"{int(tight.knobs['micro_batch'])} of {BATCH}",
        f"{tight.room.peak_bytes() / whole:.0%}",
        f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        f"{max(apart):.1e}",
    ]


def main() -> None:
    """Print the two tables."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        first = [predictions(net, folder / f"p{place}") for place, net in enumerate(NETS)]
        table(("net, optimizer", *(f"{size} at once" for size in SIZES)), *(row for row, _ in first))
        second = [
            in_pieces(net, share, peaks, folder / f"t{place}-{share}")
            for place, (net, (_, peaks)) in enumerate(zip(NETS, first, strict=True))
            for share in SHARES
        ]
        table(
            (
                "net, optimizer",
                "limit, of the whole batch's peak",
                "at once",
                "peak since",
                "time of a step",
                "losses apart by",
            ),
            *second,
        )


if __name__ == "__main__":
    main()
