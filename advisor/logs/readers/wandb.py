"""Weights & Biases offline runs: `run-*.wandb`, a LevelDB log of protocol buffer records.

Blocks of 32 KiB hold pieces of records: crc (4 bytes), length (2), type (1: whole, 2: first, 3: middle, 4: last); a
file header of seven bytes stands before the first (leveldb, «log_format»; wandb, `sdk/internal/datastore.py`). Of the
records only history, configuration and run are read (`wandb/proto/wandb_internal.proto`).
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path

from advisor.logs.frame import Frame, number
from advisor.logs.names import is_epoch
from advisor.logs.readers.wire_format import BrokenMessage, as_float, as_text, fields, signed

BLOCK_BYTES = 32768
HEADER_BYTES = 7
MAGIC = b":W&B"
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4
HISTORY, CONFIG, RUN = 2, 5, 17
"""Fields of `Record`."""


def read_offline_run(path: Path, frame: Frame, chosen: dict[str, str]) -> None:
    """Read one `.wandb` file up to where it is whole."""
    broken = 0
    for record in _records(path, frame):
        try:
            for kind, body in fields(record):
                if kind == HISTORY and isinstance(body, bytes):
                    _history(body, frame, chosen)
                elif kind == CONFIG and isinstance(body, bytes):
                    _config(body, frame)
                elif kind == RUN and isinstance(body, bytes):
                    for number_of, inner in fields(body):
                        if number_of == 4 and isinstance(inner, bytes):
                            _config(inner, frame)
        except BrokenMessage:
            broken += 1
    if broken:
        frame.lost(broken, "record", path.name)


def _history(message: bytes, frame: Frame, chosen: dict[str, str]) -> None:
    row: dict[str, float] = {}
    step: float | None = None
    for kind, body in fields(message):
        if kind == 1 and isinstance(body, bytes):
            name, value = _item(body)
            if name == "_step" and value is not None:
                step = value
            elif value is not None and not name.startswith("_"):
                row[name] = value
        elif kind == 2 and isinstance(body, bytes):
            for number_of, inner in fields(body):
                if number_of == 1 and isinstance(inner, int):
                    step = float(signed(inner))
    if chosen.get("step") in row:
        step = row.pop(chosen["step"])
    epoch_name = chosen.get("epoch") or next((name for name in row if is_epoch(name)), "")
    epoch = row.pop(epoch_name, None)
    if row:
        frame.take(step, epoch, row)


def _config(message: bytes, frame: Frame) -> None:
    for kind, body in fields(message):
        if kind == 1 and isinstance(body, bytes):
            name, value = _item(body)
            if name and value is not None and not name.startswith("_"):
                frame.settings[name] = value


def _item(message: bytes) -> tuple[str, float | None]:
    """Return name and number of an item; its value is JSON in older versions and typed in newer ones."""
    name, nested, value = "", [], None
    for kind, body in fields(message):
        match kind:
            case 1:
                name = as_text(body)
            case 2:
                nested.append(as_text(body))
            case 5 if isinstance(body, int):
                value = float((body >> 1) ^ -(body & 1))
            case 6:
                value = as_float(body)
            case 4 if isinstance(body, int):
                value = float(body)
            case 8 | 16 if isinstance(body, bytes):
                value = _json_number(body)
            case _:
                pass
    return name or "/".join(nested), value


def _json_number(text: bytes) -> float | None:
    try:
        return number(json.loads(text))
    except (ValueError, RecursionError):
        return None


def _records(path: Path, frame: Frame) -> Iterator[bytes]:
    with path.open("rb") as file:
        if not file.read(HEADER_BYTES).startswith(MAGIC):
            frame.note(f"{path.name} has no header of Weights & Biases: nothing of it could be read.")
            return
        pieces = b""
        while True:
            left = BLOCK_BYTES - file.tell() % BLOCK_BYTES
            if left < HEADER_BYTES:
                file.seek(left, 1)
                continue
            header = file.read(HEADER_BYTES)
            if len(header) < HEADER_BYTES:
                return
            length, kind = struct.unpack("<HB", header[4:])
            if kind == 0 and length == 0 and not any(header):
                return
            data = file.read(length)
            if kind not in (WHOLE, FIRST, MIDDLE, LAST) or length > left - HEADER_BYTES:
                frame.note(f"{path.name} is damaged: one block of 32 KiB was left out.")
                file.seek((file.tell() // BLOCK_BYTES + 1) * BLOCK_BYTES)
                pieces = b""
                continue
            if len(data) < length:
                return
            pieces = data if kind in (WHOLE, FIRST) else pieces + data
            if kind in (WHOLE, LAST):
                yield pieces
                pieces = b""
