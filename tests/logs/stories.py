"""The small real trainings whose logs are kept: what each is trained on, and what is wrong with it.

`CASES` are those that the readers were built on (`data/`): scikit-learn's digits (1 797 images of 8 × 8, 10 classes), seed 7.
`STORIES` are judged by the fault bench (`bench/`): set `seen`, digits with another seed, was looked at while the readers were
mended; set `unseen`, another task (six classes, 64 columns, `make_classification`), was written after that and never was.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits, make_classification
from torch import nn

HERE = Path(__file__).parent
BATCH = 32


@dataclass(frozen=True)
class Case:
    """One training."""

    name: str
    epochs: int
    lr: float
    hidden: int = 64
    examples: int = 1200
    wrong: float = 0.0
    """Share of the training labels that are drawn anew."""
    growth: float = 1.0
    """Factor of the rate from step to step."""
    breaks: bool = False
    """An infinite input from half of the run on."""
    seed: int = 7
    columns: bool = False
    """Columns of numbers in place of the digits."""
    root: str = "data"
    """Folder under tests/logs that keeps its logs."""

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.examples // BATCH)

    @property
    def classes(self) -> int:
        return 6 if self.columns else 10


CASES = (
    Case("healthy", epochs=20, lr=1e-3),
    Case("healthy_fast", epochs=12, lr=3e-3, hidden=128),
    Case("diverging", epochs=20, lr=1e-3, growth=1.015),
    Case("overfitting", epochs=60, lr=1e-2, hidden=256, examples=120, wrong=0.3),
    Case("lr_zero", epochs=12, lr=0.0),
    Case("nan", epochs=12, lr=1e-3, breaks=True),
    Case("plateau", epochs=30, lr=3e-2, hidden=2, wrong=0.33),
)

SETS = {"seen": (11, False), "unseen": (12, True)}
"""Set of the bench → seed, and whether it is on columns."""


OTHER_NAMES = {
    "train/loss": "Loss/train",
    "train/grad_norm": "grad_norm",
    "lr": "learning_rate",
    "val/loss": "Loss/val",
    "val/accuracy": "Accuracy/val",
}
"""What a plain loop on columns calls them."""


def stories(name: str) -> tuple[Case, ...]:
    """Return the trainings of a set of the bench."""
    seed, columns = SETS[name]
    about = {"seed": seed, "columns": columns, "root": f"bench/{name}"}
    return (
        Case("healthy", epochs=16, lr=1e-3, hidden=96, **about),
        Case("healthy_decay", epochs=14, lr=4e-3, hidden=48, growth=0.994, **about),
        Case("diverging", epochs=16, lr=2e-3, growth=1.017, **about),
        Case("overfitting", epochs=50, lr=8e-3, hidden=192, examples=160, wrong=0.3, **about),
        Case("rate_zero", epochs=10, lr=0.0, **about),
        Case("nan", epochs=12, lr=1e-3, breaks=True, **about),
        Case("plateau", epochs=24, lr=3e-2, hidden=2, wrong=0.33, **about),
        Case("rate_high", epochs=10, lr=1.0, **about),
        Case("rate_low", epochs=10, lr=2e-6, **about),
    )


def data(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return training inputs and labels, validation inputs and labels."""
    if case.columns:
        x, y = make_classification(
            1797, 64, n_informative=16, n_redundant=8, n_classes=6, class_sep=2.0, random_state=case.seed
        )
        x, y = (x / 4).astype(np.float32), y.astype(np.int64)
    else:
        digits = load_digits()
        x, y = (digits.data / 16).astype(np.float32), digits.target.astype(np.int64)
    order = np.random.default_rng(case.seed).permutation(len(y))
    x, y = x[order], y[order]
    train_x, train_y = x[: case.examples].copy(), y[: case.examples].copy()
    draw = np.random.default_rng(case.seed + 1)
    wrong = draw.random(case.examples) < case.wrong
    train_y[wrong] = draw.integers(0, case.classes, int(wrong.sum()))
    return train_x, train_y, x[1297:], y[1297:]


def network(case: Case) -> nn.Sequential:
    torch.manual_seed(case.seed)
    activation = nn.Tanh() if case.hidden < 8 else nn.ReLU()
    return nn.Sequential(nn.Linear(64, case.hidden), activation, nn.Linear(case.hidden, case.classes))


def breaks_at(case: Case) -> int:
    return case.epochs * case.steps_per_epoch // 2 if case.breaks else 10**9


def train(case: Case) -> Iterator[dict[str, float]]:
    """Train by a plain loop; yield a row every ten steps and one after each epoch."""
    for row in _rows(case):
        yield {OTHER_NAMES.get(name, name): value for name, value in row.items()} if case.columns else row


def _rows(case: Case) -> Iterator[dict[str, float]]:
    tx, ty, vx, vy = (torch.from_numpy(one) for one in data(case))
    model = network(case)
    optimizer = torch.optim.Adam(model.parameters(), lr=case.lr)
    step = 0
    generator = torch.Generator().manual_seed(case.seed)
    for epoch in range(case.epochs):
        for batch in torch.randperm(len(tx), generator=generator).split(BATCH):
            step += 1
            inputs = tx[batch]
            if step >= breaks_at(case):
                inputs = inputs * float("inf")
            loss = nn.functional.cross_entropy(model(inputs), ty[batch])
            optimizer.zero_grad()
            loss.backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), 1e12)
            optimizer.step()
            optimizer.param_groups[0]["lr"] *= case.growth
            if step % 10 == 0:
                yield {
                    "step": step,
                    "epoch": epoch,
                    "train/loss": loss.item(),
                    "train/grad_norm": norm.item(),
                    "lr": optimizer.param_groups[0]["lr"],
                }
        with torch.no_grad():
            scores = model(vx)
        yield {
            "step": step,
            "epoch": epoch + 1,
            "val/loss": nn.functional.cross_entropy(scores, vy).item(),
            "val/accuracy": (scores.argmax(1) == vy).float().mean().item(),
        }
