"""The data sets of the hold-out cases, none of which a rule was calibrated on. Importing the module adds them to the others."""

import inspect
import types
from importlib import import_module

import numpy as np
from sklearn import datasets

from tests.faults.data import ALPHABET, SETS, Array, Data, clothes, divided, standard

SHIRTS = (0, 2, 4, 6)
"""T-shirt, pullover, coat, shirt: the classes of Fashion-MNIST that are hard to tell apart."""
SHOES = (5, 7, 9)
UNSEEN = 3200
"""The images before are in the main bench."""
PATCH = 12
"""Side of a patch of a photograph, in pixels."""
WAVE = 64
"""Readings of one signal."""
SYMBOLS = 6
PARITY_PLACES = (1, 6)
MODULES = ("statistics", "subprocess", "fractions", "pathlib", "logging")
"""Modules of the standard library whose documentation is told apart."""
SENTENCE = 32
"""Characters of a line of documentation that the net reads."""
SENTENCES_EACH = 300


def _iris() -> Data:
    inputs, labels = datasets.load_iris(return_X_y=True)
    return divided(standard(inputs), labels)


def _hastie() -> Data:
    """Ten normal columns; the class is whether their squares add up to more than 9.34."""
    inputs, labels = datasets.make_hastie_10_2(2000, random_state=21)
    return divided(inputs, (labels > 0).astype(np.int64))


def _quantiles() -> Data:
    """Six normal columns; the class is the shell that the point lies in."""
    inputs, labels = datasets.make_gaussian_quantiles(n_samples=1600, n_features=6, n_classes=4, random_state=22)
    return divided(inputs, labels)


def _circuit() -> Data:
    """The impedance of a circuit [4 columns on scales of 1 to 1700], with columns of spread 1."""
    inputs, targets = datasets.make_friedman2(1500, noise=20.0, random_state=23)
    return divided(standard(inputs), standard(targets))


def _circuit_raw() -> Data:
    """The columns as they are measured: ohms, radians a second, henries, farads."""
    inputs, targets = datasets.make_friedman2(1500, noise=20.0, random_state=23)
    return divided(inputs, standard(targets))


def _phase() -> Data:
    """The phase angle of the same circuit."""
    inputs, targets = datasets.make_friedman3(1500, noise=0.05, random_state=24)
    return divided(standard(inputs), standard(targets))


def _sparse() -> Data:
    """Four of twelve columns count, in a straight line, under noise."""
    inputs, targets = datasets.make_sparse_uncorrelated(1200, 12, random_state=25)
    return divided(inputs, standard(targets))


def _roll() -> Data:
    """A point in space on a rolled sheet → how far along the sheet it lies."""
    inputs, targets = datasets.make_swiss_roll(1500, noise=0.3, random_state=26)
    return divided(standard(inputs), standard(targets))


def _tags() -> Data:
    """Counts of 20 words → which of five tags a text has, as 0 and 1 [5]."""
    inputs, targets = datasets.make_multilabel_classification(1500, 20, n_classes=5, random_state=27)
    return divided(standard(inputs), targets.astype(np.float32))


def _patches() -> Data:
    """Patches [3, 12, 12] of two photographs; the class is the photograph and its upper or lower half."""
    inputs, labels = [], []
    random = np.random.default_rng(28)
    for number, image in enumerate(datasets.load_sample_images().images):
        for _ in range(800):
            top, left = random.integers(0, image.shape[0] - PATCH), random.integers(0, image.shape[1] - PATCH)
            inputs.append(image[top : top + PATCH, left : left + PATCH].transpose(2, 0, 1) / 127.5 - 1)
            labels.append(2 * number + int(top + PATCH / 2 > image.shape[0] / 2))
    return divided(np.stack(inputs), np.array(labels))


def _chosen_clothes(classes: tuple[int, ...], count: int) -> Data:
    images, labels = clothes()
    which = UNSEEN + np.flatnonzero(np.isin(labels[UNSEEN:], classes))[:count]
    return divided(images[which], np.searchsorted(classes, labels[which]))


def _parity() -> Data:
    """Twenty bits, so many that rows hardly come twice; the class is whether those at two places differ."""
    bits = np.random.default_rng(29).integers(0, 2, (1600, 20))
    return divided(bits + 1, bits[:, list(PARITY_PLACES)].sum(1) % 2)


def _adding() -> Data:
    """Ten steps of a number and a mark [10, 2]; the target is the sum of the two marked numbers
    (Hochreiter & Schmidhuber 1997)."""
    random = np.random.default_rng(30)
    numbers = random.uniform(-1, 1, (1600, 10))
    marks = np.argsort(random.random((1600, 10)), 1) < 2
    return divided(np.stack([numbers, marks], 2), standard((numbers * marks).sum(1)))


def _counting() -> Data:
    """Sixteen symbols of six; the class is how many are the first one, up to five."""
    symbols = np.random.default_rng(31).integers(1, SYMBOLS + 1, (1600, 16))
    return divided(symbols, np.minimum((symbols == 1).sum(1), 5))


def _docs() -> Data:
    """Lines of documentation strings, as numbers of characters [32]; the module is the class."""
    labels: dict[str, int] = {}
    for label, name in enumerate(MODULES):
        lines = (line.strip() for text in _doc_strings(import_module(name)) for line in text.splitlines())
        new = dict.fromkeys(line[:SENTENCE] for line in lines if len(line) >= SENTENCE // 2)
        labels |= dict.fromkeys([line for line in new if line not in labels][:SENTENCES_EACH], label)
    rows = [[max(ALPHABET.find(sign), 0) + 1 for sign in line.ljust(SENTENCE)] for line in labels]
    return divided(np.array(rows, dtype=np.int64), np.array(list(labels.values())))


def _doc_strings(module: types.ModuleType) -> list[str]:
    members = [module, *(one for _, one in inspect.getmembers(module, lambda one: callable(one)))]
    members += [one for owner in members[1:] if isinstance(owner, type) for one in vars(owner).values()]
    return [text for one in members if isinstance(text := getattr(one, "__doc__", None), str)]


def _waves() -> Data:
    """Signals [1, 64] under noise: a sine, a square, a saw, or a tone that rises."""
    random = np.random.default_rng(32)
    labels = random.integers(0, 4, 1400)
    place = np.linspace(0, 1, WAVE)
    turns = random.uniform(2, 6, (1400, 1)) * place + random.random((1400, 1))
    rising = random.uniform(2, 6, (1400, 1)) * place**2 * 1.5 + random.random((1400, 1))
    shapes: list[Array] = [
        np.sin(2 * np.pi * turns),
        np.sign(np.sin(2 * np.pi * turns)),
        2 * (turns % 1) - 1,
        np.sin(2 * np.pi * rising),
    ]
    signals = np.stack(shapes)[labels, np.arange(1400)] + 0.5 * random.normal(size=(1400, WAVE))
    return divided(signals[:, None], labels)


def _twins() -> Data:
    """Two written digits [2, 8, 8]; the class is whether they are the same one."""
    images, digits = datasets.load_digits(return_X_y=True)
    random = np.random.default_rng(33)
    one = random.integers(0, len(digits), 2400)
    same = np.array([random.choice(np.flatnonzero(digits == digits[number])) for number in one])
    other = np.where(random.random(2400) < 0.5, same, random.integers(0, len(digits), 2400))
    inputs = np.stack([images[one], images[other]], 1).reshape(-1, 2, 8, 8) / 8 - 1
    return divided(inputs, (digits[one] == digits[other]).astype(np.int64))


def _grainy_digits() -> Data:
    """A written digit under noise [1, 8, 8] → the digit with far less of it [64], so that no pixel is the same in all."""
    images, _ = datasets.load_digits(return_X_y=True)
    random = np.random.default_rng(34)
    clean = 0.9 * (images / 8 - 1) + 0.03 * random.normal(size=images.shape)
    noisy = clean + 0.7 * random.normal(size=clean.shape)
    return divided(noisy.reshape(-1, 1, 8, 8), clean.clip(-1, 1))


SETS |= {
    "iris": _iris,
    "hastie": _hastie,
    "quantiles": _quantiles,
    "circuit": _circuit,
    "circuit_raw": _circuit_raw,
    "phase": _phase,
    "sparse": _sparse,
    "roll": _roll,
    "tags": _tags,
    "patches": _patches,
    "shirts": lambda: _chosen_clothes(SHIRTS, 1800),
    "shoes": lambda: _chosen_clothes(SHOES, 1400),
    "parity_20": _parity,
    "adding": _adding,
    "counting": _counting,
    "docs": _docs,
    "waves": _waves,
    "twins": _twins,
    "grainy_digits": _grainy_digits,
}
