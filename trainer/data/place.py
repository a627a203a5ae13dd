"""Where the items of a data set lie: the file system below the path that the data set tells of itself."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

PLACES = ("root", "paths", "files", "filenames", "samples", "imgs", "images", "path", "folder")
"""Attributes in which data sets keep a folder or their files (torchvision's and most others')."""

NESTED_MOST = 8
"""Data sets within each other; an object that makes up any attribute would have no end."""


def store_of(dataset: Any) -> str:
    """Return the type of the file system that a data set reads from (ext4, nfs4, …); empty where it tells no path."""
    path = path_of(dataset)
    return "" if path is None else file_system(path)


def path_of(dataset: Any) -> Path | None:
    """Return a path that a data set, or the one that it is a part of, tells of itself; nothing where it tells none."""
    for part in within(dataset):
        for name in PLACES:
            path = _first_path(_attribute(part, name))
            if path is not None:
                return path
    return None


def within(dataset: Any) -> Iterator[Any]:
    """Yield a data set, the one that it is a part of, and so on."""
    for _ in range(NESTED_MOST):
        if dataset is None:
            return
        yield dataset
        dataset = _attribute(dataset, "dataset")


def _attribute(holder: Any, name: str) -> Any:
    """Return an attribute of the user's data set; nothing where it has none, or its code fails."""
    try:
        return getattr(holder, name, None)
    except Exception:  # a property of the user's: whatever it raises, the run does without
        return None


def file_system(path: Path) -> str:
    """Return the type of the file system that a path lies on; empty where nobody can say."""
    try:
        mounted = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)}
    except (OSError, psutil.Error):
        return ""
    real = os.path.realpath(path)
    around = [where for where in mounted if real == where or real.startswith(where.rstrip("/") + "/")]
    return mounted[max(around, key=len)] if around else ""


def _first_path(told: Any) -> Path | None:
    """Return the first path of what may be a path, some of them, or some (path, class)."""
    for _ in range(3):
        if isinstance(told, str | os.PathLike) and str(told):
            try:
                return Path(told) if Path(told).exists() else None
            except (OSError, ValueError):
                return None
        if not isinstance(told, list | tuple) or not told:
            return None
        told = told[0]
    return None
