"""The timeline of a run as one picture: panels on one axis of steps, interventions marked by number."""

from collections.abc import Sequence
from math import isfinite

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from advisor.report.panels import Flag, Panel, Point, finite
from advisor.report.svg import Picture, drawing, printable
from advisor.report.words import count

WIDTH = 860
LEFT, RIGHT = 62, 14
ACROSS = WIDTH - LEFT - RIGHT
GAP = 26
"""Above a panel, for its title."""
BADGES = 20
"""Above the first panel's title, where marks are numbered."""
BOTTOM = 34
MARGIN = 7
"""Above and below the curves of a panel."""
TITLE_UNITS = 12
TITLE_INDENT = 4
"""The line of a mark at the first step does not go through the title."""
LONE = 3
"""Width of a point that no line passes through."""
BADGE = 17
"""Width of a numbered badge with the room around it."""
BADGE_Y = 9
"""Of the middle of a badge."""
LOG_SPAN = 30.0
"""A curve that spans more than this factor is read on a logarithmic axis."""
BETWEEN_POWERS = ((1, 2, 5), (1, 3), (1,))
"""What a logarithmic axis marks of each power of ten: as many as it has room for."""
ROUND = (1, 2, 5, 10)
"""Steps of a scale that people count in."""
TICKS_ACROSS = 8
TICK_UNITS = 18
"""Height that a mark of the scale needs."""


@drawing()
def draw(
    panels: Sequence[Panel],
    flags: Sequence[Flag],
    spans: Sequence[tuple[float, float]],
    label: str,
    *,
    name: str = "timeline",
    unit: str = "step",
) -> str:
    """Return the SVG of these panels; empty where there is nothing to draw.

    Args:
        panels: From top to bottom.
        flags: Marks on the axis of steps.
        spans: (from, to) in steps: shaded, a fix is being tried.
        label: What a person who cannot see it is told.
        name: Of the picture, its own on the page.
        unit: What the axis counts.
    """
    panels = [panel for panel in panels if any(finite(points) for _, points in panel.curves)]
    if not panels:
        return ""
    counted = [x for panel in panels for _, points in panel.curves for x, _ in points]
    last = max(1.0, *counted, *(flag.step for flag in flags))
    top = GAP + (BADGES if flags else 0)
    height = sum(panel.height for panel in panels) + GAP * (len(panels) - 1)
    picture = Picture(WIDTH, top + height + BOTTOM)
    ground = picture.axes(LEFT, top, ACROSS, height)
    _draw_steps(ground, last, unit)
    per_unit = last / ACROSS
    for begin, end in spans:
        ground.axvspan(begin, max(end, begin + 2 * per_unit), gid=picture.role("span"))
    _draw_flags(picture, ground, flags, height, per_unit)
    for panel in panels:
        _draw_panel(picture, panel, ground, top, unit)
        top += panel.height + GAP
    return picture.svg("chart", label, name)


def _draw_steps(ground: Axes, last: float, unit: str) -> None:
    """Give the axes behind all panels the axis of steps."""
    ground.set(xlim=(0.0, last), ylim=(0.0, 1.0))
    ground.yaxis.set_visible(False)
    ground.xaxis.set_major_locator(MaxNLocator(TICKS_ACROSS, steps=ROUND, integer=True))
    ground.xaxis.set_major_formatter(FuncFormatter(lambda step, _: count(round(step))))
    ground.set_xlabel(unit, loc="right", labelpad=2)


def _draw_panel(picture: Picture, panel: Panel, ground: Axes, top: float, unit: str) -> None:
    axes = picture.axes(LEFT, top, ACROSS, panel.height, sharex=ground)
    axes.xaxis.set_visible(False)
    axes.margins(y=MARGIN / panel.height)
    axes.add_artist(Line2D([0, 1], [0, 0], transform=axes.transAxes, clip_on=False, gid=picture.role("base")))
    _draw_curves(picture, panel, axes, unit)
    if panel.hline is not None:
        axes.axhline(panel.hline, gid=picture.role("level"))
        axes.annotate(
            "constant guess", (1, panel.hline), xycoords=("axes fraction", "data"), xytext=(-TITLE_INDENT, 4),
            textcoords="offset points", ha="right",
        )  # fmt: skip
    if panel.whole is not None:
        axes.update_datalim([(0.0, level) for level in panel.whole], updatex=False)
    _scale(axes, most=max(panel.height // TICK_UNITS, 2))
    low, high = axes.get_ylim()
    marks = {panel.write(mark): mark for mark in axes.get_yticks() if low <= mark <= high}
    axes.set_yticks(list(marks.values()), list(marks))  # two that read alike would be one too many
    axes.tick_params(axis="y", pad=8)
    axes.grid(axis="y", gid=picture.role("grid"))
    suffix = " (log)" if axes.get_yscale() == "log" else ""
    axes.set_title(
        printable(panel.title + suffix), loc="left", x=TITLE_INDENT / ACROSS, pad=6, fontsize=TITLE_UNITS,
        gid=picture.role("title"),
    )  # fmt: skip


def _draw_curves(picture: Picture, panel: Panel, axes: Axes, unit: str) -> None:
    drawn = [(kind, points) for kind, points in panel.curves if finite(points)]
    counts = any(kind != "abandoned" for kind, _ in drawn)
    for kind, points in drawn:
        lines = [Line2D(*zip(*points, strict=True), gid=picture.role(kind))]
        if lone := _lone(points):
            lines.append(Line2D(*zip(*lone, strict=True), ls="", marker="o", markersize=LONE, gid=picture.role(kind)))
        for line in lines:
            if counts and kind == "abandoned":
                axes.add_artist(line)  # it may leave the range
            else:
                axes.add_line(line)
    if dots := finite(panel.dots):
        gid = picture.role("dot", [f"{unit} {x:.0f}: {panel.write(y)}" for x, y in dots])
        axes.plot(*zip(*dots, strict=True), "o", markersize=5.2, clip_on=False, scalex=False, gid=gid)


def _lone(points: Sequence[Point]) -> list[Point]:
    """Return the points between two gaps: a line through one point cannot be seen."""
    there = [False, *(isfinite(y) for _, y in points), False]
    return [point for at, point in enumerate(points) if there[at : at + 3] == [False, True, False]]


def _scale(axes: Axes, most: int) -> None:
    """Give axes the scale on which their range is read, and about `most` round numbers to mark."""
    low, high = axes.dataLim.intervaly
    if low > 0 and high / low > LOG_SPAN:
        axes.set_yscale("log")
        axes.minorticks_off()
    axes.autoscale_view(scalex=False)
    if low == high:
        axes.set_yticks([low])
    elif axes.get_yscale() == "log":
        low, high = axes.get_ylim()
        for between in BETWEEN_POWERS:
            locator = LogLocator(subs=between, numticks=most)
            if 2 <= sum(low <= mark <= high for mark in locator.tick_values(low, high)) <= most:
                break
        axes.yaxis.set_major_locator(locator)
    else:
        axes.yaxis.set_major_locator(MaxNLocator(most, steps=ROUND))


def _draw_flags(picture: Picture, ground: Axes, flags: Sequence[Flag], height: float, per_unit: float) -> None:
    ordered = sorted(flags, key=lambda one: (one.step, one.number))
    y = 1 + (GAP + BADGES - BADGE_Y) / height
    for flag, x in zip(ordered, _apart([flag.step for flag in ordered], per_unit), strict=True):
        ground.axvline(flag.step, ymax=y - BADGE / 2 / height, clip_on=False, gid=picture.role(f"flag {flag.kind}"))
        gid = picture.role(f"badge {flag.kind}", [f"step {flag.step:.0f}: {flag.text}"])
        ground.plot([x], [y], "o", markersize=BADGE - 1, clip_on=False, gid=gid)
        ground.annotate(
            str(flag.number), (x, y), xytext=(0, -3.6), textcoords="offset points", ha="center", annotation_clip=False,
            gid=picture.role("numbered"),
        )  # fmt: skip


def _apart(steps: Sequence[float], per_unit: float) -> list[float]:
    """Return rising steps moved so far that badges do not cover each other, and stay inside the picture."""
    wide = BADGE * per_unit
    moved: list[float] = []
    for step in steps:
        moved.append(max(step, moved[-1] + wide) if moved else step)
    limit = (WIDTH - LEFT - BADGE / 2) * per_unit
    for at in range(len(moved) - 1, -1, -1):
        moved[at] = min(moved[at], limit)
        limit = moved[at] - wide
    return moved
