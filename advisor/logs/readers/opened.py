"""Text logs as their writers left them: plain or gzipped, UTF-8 or with the mark of UTF-16."""

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, TypeVar

from advisor.logs.frame import Frame

Line = TypeVar("Line", str, bytes)
Held = TypeVar("Held", str, bytes, covariant=True)

LONGEST_LINE = 1 << 24
"""Bytes or characters of one line that are held: a small packed file may unpack to a line without an end."""
LINE_ENDS = ("\n", "\r", b"\n")
PIECE_BYTES = 1 << 20
CUT_OFF = (EOFError, zlib.error, gzip.BadGzipFile)
"""What reading a packed file raises where it is cut off or damaged."""
GZIP = b"\x1f\x8b"
WIDE = (b"\xff\xfe", b"\xfe\xff")
"""Byte order marks of UTF-16, as a console of Windows writes it."""


class Lines(Protocol[Held]):
    """An opened file, of text or of bytes."""

    def readline(self, most: int, /) -> Held:
        """Return the next line, at most so much of it; empty at the end."""


def is_gzipped(path: Path) -> bool:
    """Tell whether a file is gzipped, by its first bytes."""
    with path.open("rb") as file:
        return file.read(2) == GZIP


def name_of(path: Path) -> str:
    """Return the name of a log without the ending of its compression."""
    return path.name.removesuffix(".gz")


def opened(path: Path) -> gzip.GzipFile | io.BufferedReader | io.BytesIO:
    """Open a log for reading its bytes, unpacked and as UTF-8: one of UTF-16 is held as a whole."""
    file = _unpacked(path)
    try:
        wide = file.peek(2)[:2] in WIDE
    except CUT_OFF:
        wide = False
    if not wide:
        return file
    with file:
        return io.BytesIO(_all_of(file).decode("utf-16", "replace").encode())


def _unpacked(path: Path) -> gzip.GzipFile | io.BufferedReader:
    return gzip.open(path, "rb") if is_gzipped(path) else path.open("rb")


def _all_of(file: gzip.GzipFile | io.BufferedReader) -> bytes:
    """Return the bytes of a file, of a packed one that was cut off what is left of them."""
    pieces: list[bytes] = []
    try:
        while piece := file.read1(PIECE_BYTES):
            pieces.append(piece)
    except CUT_OFF:
        pass  # what was unpacked so far is what there is
    return b"".join(pieces)


def beginning(path: Path, most_bytes: int) -> bytes:
    """Return the first bytes of a log, at most so many; of a packed one that was cut off, what is left of them."""
    pieces: list[bytes] = []
    left = most_bytes
    with opened(path) as file:
        try:
            while left > 0 and (piece := file.read1(min(left, PIECE_BYTES))):
                pieces.append(piece)
                left -= len(piece)
        except CUT_OFF:
            pass  # what was unpacked so far is what there is
    return b"".join(pieces)


def opened_text(path: Path) -> io.TextIOWrapper:
    """Open a log for reading its text; what cannot be decoded is replaced. Lines keep their ends."""
    return io.TextIOWrapper(opened(path), "utf-8-sig", errors="replace", newline="")


def lines_of(file: Lines[Line], path: Path, frame: Frame) -> Iterator[Line]:
    """Yield the lines of an opened log that are not endless, of a packed one that was cut off those that are whole."""
    try:
        while line := file.readline(LONGEST_LINE):
            if len(line) < LONGEST_LINE or line[-1:] in LINE_ENDS:
                yield line
                continue
            while line and line[-1:] not in LINE_ENDS:
                line = file.readline(LONGEST_LINE)
            frame.note(f"{path.name} has a line of more than {LONGEST_LINE >> 20} MiB, which was left out.")
    except CUT_OFF:
        frame.note(f"{path.name} is cut off or damaged: it was read up to there.")


def content(path: Path, most_bytes: int) -> str:
    """Return the whole text of a log, at most so many bytes of it."""
    return beginning(path, most_bytes).decode("utf-8", "replace").removeprefix("\ufeff")
