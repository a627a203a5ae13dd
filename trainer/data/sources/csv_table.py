"""`csv:FILE`: a table with a header, mixed columns and missing values, and `data.target`, the column to predict."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.config import DataConfig
from trainer.data.memory import table_source
from trainer.data.source import DataError, Source, nearest
from trainer.data.splitting import few
from trainer.data.table import Columns, as_column, as_texts, missing

CLASSES_LIMIT = 20
"""A target of whole numbers with more different values than this is a quantity, not a class."""

CLASS_EXAMPLES_MIN = 5
"""… and so is one with fewer examples a value than this, unless it has just two values."""

TEXT_CLASSES_SHARE_LIMIT = 0.5
"""Texts that differ in more than half of the rows name the rows; they are no classes."""

SEPARATORS = (",", ";", "\t", "|")
"""Tried on the header line: the one that occurs most often in it."""


def open_source(place: str, data: DataConfig) -> Source:
    """Open a CSV file."""
    path = Path(place).expanduser()
    columns = read_table(path)
    if not data.target:
        raise DataError(f"data.target is not set: name the column of {path.name} to predict: {few(tuple(columns))}")
    if data.target not in columns:
        raise DataError(
            f"{path.name} has no column {data.target!r} (data.target){nearest(data.target, columns)}: "
            f"it has {few(tuple(columns))}"
        )
    target = columns.pop(data.target)
    if not columns:
        raise DataError(f"{path.name} has only the target column {data.target!r}: there is nothing to learn from")
    there = ~missing(target)
    rows = np.flatnonzero(there) + 1
    if len(rows) == 0:
        raise DataError(f"{path.name}: no row has a value in the target column {data.target!r}")
    columns = {name: values[there] for name, values in columns.items()}
    classes, targets = _read_target(data.target, target[there])
    return table_source(
        f"csv:{path.name}",
        columns,
        targets,
        "classification" if classes else "regression",
        classes,
        data,
        rows=rows,
        dropped_targets=len(target) - len(rows),
    )


def read_table(path: Path, texts: frozenset[str] = frozenset()) -> Columns:
    """Return the columns of a CSV file by name; those among `texts` stay texts, whatever they hold here.

    Raises:
        DataError: when it is not there, empty, or no table.
    """
    import pandas as pd

    try:
        with path.open(encoding="utf-8-sig") as file:
            header = file.readline()
        separator = max(SEPARATORS, key=header.count)
        frame = pd.read_csv(
            path,
            sep=separator,
            low_memory=False,
            skipinitialspace=True,
            encoding="utf-8-sig",
            dtype=dict.fromkeys(texts, str),
        )
    except FileNotFoundError:
        raise DataError(f"csv:{path}: no such file: give the path of a CSV file") from None
    except (IsADirectoryError, PermissionError) as unreadable:
        raise DataError(f"csv:{path}: cannot be read ({type(unreadable).__name__})") from None
    except UnicodeDecodeError:
        raise DataError(f"{path.name}: not UTF-8 text: save it as UTF-8") from None
    except pd.errors.EmptyDataError:
        raise DataError(f"{path.name} is empty: there is nothing to train on") from None
    except pd.errors.ParserError as broken:
        raise DataError(f"{path.name}: not a CSV table: {' '.join(str(broken).split())}") from None
    if len(frame) == 0:
        raise DataError(f"{path.name} has a header but no rows: there is nothing to train on")
    return of_frame(frame, texts)


def of_frame(frame: Any, texts: frozenset[str] = frozenset()) -> Columns:
    """Return the columns of a pandas data frame by name; those among `texts` stay texts."""
    columns: Columns = {}
    for name in frame.columns:
        values = frame[name]
        plain = isinstance(values.dtype, np.dtype) and values.dtype.kind in "fiub"
        raw = values.to_numpy() if plain and name not in texts else values.astype(object).to_numpy()
        columns[str(name)] = as_texts(raw) if name in texts else as_column(raw)
    return columns


def _read_target(name: str, target: npt.NDArray[Any]) -> tuple[tuple[str, ...], npt.NDArray[Any]]:
    """Return class names and class numbers, or no names and numbers for a regression."""
    values, numbers = np.unique(target, return_inverse=True) if target.dtype.kind == "f" else _unique_texts(target)
    if target.dtype.kind != "f":
        if len(values) > max(2, TEXT_CLASSES_SHARE_LIMIT * len(target)):
            raise DataError(
                f"the target column {name!r} has {len(values)} different texts in {len(target)} rows: that is no "
                "class; choose another column"
            )
        return tuple(map(str, values)), numbers
    whole = bool(np.all(values == np.round(values)))
    few_values = len(values) <= CLASSES_LIMIT and len(target) >= CLASS_EXAMPLES_MIN * len(values)
    if whole and (few_values or len(values) <= 2):
        return tuple(str(int(value)) for value in values), numbers
    return (), target.astype(np.float32)


def _unique_texts(target: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    values, numbers = np.unique(target.astype(str), return_inverse=True)
    return values, numbers
