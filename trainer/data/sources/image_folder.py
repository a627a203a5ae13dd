"""`images:FOLDER`: a folder a class; or train/, val/ and test/ with a folder a class in each."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from trainer.config import DataConfig
from trainer.data.picture import BROKEN, SUFFIXES, PictureFormat, decode, natural_format, statistics
from trainer.data.picture_items import PictureItems
from trainer.data.source import DataError, Raw, Source, Split
from trainer.data.splitting import Ids, divide
from trainer.data.transforms import Transform, parse

VERIFY_BYTES_LIMIT = 32 * 2**20
"""Folders up to this size are decoded once when they are opened (about 20 ms a MiB), so that a broken image is known
before the splits are made. In larger ones it is found while training, replaced and counted."""

STATISTICS_EXAMPLES = 1000
"""Mean and spread of a channel are known to a few per cent from far fewer pictures than this."""

SPLIT_NAMES = {"train": ("train", "training"), "val": ("val", "valid", "validation"), "test": ("test", "testing")}
"""Folders that state a split."""


@dataclass(frozen=True)
class _Files:
    paths: list[str]
    labels: Ids
    classes: tuple[str, ...]
    val: Ids | None = None
    test: Ids | None = None


def open_source(place: str, data: DataConfig) -> Source:
    """Open a folder of images."""
    folder = Path(place).expanduser()
    if not folder.is_dir():
        raise DataError(f"images:{place}: no such folder: give a folder with a folder of images a class")
    transforms = parse(data.transforms)
    files = _find(folder)
    if not files.paths:
        raise DataError(
            f"images:{place} holds no images: put them into a folder a class ({', '.join(sorted(SUFFIXES))})"
        )
    readable = np.array(_readable(files.paths), dtype=bool)
    kept, unreadable = _only(files, readable), int((~readable).sum())
    if not kept.paths:
        raise DataError(f"images:{place}: none of its {len(files.paths)} images can be read")
    parts = divide(len(kept.paths), data, labels=kept.labels, classes=kept.classes, val=kept.val, test=kept.test)
    picture = _fit(kept.paths, parts.train, data)
    flags: list[torch.Tensor] = []

    def part(ids: Ids, random: tuple[Transform, ...] = ()) -> Split:
        items = PictureItems([kept.paths[one] for one in ids], torch.from_numpy(kept.labels[ids]), picture, random)
        flags.append(items.broken)
        return Split(
            examples=len(ids),
            identities=lambda index: os.path.relpath(items.paths[index], folder),
            dataset=items,
            targets=items.targets,
            decoded_bytes=len(ids) * int(np.prod(picture.shape)),
        )

    return Source(
        name=f"images:{folder.name}",
        kind="classification",
        inputs="image",
        classes=kept.classes,
        input_shape=picture.shape,
        train=part(parts.train, transforms),
        val=part(parts.val),
        test=None if parts.test is None else part(parts.test),
        preprocessing=picture.as_json(),
        raw=Raw(unreadable=unreadable, broken_later=tuple(flags)),
    )


def image_files(folder: Path) -> list[str]:
    """Return all image files below a folder, sorted; hidden ones are left out."""
    found: list[str] = []
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            os.path.join(where, name)
            for name in sorted(names)
            if os.path.splitext(name)[1].lower() in SUFFIXES and not name.startswith(".")
        ]
    return found


def _subfolders(folder: Path) -> dict[str, Path]:
    return {one.name: one for one in sorted(folder.iterdir()) if one.is_dir() and not one.name.startswith(".")}


def _find(folder: Path) -> _Files:
    below = _subfolders(folder)
    stated = {
        split: next((below[name] for name in names if name in below), None) for split, names in SPLIT_NAMES.items()
    }
    train = stated["train"]
    if train is None or not _subfolders(train):
        return _collect({"train": folder})
    return _collect({split: where for split, where in stated.items() if where is not None})


def _collect(folders: dict[str, Path]) -> _Files:
    classes = tuple(name for name, where in _subfolders(folders["train"]).items() if image_files(where))
    paths: list[str] = []
    labels: list[int] = []
    members: dict[str, list[int]] = {}
    for split, folder in folders.items():
        for name, where in _subfolders(folder).items():
            found = image_files(where)
            if found and name not in classes:
                raise DataError(f"{folder} has a class folder {name!r} that {folders['train']} lacks: add or remove it")
            members.setdefault(split, []).extend(range(len(paths), len(paths) + len(found)))
            paths += found
            labels += [classes.index(name)] * len(found) if found else []
    val, test = (np.array(members[one], dtype=np.int64) if members.get(one) else None for one in ("val", "test"))
    return _Files(paths, np.array(labels, dtype=np.int64), classes, val, test)


def _readable(paths: list[str]) -> list[bool]:
    """Tell for each file whether it can be read; large folders are only asked for files without content."""
    sizes = [os.stat(path).st_size for path in paths]
    if sum(sizes) > VERIFY_BYTES_LIMIT:
        return [size > 0 for size in sizes]
    return [_decodes(path) for path in paths]


def _decodes(path: str) -> bool:
    try:
        with Image.open(path) as image:
            image.load()
    except BROKEN:
        return False
    return True


def _only(files: _Files, readable: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> _Files:
    place = np.cumsum(readable) - 1

    def moved(ids: Ids | None) -> Ids | None:
        return None if ids is None else place[ids[readable[ids]]]

    return _Files(
        [path for path, good in zip(files.paths, readable, strict=True) if good],
        files.labels[readable],
        files.classes,
        moved(files.val),
        moved(files.test),
    )


def _fit(paths: list[str], train: Ids, data: DataConfig) -> PictureFormat:
    """Return the format: size and channels of the first readable image where none are set, and the statistics."""
    natural = next((found for found in map(_natural, (paths[one] for one in train)) if found), None)
    if natural is None:
        raise DataError("none of the images to train on can be read")
    channels, height, width = natural
    channels = data.channels or channels
    height, width = (data.size, data.size) if data.size else (height, width)
    picture = PictureFormat(channels, height, width)
    if not data.standardise:
        return picture
    sample = np.random.default_rng(data.split_seed).permutation(train)[:STATISTICS_EXAMPLES]
    decoded = (_decoded(paths[one], picture) for one in sample)
    mean, std = statistics((one.numpy()[None] for one in decoded if one is not None), channels, picture.divide_by)
    return PictureFormat(channels, height, width, picture.divide_by, mean, std)


def _natural(path: str) -> tuple[int, int, int] | None:
    try:
        return natural_format(path)
    except BROKEN:
        return None


def _decoded(path: str, picture: PictureFormat) -> torch.Tensor | None:
    try:
        return decode(path, *picture.shape)
    except BROKEN:
        return None
