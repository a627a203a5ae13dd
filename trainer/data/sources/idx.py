"""`idx:FOLDER`: pictures in IDX files, as MNIST and Fashion-MNIST come, gzipped or not.

The official test files become the test split; validation is made from the training files.
Format: http://yann.lecun.com/exdb/mnist (magic 0, 0, type, dimensions; then each size as a big-endian int32).
"""

import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.config import DataConfig
from trainer.data.memory import picture_source
from trainer.data.picture import FULL
from trainer.data.source import DataError, Source

TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
UNSIGNED_BYTE = 8
"""The only element type that pictures and class numbers come in."""


def open_source(place: str, data: DataConfig) -> Source:
    """Open a folder of IDX files."""
    folder = Path(place).expanduser()
    if not folder.is_dir():
        raise DataError(f"idx:{place}: no such folder: give the folder that holds {TRAIN[0]}[.gz]")
    pixels, labels = _pair(folder, *TRAIN)
    stated_test = None
    if _find(folder, TEST[0]) and _find(folder, TEST[1]):
        test_pixels, test_labels = _pair(folder, *TEST)
        if test_pixels.shape[1:] != pixels.shape[1:]:
            raise DataError(f"{folder}: test pictures are {test_pixels.shape[1:]}, training ones {pixels.shape[1:]}")
        stated_test = np.arange(len(pixels), len(pixels) + len(test_pixels))
        pixels, labels = np.concatenate([pixels, test_pixels]), np.concatenate([labels, test_labels])
    train_examples = len(pixels) if stated_test is None else int(stated_test[0])

    def identity(number: int) -> str:
        return f"train {number}" if number < train_examples else f"t10k {number - train_examples}"

    classes = tuple(str(one) for one in range(int(labels.max(initial=0)) + 1))
    return picture_source(
        f"idx:{folder.name}", pixels, labels, classes, data, divide_by=FULL, test=stated_test, identities=identity
    )


def _find(folder: Path, name: str) -> Path | None:
    return next((folder / file for file in (name, f"{name}.gz") if (folder / file).is_file()), None)


def _pair(folder: Path, images: str, labels: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    files = [_find(folder, name) for name in (images, labels)]
    for file, name in zip(files, (images, labels), strict=True):
        if file is None:
            raise DataError(f"{folder} has no file {name}[.gz]: give a folder with IDX files")
    pixels, numbers = (read_idx(file) for file in files if file is not None)
    if pixels.ndim not in (3, 4) or numbers.ndim != 1 or len(pixels) != len(numbers):
        raise DataError(
            f"{folder}: {images} has shape {pixels.shape} and {labels} {numbers.shape}: one label a picture is needed"
        )
    channelled = pixels[:, None] if pixels.ndim == 3 else pixels
    return channelled, numbers.astype(np.int64)


def read_idx(file: Path) -> npt.NDArray[np.uint8]:
    """Return the array of an IDX file of unsigned bytes, gzipped or not.

    Raises:
        DataError: when the file is not there, cut off, or of another form.
    """
    try:
        raw: Any = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{file}: no such file") from None
    except (OSError, EOFError, zlib.error) as broken:
        raise DataError(f"{file}: cannot be read: {broken}") from None
    if len(raw) < 4 or raw[:2] != b"\x00\x00" or raw[2] != UNSIGNED_BYTE:
        raise DataError(f"{file}: not an IDX file of unsigned bytes")
    start = 4 + 4 * raw[3]
    shape = [int.from_bytes(raw[at : at + 4], "big") for at in range(4, start, 4)]
    if len(raw) - start != int(np.prod(shape)):
        raise DataError(f"{file}: cut off: {len(raw) - start} bytes where its head promises {int(np.prod(shape))}")
    return np.frombuffer(raw, dtype=np.uint8, offset=start).reshape(shape)
