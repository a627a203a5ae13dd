"""Per-item random transforms of a picture, in the order of `data.transforms`.

They draw from python's generator, which the fetch seeds. The trainer's own augmentation on the batch (`train.augment`)
is faster and can be turned while training; these are for what it lacks, and part of the data set.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageFilter, ImageOps

from trainer.data.source import DataError, nearest


@dataclass(frozen=True)
class Transform:
    """One transform and its amount."""

    name: str
    amount: float = 0.0

    def __call__(self, image: Any) -> Any:
        """Return the transformed Pillow image, of the same size."""
        return _DEEDS[self.name](image, self.amount)


def _rotate(image: Any, degrees: float) -> Any:
    return image.rotate(random.uniform(-degrees, degrees), resample=Image.Resampling.BILINEAR)


def _crop(image: Any, pixels: float) -> Any:
    border = int(pixels)
    left, top = random.randint(0, 2 * border), random.randint(0, 2 * border)
    return ImageOps.expand(image, border).crop((left, top, left + image.width, top + image.height))


def _flip(image: Any, _: float) -> Any:
    return ImageOps.mirror(image) if random.random() < 0.5 else image


def _blur(image: Any, pixels: float) -> Any:
    return image.filter(ImageFilter.GaussianBlur(random.uniform(0, pixels)))


_DEEDS: dict[str, Callable[[Any, float], Any]] = {"rotate": _rotate, "crop": _crop, "flip": _flip, "blur": _blur}
_AMOUNTS = {"rotate": "degrees, as in 'rotate:10'", "crop": "whole pixels, as in 'crop:2'", "blur": "pixels, 'blur:1'"}


def parse(texts: tuple[str, ...]) -> tuple[Transform, ...]:
    """Return the transforms that the texts name, as in `('rotate:10', 'crop:2', 'flip', 'blur:1')`.

    Raises:
        DataError: on an unknown name or an amount that does not fit.
    """
    return tuple(_parse_one(text) for text in texts)


def _parse_one(text: str) -> Transform:
    name, colon, amount_text = text.partition(":")
    if name not in _DEEDS:
        raise DataError(f"data.transforms: {text!r} is unknown{nearest(name, _DEEDS)}: there are {', '.join(_DEEDS)}")
    if name not in _AMOUNTS:
        if colon:
            raise DataError(f"data.transforms: {name!r} takes no amount: write just {name!r}")
        return Transform(name)
    try:
        amount = float(amount_text)
    except ValueError:
        amount = -1.0
    if not 0 < amount < 1000 or (name == "crop" and amount != int(amount)):
        raise DataError(f"data.transforms: {text!r} needs an amount above 0 in {_AMOUNTS[name]}")
    return Transform(name, amount)
