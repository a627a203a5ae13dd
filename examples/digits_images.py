"""Writes scikit-learn's digits as a folder of pictures, a folder a class: real data for `images:`, without a download.

    python examples/digits_images.py examples/data/digits

1797 grey PNG files of 32 × 32 pixels. What is there already is left as it is, so it may be run again at any time.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

SIDE = 32
"""Pixels a side: the originals are 8 × 8, and decoding something that small would cost nothing."""

FULL = 16.0
"""The largest value of the originals."""


def write(folder: Path, side: int = SIDE) -> int:
    """Write the pictures that are not there yet; return how many there are."""
    digits = load_digits()
    for number, (pixels, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        file = folder / str(digit) / f"{number:04d}.png"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            small = Image.fromarray(np.round(pixels / FULL * 255).astype(np.uint8))
            unfinished = file.with_suffix(".part")
            small.resize((side, side), Image.Resampling.BICUBIC).save(unfinished, format="png")
            unfinished.rename(file)
    return len(digits.target)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/digits_images.py FOLDER")
    count = write(Path(sys.argv[1]))
    print(f"{count} pictures in {sys.argv[1]}")
