"""Data files for the recorded runs: bundled sets, written out with a fault."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

from trainer.config import Config


def messy_table(folder: Path) -> Path:
    """Breast cancer with holes, constant columns, a leak and doubled rows."""
    table = load_breast_cancer(as_frame=True).frame
    chance = np.random.default_rng(0)
    table = table.mask((chance.random(table.shape) < 0.03) & (table.columns != "target"))
    for name in ("site", "batch", "unit", "version"):
        table[name] = 1.0
    doubled = table.sample(80, random_state=0)
    whole = pd.concat([table, doubled]).sample(frac=1, random_state=2)
    whole["visits_after"] = whole["target"] * 2.0
    return _write(whole, folder / "messy.csv")


def wrong_labels(folder: Path) -> Path:
    """Digits as a table; of the labels, one in five is wrong."""
    table = load_digits(as_frame=True).frame
    chance = np.random.default_rng(0)
    wrong = chance.random(len(table)) < 0.2
    table.loc[wrong, "target"] = (table.loc[wrong, "target"] + chance.integers(1, 10, wrong.sum())) % 10
    return _write(table, folder / "wrong.csv")


def diabetes(folder: Path) -> Path:
    """The bundled regression, sound."""
    return _write(load_diabetes(as_frame=True).frame, folder / "diabetes.csv")


def wine(folder: Path) -> Path:
    """The bundled wines, sound."""
    return _write(load_wine(as_frame=True).frame, folder / "wine.csv")


def broken_images(folder: Path) -> Path:
    """Digits as PNG files, a folder a class; some files are cut off."""
    digits = load_digits()
    for index, (image, label) in enumerate(zip(digits.images[:600], digits.target[:600], strict=True)):
        place = folder / "images" / str(label)
        place.mkdir(parents=True, exist_ok=True)
        path = place / f"{index}.png"
        Image.fromarray((image * 15).astype(np.uint8)).save(path)
        if index % 60 == 7:
            path.write_bytes(path.read_bytes()[:40])
    return folder / "images"


def _write(table: pd.DataFrame, path: Path) -> Path:
    table.to_csv(path, index=False, float_format="%.5g")
    return path


WRITERS = {
    "messy.csv": messy_table,
    "wrong.csv": wrong_labels,
    "diabetes.csv": diabetes,
    "wine.csv": wine,
    "images": broken_images,
}
"""What a setup's source may name, by the last part of its path."""


def write_for(config: Config, folder: Path) -> None:
    """Write the file that a configuration reads, if it reads one."""
    name = Path(config.data.source.partition(":")[2]).name
    if name in WRITERS:
        WRITERS[name](folder)
