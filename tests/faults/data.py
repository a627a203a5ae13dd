"""The data sets of the bench: real ones that ship with scikit-learn, Python and Debian, and generated ones.

Each is split once, the same in every run: what is drawn by a run's seed is the net and the order.
"""

import gzip
import inspect
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets

FASHION = Path("/usr/share/datasets/fashion-mnist")
"""Debian's package dataset-fashion-mnist."""
FASHION_EXAMPLES = 3200
ALPHABET = "\n abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.,:;()[]{}'\"#=+-*/<>%@!?\\&|~^$`"
LINE_LENGTH = 24
"""Characters of a line that the net reads."""
LINES_EACH = 550
SOURCES = ("argparse", "tarfile", "html.entities", "_pydecimal")
"""Modules of the standard library whose lines are told apart."""

WORDS = ("typing", "inspect", "tarfile", "unittest.mock", "ipaddress")
"""Modules whose lines are told apart by their words."""
WORD_ROWS = 1500
"""Numbers that words are hashed to, from 1; 0 stands for no word."""
LINE_WORDS = 8

Array = NDArray[Any]


@dataclass(frozen=True)
class Part:
    """Inputs and targets of one split."""

    inputs: Array
    targets: Array

    def take(self, which: Array) -> "Part":
        """Return some of the examples."""
        return Part(self.inputs[which], self.targets[which])


@dataclass(frozen=True)
class Data:
    """A data set in its three splits."""

    train: Part
    val: Part
    test: Part
    outputs: int
    """Classes, or how many numbers are predicted of one example."""

    @property
    def regression(self) -> bool:
        """Whether numbers are predicted, or several classes at once."""
        return self.train.targets.dtype.kind == "f"

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        return self.train.inputs.shape[1:]


class MissingData(Exception):
    """A data set is not on this machine; the text says how to get it."""


def load(name: str) -> Data:
    """Return a data set by its name.

    Raises:
        MissingData: when it is not on this machine.
    """
    return _load(name)


@cache
def _load(name: str) -> Data:
    return SETS[name]()


def divided(inputs: Array, targets: Array, val: float = 0.2, test: float = 0.25) -> Data:
    """Split at random by a fixed seed, as [train | validation | test]; targets are [N] or [N, K]."""
    order = np.random.default_rng(7).permutation(len(inputs))
    kinds = np.float32 if targets.dtype.kind == "f" else np.int64
    whole = Part(inputs if inputs.dtype.kind == "i" else inputs.astype(np.float32), targets.astype(kinds))
    ends = np.cumsum([round((1 - val - test) * len(order)), round(val * len(order))])
    parts = [whole.take(one) for one in np.split(order, ends)]
    outputs = int(np.prod(targets.shape[1:])) if kinds is np.float32 else int(targets.max()) + 1
    return Data(parts[0], parts[1], parts[2], outputs)


def standard(values: Array) -> Array:
    """Return columns of mean 0 and spread 1."""
    return (values - values.mean(0)) / values.std(0)


def _digits() -> Data:
    inputs, labels = datasets.load_digits(return_X_y=True)
    return divided((inputs / 8 - 1).reshape(-1, 1, 8, 8), labels)


def _fashion() -> Data:
    images, labels = clothes()
    return divided(images[:FASHION_EXAMPLES], labels[:FASHION_EXAMPLES])


def _pictures() -> Data:
    inputs, labels = datasets.load_digits(return_X_y=True)
    return divided((inputs[:600] / 8 - 1).reshape(-1, 1, 8, 8), labels[:600])


def clothes() -> tuple[Array, Array]:
    """Return 10000 images [1, 14, 14] in [-1, 1] and their classes.

    Raises:
        MissingData: when they are not on this machine.
    """
    if not FASHION.is_dir():
        raise MissingData(f"{FASHION} is not there: apt install dataset-fashion-mnist")
    with gzip.open(FASHION / "t10k-images-idx3-ubyte.gz") as file:
        _, count, rows, columns = struct.unpack(">4I", file.read(16))
        pixels = np.frombuffer(file.read(), np.uint8).reshape(count, rows, columns)
    with gzip.open(FASHION / "t10k-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    small = pixels.reshape(-1, 14, 2, 14, 2).mean((2, 4))
    return (small / 127.5 - 1)[:, None], labels


def _table(read: Callable[..., Any]) -> Callable[[], Data]:
    def make() -> Data:
        inputs, targets = read(return_X_y=True)
        regression = targets.dtype.kind == "f"
        return divided(standard(inputs), standard(targets) if regression else targets)

    return make


def _friedman() -> Data:
    inputs, targets = datasets.make_friedman1(1600, noise=1.0, random_state=3)
    return divided(2 * inputs - 1, standard(targets))


def _tangle() -> Data:
    inputs, labels = datasets.make_classification(
        2000, 20, n_informative=8, n_classes=3, n_clusters_per_class=2, class_sep=1.2, flip_y=0.02, random_state=5
    )
    return divided(standard(inputs), labels)


def _text() -> Data:
    """Lines of four modules of the standard library, as numbers of characters [24]; the module is the class."""
    labels: dict[str, int] = {}
    for label, name in enumerate(SOURCES):
        lines = (line.strip() for line in inspect.getsource(import_module(name)).splitlines())
        new = dict.fromkeys(line[:LINE_LENGTH] for line in lines if len(line) >= LINE_LENGTH // 2)
        labels |= dict.fromkeys([line for line in new if line not in labels][:LINES_EACH], label)
    rows = [[max(ALPHABET.find(sign), 0) + 1 for sign in line.ljust(LINE_LENGTH)] for line in labels]
    return divided(np.array(rows, dtype=np.int64), np.array(list(labels.values())))


def _words() -> Data:
    """Lines of five modules of the standard library, as numbers of words [8]; the module is the class."""
    labels: dict[tuple[int, ...], int] = {}
    for label, name in enumerate(WORDS):
        for line in inspect.getsource(import_module(name)).splitlines():
            words = re.findall(r"[A-Za-z]+", line)
            if len(words) >= LINE_WORDS // 2:
                row = [1 + crc32(word.encode()) % WORD_ROWS for word in words[:LINE_WORDS]]
                labels.setdefault(tuple(row + [0] * (LINE_WORDS - len(row))), label)
    rows = np.array(list(labels), dtype=np.int64)
    return divided(rows, np.array(list(labels.values())))


def _orders() -> Data:
    """Three categories of 60 values each, some a hundred times as frequent as others, in columns of 0 and 1, and two measures:
    [182]."""
    random = np.random.default_rng(9)
    frequency = 1 / np.arange(1, 61) ** 1.2
    drawn = np.stack([random.choice(60, 3000, p=frequency / frequency.sum()) for _ in range(3)], 1)
    worth = random.normal(size=(3, 60, 3))
    told = sum(worth[column, drawn[:, column]] for column in range(3)) + 0.3 * random.normal(size=(3000, 3))
    measures = random.normal(size=(3000, 2))
    told += 0.5 * measures @ random.normal(size=(2, 3))
    inputs = np.concatenate([*(np.eye(60)[drawn[:, column]] for column in range(3)), measures], 1)
    return divided(inputs, told.argmax(1))


def _circles() -> Data:
    inputs, labels = datasets.make_circles(1000, noise=0.1, random_state=1)
    return divided(inputs, labels)


def _blobs() -> Data:
    inputs, labels = datasets.make_blobs(1000, centers=3, cluster_std=2.0, random_state=2)
    return divided(inputs, labels)


def _moons() -> Data:
    inputs, labels = datasets.make_moons(1200, noise=0.1, random_state=4)
    return divided(inputs, labels)


def _boxes() -> Data:
    random = np.random.default_rng(6)
    low = random.uniform([0.2, 0.2], [0.4, 0.4], (100, 2))
    high = random.uniform([0.5, 0.5], [0.7, 0.7], (100, 2))
    return divided(np.concatenate([low, high]), np.repeat([0, 1], 100))


def _stated(inputs: Array, targets: Array, tested: int) -> Data:
    """Split in a stated way: of examples in random order the last `tested` are the test, and a fifth of the rest validates."""
    order = np.random.RandomState(0).permutation(len(inputs))
    val = (len(inputs) - tested) // 5
    whole = Part(inputs.astype(np.float32), targets.astype(np.int64))
    train, held, test = (whole.take(one) for one in np.split(order, [len(inputs) - tested - val, len(inputs) - tested]))
    return Data(train, held, test, int(targets.max()) + 1)


def _digits_16() -> Data:
    inputs, labels = datasets.load_digits(return_X_y=True)
    return _stated(inputs / 16, labels, tested=500)


def _circles_700() -> Data:
    return _stated(*datasets.make_circles(1000, noise=0.1, random_state=1), tested=300)


def _curve() -> Data:
    """The curve y = 5x² + N³ at 0, 0.1, …, 4.9, the same places in each split, with noise of its own."""
    random = np.random.default_rng(19)
    places = np.arange(0, 5, 0.1)
    parts = [
        Part(places[:, None].astype(np.float32), (5 * places**2 + random.normal(size=50) ** 3).astype(np.float32))
        for _ in range(3)
    ]
    return Data(parts[0], parts[1], parts[2], 1)


def _riddle(bits: int) -> Data:
    """The parity of some bits that are -1 or 1, beside others that do not count: [20]."""
    inputs = np.random.default_rng(10).choice([-1.0, 1.0], (1600, 20))
    return divided(inputs, (inputs[:, :bits].prod(1) > 0).astype(np.int64))


def _parabola() -> Data:
    """The curve y = 5x² + N³ at places drawn from 0..5; the target is as it is, not scaled."""
    random = np.random.default_rng(8)
    inputs = random.uniform(0, 5, 500)
    return divided(inputs[:, None], 5 * inputs**2 + random.normal(size=inputs.shape) ** 3)


SETS: dict[str, Callable[[], Data]] = {
    "digits": _digits,
    "fashion": _fashion,
    "breast": _table(datasets.load_breast_cancer),
    "wine": _table(datasets.load_wine),
    "diabetes": _table(datasets.load_diabetes),
    "friedman": _friedman,
    "tangle": _tangle,
    "text": _text,
    "words": _words,
    "orders": _orders,
    "circles": _circles,
    "blobs": _blobs,
    "moons": _moons,
    "boxes": _boxes,
    "parabola": _parabola,
    "riddle": lambda: _riddle(20),
    "riddle_short": lambda: _riddle(2),
    "pictures": _pictures,
    "digits_16": _digits_16,
    "circles_700": _circles_700,
    "curve": _curve,
}
