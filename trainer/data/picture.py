"""Pictures as numbers: a file becomes bytes [C, H, W], and bytes become what the model gets."""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
"""Files that count as images."""

BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow raises on a file that is no image, is cut off, or would not fit into memory."""

FULL = 255.0
"""The largest value of a byte; an image file is divided by it."""


@dataclass(frozen=True)
class PictureFormat:
    """How a raw picture becomes a model input: size, channels, and (value / divide_by - mean) / std per channel."""

    channels: int
    height: int
    width: int
    divide_by: float = FULL
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    @property
    def shape(self) -> tuple[int, int, int]:
        """[C, H, W] of one example."""
        return (self.channels, self.height, self.width)

    def finish(self, raw: torch.Tensor) -> torch.Tensor:
        """Return [N, C, H, W] or [C, H, W] raw values as float32 model inputs."""
        inputs = (
            raw.to(torch.float32).div_(self.divide_by) if raw.dtype == torch.uint8 else raw.float() / self.divide_by
        )
        mean, std = (torch.tensor(values, dtype=torch.float32).view(-1, 1, 1) for values in (self.mean, self.std))
        return inputs.sub_(mean).div_(std)

    def as_json(self) -> dict[str, Any]:
        """Return the preprocessing that `of_json` reads back."""
        return {
            "kind": "image",
            "shape": list(self.shape),
            "divide_by": self.divide_by,
            "mean": list(self.mean),
            "std": list(self.std),
        }

    @classmethod
    def of_json(cls, preprocessing: dict[str, Any]) -> "PictureFormat":
        """Return the format that `as_json` wrote."""
        channels, height, width = preprocessing["shape"]
        return cls(
            channels,
            height,
            width,
            divide_by=preprocessing["divide_by"],
            mean=tuple(preprocessing["mean"]),
            std=tuple(preprocessing["std"]),
        )


def decode(path: Path | str, channels: int, height: int, width: int) -> torch.Tensor:
    """Return a file as bytes [C, H, W], resized where it has another size.

    Raises:
        OSError: or another of `BROKEN`, when the file is no whole image.
    """
    with Image.open(path) as image:
        pixels = as_mode(image, channels)
        if pixels.size != (width, height):
            pixels = pixels.resize((width, height), Image.Resampling.BILINEAR)
        return to_tensor(pixels)


def natural_format(path: Path | str) -> tuple[int, int, int]:
    """Return channels (1 or 3), height and width of an image file, from its header alone."""
    with Image.open(path) as image:
        width, height = image.size
        return (1 if image.mode in {"1", "L", "LA", "I", "F"} or image.mode.startswith("I;") else 3), height, width


def as_mode(image: Any, channels: int) -> Any:
    """Return a Pillow image in grey (1) or colour (3) bytes; 16-bit greys are scaled, not clipped."""
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        values = np.asarray(image, dtype=np.float32)
        image = Image.fromarray(
            np.clip(values / (257.0 if values.max(initial=0) > FULL else 1.0), 0, FULL).astype("u1")
        )
    mode = "L" if channels == 1 else "RGB"
    return image if image.mode == mode else image.convert(mode)


def to_tensor(image: Any) -> torch.Tensor:
    """Return a grey or colour Pillow image as bytes [C, H, W]."""
    pixels = np.array(image, dtype=np.uint8)
    return torch.from_numpy(pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def to_image(pixels: torch.Tensor) -> Any:
    """Return bytes [C, H, W] as a Pillow image."""
    array = pixels.numpy()
    return Image.fromarray(array[0] if len(array) == 1 else array.transpose(1, 2, 0))


def statistics(
    batches: Iterable[npt.NDArray[np.uint8]], channels: int, divide_by: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel, after division, of byte batches [N, C, H, W].

    Counted by histogram: exact, and without a float copy of the data. A channel that never changes gets 1.
    """
    counts = np.zeros((channels, 256), dtype=np.int64)
    for batch in batches:
        for channel in range(channels):
            counts[channel] += np.bincount(batch[:, channel].ravel(), minlength=256)
    values = np.arange(256) / divide_by
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    means = shares @ values
    spreads = np.sqrt(np.maximum(shares @ values**2 - means**2, 0.0))
    return tuple(means.tolist()), tuple(np.where(spreads > 0, spreads, 1.0).tolist())
