"""What a step on the host costs while glibc gives freed blocks back, and while the process keeps them (`trainer.stepping.heap`).

    .venv/bin/python -m tests.bench.heap [ROUNDS]

Five convolutions (tests/bench/naive_task.py), channels last, one thread, on one batch of random pictures. How an allocator is
set holds for a process: each figure is a process of its own, and the two ways take turns. Told is processor time, of the
program and of the system for it, which other programs disturb little.
"""

import os
import resource
import subprocess
import sys
from statistics import median

import torch
from torch import nn

from tests.bench import naive_task
from trainer.stepping.heap import OWN_WORDS, keep_freed_memory

BATCHES = (32, 128, 512)
ROUNDS = 3
EXAMPLES = 1536
"""Of the steps that are timed."""
SETTLING_STEPS = 4


def measure(batch: int, keeps: bool) -> None:
    """Print milliseconds of processor time, of them the system's, pages faulted in, a step, and the peak in MiB."""
    torch.set_num_threads(1)
    if keeps:
        assert keep_freed_memory(torch.device("cpu"))
    model = naive_task.network().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    inputs = torch.randn(batch, 1, 28, 28).contiguous(memory_format=torch.channels_last)
    targets = torch.randint(0, 10, (batch,))

    def train(steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs), targets).backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    steps = EXAMPLES // batch
    train(SETTLING_STEPS)
    before = resource.getrusage(resource.RUSAGE_SELF)
    train(steps)
    now = resource.getrusage(resource.RUSAGE_SELF)
    system_s = now.ru_stime - before.ru_stime
    own_s = now.ru_utime - before.ru_utime
    pages = (now.ru_minflt - before.ru_minflt) / steps
    print(1000 * (own_s + system_s) / steps, 1000 * system_s / steps, pages, now.ru_maxrss / 1024)


def figures(batch: int, way: str) -> list[float]:
    """Return what a process of its own measures."""
    free = {name: value for name, value in os.environ.items() if name not in OWN_WORDS}
    command = [sys.executable, "-m", "tests.bench.heap", str(batch), way]
    told = subprocess.run(command, env=free, check=True, capture_output=True, text=True).stdout
    return [float(number) for number in told.split()]


def main(rounds: int) -> None:
    """Print the table."""
    print("| batch | blocks are | ms a step | of it system | pages a step | peak, MiB | × given back (least .. most) |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for batch in BATCHES:
        ways: dict[str, list[list[float]]] = {"given back": [], "kept": []}
        for number in range(rounds):
            for way in ways if number % 2 else reversed(ways):
                ways[way].append(figures(batch, way))
        for way, found in ways.items():
            middle = [median(column) for column in zip(*found, strict=True)]
            ratios = [mine[0] / base[0] for mine, base in zip(found, ways["given back"], strict=True)]
            cells = f"{middle[0]:.0f} | {middle[1]:.1f} | {middle[2]:.0f} | {middle[3]:.0f}"
            print(f"| {batch} | {way} | {cells} | {median(ratios):.2f} ({min(ratios):.2f} .. {max(ratios):.2f}) |")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        measure(int(sys.argv[1]), sys.argv[2] == "kept")
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
