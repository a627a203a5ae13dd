"""How closely a column goes with the target, 0 to 1, whatever the two are made of.

Numbers and numbers: |Pearson's r|. Numbers and classes: the correlation ratio, corrected for the number of groups
(epsilon², Kelley 1935). Classes and classes: Cramér's V, bias corrected (Bergsma 2013, doi:10.1016/j.jkss.2012.10.002).
Without the corrections a column of names, each once, would explain any target.
"""

from typing import Any

import numpy as np
import numpy.typing as npt


def association(values: npt.NDArray[Any], target: npt.NDArray[Any], *, numeric: bool, classes: bool) -> float:
    """Return how closely [N] present values go with [N] targets; 0 where either never changes.

    Args:
        values: Numbers, or texts.
        target: Numbers, or class numbers.
        numeric: The values are numbers.
        classes: The targets are class numbers.
    """
    if len(values) < 3:
        return 0.0
    if numeric and classes:
        return _correlation_ratio(target, values.astype(np.float64))
    if numeric:
        return _pearson(values.astype(np.float64), target.astype(np.float64))
    _, groups = np.unique(values.astype(str), return_inverse=True)
    return _cramer(groups, target) if classes else _correlation_ratio(groups, target.astype(np.float64))


def _pearson(values: npt.NDArray[np.float64], target: npt.NDArray[np.float64]) -> float:
    first, second = values - values.mean(), target - target.mean()
    spread = np.sqrt((first @ first) * (second @ second))
    return float(min(abs(first @ second) / spread, 1.0)) if spread > 0 else 0.0


def _correlation_ratio(groups: npt.NDArray[Any], numbers: npt.NDArray[np.float64]) -> float:
    _, place, counts = np.unique(groups, return_inverse=True, return_counts=True)
    examples, kinds = len(numbers), len(counts)
    total = float(((numbers - numbers.mean()) ** 2).sum())
    if total <= 0 or kinds < 2 or kinds >= examples:
        return 0.0
    means = np.bincount(place, weights=numbers) / counts
    within = float(((numbers - means[place]) ** 2).sum())
    explained = 1.0 - within / total * (examples - 1) / (examples - kinds)
    return float(np.sqrt(min(max(explained, 0.0), 1.0)))


def _cramer(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> float:
    rows, row = np.unique(first, return_inverse=True)
    columns, column = np.unique(second, return_inverse=True)
    examples = len(first)
    if len(rows) < 2 or len(columns) < 2:
        return 0.0
    table = np.bincount(row * len(columns) + column, minlength=len(rows) * len(columns)).reshape(len(rows), -1)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / examples
    chi2 = float(((table - expected) ** 2 / expected).sum()) / examples
    freedom = (len(rows) - 1) * (len(columns) - 1)
    corrected = max(0.0, chi2 - freedom / (examples - 1))
    heights = len(rows) - (len(rows) - 1) ** 2 / (examples - 1)
    widths = len(columns) - (len(columns) - 1) ** 2 / (examples - 1)
    least = min(heights - 1, widths - 1)
    return float(np.sqrt(min(corrected / least, 1.0))) if least > 0 else 0.0
