"""How long a step takes with two processes instead of one, on the same cores, side by side.

    python -m tests.bench.replicas [--rounds 6] [--steps 20] [--net small wide deep]

Each round times both layouts on the same batches' worth of steps, in every other round the other way about; with one process
the run has all its threads, with two each has half of them. It says, for each net, the milliseconds of a step in both, and the
median ratio of the rounds with its least and greatest. The gradient is compared once, before.
"""

import argparse
import os
import platform
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import torch

from trainer.config import parse
from trainer.link import MemoryLink
from trainer.setup import build
from trainer.step import take_step
from trainer.training import Training
from trainer.turning import apply_first, check_replicas, set_knobs

NETS: dict[str, tuple[dict[str, Any], int]] = {
    "small": ({"name": "mlp"}, 64),
    "wide": ({"name": "mlp", "hidden": (2048, 2048)}, 256),
    "deep": ({"name": "cnn", "width": 96, "norm": False}, 256),
}
"""Name → model and batch size: one where a step is next to nothing, one that is all weights, one that is all computing."""


def training_of(name: str, folder: Path) -> Training:
    """Return a run that stands before its first step."""
    model, batch_size = NETS[name]
    asked = {"epochs": 1000, "batch_size": batch_size, "threads": len(os.sched_getaffinity(0))}
    config = parse({"data": {"source": "sklearn:digits"}, "model": model, "train": asked}, "bench")
    training = Training(build(config), config, folder, MemoryLink(lambda _: []), lockstep=True, mode="watch")
    apply_first(training)
    training.model.train()
    return training


def seconds_of(training: Training, replicas: int, steps: int) -> float:
    """Return the median seconds of a step with so many processes."""
    set_knobs(training, {"replicas": replicas})
    taken = []
    for number in range(steps + 3):
        batch = training.supply.take()
        if len(batch.targets) < training.batch_size:
            batch = training.supply.take()
        begun = perf_counter()
        take_step(training, batch)
        if number >= 3:
            taken.append(perf_counter() - begun)
    return median(taken)


def compare(name: str, rounds: int, steps: int) -> str:
    """Return the line of one net."""
    with TemporaryDirectory() as folder:
        training = training_of(name, Path(folder))
        try:
            begun = perf_counter()
            check_replicas(training, {"replicas": 2})
            start_s = perf_counter() - begun
            times: list[dict[int, float]] = []
            for number in range(rounds):
                order = (1, 2) if number % 2 == 0 else (2, 1)
                times.append({replicas: seconds_of(training, replicas, steps) for replicas in order})
            ratios = [one[2] / one[1] for one in times]
            parameters = sum(p.numel() for p in training.model.parameters())
            alone, both = (1000 * median(one[replicas] for one in times) for replicas in (1, 2))
            return (
                f"{name:6} {parameters:>10,} parameters, batch {training.batch_size:>4}: {alone:8.2f} ms alone, "
                f"{both:8.2f} ms in two processes, ratio {median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f}); "
                f"followers and self-test took {start_s:.1f} s"
            )
        finally:
            training.replicas.close()
            training.supply.close()


def main() -> None:
    """Measure the nets that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--net", nargs="+", choices=NETS, default=list(NETS))
    given = parser.parse_args()
    print(
        f"{platform.processor() or platform.machine()}, {len(os.sched_getaffinity(0))} cores, torch {torch.__version__}"
    )
    for name in given.net:
        print(compare(name, given.rounds, given.steps), flush=True)


if __name__ == "__main__":
    main()
