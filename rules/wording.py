"""Quantities in words, for the messages of rules."""

from math import isfinite


def in_time(seconds: float) -> str:
    """Return `40 seconds`, `14 minutes`, `3 hours`, `5 days`; `a long time` where nobody knows how long."""
    if not isfinite(seconds):
        return "a long time"
    for unit, long_s in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * long_s:
            return f"{seconds / long_s:.0f} {unit}s"
    return f"{max(seconds, 0.0):.0f} seconds"
