"""Small pictures in a terminal: a cell is two pixels high, its upper half drawn on its lower one; pure functions."""

from base64 import b64decode
from binascii import Error

import numpy as np
from numpy.typing import NDArray
from textual.content import Content

from trainer.words import Picture

RAMP = " .:-=+*#%@"
"""Dark to light, where there is no half block."""
UPPER = "▀"
MOST_PIXELS = 64 * 64
"""A larger picture on the wire is none of ours."""
LEVELS = 24
"""Shades of a colour: neighbours of one shade share a style, and nobody sees the difference."""


def pixels_of(picture: Picture) -> NDArray[np.uint8] | None:
    """Return [height, width, 3] bytes; nothing where the picture does not hold what it says."""
    try:
        held = np.frombuffer(b64decode(picture.pixels, validate=True), dtype=np.uint8)
    except (Error, ValueError):
        return None
    shape = (picture.height, picture.width, picture.channels)
    if min(shape) < 1 or shape[0] * shape[1] > MOST_PIXELS or shape[2] not in (1, 3) or len(held) != np.prod(shape):
        return None
    return np.broadcast_to(held.reshape(shape), (*shape[:2], 3))


def thumbnail(picture: Picture, ascii_only: bool = False) -> list[Content]:
    """Return the picture as lines of cells, two rows of pixels each; nothing where it cannot be drawn."""
    pixels = pixels_of(picture)
    if pixels is None:
        return []
    if len(pixels) % 2:
        pixels = np.concatenate([pixels, np.zeros_like(pixels[:1])])
    pairs = pixels.reshape(-1, 2, picture.width, 3)
    if ascii_only:
        light = pairs.mean(axis=(1, 3)) / 255
        place = np.minimum((light * len(RAMP)).astype(np.int64), len(RAMP) - 1)
        return [Content("".join(RAMP[one] for one in row)) for row in place.tolist()]
    shades = (np.rint(pairs / 255 * (LEVELS - 1)) * 255 / (LEVELS - 1)).astype(np.int64)
    return [_line(upper, lower) for upper, lower in shades.tolist()]


def _line(upper: list[list[int]], lower: list[list[int]]) -> Content:
    pieces: list[tuple[str, str]] = []
    for above, below in zip(upper, lower, strict=True):
        style = f"rgb({','.join(map(str, above))}) on rgb({','.join(map(str, below))})"
        if pieces and pieces[-1][1] == style:
            pieces[-1] = (pieces[-1][0] + UPPER, style)
        else:
            pieces.append((UPPER, style))
    return Content.assemble(*pieces)
