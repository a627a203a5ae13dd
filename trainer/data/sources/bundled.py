"""`sklearn:NAME`: the small real data sets that come with scikit-learn."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from trainer.config import DataConfig
from trainer.data.memory import picture_source, table_source
from trainer.data.source import DataError, Source, nearest

TABLES = ("iris", "wine", "breast_cancer", "diabetes")
"""Sets that are tables; diabetes is a regression."""

DIGITS_FULL = 16.0
"""The digits are 8 × 8 pictures of values 0 to 16."""


def open_source(place: str, data: DataConfig) -> Source:
    """Open one of the bundled sets."""
    if place == "digits":
        return _digits(data)
    if place in TABLES:
        return _table(place, data)
    known = ("digits", *TABLES)
    raise DataError(f"sklearn: has no set {place!r}{nearest(place, known)}: there are {', '.join(known)}")


def _digits(data: DataConfig) -> Source:
    rows = _digit_rows()
    pixels = rows[:, :64].reshape(-1, 1, 8, 8).astype(np.uint8)
    classes = tuple(str(digit) for digit in range(10))
    return picture_source("sklearn:digits", pixels, rows[:, 64].astype(np.int64), classes, data, divide_by=DIGITS_FULL)


def _digit_rows() -> Any:
    """Return [1797, 65]: pixels and digit, read from scikit-learn's file without the 1.6 s of importing it."""
    package = find_spec("sklearn")
    for folder in (package.submodule_search_locations or []) if package else []:
        file = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        if file.exists():
            return np.loadtxt(file, delimiter=",")
    from sklearn.datasets import load_digits

    digits = load_digits()
    return np.column_stack([digits.data, digits.target])


def _table(name: str, data: DataConfig) -> Source:
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    columns = {str(column): bunch.data[:, at].astype(np.float64) for at, column in enumerate(bunch.feature_names)}
    if name == "diabetes":
        return table_source(f"sklearn:{name}", columns, bunch.target, "regression", (), data)
    classes = tuple(str(one) for one in bunch.target_names)
    return table_source(f"sklearn:{name}", columns, bunch.target, "classification", classes, data)
