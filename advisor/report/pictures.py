"""Small pictures beside the timeline, as static SVG: a trial's measurements, and the gradients of the layers."""

from collections.abc import Mapping
from itertools import groupby
from math import isfinite, log10
from statistics import median
from typing import Any
from xml.etree import ElementTree

from advisor.report.charts import Axis, add
from advisor.report.schema import Intervention
from advisor.report.words import MISSING, duration, number, quantity

ARM_NAMES = {"control": "without", "candidate": "with", "null": "without, again"}
"""In the order of the rows."""
ARM_WIDTH, ARM_LEFT, ARM_ROW = 420, 92, 18
COLUMNS_MOST = 60
"""Columns of the heat map: more cannot be told apart."""
LEVELS = 8
"""Shades of the heat map."""
HEAT_WIDTH, HEAT_LEFT, HEAT_ROW = 860, 150, 14
NAME_LETTERS = 22
"""Of a layer that the heat map has room for: its end tells it apart."""


def arms_plot(one: Intervention) -> str:
    """Return what a trial measured, as dots with and without the fix, the median marked; empty where nothing was."""
    rows = [
        (name, values)
        for arm, name in ARM_NAMES.items()
        if (values := [each.value for each in one.arms if each.arm == arm and isfinite(each.value)])
    ]
    if len(rows) < 2:
        return ""
    told = [(name, median(values)) for name, values in rows]
    write = _per_example if one.arms_unit == "s" else number
    label = f"{_title(one)}: " + "; ".join(f"{name} {write(middle)}" for name, middle in told)
    height = ARM_ROW * len(rows) + 20
    svg = ElementTree.Element(
        "svg", {"viewBox": f"0 0 {ARM_WIDTH} {height}", "class": "arms", "role": "img", "aria-label": label}
    )
    every = [value for _, values in rows for value in values]
    axis = Axis(min(every), max(every), ARM_LEFT + 8.0, ARM_WIDTH - 70.0, log=False)
    for at, (name, values) in enumerate(rows):
        y = ARM_ROW * (at + 0.5)
        kind = "with" if name == "with" else "without"
        middle = median(values)
        add(svg, "text", "name", name, x=ARM_LEFT - 6, y=y + 4, anchor="end")
        add(svg, "line", "base", x1=ARM_LEFT, x2=ARM_WIDTH - 62, y1=y, y2=y)
        for value in values:
            dot = add(svg, "circle", kind, cx=axis.at(value), cy=y, r=3.6)
            ElementTree.SubElement(dot, "title").text = write(value)
        add(svg, "line", f"middle {kind}", x1=axis.at(middle), x2=axis.at(middle), y1=y - 7, y2=y + 7)
        add(svg, "text", "value", write(middle), x=ARM_WIDTH - 56, y=y + 4)
    add(svg, "text", "unit", _title(one), x=ARM_LEFT, y=height - 5)
    return ElementTree.tostring(svg, encoding="unicode")


def heat_map(layers: Mapping[str, Any]) -> str:
    """Return the gradient norms of the layers over the steps, darker where they are larger; empty where nobody measured.

    Args:
        layers: `steps`, `names` and `grad_norm` of the timeline.
    """
    steps, names = layers.get("steps", []), layers.get("names", [])
    every = max(-(-len(steps) // COLUMNS_MOST), 1)
    table = [[float(value) for value in row[::every]] for row in layers.get("grad_norm", [])]
    norms = [value for row in table for value in row if isfinite(value) and value > 0]
    columns = len(steps[::every])
    if not norms or columns < 2:
        return ""
    low, high = log10(min(norms)), log10(max(norms))
    height = HEAT_ROW * len(names) + 40
    label = (
        f"Gradient norm of {len(names)} layers over {steps[-1]} steps, from {number(min(norms), 2)} to "
        f"{number(max(norms), 2)}"
    )
    svg = ElementTree.Element(
        "svg", {"viewBox": f"0 0 {HEAT_WIDTH} {height}", "class": "chart heat", "role": "img", "aria-label": label}
    )
    wide = (HEAT_WIDTH - HEAT_LEFT - 14) / columns
    cells = sorted(
        (_shade(value, low, high), row, column)
        for row, values in enumerate(table)
        for column, value in enumerate(values)
    )
    for shade, places in groupby(cells, key=lambda cell: cell[0]):
        path = "".join(
            f"M{HEAT_LEFT + column * wide:.1f} {row * HEAT_ROW}h{wide - 0.5:.1f}v{HEAT_ROW - 1}h-{wide - 0.5:.1f}z"
            for _, row, column in places
        )
        add(svg, "path", shade, d=path)
    for row, name in enumerate(names):
        short = str(name) if len(str(name)) <= NAME_LETTERS else "…" + str(name)[1 - NAME_LETTERS :]
        add(svg, "text", "name", short, x=HEAT_LEFT - 6, y=row * HEAT_ROW + 11, anchor="end")
    base = HEAT_ROW * len(names) + 14
    _ends(svg, base, str(steps[0]), f"step {steps[-1]}")
    _legend(svg, base + 12, number(min(norms), 2), number(max(norms), 2))
    return ElementTree.tostring(svg, encoding="unicode")


def _ends(svg: ElementTree.Element, y: float, first: str, last: str) -> None:
    add(svg, "text", "tick", first, x=HEAT_LEFT, y=y)
    add(svg, "text", "tick", last, x=HEAT_WIDTH - 14, y=y, anchor="end")


def _legend(svg: ElementTree.Element, y: float, low: str, high: str) -> None:
    add(svg, "text", "tick", low, x=HEAT_LEFT + 120, y=y + 9, anchor="end")
    for level in range(LEVELS):
        add(svg, "path", f"h{level}", d=f"M{HEAT_LEFT + 126 + 16 * level} {y}h15v10h-15z")
    add(svg, "text", "tick", f"{high} (log); red: not finite", x=HEAT_LEFT + 132 + 16 * LEVELS, y=y + 9)


def _shade(value: float, low: float, high: float) -> str:
    if not isfinite(value):
        return "broken"
    if value <= 0:
        return "h0"
    return f"h{min(int((log10(value) - low) / max(high - low, 1e-9) * LEVELS), LEVELS - 1)}"


def _title(one: Intervention) -> str:
    return "time per example, less is better" if one.arms_unit == "s" else f"{quantity(one.arms_unit)} of each arm"


def _per_example(value: float) -> str:
    return duration(value) if value else MISSING
