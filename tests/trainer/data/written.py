"""Configurations, and real data written out, for the tests of the trainer's data."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from trainer.config import Config, parse


def configured(source: str, **data: Any) -> Config:
    """Return a configuration with this source and these keys of [data]."""
    return parse({"data": {"source": source, **data}}, "test")


def write_pictures(folder: Path, digits: tuple[np.ndarray, np.ndarray], of: range, side: int = 16) -> None:
    """Write, for each class, the pictures `of` that class as PNG files."""
    pixels, labels = digits
    for label in range(10):
        home = folder / str(label)
        home.mkdir(parents=True)
        chosen = np.flatnonzero(labels == label)[of.start : of.stop]
        for number in chosen:
            picture = Image.fromarray((pixels[number] * 15.9).astype(np.uint8))
            picture.resize((side, side), Image.Resampling.BICUBIC).save(home / f"{number:04d}.png")
