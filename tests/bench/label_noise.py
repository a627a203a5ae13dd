"""How well the share of wrong labels is estimated: nets trained on real sets whose labels were spoiled on purpose.

    python -m tests.bench.label_noise

prints one line a run: the true share, the estimate, and how many of the suspects are really wrong. It takes about five
minutes on one core (torch 2.15, CPU). Read for a true share of about:

    data (ways to train)         0.00           0.05           0.10           0.20           0.40       suspects wrong
    digits (7)               0.000, 2 ×  –   .028-.047, 2 –  .048-.075, 2 –  .149-.183, 2 –  .318-.362, 2 –   0.98-1.00
    Fashion-MNIST (4)        0.000, 1 ×  –   .042-.045      .087-.091      .188-.202      .388-.412      0.96-1.00
    – into the next class                                   4 ×  –
    breast cancer (2)        0.000           .047-.089      .146-.154      .184, –        –              0.51-0.98
    diabetes, 2 classes (2)  0.000, –        .000, –        –              –              –              –

– is a run in which nothing is said: two on digits hardly learned (8 epochs of batches of 512; 10 epochs at a rate of
0.0003), and where two classes overlap by a quarter (diabetes), or one hard class is taken for the next (Fashion-MNIST),
wrong labels cannot be told from hard ones.

What must not be read as noise, clean labels under nets that are too simple, stuck, thrown about or saturated, is the second
part: nothing is said in 10 of 12, and 0.000 in two.
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

from trainer.watching.labels import LabelWatch

FASHION = Path(os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist"))


@dataclass(frozen=True)
class Run:
    """One set and the way it is trained."""

    data: str
    epochs: int
    lr: float
    batch: int = 64
    optimizer: str = "adamw"
    net: str = "mlp"
    """mlp, linear, sigmoids (five layers of them) or saturated (weights of spread 1 under tanh)."""
    decay: float = 0.05
    sort: bool = False
    """By label, in every epoch."""


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
HARD = (
    Run("clusters", 20, 0.03, 32, "sgd", "linear"),
    Run("clusters", 20, 0.05, 32, "sgd"),
    Run("clusters", 20, 0.05, 32, "sgd", "sigmoids"),
    Run("clusters", 20, 0.1, 32, "sgd", "saturated"),
    Run("clusters", 15, 1.5, 32, "sgd"),
    Run("circles", 20, 0.05, 32, "sgd", "linear"),
    Run("circles", 20, 0.1, 32, "sgd", "saturated"),
    Run("diabetes in two classes", 30, 0.03, 32, "sgd", "linear"),
    Run("digits", 12, 3.0, 32, "sgd"),
    Run("digits", 12, 0.1, 32, "sgd", decay=0.3),
    Run("digits", 12, 0.1, 32, "sgd", sort=True),
    Run("fashion", 10, 1.0, 32, "sgd"),
)
"""Clean labels, and nets that contradict many of them."""
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
    elif name == "clusters":
        inputs, labels = datasets.make_classification(
            2000, 16, n_informative=7, n_classes=4, n_clusters_per_class=2, class_sep=1.0, flip_y=0.0, random_state=21
        )
    elif name == "circles":
        inputs, labels = datasets.make_circles(1200, noise=0.15, factor=0.6, random_state=1)
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


def net_of(kind: str, features: int, classes: int) -> nn.Module:
    """Return a net: two hidden layers (mlp), none (linear), five of sigmoids, or two of tanh under large weights."""
    widths = {"linear": (features,), "sigmoids": (features, *[32] * 5), "saturated": (features, 32, 32)}
    layers = widths.get(kind, (features, 128, 64))
    bend = {"sigmoids": nn.Sigmoid, "saturated": nn.Tanh}.get(kind, nn.ReLU)
    hidden = [layer for a, b in itertools.pairwise(layers) for layer in (nn.Linear(a, b), bend())]
    model = nn.Sequential(*hidden, nn.Linear(layers[-1], classes))
    if kind == "saturated":
        for parameter in model.parameters():
            nn.init.normal_(parameter)
    return model


def watch(run: Run, share: float, kind: str, seed: int = 0) -> tuple[LabelWatch, Tensor, Tensor]:
    """Train on spoiled labels; return the watch, the given labels and the true ones."""
    inputs, true = load(run.data)
    count = int(len(inputs) * 0.8)
    inputs, true = inputs[:count], true[:count]
    given = spoil(true, share, kind, seed + 1)
    torch.manual_seed(seed)
    model = net_of(run.net, inputs.shape[1], int(true.max()) + 1)
    optimizer = (
        torch.optim.AdamW(model.parameters(), run.lr, weight_decay=run.decay)
        if run.optimizer == "adamw"
        else torch.optim.SGD(model.parameters(), run.lr, 0.9, weight_decay=run.decay if run.decay > 0.1 else 0.0)
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, run.epochs * -(-count // run.batch))
    watched = LabelWatch(count, int(true.max()) + 1, torch.device("cpu"))
    for _ in range(run.epochs):
        order = given.argsort(stable=True) if run.sort else torch.randperm(count)
        for rows in order.split(run.batch):
            outputs = model(inputs[rows])
            optimizer.zero_grad()
            functional.cross_entropy(outputs, given[rows]).backward()
            optimizer.step()
            schedule.step()
            watched.observe(rows.numpy(), outputs.detach(), given[rows])
    return watched, given, true


def table() -> Iterator[str]:
    """Yield one line a run."""
    yield f"{'data':24} {'net':9} {'epochs':>6} {'lr':>6} {'noise':>14} {'true':>6} {'read':>6} {'suspects':>8} {'wrong':>6}"
    clean = NOISES[:1]
    for run, noises in [(one, NOISES) for one in RUNS] + [(one, clean) for one in HARD]:
        for share, kind in noises:
            watched, given, true = watch(run, share, kind)
            report = watched.suspects()
            wrong = float((given != true).float().mean())
            read = report.noise_share if report else float("nan")
            suspects = [index for index, *_ in report.suspects] if report else []
            hits = float((given != true)[suspects].float().mean()) if suspects else float("nan")
            yield (
                f"{run.data:24} {run.net:9} {run.epochs:6} {run.lr:6g} {share:4.2f} {kind:>9} {wrong:6.3f} {read:6.3f} "
                f"{len(suspects):8} {hits:6.2f}"
            )


if __name__ == "__main__":
    torch.set_num_threads(1)
    for line in table():
        print(line, flush=True)
