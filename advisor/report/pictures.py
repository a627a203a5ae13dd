"""Pictures beside the timeline: a trial's measurements, and the gradients of the layers."""

from collections.abc import Mapping
from itertools import groupby
from math import isfinite, log10, nan
from statistics import median
from typing import Any

import numpy as np
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from advisor.report.schema import Intervention
from advisor.report.svg import Picture, drawing, printable
from advisor.report.words import MISSING, duration, number, quantity

ARM_NAMES = {"control": "without", "candidate": "with", "null": "without, again"}
"""In the order of the rows."""
ARM_WIDTH, ARM_LEFT, ARM_RIGHT, ARM_ROW = 420, 92, 70, 18
COLUMNS_MOST = 60
"""Columns of the heat map: more cannot be told apart."""
LEVELS = 8
"""Shades of the heat map."""
HEAT_WIDTH, HEAT_LEFT, HEAT_RIGHT, HEAT_ROW = 860, 150, 14, 14
LEGEND_LEFT, LEGEND_CELL = 276, 16
SEAM_UNITS = 0.5
"""Between two cells of the heat map."""
NAME_LETTERS = 22
"""Of a layer that the heat map has room for: its block stands at the beginning, its part of the block at the end."""


@drawing()
def arms_plot(one: Intervention, name: str = "arms") -> str:
    """Return what a trial measured, as dots with and without the fix, the median marked; empty where nothing was.

    Args:
        one: With the measurements of each arm.
        name: Of the picture, its own on the page.
    """
    rows = [
        (told, values)
        for arm, told in ARM_NAMES.items()
        if (values := [each.value for each in one.arms if each.arm == arm and isfinite(each.value)])
    ]
    if len(rows) < 2:
        return ""
    write = _per_example if one.arms_unit == "s" else number
    picture = Picture(ARM_WIDTH, ARM_ROW * len(rows) + 20)
    axes = picture.axes(ARM_LEFT, 0, ARM_WIDTH - ARM_LEFT - ARM_RIGHT, ARM_ROW * len(rows))
    axes.set(xmargin=0.04, ylim=(len(rows) - 0.5, -0.5), xticks=[])
    axes.set_yticks(range(len(rows)), [told for told, _ in rows])
    axes.grid(axis="y", gid=picture.role("base"))
    axes.set_xlabel(printable(_title(one)), loc="left", labelpad=6)
    for at, (told, values) in enumerate(rows):
        kind = "with" if told == "with" else "without"
        middle = median(values)
        gid = picture.role(f"arm {kind}", [write(value) for value in values])
        axes.plot(values, [at] * len(values), "o", markersize=7.2, clip_on=False, gid=gid)
        axes.plot([middle, middle], [at - 0.4, at + 0.4], clip_on=False, gid=picture.role(f"middle {kind}"))
        axes.annotate(
            write(middle), (1, at), xycoords=("axes fraction", "data"), xytext=(8, -4), textcoords="offset points",
            gid=picture.role("value"),
        )  # fmt: skip
    label = f"{_title(one)}: " + "; ".join(f"{told} {write(median(values))}" for told, values in rows)
    return picture.svg("arms", label, name)


@drawing()
def heat_map(layers: Mapping[str, Any]) -> str:
    """Return the gradient norms of the layers over the steps, darker where they are larger; empty where nobody measured.

    Args:
        layers: `steps`, `names` and `grad_norm` of the timeline.
    """
    steps, names = layers.get("steps", []), layers.get("names", [])
    every = max(-(-len(steps) // COLUMNS_MOST), 1)
    table = [[nan if value is None else float(value) for value in row[::every]] for row in layers.get("grad_norm", [])]
    norms = [value for row in table for value in row if isfinite(value) and value > 0]
    columns = len(steps[::every])
    if not norms or columns < 2:
        return ""
    low, high = min(norms), max(norms)
    height, width = HEAT_ROW * len(names), HEAT_WIDTH - HEAT_LEFT - HEAT_RIGHT
    picture = Picture(HEAT_WIDTH, height + 40)
    axes = picture.axes(HEAT_LEFT, 0, width, height)
    axes.set(xlim=(0, columns), ylim=(len(names), 0))
    cells = sorted(
        (_shade(value, log10(low), log10(high)), row, column)
        for row, values in enumerate(table)
        for column, value in enumerate(values)
    )
    cell = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * (1 - SEAM_UNITS * columns / width, 1 - SEAM_UNITS / HEAT_ROW)
    for shade, places in groupby(cells, key=lambda one: one[0]):
        corners = np.array([(column, row) for _, row, column in places])[:, None, :] + cell
        axes.add_patch(PathPatch(Path.make_compound_path_from_polys(corners), gid=picture.role(shade)))
    axes.set_yticks([row + 0.5 for row in range(len(names))], [_short(printable(str(name))) for name in names])
    axes.set_xticks([0, columns], [str(steps[0]), f"step {steps[-1]}"])
    first, last = axes.get_xticklabels()
    first.set_horizontalalignment("left")
    last.set_horizontalalignment("right")
    _draw_legend(picture, height + 26, number(low, 2), number(high, 2))
    label = f"Gradient norm of {len(names)} layers over {steps[-1]} steps, from {number(low, 2)} to {number(high, 2)}"
    return picture.svg("chart heat", label, "layers")


def _draw_legend(picture: Picture, top: float, low: str, high: str) -> None:
    axes = picture.axes(LEGEND_LEFT, top, LEGEND_CELL * LEVELS, 10)
    axes.set(xlim=(0, LEVELS), ylim=(0, 1), xticks=[], yticks=[])
    for level in range(LEVELS):
        axes.axvspan(level, level + 1 - SEAM_UNITS / LEGEND_CELL, gid=picture.role(f"h{level}"))
    for side, x, away, text in (("right", 0, -6, low), ("left", 1, 6, f"{high} (log); red: not finite")):
        axes.annotate(text, (x, 0), xycoords="axes fraction", xytext=(away, 1), textcoords="offset points", ha=side)


def _short(name: str) -> str:
    half = NAME_LETTERS // 2
    return name if len(name) <= NAME_LETTERS else f"{name[: half - 1]}…{name[-half:]}"


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
