"""Real data for the tests of the trainer's data: scikit-learn's digits as pictures, and a table with everything in it."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.data.written import write_pictures
from trainer.data.sources.bundled import _digit_rows

PICTURES_A_CLASS = 12


@pytest.fixture(scope="session")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Return the digits: [1797, 8, 8] of 0 to 16, and [1797] classes."""
    rows = _digit_rows()
    return rows[:, :64].reshape(-1, 8, 8), rows[:, 64].astype(int)


@pytest.fixture
def pictures(tmp_path: Path, digits: tuple[np.ndarray, np.ndarray]) -> Path:
    """Return a folder with a folder of pictures a class; each test has its own."""
    folder = tmp_path / "pictures"
    write_pictures(folder, digits, range(PICTURES_A_CLASS))
    return folder


@pytest.fixture
def idx_folder(tmp_path: Path, digits: tuple[np.ndarray, np.ndarray]) -> Callable[..., Path]:
    """Return a function that writes the digits as IDX files, as Fashion-MNIST has them."""

    def write(*, zipped: bool = True, test: bool = True) -> Path:
        pixels, labels = digits[0].astype(np.uint8) * 15, digits[1].astype(np.uint8)
        parts = {"train": slice(0, 1500), **({"t10k": slice(1500, 1797)} if test else {})}
        for name, rows in parts.items():
            for what, values in (("images-idx3", pixels[rows]), ("labels-idx1", labels[rows])):
                head = bytes([0, 0, 8, values.ndim]) + b"".join(size.to_bytes(4, "big") for size in values.shape)
                content = head + values.tobytes()
                if zipped:
                    (tmp_path / f"{name}-{what}-ubyte.gz").write_bytes(gzip.compress(content, 1))
                else:
                    (tmp_path / f"{name}-{what}-ubyte").write_bytes(content)
        return tmp_path

    return write


@pytest.fixture
def mixed_csv(tmp_path: Path) -> Path:
    """Return scikit-learn's wine table with an added text column, missing cells, infinity, and rows without a target."""
    import pandas as pd
    from sklearn.datasets import load_wine

    frame = load_wine(as_frame=True).frame
    frame["region"] = np.where(frame["alcohol"] > 13, "north", "south")
    frame["target"] = frame["target"].map({0: "barolo", 1: "grignolino", 2: "barbera"})
    frame.loc[::10, "ash"] = np.nan
    frame.loc[5, "magnesium"] = np.inf
    frame.loc[3, "region"] = None
    frame.loc[[7, 8], "target"] = None
    frame["bottle"] = [f"bottle {number}" for number in range(len(frame))]
    path = tmp_path / "wine.csv"
    pd.DataFrame(frame).to_csv(path, index=False)
    return path
