"""How well the share of wrong labels is estimated: MLPs trained on real sets whose labels were spoiled on purpose.

    python -m tests.bench.label_noise

prints one line a run: the true share, the estimate, and how many of the suspects are really wrong. It takes about five
minutes on one core (torch 2.15, CPU). Read for a true share of about:

    data (ways to train)         0.00           0.05           0.10           0.20           0.40       suspects wrong
    digits (7)               0.000, 2 ×  –   .031-.047, –   .048-.088, –   .167-.196, –   .362-.477     0.96-1.00
    Fashion-MNIST (4)        0.000           .037-.044      .084-.108      .203-.234      .443-.467     0.92-1.00
    breast cancer (2)        0.000           .044-.048      .142-.143      .242-.262      .447-.507     0.81-0.98
    diabetes, 2 classes (2)  .000, .022      .046-.056      .102-.111      .235-.265      .381-.400     0.25-0.68

– is a run that had hardly learned (digits, 8 epochs of batches of 512; 10 epochs at a rate of 0.0003): nothing is said.
The last set's classes overlap by a quarter: the share is read well, but its suspects are as often hard as wrong.
"""

import gzip
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn import datasets
from torch import Tensor, nn
from torch.nn import functional

from trainer.labels import LabelWatch

FASHION = Path(os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist"))


@dataclass(frozen=True)
class Run:
    """One set and the way it is trained."""

    data: str
    epochs: int
    lr: float
    batch: int = 64
    optimizer: str = "adamw"


RUNS = (
    Run("digits", 10, 1e-3),
    Run("digits", 30, 1e-3),
    Run("digits", 10, 3e-3, 32),
    Run("digits", 10, 3e-4),
    Run("digits", 8, 1e-3, 512),
    Run("digits", 20, 0.1, 64, "sgd"),
    Run("digits", 12, 0.01, 16, "sgd"),
    Run("fashion", 6, 1e-3),
    Run("fashion", 20, 1e-3),
    Run("fashion", 10, 3e-4),
    Run("fashion", 8, 0.05, 32, "sgd"),
    Run("breast_cancer", 20, 1e-3, 32),
    Run("breast_cancer", 10, 3e-4),
    Run("diabetes in two classes", 20, 1e-3, 32),
    Run("diabetes in two classes", 60, 3e-3, 32),
)
NOISES = (
    (0.0, "symmetric"),
    (0.05, "symmetric"),
    (0.1, "symmetric"),
    (0.1, "pair"),
    (0.2, "symmetric"),
    (0.4, "symmetric"),
)


def load(name: str) -> tuple[Tensor, Tensor]:
    """Return inputs [N, F], standardised, and labels [N], shuffled."""
    if name == "fashion":
        pixels = gzip.decompress((FASHION / "train-images-idx3-ubyte.gz").read_bytes())
        inputs = np.frombuffer(pixels, np.uint8, offset=16).reshape(-1, 784)[:6000] / 255.0
        numbers = gzip.decompress((FASHION / "train-labels-idx1-ubyte.gz").read_bytes())
        labels = np.frombuffer(numbers, np.uint8, offset=8)[:6000]
    elif name == "diabetes in two classes":
        inputs, progress = datasets.load_diabetes(return_X_y=True)
        labels = progress > np.median(progress)
    else:
        inputs, labels = getattr(datasets, f"load_{name}")(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(inputs))
    inputs = (inputs - inputs.mean(0)) / (inputs.std(0) + 1e-2)
    return torch.tensor(inputs[order], dtype=torch.float32), torch.tensor(labels[order].astype(np.int64))


def spoil(labels: Tensor, share: float, kind: str, seed: int) -> Tensor:
    """Return labels of which a share was replaced, by any other class or by the next one."""
    draw = np.random.default_rng(seed)
    classes = int(labels.max()) + 1
    by = draw.integers(1, classes, len(labels)) if kind == "symmetric" else np.ones(len(labels), np.int64)
    wrong = torch.from_numpy(draw.random(len(labels)) < share)
    return torch.where(wrong, (labels + torch.from_numpy(by)) % classes, labels)


def watch(run: Run, share: float, kind: str, seed: int = 0) -> tuple[LabelWatch, Tensor, Tensor]:
    """Train on spoiled labels; return the watch, the given labels and the true ones."""
    inputs, true = load(run.data)
    count = int(len(inputs) * 0.8)
    inputs, true = inputs[:count], true[:count]
    given = spoil(true, share, kind, seed + 1)
    torch.manual_seed(seed)
    widths = (inputs.shape[1], 128, 64)
    hidden = [layer for a, b in itertools.pairwise(widths) for layer in (nn.Linear(a, b), nn.ReLU())]
    model = nn.Sequential(*hidden, nn.Linear(64, int(true.max()) + 1))
    optimizer = (
        torch.optim.AdamW(model.parameters(), run.lr, weight_decay=0.05)
        if run.optimizer == "adamw"
        else torch.optim.SGD(model.parameters(), run.lr, 0.9)
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, run.epochs * -(-count // run.batch))
    watched = LabelWatch(count, int(true.max()) + 1, torch.device("cpu"))
    for _ in range(run.epochs):
        for rows in torch.randperm(count).split(run.batch):
            outputs = model(inputs[rows])
            optimizer.zero_grad()
            functional.cross_entropy(outputs, given[rows]).backward()
            optimizer.step()
            schedule.step()
            watched.observe(rows.numpy(), outputs.detach(), given[rows])
    return watched, given, true


def table() -> Iterator[str]:
    """Yield one line a run."""
    yield f"{'data':24} {'epochs':>6} {'lr':>6} {'noise':>14} {'true':>6} {'read':>6} {'suspects':>8} {'wrong':>6}"
    for run in RUNS:
        for share, kind in NOISES:
            watched, given, true = watch(run, share, kind)
            report = watched.suspects()
            wrong = float((given != true).float().mean())
            read = report.noise_share if report else float("nan")
            suspects = [index for index, *_ in report.suspects] if report else []
            hits = float((given != true)[suspects].float().mean()) if suspects else float("nan")
            yield (
                f"{run.data:24} {run.epochs:6} {run.lr:6g} {share:4.2f} {kind:>9} {wrong:6.3f} {read:6.3f} "
                f"{len(suspects):8} {hits:6.2f}"
            )


if __name__ == "__main__":
    torch.set_num_threads(1)
    for line in table():
        print(line, flush=True)
