"""Writes scikit-learn's breast cancer set as a CSV file with words for answers and some empty cells.

python examples/tabular_csv.py examples/data/breast_cancer.csv
"""

import sys
from pathlib import Path

import numpy
from sklearn.datasets import load_breast_cancer

EMPTY_SHARE = 0.01
"""Cells that are left empty: real tables have gaps."""


def write_table(target: Path) -> None:
    """Write the table; the same file every time."""
    bundle = load_breast_cancer(as_frame=True)
    table = bundle.data.copy()
    gaps = numpy.random.default_rng(0).random(table.shape) < EMPTY_SHARE
    table = table.mask(gaps)
    table["diagnosis"] = [bundle.target_names[answer] for answer in bundle.target]
    target.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(target, index=False)
    print(f"{target}: {len(table)} rows, {table.shape[1]} columns, {int(gaps.sum())} empty cells")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/tabular_csv.py TARGET.csv")
    write_table(Path(sys.argv[1]))
