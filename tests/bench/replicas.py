"""How long a step takes with two processes instead of one, on the same cores, side by side.

    python -m tests.bench.replicas [--rounds 6] [--steps 20] [--net small wide deep]

Each round times one process with all threads, one with a single thread, and two that share the threads, one after the other
and in every other round the other way about. It says, for each net, the median milliseconds of a step in each, and the median
ratio of two processes to the better of the others, with its least and greatest. On a busy machine one process with several
threads waits for all of them at every kernel, so read that column only on an idle one.
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
from trainer.stepping.step import take_step
from trainer.training import Training
from trainer.turning import apply_first, check_replicas, set_knobs

NETS: dict[str, tuple[dict[str, Any], int]] = {
    "small": ({"name": "mlp"}, 64),
    "wide": ({"name": "mlp", "hidden": (2048, 2048)}, 256),
    "deep": ({"name": "cnn", "width": 48, "norm": False}, 256),
}
"""Name → model and batch size: one where a step is next to nothing, one that is all weights, one that is all computing."""

LAYOUTS = {"alone": (1, 0), "alone, one thread": (1, 1), "two": (2, 0)}
"""Name → processes, and threads of all of them; 0 = one for each core."""

WARM_STEPS = 3


def training_of(name: str, folder: Path) -> Training:
    """Return a run that stands before its first step."""
    model, batch_size = NETS[name]
    asked = {"epochs": 1000, "batch_size": batch_size, "threads": len(os.sched_getaffinity(0))}
    config = parse({"data": {"source": "sklearn:digits"}, "model": model, "train": asked}, "bench")
    training = Training(build(config), config, folder, MemoryLink(lambda _: []), lockstep=True, mode="watch")
    apply_first(training)
    training.model.train()
    return training


def seconds_of(training: Training, layout: str, steps: int) -> float:
    """Return the median seconds of a step in a layout."""
    replicas, threads = LAYOUTS[layout]
    set_knobs(training, {"replicas": replicas, "threads": threads or len(os.sched_getaffinity(0))})
    taken = []
    for number in range(steps + WARM_STEPS):
        batch = training.supply.take()
        if len(batch.targets) < training.batch_size:
            batch = training.supply.take()
        begun = perf_counter()
        take_step(training, batch)
        if number >= WARM_STEPS:
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
            times: list[dict[str, float]] = []
            for number in range(rounds):
                order = list(LAYOUTS) if number % 2 == 0 else list(LAYOUTS)[::-1]
                times.append({layout: seconds_of(training, layout, steps) for layout in order})
            ratios = [one["two"] / min(one["alone"], one["alone, one thread"]) for one in times]
            parameters = sum(p.numel() for p in training.model.parameters())
            each = ", ".join(f"{layout} {1000 * median(one[layout] for one in times):.2f} ms" for layout in LAYOUTS)
            return (
                f"{name}: {parameters:,} parameters, batch {training.batch_size}: {each}; "
                f"ratio {median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f}); start and self-test {start_s:.1f} s"
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
