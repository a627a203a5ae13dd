"""The trainings that `fork_power.py` forks: data, nets, what is wrong with each, and what is tried against it."""

import gzip
import itertools
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from torch import Tensor, nn

from tests.bench.bare_training import FASHION_FOLDER
from tests.bench.many_nets import Shape

Score = Literal["loss", "recall"]


@dataclass(frozen=True)
class Candidate:
    """What is tried; one of the fields differs from a control's."""

    name: str
    rate: float = 1.0
    """Times the rate as it is."""
    decay: float = 1.0
    """Times the weight decay as it is."""
    class_weights: float = 0.0
    """Power of the inverse class frequency."""
    augment: bool = False
    smoothing: float = 0.0
    score: Score = "loss"


@dataclass(frozen=True)
class Case:
    """A training: which data, how many of them, and its settings."""

    name: str
    data: Literal["digits", "fashion", "tabular"]
    rate: float
    candidates: tuple[Candidate, ...]
    cosine: bool = False
    decay: float = 0.01
    examples: int = 10_000
    """At most so many are trained on."""
    imbalanced: bool = False
    """Class 0 is 15 times as frequent as the last, the others between, by ratio."""


@dataclass(frozen=True)
class Ground:
    """Examples of a case. `train` has a first axis of versions: the plain one first, then the augmented ones."""

    shape: Shape
    train: Tensor
    targets: Tensor
    probe: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]


STEPS = {"digits": 1200, "fashion": 800, "tabular": 1000}
"""Length of a run."""
BATCH = 32

_CUTS = tuple(Candidate(f"rate ×{times:g}", rate=times) for times in (0.1, 0.3))
_RAISES = tuple(Candidate(f"rate ×{times:g}", rate=times) for times in (3.0, 10.0))
_LESS_DECAY = (Candidate("decay ×0.1", decay=0.1), Candidate("decay ×0", decay=0.0))
_WEIGHTS = (
    Candidate("class weights ^0.5", class_weights=0.5, score="recall"),
    Candidate("class weights ^1", class_weights=1.0, score="recall"),
)
_AGAINST_OVERFITTING = (Candidate("augmentation", augment=True), Candidate("smoothing 0.1", smoothing=0.1))

CASES = (
    Case("digits, cosine", "digits", 3e-3, (*_CUTS, *_RAISES), cosine=True),
    Case("digits, constant", "digits", 3e-3, (*_CUTS, *_RAISES)),
    Case("digits, rate too low", "digits", 1e-4, _RAISES, cosine=True),
    Case("digits, rate too high", "digits", 1e-1, _CUTS),
    Case("digits, 150 examples", "digits", 3e-3, _AGAINST_OVERFITTING, examples=150),
    Case("digits, imbalanced", "digits", 1e-3, _WEIGHTS, imbalanced=True),
    Case("digits, decay too high", "digits", 3e-3, _LESS_DECAY, decay=20.0, cosine=True),
    Case("tabular, constant", "tabular", 1e-3, (*_CUTS, *_RAISES)),
    Case("tabular, cosine", "tabular", 3e-3, (*_CUTS, *_RAISES), cosine=True),
    Case("tabular, decay too high", "tabular", 3e-3, _LESS_DECAY, decay=20.0, cosine=True),
    Case("fashion, constant", "fashion", 3e-2, (*_CUTS, *_RAISES)),
    Case("fashion, cosine", "fashion", 3e-2, (*_CUTS, *_RAISES), cosine=True),
    Case("fashion, rate too low", "fashion", 1e-3, _RAISES, cosine=True),
    Case("fashion, 300 examples", "fashion", 3e-2, _AGAINST_OVERFITTING, examples=300),
    Case("fashion, imbalanced", "fashion", 3e-2, _WEIGHTS, imbalanced=True),
)


@cache
def ground(case: Case) -> Ground:
    """Return the examples of a case; training, probe and test examples are others."""
    if case.data == "tabular":
        values, known = load_breast_cancer(return_X_y=True)
        inputs, targets = _shuffled(torch.tensor(values, dtype=torch.float32), torch.tensor(known))
        inputs = (inputs - inputs[:269].mean(0)) / inputs[:269].std(0)
        return _parted(case, Shape(30, 32, 2), inputs[None], targets, (269, 419, 569))
    if case.data == "digits":
        values, known = load_digits(return_X_y=True)
        images, targets = _shuffled(
            torch.tensor(values, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16, torch.tensor(known)
        )
        images = (images - images[:797].mean()) / images[:797].std()
        return _parted(case, Shape(64, 64, 10), _moved(images, flip=False).flatten(2), targets, (797, 1297, 1797))
    halves = [_fashion("train", 3000), _fashion("t10k", 4000)]
    images, targets = (torch.cat(parts) for parts in zip(*halves, strict=True))
    images = (images - images[:3000].mean()) / images[:3000].std()
    kept = _moved(images[:3000], flip=True) if case.examples < 3000 else images[None, :3000]
    plain = images[None].expand(len(kept), -1, -1, -1, -1).clone()
    plain[:, :3000] = kept
    patches = nn.functional.unfold(plain.flatten(0, 1), 3, padding=1, stride=2).transpose(1, 2)
    inputs = patches.reshape(len(kept), 7000, 441)
    return _parted(case, Shape(441, 0, 10, convolutional=True), inputs, targets, (3000, 4000, 7000))


def _shuffled(inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(0))
    return inputs[order], targets[order]


def _fashion(name: str, count: int) -> tuple[Tensor, Tensor]:
    raw = [
        np.frombuffer(gzip.decompress((FASHION_FOLDER / f"{name}-{kind}-ubyte.gz").read_bytes())[head:], np.uint8)
        for kind, head in (("images-idx3", 16), ("labels-idx1", 8))
    ]
    pixels = torch.tensor(raw[0].reshape(-1, 1, 28, 28)[:count] / 255, dtype=torch.float32)
    return nn.functional.avg_pool2d(pixels, 2), torch.tensor(raw[1][:count].astype(np.int64))


def _moved(images: Tensor, flip: bool) -> Tensor:
    """Return the images as they are, then shifted by one pixel each way, and mirrored ones where `flip`."""
    shifts = sorted(((down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)), key=lambda one: one != (0, 0))
    many = [images.roll(shift, (2, 3)) for shift in shifts]
    return torch.stack(many + [one.flip(3) for one in many] if flip else many)


def _parted(case: Case, shape: Shape, inputs: Tensor, targets: Tensor, ends: tuple[int, int, int]) -> Ground:
    train, known = inputs[:, : ends[0]], targets[: ends[0]]
    if case.imbalanced:
        kept = _thinned(known, shape.classes)
        train, known = train[:, kept], known[kept]
    train, known = train[:, : case.examples], known[: case.examples]
    probe, test = ((inputs[0, low:high].contiguous(), targets[low:high]) for low, high in itertools.pairwise(ends))
    return Ground(shape, train.contiguous(), known, probe, test)


def _thinned(targets: Tensor, classes: int) -> Tensor:
    """Return the rows to keep so that class frequencies fall by ratio to a fifteenth."""
    rows = [torch.nonzero(targets == number)[:, 0] for number in range(classes)]
    most = min(len(one) for one in rows)
    kept = [one[: max(2, round(most * 15 ** (-number / (classes - 1))))] for number, one in enumerate(rows)]
    return torch.cat(kept).sort().values
