"""Text logs as their writers left them: plain or gzipped, UTF-8 or with the mark of UTF-16."""

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from advisor.logs.frame import Frame

Line = TypeVar("Line", str, bytes)

GZIP = b"\x1f\x8b"
WIDE = (b"\xff\xfe", b"\xfe\xff")
"""Byte order marks of UTF-16, as a console of Windows writes it."""


def is_gzipped(path: Path) -> bool:
    """Tell whether a file is gzipped, by its first bytes."""
    with path.open("rb") as file:
        return file.read(2) == GZIP


def name_of(path: Path) -> str:
    """Return the name of a log without the ending of its compression."""
    return path.name.removesuffix(".gz")


def opened(path: Path) -> BinaryIO:
    """Open a log for reading its bytes, unpacked."""
    return cast("BinaryIO", gzip.open(path, "rb")) if is_gzipped(path) else path.open("rb")


def opened_text(path: Path) -> io.TextIOWrapper:
    """Open a log for reading its text; what cannot be decoded is replaced. Lines keep their ends."""
    with opened(path) as file:
        wide = file.read(2) in WIDE
    return io.TextIOWrapper(opened(path), "utf-16" if wide else "utf-8-sig", errors="replace", newline="")


def lines_of(file: Iterable[Line], path: Path, frame: Frame) -> Iterator[Line]:
    """Yield the lines of an opened log, of a packed one that was cut off those that are whole."""
    try:
        yield from file
    except (EOFError, zlib.error, gzip.BadGzipFile):
        frame.note(f"{path.name} is cut off or damaged: it was read up to there.")


def content(path: Path, most_bytes: int) -> str:
    """Return the whole text of a log, at most so many bytes of it."""
    pieces: list[bytes] = []
    with opened(path) as file:
        try:
            while (left := most_bytes - sum(map(len, pieces))) > 0 and (piece := file.read(min(left, 1 << 24))):
                pieces.append(piece)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            pass  # what was unpacked so far is what there is
    return b"".join(pieces).decode("utf-8", "replace").removeprefix("\ufeff")
