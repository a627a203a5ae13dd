"""Data sets that are read as a user's folder of picture files, and what can be wrong with the files."""

import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.faults.data import Data, load

FOLDERS = ("pictures",)
"""Names of data sets that are written as files: the trainer reads them as `images:FOLDER`."""
FLAWS = ("torn",)
"""`torn`: this share of the training files is cut off in the middle."""


def source_of(name: str, flaws: Mapping[str, Any]) -> str:
    """Return the `data.source` of a data set; its files are written when they are first asked for."""
    return f"images:{_written(name, float(flaws.get('torn', 0.0))).name}"


@cache
def _written(name: str, torn: float) -> "tempfile.TemporaryDirectory[str]":
    """Return the folder, which goes when this process ends."""
    folder = tempfile.TemporaryDirectory(prefix=f"{name}-")
    data = load(name)
    _write(data, Path(folder.name))
    files = sorted(Path(folder.name, "train").glob("*/*.png"))
    for number in np.random.default_rng(18).permutation(len(files))[: round(torn * len(files))]:
        whole = files[number].read_bytes()
        files[number].write_bytes(whole[: len(whole) // 2])
    return folder


def _write(data: Data, folder: Path) -> None:
    """Write each split as a folder a class of grey pictures; inputs are [1, H, W] in [-1, 1]."""
    for split in ("train", "val", "test"):
        part = getattr(data, split)
        for number, (pixels, label) in enumerate(zip(part.inputs[:, 0], part.targets, strict=True)):
            place = folder / split / f"{label}"
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(((pixels + 1) * 127.5).round().astype(np.uint8)).save(place / f"{number:04}.png")
