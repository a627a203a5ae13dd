"""Table columns as model inputs: missing values filled, numbers scaled, texts as one 0/1 input a category.

Fitted on the training split alone, kept as JSON, and applied by the same function to training and to new data.
Columns are numpy arrays by name: float64 with NaN where a number is missing, objects with None where a text is.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.data.source import Column, DataError, nearest

Columns = dict[str, npt.NDArray[Any]]

CATEGORIES_LIMIT = 32
"""At most so many categories of a column get an input of their own, the most frequent ones: a column of names or
dates would otherwise make the model as wide as the table is long."""

CATEGORY_EXAMPLES_MIN = 2
"""A category that was seen once cannot be told from noise."""

NUMBERS_SHARE_MIN = 0.9
"""A text column is read as numbers when at least so many of its entries are numbers; the rest counts as missing."""

MISSING = ""
"""Stands for a missing text among the categories of a column."""


def as_column(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return raw values, with None or NaN for missing, as a column: numbers where they are numbers, else texts."""
    if values.dtype.kind in "fiub":
        numbers = values.astype(np.float64)
        return np.where(np.isfinite(numbers), numbers, np.nan)
    texts = as_texts(values)
    present = [text for text in texts if text is not None]
    numbers = np.array([_number(text) for text in texts], dtype=np.float64)
    parsed = int(np.isfinite(numbers).sum())
    if present and parsed >= NUMBERS_SHARE_MIN * len(present):
        return np.where(np.isfinite(numbers), numbers, np.nan)
    return texts


def as_texts(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return raw values as stripped texts, None where one is missing or empty."""
    texts = np.empty(len(values), dtype=object)
    texts[:] = [_text(value) for value in values]
    return texts


_SWITCHES = {"true": 1.0, "false": 0.0}
"""A column of these is read as numbers, also where some are missing."""


def _text(value: Any) -> str | None:
    if value is None or value != value:
        return None
    return str(value).strip() or None


def _number(text: str | None) -> float:
    if text is None:
        return np.nan
    try:
        return float(_SWITCHES.get(text.lower(), text))
    except ValueError:
        return np.nan


def fit(columns: Columns, *, standardise: bool) -> dict[str, Any]:
    """Return the preprocessing of these training columns, as JSON.

    Raises:
        DataError: when no column tells anything.
    """
    fitted = [_fit_column(name, values, standardise) for name, values in columns.items()]
    if not any(column["type"] == "number" or column["values"] for column in fitted):
        raise DataError("the table has no input column with numbers or repeated texts: there is nothing to learn from")
    return {"kind": "table", "columns": fitted}


def _fit_column(name: str, values: npt.NDArray[Any], standardise: bool) -> dict[str, Any]:
    if values.dtype.kind == "f":
        present = values[np.isfinite(values)]
        fill = float(np.median(present)) if len(present) else 0.0
        filled = np.where(np.isfinite(values), values, fill)
        std = float(filled.std()) if standardise else 1.0
        return {
            "name": name,
            "type": "number",
            "fill": fill,
            "mean": float(filled.mean()) if standardise else 0.0,
            "std": std if std > 0 else 1.0,
        }
    found, counts = np.unique(_with_missing(values), return_counts=True)
    ranked = sorted(zip(found.tolist(), counts.tolist(), strict=True), key=lambda one: (-one[1], one[0]))
    frequent = [value for value, count in ranked[:CATEGORIES_LIMIT] if count >= CATEGORY_EXAMPLES_MIN]
    return {"name": name, "type": "category", "values": frequent}


def encode(preprocessing: dict[str, Any], columns: Columns) -> npt.NDArray[np.float32]:
    """Return columns as model inputs, [N, F] float32; categories that were not fitted are all zeros.

    Raises:
        DataError: when a column is missing, or holds texts where numbers are needed.
    """
    blocks: list[npt.NDArray[np.float32]] = []
    for column in preprocessing["columns"]:
        name = column["name"]
        if name not in columns:
            raise DataError(f"the data have no column {name!r}{nearest(name, columns)}: the model needs it")
        values = columns[name]
        if column["type"] == "number":
            blocks.append(_scaled(column, values)[:, None])
        else:
            texts = _with_missing(values)
            blocks.append((texts[:, None] == np.array([column["values"]], dtype=str)).astype(np.float32))
    inputs: npt.NDArray[np.float32] = np.concatenate(blocks, axis=1)
    return inputs


def _scaled(column: dict[str, Any], values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    numbers = values if values.dtype.kind == "f" else np.array([_number(text) for text in values], dtype=np.float64)
    filled = np.where(np.isfinite(numbers), numbers, column["fill"])
    return np.asarray((filled - column["mean"]) / column["std"], dtype=np.float32)


def _with_missing(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a column as texts; a column that holds only numbers here still compares with its fitted texts."""
    if values.dtype.kind == "f":
        return np.array([MISSING if value != value else _plain(value) for value in values], dtype=str)
    return np.array([MISSING if value is None else value for value in values], dtype=str)


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(float(number))


def missing_share(columns: Columns) -> float:
    """Return the share of all values that are missing."""
    cells = sum(len(values) for values in columns.values())
    return sum(int(missing(values).sum()) for values in columns.values()) / max(cells, 1)


def missing(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Tell for each value of a column whether it is missing."""
    if values.dtype.kind == "f":
        return np.asarray(np.isnan(values), dtype=np.bool_)
    return np.array([value is None for value in values], dtype=np.bool_)


def raw_columns(columns: Columns) -> tuple[Column, ...]:
    """Return the columns as the survey wants them."""
    return tuple(Column(name, values) for name, values in columns.items())


def numeric_features(preprocessing: dict[str, Any]) -> tuple[int, ...]:
    """Return the numbers of the model inputs that come from number columns."""
    features: list[int] = []
    position = 0
    for column in preprocessing["columns"]:
        if column["type"] == "number":
            features.append(position)
        position += 1 if column["type"] == "number" else len(column["values"])
    return tuple(features)
