"""Quantities in words, for the messages of rules."""

from math import isfinite

KIBI = 1024.0
UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def of_bytes(count: float) -> str:
    """Return `3.1 MiB`; two digits, for a slope is no better known."""
    size, unit = abs(count), 0
    while size >= KIBI and unit < len(UNITS) - 1:
        size, unit = size / KIBI, unit + 1
    return f"{size:.0f} {UNITS[unit]}" if size >= 10 or unit == 0 else f"{size:.1f} {UNITS[unit]}"


def in_time(seconds: float) -> str:
    """Return `40 seconds`, `14 minutes`, `3 hours`, `5 days`; `a long time` where nobody knows how long."""
    if not isfinite(seconds):
        return "a long time"
    for unit, long_s in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * long_s:
            return f"{seconds / long_s:.0f} {unit}s"
    return f"{max(seconds, 0.0):.0f} seconds"


def of_rate(rate: float) -> str:
    """Return `0.0028`, `1.5`, `500`: a learning rate with two digits, or all that stand before the point."""
    return f"{rate:.0f}" if 100 <= rate < 1e6 else f"{rate:.2g}"


def such_layers(count: int) -> str:
    """Return `1 such layer`, `3 such layers`."""
    return f"{count} such layer{'' if count == 1 else 's'}"
