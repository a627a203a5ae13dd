"""The timeline of a run as one static SVG: panels on one axis of steps, interventions marked by number.

Drawn here and not by Vega: its engine takes 0.9 s to draw its first chart (2 s for its script), more than a small run
may spend on its whole report. Colours are CSS classes of the page, so it follows light, dark and print by itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from typing import Any
from xml.etree import ElementTree

from advisor.report.words import duration, number, share, size

WIDTH = 860
LEFT, RIGHT = 62, 14
TOP = 46
"""Room for the numbers of the marks and the first title."""
GAP = 26
BOTTOM = 34
BADGE = 17
"""Width of a numbered badge."""
LOG_SPAN = 30.0
"""A curve that spans more than this factor is read on a logarithmic axis."""
SMOOTHING = 0.8
"""Weight of the neighbours in the line that is drawn over the raw loss."""
SMOOTHED_LEAST = 60
"""A curve of fewer points is its own line."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Panel:
    """One panel: its curves by CSS class, and how its numbers are written."""

    title: str
    curves: tuple[tuple[str, tuple[Point, ...]], ...]
    height: int
    write: Callable[[float], str] = number
    dots: tuple[Point, ...] = ()
    hline: float | None = None
    """A level to compare with: the constant guess."""


@dataclass(frozen=True)
class Flag:
    """A numbered mark over all panels."""

    number: int
    step: float
    kind: str
    text: str


def draw(panels: Sequence[Panel], flags: Sequence[Flag], spans: Sequence[tuple[float, float]], label: str) -> str:
    """Return the SVG of these panels; empty where there is nothing to draw.

    Args:
        panels: From top to bottom.
        flags: Marks on the axis of steps.
        spans: (from, to) in steps: shaded, a fix is being tried.
        label: What a person who cannot see it is told.
    """
    panels = [panel for panel in panels if any(_finite(points) for _, points in panel.curves)]
    if not panels:
        return ""
    last = max(x for panel in panels for _, points in panel.curves for x, _ in points)
    height = TOP + sum(panel.height for panel in panels) + GAP * (len(panels) - 1) + BOTTOM
    svg = ElementTree.Element(
        "svg", {"viewBox": f"0 0 {WIDTH} {height}", "class": "chart", "role": "img", "aria-label": label}
    )
    across = Axis(0.0, max(last, 1.0), LEFT, WIDTH - RIGHT, log=False)
    for begin, end in spans:
        x, wide = across.at(begin), max(across.at(end) - across.at(begin), 2.0)
        add(svg, "rect", "span", x=x, y=TOP, width=wide, height=height - TOP - BOTTOM)
    top = TOP
    for panel in panels:
        _draw_panel(svg, panel, across, top)
        top += panel.height + GAP
    base = height - BOTTOM
    for tick in across.ticks(8):
        if tick == int(tick):
            add(
                svg, "text", "tick", f"{int(tick):,}".replace(",", " "), x=across.at(tick), y=base + 16, anchor="middle"
            )
    add(svg, "text", "tick", "step", x=WIDTH - RIGHT, y=base + 31, anchor="end")
    _draw_flags(svg, flags, across, base)
    return ElementTree.tostring(svg, encoding="unicode")


def timeline_panels(timeline: dict[str, Any], metric: str, baseline: float) -> list[Panel]:
    """Return the panels of a report's timeline: loss, metric, rate, step time, what is busy, memory."""
    steps = timeline.get("steps", [])
    loss = _points(steps, timeline.get("loss", []))
    abandoned = tuple(("abandoned", _points(one["steps"], one["loss"])) for one in timeline.get("abandoned", []))
    memory = _points(steps, timeline.get("memory_bytes", []))
    busy = timeline.get("busy")
    at = timeline.get("metric_steps", [])
    scored = _points(at, timeline.get("metric", []))
    losses = (
        ("raw", loss),
        *abandoned,
        ("line", _smoothed(loss)),
        ("second", _points(at, timeline.get("val_loss", []))),
    )
    metrics = (("second faint", _points(at, timeline.get("train_metric", []))), ("line", scored))
    return [
        Panel("loss: line training, dashes validation", losses, 150),
        Panel(
            f"{metric}: line validation, dashes training",
            metrics,
            110,
            number,
            scored,
            baseline if isfinite(baseline) else None,
        ),
        Panel("learning rate", (("line", _points(steps, timeline.get("lr", []))),), 56),
        Panel("time of a step", (("line", _points(steps, timeline.get("step_s", []))),), 56, duration),
        *([Panel(f"{busy['of']} busy", (("line", _points(busy["steps"], busy["share"])),), 56, share)] if busy else []),
        *([Panel("memory at its peak", (("line", memory),), 56, size)] if any(y > 0 for _, y in memory) else []),
    ]


def gain_bar(low: float, middle: float, high: float) -> str:
    """Return a small SVG: an interval against zero, positive to the right."""
    if not all(map(isfinite, (low, middle, high))):
        return ""
    axis = Axis(min(low, 0.0), max(high, 0.0), 4, 92, log=False)
    svg = ElementTree.Element("svg", {"viewBox": "0 0 96 14", "class": "gain", "aria-hidden": "true"})
    kind = "good" if middle > 0 else "bad"
    add(svg, "line", "zero", x1=axis.at(0.0), x2=axis.at(0.0), y1=1, y2=13)
    add(svg, "line", f"reach {kind}", x1=axis.at(low), x2=axis.at(high), y1=7, y2=7)
    add(svg, "circle", kind, cx=axis.at(middle), cy=7, r=3.2)
    return ElementTree.tostring(svg, encoding="unicode")


class Axis:
    """Maps values of one direction to places; `at` and `ticks` are in the units of the picture and of the values."""

    def __init__(self, low: float, high: float, begin: float, end: float, *, log: bool) -> None:
        self.log = log
        self.level: float | None = None
        """The one value of an axis that has no span."""
        self.low, self.high = (log10(low), log10(high)) if log else (low, high)
        if self.high - self.low < 1e-12 * max(abs(self.high), 1e-300):
            self.level = low
            pad = abs(self.high) * 0.1 or 1.0
            self.low, self.high = self.low - pad, self.high + pad
        self.begin, self.end = begin, end

    def at(self, value: float) -> float:
        """Return the place of a value."""
        value = log10(max(value, 1e-300)) if self.log else value
        return self.begin + (value - self.low) / (self.high - self.low) * (self.end - self.begin)

    def ticks(self, most: int) -> list[float]:
        """Return round values to mark, about `most` of them."""
        if self.level is not None:
            return [self.level]
        if self.log:
            powers = range(ceil(self.low - 1e-9), floor(self.high + 1e-9) + 1)
            every = max(ceil(len(powers) / most), 1)
            found = [10.0**power for power in powers if power % every == 0]
            return found if len(found) > 1 else [10**self.low, 10**self.high]
        span = self.high - self.low
        unit = 10 ** floor(log10(span / most))
        step = next(unit * factor for factor in (1, 2, 5, 10, 20) if span / (unit * factor) <= most)
        first = ceil(self.low / step - 1e-9)
        return [step * at for at in range(first, floor(self.high / step + 1e-9) + 1)]


def _draw_panel(svg: ElementTree.Element, panel: Panel, across: Axis, top: float) -> None:
    low, high = _range(panel)
    up = Axis(low, high, top + panel.height - 6, top + 8, log=low > 0 and high / low > LOG_SPAN)
    suffix = " (log)" if up.log else ""
    add(svg, "text", "title", panel.title + suffix, x=LEFT, y=top - 6)
    add(svg, "line", "base", x1=LEFT, x2=WIDTH - RIGHT, y1=top + panel.height, y2=top + panel.height)
    for tick in up.ticks(max(panel.height // 22, 2)):
        y = up.at(tick)
        add(svg, "line", "grid", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y)
        add(svg, "text", "tick", panel.write(tick), x=LEFT - 8, y=y + 4, anchor="end")
    if panel.hline is not None:
        add(svg, "line", "level", x1=LEFT, x2=WIDTH - RIGHT, y1=up.at(panel.hline), y2=up.at(panel.hline))
        add(svg, "text", "tick", "constant guess", x=WIDTH - RIGHT, y=up.at(panel.hline) - 4, anchor="end")
    for kind, points in panel.curves:
        if path := _path([(x, min(max(y, low), high) if isfinite(y) else y) for x, y in points], across, up):
            add(svg, "path", kind, d=path)
    for x, y in _finite(panel.dots):
        dot = add(svg, "circle", "dot", cx=across.at(x), cy=up.at(y), r=2.6)
        ElementTree.SubElement(dot, "title").text = f"step {x:.0f}: {panel.write(y)}"


def _range(panel: Panel) -> tuple[float, float]:
    """Return the range of a panel: of what counts; an abandoned branch may leave it."""
    counting = [points for kind, points in panel.curves if kind != "abandoned" and _finite(points)]
    values = [y for points in counting or [points for _, points in panel.curves] for _, y in _finite(points)]
    if panel.hline is not None:
        values.append(panel.hline)
    return min(values), max(values)


def _draw_flags(svg: ElementTree.Element, flags: Sequence[Flag], across: Axis, base: float) -> None:
    ordered = sorted(flags, key=lambda one: (one.step, one.number))
    places = [across.at(flag.step) for flag in ordered]
    for flag, x, badge in zip(ordered, places, _apart(places), strict=True):
        add(svg, "line", f"flag {flag.kind}", x1=x, x2=x, y1=17, y2=base)
        group = add(svg, "g", f"badge {flag.kind}")
        ElementTree.SubElement(group, "title").text = f"step {flag.step:.0f}: {flag.text}"
        add(group, "circle", "", cx=badge, cy=9, r=8)
        add(group, "text", "", str(flag.number), x=badge, y=12.6, anchor="middle")


def _apart(places: Sequence[float]) -> list[float]:
    """Return rising places moved so far that badges do not cover each other, and stay inside the plot."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + BADGE) if moved else place)
    limit = WIDTH - BADGE / 2
    for at in range(len(moved) - 1, -1, -1):
        moved[at] = min(moved[at], limit)
        limit = moved[at] - BADGE
    return moved


def add(parent: ElementTree.Element, tag: str, kind: str, text: str = "", **places: Any) -> ElementTree.Element:
    """Add an element with a class and its places to an SVG; text is escaped when it is written."""
    attributes = {"class": kind} if kind else {}
    for name, value in places.items():
        key = {"anchor": "text-anchor"}.get(name, name)
        attributes[key] = f"{value:.1f}" if isinstance(value, float) else str(value)
    element = ElementTree.SubElement(parent, tag, attributes)
    if text:
        element.text = text
    return element


def _path(points: Sequence[Point], across: Axis, up: Axis) -> str:
    """Return the path of a curve; a value that is not finite is a gap."""
    parts, pen_down = [], False
    for x, y in points:
        if not isfinite(y):
            pen_down = False
            continue
        parts.append(f"{'L' if pen_down else 'M'}{across.at(x):.1f} {up.at(y):.1f}")
        pen_down = True
    return "".join(parts)


def _smoothed(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return the mean of a moving average from the left and one from the right: smooth, and nothing is late."""
    if len(points) < SMOOTHED_LEAST:
        return tuple(points)
    values = [y for _, y in points]
    right = list(reversed(_moving(values[::-1])))
    return tuple((x, (a + b) / 2) for (x, _), a, b in zip(points, _moving(values), right, strict=True))


def _moving(values: Sequence[float]) -> list[float]:
    mean, smooth = float("nan"), []
    for value in values:
        if isfinite(value):
            mean = value if not isfinite(mean) else SMOOTHING * mean + (1 - SMOOTHING) * value
        smooth.append(mean if isfinite(value) else value)
    return smooth


def _points(steps: Sequence[float], values: Sequence[Any]) -> tuple[Point, ...]:
    return tuple((float(x), float("nan") if y is None else float(y)) for x, y in zip(steps, values, strict=False))


def _finite(points: Sequence[Point]) -> list[Point]:
    return [point for point in points if isfinite(point[1])]
