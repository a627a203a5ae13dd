"""Measures which way `advisor diagnose` says that a rate is wrong, on small real trainings over four orders of magnitude.

    python -m tests.logs.rates calibrated|held_out [SEED …]

Each training logs a row a fiftieth of the run and evaluates once an epoch, as CSV. What was wrong with a rate is told by
what the others came to: *too high* or *too low* where the best accuracy lies five points below that of the best rate, *far*
where it is twenty-five; of a regression, so many hundredths of what could be explained. What `advisor/logs/rate.py` decides by was chosen
on the first set; the second has other data and other nets.
"""

import csv
import gzip
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, make_classification, make_friedman1
from sklearn.model_selection import train_test_split
from torch import nn

from advisor.logs.diagnose import Asked, diagnose
from advisor.logs.find import find_runs
from advisor.logs.telling import Said

FASHION = Path("/usr/share/datasets/fashion-mnist")
FACTORS = (0.01, 0.1, 1.0, 3.0, 10.0, 30.0, 100.0)
BASE = {"adam": 2e-3, "sgd": 2e-2}
BATCH = 32
HURT, FAR = 0.05, 0.25
TOO_HIGH = {"OPT101", "NUM101", "NUM102", "OPT104", "OPT105", "OPT106"}
TOO_LOW = {"OPT102"}

Arrays = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Task:
    """What is learned, by which net, for how long."""

    load: Callable[[int], Arrays]
    net: Callable[[], nn.Module]
    epochs: int
    regression: bool = False


def standardised(x: np.ndarray, y: np.ndarray) -> Arrays:
    return (x - x.mean(0)) / (x.std(0) + 1e-6), y


def digits(seed: int) -> Arrays:
    return standardised(*load_digits(return_X_y=True))


def columns(classes: int, wide: int) -> Callable[[int], Arrays]:
    return lambda seed: standardised(
        *make_classification(1400, wide, n_informative=10, n_classes=classes, class_sep=1.5, random_state=seed)
    )


def target(x: np.ndarray, y: np.ndarray) -> Arrays:
    return standardised(x, ((y - y.mean()) / y.std())[:, None])


def fashion(seed: int) -> Arrays:
    with gzip.open(FASHION / "t10k-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)[:1600]
    with gzip.open(FASHION / "t10k-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)[:1600]
    return pixels.reshape(-1, 14, 2, 14, 2).mean((2, 4)).reshape(-1, 196) / 127.5 - 1, labels


def dense(*widths: int) -> Callable[[], nn.Module]:
    def net() -> nn.Module:
        layers = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.ReLU())]
        return nn.Sequential(*layers[:-1])

    return net


def conv(side: int) -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, side, side)), nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(16 * (side // 2) ** 2, 10),
    )  # fmt: skip


SETS: dict[str, dict[str, Task]] = {
    "calibrated": {
        "digits_dense": Task(digits, dense(64, 64, 10), 12),
        "digits_conv": Task(digits, lambda: conv(8), 10),
        "cancer": Task(lambda seed: standardised(*load_breast_cancer(return_X_y=True)), dense(30, 32, 2), 20),
        "six_classes": Task(columns(6, 20), dense(20, 64, 64, 6), 14),
        "friedman": Task(lambda seed: target(*make_friedman1(1200, noise=1.0, random_state=seed)), dense(10, 64, 1), 16, True),
    },
    "held_out": {
        "fashion_dense": Task(fashion, dense(196, 96, 96, 48, 10), 14),
        "fashion_conv": Task(fashion, lambda: conv(14), 10),
        "three_classes": Task(columns(3, 40), dense(40, 128, 3), 14),
        "diabetes": Task(lambda seed: target(*load_diabetes(return_X_y=True)), dense(10, 32, 32, 1), 24, True),
    },
}  # fmt: skip


def train(task: Task, optimizer: str, lr: float, seed: int, log: Path) -> float:
    """Write the log of one training; return its best accuracy, or least error."""
    x, y = task.load(seed)
    parts = train_test_split(x, y, test_size=0.25, random_state=seed, stratify=None if task.regression else y)
    kinds = (torch.float32, torch.float32 if task.regression else torch.int64)
    tx, vx, ty, vy = (torch.tensor(part, dtype=kinds[at >= 2]) for at, part in enumerate(parts))
    torch.manual_seed(seed)
    net, cost = task.net(), nn.functional.mse_loss if task.regression else nn.functional.cross_entropy
    made = torch.optim.Adam(net.parameters(), lr) if optimizer == "adam" else torch.optim.SGD(net.parameters(), lr, 0.9)
    names = ["step", "train_loss", "val_loss", *([] if task.regression else ["val_accuracy"])]
    every = max(task.epochs * -(-len(tx) // BATCH) // 50, 1)
    step, scores = 0, []
    with log.open("w", newline="") as file:
        table = csv.DictWriter(file, names)
        table.writeheader()
        for _ in range(task.epochs):
            for some in torch.randperm(len(tx)).split(BATCH):
                loss = cost(net(tx[some]), ty[some])
                made.zero_grad()
                loss.backward()
                made.step()
                step += 1
                if step % every == 0:
                    table.writerow({"step": step, "train_loss": loss.item()})
            with torch.no_grad():
                told = net.eval()(vx)
                row = {"step": step, "val_loss": cost(told, vy).item()}
                right = -row["val_loss"] if task.regression else (told.argmax(1) == vy).float().mean().item()
                net.train()
            table.writerow(row if task.regression else row | {"val_accuracy": right})
            scores.append(right)
    usable = [score for score in scores if score == score]
    return max(usable, default=-np.inf)


def said(log: Path) -> str:
    """Return what the diagnosis says of the rate: the first finding that stands, `?` behind a mere hint."""
    (source,) = find_runs(log)
    standing = [one for one in diagnose(source, Asked({}, Said())).findings if one.cleared_step is None]
    if not standing:
        return "nothing"
    first = standing[0]
    way = "too high" if first.code in TOO_HIGH else "too low" if first.code in TOO_LOW else first.code
    return way + ("?" if first.severity.value == "info" else "")


def truth(task: Task, factor: float, reached: dict[float, float]) -> str:
    """Return what was wrong with a rate, by what the other rates came to."""
    best = max(reached, key=lambda one: reached[one])
    lost = reached[best] - reached[factor]
    if task.regression:
        lost /= max(1 + reached[best], 0.1)  # the error of guessing is 1: of what could be explained
    if not lost > HURT:
        return "good" if factor in (1.0, 3.0) else "good, but not usual"
    return f"{'far ' if lost > FAR else ''}too {'high' if factor > best else 'low'}"


def main(name: str, seeds: list[int]) -> None:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    with tempfile.TemporaryDirectory() as scratch:
        for label, task in SETS[name].items():
            for optimizer in BASE:
                for seed in seeds:
                    logs = {one: Path(scratch) / f"{label}-{optimizer}-{one}-{seed}.csv" for one in FACTORS}
                    reached = {
                        one: train(task, optimizer, one * BASE[optimizer], seed, log) for one, log in logs.items()
                    }
                    for factor, log in logs.items():
                        found[truth(task, factor, reached)][said(log)] += 1
    for wrong, counts in sorted(found.items()):
        told = ", ".join(f"{what} {count}" for what, count in counts.most_common())
        print(f"| {wrong} | {sum(counts.values())} | {told} |")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1], [int(seed) for seed in sys.argv[2:]] or [0, 1, 2])
