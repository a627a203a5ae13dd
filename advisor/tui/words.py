"""Numbers and knob values as people read them: short, aligned, with their unit."""

from collections.abc import Sequence
from math import floor, isfinite, isinf, isnan, log10
from pathlib import Path

from rich.cells import cell_len, set_cell_size

MOST_DECIMALS = 7
"""Of a tick: enough to tell apart what a narrow axis of small rates holds."""
UNBOUNDED = 1e6
"""An upper bound from here on is there for the machine; a person may as well read that there is none."""
MISSING = "–"
"""What stands where nothing was measured: missing is missing, never zero."""


def number(value: float, digits: int = 3) -> str:
    """Return a number with about so many significant digits: `0.0312`, `1,240`, `3.4e-5`, `NaN`, `∞`."""
    if isnan(value):
        return "NaN"
    if isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e6 or size < 1e-3:
        mantissa, _, exponent = f"{value:.{max(digits - 2, 0)}e}".partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}e{int(exponent)}"
    decimals = max(digits - 1 - floor(log10(size)), 0)
    return f"{value:,.{decimals}f}"


def aligned(values: Sequence[float]) -> list[str]:
    """Return ascending ticks of an axis with the same number of decimals, as few as tell them apart."""
    if any(one != 0 and not 1e-3 <= abs(one) < 1e6 for one in values):
        return [number(one, 2) for one in values]
    for decimals in range(MOST_DECIMALS + 1):
        texts = [f"{one:,.{decimals}f}" for one in values]
        if all(
            abs(float(text.replace(",", "")) - one) <= 1e-6 * abs(one) for text, one in zip(texts, values, strict=True)
        ):
            return texts
    return [number(one) for one in values]


def rate(value: float) -> str:
    """Return a count in people's magnitudes: `812`, `3.4k`, `1.2M`."""
    if not isfinite(value):
        return MISSING
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            scaled = value / (1e3 if unit == "k" else limit)
            return f"{scaled:.1f}{unit}" if scaled < 100 else f"{scaled:.0f}{unit}"
    return f"{value:,.0f}" if abs(value) >= 10 or value == 0 else f"{value:.1f}"


def seconds(value: float) -> str:
    """Return a duration: `850 µs`, `12 ms`, `4.2 s`, `2m 10s`, `3h 05m`, `2d 04h`."""
    if not isfinite(value):
        return MISSING
    if value < 0:
        return "-" + seconds(-value)
    if value < 1e-3:
        return f"{value * 1e6:.0f} µs"
    if value < 1:
        return f"{value * 1e3:.3g} ms"
    if value < 59.95:
        return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    if whole < 48 * 3600:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d {whole % 86400 // 3600:02d}h"


def share(value: float) -> str:
    """Return a share of 0 to 1 as a percentage: `41%`, `2.4%`."""
    if not isfinite(value):
        return MISSING
    percent = value * 100
    return f"{percent:.0f}%" if abs(percent) >= 9.95 or percent == 0 else f"{percent:.1f}%"


def signed_share(value: float) -> str:
    """Return a relative gain with its sign: `+14%`, `-2.4%`."""
    if not isfinite(value):
        return MISSING
    return ("+" if value >= 0 else "") + share(value)


def size(value: float) -> str:
    """Return a size in bytes: `512 B`, `1.4 GiB`."""
    scaled = float(value)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(scaled) < 1024:
            return f"{scaled:.0f} {unit}" if unit == "B" or scaled >= 100 else f"{scaled:.1f} {unit}"
        scaled /= 1024
    return f"{scaled:.1f} TiB"


def bounds(low: float | None, high: float | None, choices: Sequence[object] = ()) -> str:
    """Return what a knob takes: `0 to 64`, `from 1`, `off, auto, bf16`; nothing where anything of its type goes."""
    if choices:
        return ", ".join(map(value, choices))
    if low is not None and high is not None and high < UNBOUNDED:
        return f"{low:g} to {high:g}"
    return f"from {low:g}" if low is not None else f"up to {high:g}" if high is not None else ""


def clean(text: str) -> str:
    """Return a text of the user's data without what would steer a terminal: control characters become `·`."""
    return "".join(one if one.isprintable() else "·" for one in text)


def cell(text: str, cells: int, ascii_only: bool = False) -> str:
    """Return a text in exactly so many cells, with a sign where it was cut; a wide character takes two of them."""
    if cell_len(text) > cells:
        return set_cell_size(text, cells - 1) + ("~" if ascii_only else "…")
    return set_cell_size(text, cells)


def short(text: str, cells: int) -> str:
    """Return a text in so many cells at most."""
    return cell(text, cells) if cell_len(text) > cells else text


def place(folder: Path) -> str:
    """Return a folder as a command in the working directory takes it: the shorter way where it lies below."""
    here = Path.cwd()
    return str(folder.relative_to(here)) if folder.is_relative_to(here) and folder != here else str(folder)


def value(held: object) -> str:
    """Return what a knob holds: `on`, `off`, `0.003`, `cosine`."""
    if isinstance(held, bool):
        return "on" if held else "off"
    if isinstance(held, float):
        text = number(held)
        return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text
    if isinstance(held, int):
        return f"{held:,}"
    return str(held)
