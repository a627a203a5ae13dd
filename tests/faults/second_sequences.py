"""The data sets of the second hold-out: series, sequences of symbols, and text. Importing the module adds them to the others."""

import ast
import inspect
from importlib import import_module

import numpy as np

from tests.faults.data import ALPHABET, SETS, Array, Data, divided, standard

PAST = 20
"""Readings from which the next one is told."""
LISTENED = 80
"""Readings among which an event is looked for."""
BRACKETS = 12
MARKS = 8
MODULES = ("email.message", "difflib", "configparser", "textwrap", "calendar", "shutil")
"""Modules of the standard library: their code is told from what is said about it, and read letter by letter."""
LINE = 28
"""Characters of a line that the net reads."""
LINES_EACH = 900
LETTERS_BEFORE = 10
LETTERS = "etaoinsrlcdf "
"""The characters that are told from those before them."""


def _forecast() -> Data:
    """Twenty readings of a series with a memory and a season [20, 1] → the next one."""
    random = np.random.default_rng(61)
    length = 1400 * (PAST + 1)
    shocks = 0.5 * random.normal(size=length)
    series = np.zeros(length)
    for moment in range(2, length):
        series[moment] = 1.5 * series[moment - 1] - 0.75 * series[moment - 2] + shocks[moment]
    series = standard(series + 1.5 * np.sin(2 * np.pi * np.arange(length) / 12))
    windows = series.reshape(-1, PAST + 1)
    return divided(windows[:, :PAST, None], windows[:, PAST])


def _chirps() -> Data:
    """A tone [1, 80] under noise whose pitch rises or falls evenly → how fast."""
    random = np.random.default_rng(62)
    rate = random.uniform(-1, 1, (1500, 1))
    place = np.linspace(0, 1, LISTENED)
    phase = 8 * place + 4 * rate * (place**2 - place)
    signals = np.sin(2 * np.pi * (phase + random.random((1500, 1)))) + 0.3 * random.normal(size=(1500, LISTENED))
    return divided(signals[:, None], standard(rate[:, 0]))


def _events() -> Data:
    """Noise [2, 80] in two channels, in one of four of which a short burst is hidden, the same in both; is there one?"""
    random = np.random.default_rng(63)
    signals = random.normal(size=(1800, 2, LISTENED))
    labels = (random.random(1800) < 0.25).astype(np.int64)
    burst = 2.2 * np.sin(np.arange(12) * 2 * np.pi / 4) * np.hanning(12)
    for row in np.flatnonzero(labels):
        begins = random.integers(0, LISTENED - 12)
        signals[row, :, begins : begins + 12] += burst
    return divided(signals, labels)


def _brackets() -> Data:
    """Twelve brackets as symbols 1 and 2; the class is whether each that opens is closed."""
    random = np.random.default_rng(64)
    rows: dict[tuple[int, ...], int] = {}
    while len(rows) < 700:
        rows[tuple(random.permutation([1] * (BRACKETS // 2) + [2] * (BRACKETS // 2)))] = 0
    for row in rows:
        rows[row] = int(np.cumsum([1 if one == 1 else -1 for one in row]).min() >= 0)
    names = np.array(list(rows)) + 2 * random.integers(0, 3, (len(rows), BRACKETS))
    again = np.array(list(rows)) + 2 * random.integers(0, 3, (len(rows), BRACKETS))
    symbols = np.unique(np.concatenate([names, again]), axis=0)
    depths = np.cumsum(np.where(symbols % 2 == 1, 1, -1), 1)
    return divided(symbols, (depths.min(1) >= 0).astype(np.int64))


def _recall() -> Data:
    """Fourteen symbols, one of which is a mark; the class is the symbol that follows it, one of eight."""
    random = np.random.default_rng(65)
    symbols = random.integers(1, MARKS + 1, (1800, 14))
    place = random.integers(0, 13, 1800)
    symbols[np.arange(1800), place] = MARKS + 1
    return divided(symbols, symbols[np.arange(1800), place + 1] - 1)


def _median() -> Data:
    """Nine numbers one after the other [9, 1] → the middle one of them when they are sorted."""
    numbers = np.random.default_rng(66).uniform(-1.7, 1.7, (1800, 9))
    return divided(numbers[:, :, None], standard(np.sort(numbers, 1)[:, 4]))


def _modular() -> Data:
    """Three digits as symbols; the class is what remains of their sum when it is divided by five."""
    digits = np.stack(np.meshgrid(*[np.arange(12)] * 3, indexing="ij"), -1).reshape(-1, 3)
    return divided(digits + 1, digits.sum(1) % 5)


def _said() -> Data:
    """Lines of six modules as numbers of characters [28]; the class is code, documentation or comment."""
    labels: dict[str, int] = {}
    for name in MODULES:
        source = inspect.getsource(import_module(name))
        within = _documented(source)
        for number, line in enumerate(source.splitlines(), 1):
            text = line.strip()
            kind = 2 if text.startswith("#") else 1 if number in within else 0
            text = text.lstrip("#").strip()
            if len(text) >= LINE // 2:
                labels.setdefault(text[:LINE], kind)
    chosen = [line for kind in range(3) for line in [one for one in labels if labels[one] == kind][:LINES_EACH]]
    return divided(np.array([_numbers(line.ljust(LINE)) for line in chosen]), np.array([labels[one] for one in chosen]))


def _documented(source: str) -> set[int]:
    """Return the numbers of the lines of documentation strings."""
    nodes = ast.walk(ast.parse(source))
    texts = [node for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)]
    return {number for node in texts for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)}


def _numbers(text: str) -> Array:
    return np.array([max(ALPHABET.find(sign), 0) + 1 for sign in text], dtype=np.int64)


def _next_letter() -> Data:
    """Ten characters of documentation, as numbers → which of the commonest thirteen follows."""
    text = " ".join(inspect.cleandoc(import_module(name).__doc__ or "") for name in ("typing", *MODULES)).lower()
    text += " ".join(inspect.getsource(import_module(name)).lower() for name in MODULES[:2])
    text = " ".join(text.split())
    once = {text[place - LETTERS_BEFORE : place]: place for place in range(LETTERS_BEFORE, len(text))}
    places = [place for place in once.values() if text[place] in LETTERS]
    chosen = np.random.default_rng(67).permutation(places)[:3000]
    rows = np.stack([_numbers(text[place - LETTERS_BEFORE : place]) for place in chosen])
    return divided(rows, np.array([LETTERS.index(text[place]) for place in chosen]))


SETS |= {
    "forecast": _forecast,
    "chirps": _chirps,
    "events": _events,
    "brackets": _brackets,
    "recall": _recall,
    "median": _median,
    "modular": _modular,
    "said": _said,
    "next_letter": _next_letter,
}
