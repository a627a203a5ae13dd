"""The protocol buffers wire format, as far as logs need it: fields of a message as (number, value)."""

import struct
from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types (protobuf.dev, «Encoding»)."""
VARINT_MOST_BITS = 63


class BrokenMessage(Exception):
    """The bytes are no message."""


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield each field of a message: varints as integers, all others as their bytes.

    Raises:
        BrokenMessage: when the bytes end inside a field, or a wire type is none.
    """
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == BYTES:
            length, at = _varint(message, at)
        elif kind in (FIXED64, FIXED32):
            length = 8 if kind == FIXED64 else 4
        else:
            raise BrokenMessage(f"wire type {kind}")
        if at + length > end:
            raise BrokenMessage("a field is longer than its message")
        yield number, message[at : at + length]
        at += length


def as_float(value: int | bytes) -> float | None:
    """Return a fixed32 or fixed64 field as a floating point number."""
    if isinstance(value, bytes) and len(value) in (4, 8):
        return float(struct.unpack("<f" if len(value) == 4 else "<d", value)[0])
    return None


def as_text(value: int | bytes) -> str:
    """Return a field as text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def signed(value: int) -> int:
    """Return a varint as the int64 that it stands for."""
    return value - (1 << 64) if value >= 1 << 63 else value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message) or shift > VARINT_MOST_BITS:
            raise BrokenMessage("a number does not end")
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
