"""TensorBoard event files, read by the record format and the few fields of `Event` that hold scalars; no TensorFlow.

A record is: length (uint64), masked CRC-32C of the length, data, masked CRC-32C of the data (tensorflow/core/lib/io,
«record_writer»). Scalars are `simple_value`s (torch, Lightning) or float tensors of one element (Keras, TensorFlow 2).
"""

import struct
from collections.abc import Iterator, Sequence
from heapq import merge
from pathlib import Path

from advisor.logs.frame import Frame
from advisor.logs.readers.wire_format import BrokenMessage, as_float, as_text, fields, signed

LONGEST_RECORD = 64 << 20
"""Bytes; a longer one is a broken length."""
DT_FLOAT, DT_DOUBLE = 1, 2
"""tensorflow/core/framework/types.proto."""
_POLYNOMIAL = 0x82F63B78
_MASK = 0xA282EAD8
SPLITS = {
    "train": "train",
    "training": "train",
    "validation": "val",
    "val": "val",
    "valid": "val",
    "eval": "val",
    "test": "test",
}
"""Folders in which one training keeps its splits (Keras, Estimator)."""


def read_events(folders: tuple[Path, ...], frame: Frame, chosen: dict[str, str]) -> None:
    """Read the event files of one run.

    Args:
        folders: One folder, or one for each split; a split's name is put before its tags.
        frame: Where the scalars go.
        chosen: Role → tag; the axis is always the step, and `epoch` a tag that tells the epoch.
    """
    streams = []
    for folder in folders:
        split = SPLITS.get(folder.name, "") if len(folders) > 1 else ""
        before = f"{split}/" if split else ""
        after = "" if split or folder == folders[0] else _drawn_as(folder)
        streams += [_scalars(path, before, after, frame) for path in sorted(folder.glob("*tfevents*"))]
    axis = chosen.get("epoch", "epoch")
    row: dict[str, float] = {}
    now: int | None = None
    for step, tag, value in merge(*streams, key=lambda one: one[0]) if len(folders) > 1 else _chained(streams):
        if row and step != now:
            _flush(now, row, frame, axis)
            row = {}
        now = step
        row[tag] = value
    if row:
        _flush(now, row, frame, axis)


def _chained(streams: list[Iterator[tuple[int, str, float]]]) -> Iterator[tuple[int, str, float]]:
    for stream in streams:
        yield from stream


def _flush(step: int | None, row: dict[str, float], frame: Frame, axis: str) -> None:
    epoch = row.pop(axis, None)
    frame.take(None if step is None else float(step), epoch, row)


def drawn_together(folder: Path, names: Sequence[str]) -> list[Path]:
    """Return the folders below one that belong to its run: PyTorch's `add_scalars` draws each curve into one of its own."""
    return [folder / name for name in names if "_" in name and _drawn_as(folder / name)]


def _drawn_as(folder: Path) -> str:
    """Return `/train` for a folder `loss_train` whose tag is `loss`; empty where the name is no tag's."""
    for path in sorted(folder.glob("*tfevents*")):
        tag = next((tag for _, tag, _ in _scalars(path, "", "", Frame())), "")
        before = f"{tag.replace('/', '_')}_"
        if tag and folder.name.startswith(before):
            return f"/{folder.name.removeprefix(before)}"
    return ""


def _scalars(path: Path, before: str, after: str, frame: Frame) -> Iterator[tuple[int, str, float]]:
    """Yield (step, tag, value) of one file, up to its first broken record."""
    broken = 0
    for record in _records(path, frame):
        try:
            step, summary = 0, b""
            for number, value in fields(record):
                if number == 2 and isinstance(value, int):
                    step = signed(value)
                elif number == 5 and isinstance(value, bytes):
                    summary = value
            for number, value in fields(summary):
                if number == 1 and isinstance(value, bytes) and (scalar := _scalar(value)):
                    yield step, before + scalar[0] + after, scalar[1]
        except BrokenMessage:
            broken += 1
    if broken:
        frame.lost(broken, "record", path.name)


def _records(path: Path, frame: Frame) -> Iterator[bytes]:
    with path.open("rb") as file:
        while header := file.read(12):
            if len(header) < 12:
                return
            (length,) = struct.unpack("<Q", header[:8])
            if length > LONGEST_RECORD or struct.unpack("<I", header[8:])[0] != masked_crc(header[:8]):
                frame.note(f"{path.name} is damaged: what lies after byte {file.tell() - 12} could not be read.")
                return
            data = file.read(length + 4)
            if len(data) < length + 4:
                return
            yield data[:length]


def _scalar(message: bytes) -> tuple[str, float] | None:
    tag, value = "", None
    for number, field in fields(message):
        if number == 1:
            tag = as_text(field)
        elif number == 2:
            value = as_float(field)
        elif number == 8 and isinstance(field, bytes):
            value = _tensor(field)
    return (tag, value) if tag and value is not None else None


def _tensor(message: bytes) -> float | None:
    """Return the one number of a tensor; nothing for larger ones and other types."""
    kind, content = 0, b""
    for number, field in fields(message):
        if number == 1 and isinstance(field, int):
            kind = field
        elif number in (4, 5, 6) and isinstance(field, bytes):
            content = field
    width = {DT_FLOAT: 4, DT_DOUBLE: 8}.get(kind, 0)
    return as_float(content) if width and len(content) == width else None


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_POLYNOMIAL if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_TABLE = _table()


def masked_crc(data: bytes) -> int:
    """Return the masked CRC-32C of some bytes, as records carry it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + _MASK) & 0xFFFFFFFF
