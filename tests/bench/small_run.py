"""What one small run costs: by hand, watched, advised, in one process and in two, and whether its ledger repeats.

    OMP_NUM_THREADS=1 .venv/bin/python -m tests.bench.small_run

The run is small on purpose (digits, a net of 17 thousand weights, 20 epochs of 17 steps): nothing else shows so plainly
what watching adds. The forms take turns, so that a busy minute falls on all of them.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from advisor.ledger import Entry
from advisor.runs import open_run
from advisor.together import run_together
from trainer.config import parse

RUNS = 50
APART = 10
"""Runs in two processes: each loads torch anew."""
EPOCHS, BATCH, RATE = 20, 64, 3e-3
OF_TIME = {"t", "cost_s", "expected_cost_s"}
OF_PROCESSES = ("driver_started", "trainer_started", "hardware_profiled")

CONFIG = f"""
[data]
source = "sklearn:digits"
[model]
name = "mlp"
[train]
epochs = {EPOCHS}
batch_size = {BATCH}
lr = {RATE}
threads = 1
"""


def by_hand(seed: int) -> None:
    """Train the same net on the same share of the data for as many epochs, and evaluate after each."""
    torch.manual_seed(seed)
    images, labels = load_digits(return_X_y=True)
    known, held, known_labels, held_labels = train_test_split(images, labels, test_size=0.4, stratify=labels)
    mean, spread = known.mean(), known.std()
    inputs, others = (torch.tensor((part - mean) / spread, dtype=torch.float32) for part in (known, held))
    targets, wanted = torch.tensor(known_labels), torch.tensor(held_labels)
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS * -(-len(inputs) // BATCH))
    for _ in range(EPOCHS):
        net.train()
        for batch in torch.randperm(len(inputs)).split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(inputs[batch]), targets[batch]).backward()
            optimizer.step()
            schedule.step()
        net.eval()
        with torch.no_grad():
            outputs = net(others)
            nn.functional.cross_entropy(outputs, wanted).item()
            (outputs.argmax(1) == wanted).float().mean().item()


def timed(work: Callable[[], object]) -> float:
    """Return the wall seconds of some work."""
    begun = perf_counter()
    work()
    return perf_counter() - begun


def told(entries: list[Entry]) -> str:
    """Return a ledger as text, without what may differ between runs of one seed."""
    return repr([entry.model_dump(exclude=OF_TIME) for entry in entries if entry.kind not in OF_PROCESSES])


def together(folder: Path, seed: int, mode: str) -> None:
    """Train in this process, in lockstep; `auto+` compresses the finished model too."""
    raw = {
        "data": {"source": "sklearn:digits"},
        "model": {"name": "mlp"},
        "train": {"epochs": EPOCHS, "batch_size": BATCH, "lr": RATE, "threads": 1, "seed": seed},
        "advisor": {"mode": mode.removesuffix("+"), "compress": mode == "auto+"},
    }
    run_together(parse(raw, "the bench"), folder)


def apart(folder: Path, config: Path, seed: int) -> None:
    """Train in a process of its own, in lockstep with a driver in another."""
    command = [sys.executable, "-m", "advisor.cli", "train", str(config), "--headless", "--lockstep"]
    command += ["--run-dir", str(folder), "--seed", str(seed), "--set", "advisor.compress=false"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def row(name: str, seconds: list[float], base: float) -> str:
    """Return a line of the table."""
    quarter, _, last = quantiles(seconds, n=4)
    middle = median(seconds)
    return f"| {name} | {len(seconds)} | {middle:.3f} | {quarter:.3f} .. {last:.3f} | {middle / base:.2f} |"


def main() -> None:
    """Run all forms in turns and print the tables."""
    took: dict[str, list[float]] = {"by hand": [], "watch": [], "auto": [], "auto+": [], "two processes": []}
    same, same_apart = 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        config = folder / "small.toml"
        config.write_text(CONFIG)
        together(folder / "warm", 0, "auto+")
        by_hand(0)
        for number in range(RUNS):
            seed = number // 2
            took["by hand"].append(timed(lambda seed=seed: by_hand(seed)))
            for mode in ("watch", "auto", "auto+"):
                place = folder / f"{mode}{number}"
                took[mode].append(timed(lambda p=place, s=seed, m=mode: together(p, s, m)))
            ledger = told(open_run(folder / f"auto{number}").read_ledger())
            if number % 2:
                same += ledger == told(open_run(folder / f"auto{number - 1}").read_ledger())
            elif seed < APART:
                place = folder / f"apart{number}"
                took["two processes"].append(timed(lambda p=place, s=seed: apart(p, config, s)))
                same_apart += ledger == told(open_run(place).read_ledger())
    loads = [
        timed(lambda text=text: subprocess.run([sys.executable, "-c", text], check=True))
        for text in ["import advisor.together, trainer.run", "import advisor.driving.driver"]
        for _ in range(5)
    ]
    base = median(took["by hand"])
    print("| form | runs | seconds (median) | middle half | × by hand |\n| --- | --- | --- | --- | --- |")
    for name, seconds in took.items():
        print(row(name, seconds, base))
    print(f"\nSame ledger, twice in one process: {same} of {RUNS // 2}; in one and in two: {same_apart} of {APART}.")
    print(f"Imports: trainer and driver {median(loads[:5]):.2f} s, driver alone {median(loads[5:]):.2f} s.")


if __name__ == "__main__":
    main()
