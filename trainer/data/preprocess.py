"""Raw input becomes model input, the way it was in training: for predictions on new data.

The preprocessing is JSON that lies beside the model; nothing of the training data is needed.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from trainer.data.own import as_inputs
from trainer.data.picture import BROKEN, FULL, SUFFIXES, PictureFormat, decode
from trainer.data.source import DataError
from trainer.data.sources.csv_table import of_frame, read_table
from trainer.data.sources.idx import read_idx
from trainer.data.sources.image_folder import image_files
from trainer.data.table import Columns, as_column, encode


@dataclass(frozen=True)
class Prepared:
    """Model inputs, and what the user knows each of them by."""

    inputs: torch.Tensor
    """[N, …] float32 (or as a user's own model takes it)."""
    identities: tuple[str, ...]
    """N file names or row numbers."""


def apply(preprocessing: dict[str, Any], raw: Any) -> Prepared:
    """Return model inputs made from raw ones.

    Args:
        preprocessing: What `Source.preprocessing` was when the model was trained.
        raw: For images: an image file, a folder of images, an IDX or .npy file, or an array [H, W], [N, H, W] or
            [N, C, H, W] of raw values. For tables: a CSV file, a data frame, a dict of columns, or an array [N, F] with
            the columns in their order. For a user's own model: a .npy file, an array or a tensor [N, …].

    Raises:
        DataError: when raw is not there or does not fit.
    """
    if isinstance(raw, str | Path):
        path = Path(raw).expanduser()
        if not path.exists():
            raise DataError(f"{path}: no such file or folder")
        raw = path
    match preprocessing.get("kind"):
        case "image":
            return _pictures(PictureFormat.of_json(preprocessing), raw)
        case "table":
            return _rows(preprocessing, raw)
        case "own":
            return _own(tuple(preprocessing["shape"]), raw)
        case other:
            raise DataError(f"the model's preprocessing is of the kind {other!r}, which this version does not know")


def _pictures(picture: PictureFormat, raw: Any) -> Prepared:
    if isinstance(raw, Path) and (raw.is_dir() or raw.suffix.lower() in SUFFIXES):
        return _picture_files(picture, raw)
    if isinstance(raw, Path):
        array = _load(raw) if raw.suffix == ".npy" else read_idx(raw)
    else:
        array = raw.detach().cpu().numpy() if isinstance(raw, torch.Tensor) else np.asarray(raw)
    shape = picture.shape
    if array.ndim == 2 or array.shape == shape:
        array = array.reshape(1, *array.shape)
    if array.ndim == 3:
        array = array[:, None]
    if array.ndim != 4 or array.shape[1:] != shape:
        raise DataError(f"pictures have the shape {list(array.shape[1:])}: the model needs {list(shape)}")
    inputs = picture.finish(torch.from_numpy(np.array(array, dtype="u1" if array.dtype == np.uint8 else "f4")))
    return Prepared(inputs, _numbered(len(inputs), "example", 0))


def _picture_files(picture: PictureFormat, place: Path) -> Prepared:
    files = image_files(place) if place.is_dir() else [str(place)]
    if not files:
        raise DataError(f"{place} holds no images ({', '.join(sorted(SUFFIXES))})")
    decoded = torch.empty((len(files), *picture.shape), dtype=torch.uint8)
    for at, file in enumerate(files):
        try:
            decoded[at] = decode(file, *picture.shape)
        except BROKEN:
            raise DataError(f"{file}: the image cannot be read: repair or remove it") from None
    names = tuple(str(Path(file).relative_to(place)) if place.is_dir() else place.name for file in files)
    if picture.divide_by != FULL:
        return Prepared(picture.finish(decoded.float() * (picture.divide_by / FULL)), names)
    return Prepared(picture.finish(decoded), names)


def _rows(preprocessing: dict[str, Any], raw: Any) -> Prepared:
    texts = frozenset(column["name"] for column in preprocessing["columns"] if column["type"] == "category")
    columns = _columns([column["name"] for column in preprocessing["columns"]], texts, raw)
    inputs = torch.from_numpy(encode(preprocessing, columns))
    return Prepared(inputs, _numbered(len(inputs), "row", 1))


def _columns(names: list[str], texts: frozenset[str], raw: Any) -> Columns:
    if isinstance(raw, Path) and raw.suffix != ".npy":
        if raw.is_dir():
            raise DataError(f"{raw} is a folder: give a CSV file")
        return read_table(raw, texts)
    if hasattr(raw, "columns"):
        return of_frame(raw, texts)
    if isinstance(raw, dict):
        return {name: as_column(np.asarray(values)) for name, values in raw.items()}
    array = _load(raw) if isinstance(raw, Path) else np.asarray(raw)
    table = array[None] if array.ndim == 1 else array
    if table.ndim != 2 or table.shape[1] != len(names):
        raise DataError(f"the array has the shape {list(array.shape)}: the model needs rows of {len(names)} columns")
    return {name: as_column(table[:, at]) for at, name in enumerate(names)}


def _own(shape: tuple[int, ...], raw: Any) -> Prepared:
    if isinstance(raw, Path):
        if raw.suffix != ".npy":
            raise DataError(f"{raw}: give the inputs of an own model as an array in a .npy file")
        raw = _load(raw)
    try:
        tensor = raw.detach().cpu() if isinstance(raw, torch.Tensor) else torch.from_numpy(np.array(raw))
    except TypeError:
        raise DataError("the inputs of an own model must be numbers: encode texts as numbers first") from None
    inputs: torch.Tensor = as_inputs(tensor)
    if shape and tuple(inputs.shape) == shape:
        inputs = inputs[None]
    if shape and tuple(inputs.shape[1:]) != shape:
        raise DataError(f"inputs have the shape {list(inputs.shape[1:])}: the model was trained on {list(shape)}")
    return Prepared(inputs, _numbered(len(inputs), "example", 0))


def _load(path: Path) -> npt.NDArray[Any]:
    try:
        loaded: npt.NDArray[Any] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as broken:
        raise DataError(f"{path}: not an array of numbers in NumPy's format: {broken}") from None
    return loaded


def _numbered(count: int, word: str, first: int) -> tuple[str, ...]:
    return tuple(f"{word} {first + number}" for number in range(count))
