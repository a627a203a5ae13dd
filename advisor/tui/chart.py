"""The line chart: braille dots on axes with units, marks of interventions, shaded trials, dimmed abandoned branches."""

from dataclasses import dataclass, field
from itertools import groupby
from typing import ClassVar, Literal

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.content import Content
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from advisor.tui import words
from advisor.tui.axes import bounds, linear_ticks, logarithmic_ticks, wants_logarithm
from advisor.tui.braille import DOTS_HIGH, DOTS_WIDE, NO_INK, Canvas, Frame, decimate
from advisor.tui.crosshair import legend_at, value_at
from advisor.tui.series import Floats, Points, smoothed

Ink = Literal["raw", "main", "second", "ghost", "dots"]
"""How a line is drawn: raw behind, main (smoothed) before it, a second one, an abandoned branch, or single dots."""
Scale = Literal["auto", "linear", "log"]

_PARTS = ("raw", "main", "second", "ghost", "dots", "axis", "mark", "span", "hole", "waiting", "crosshair")
_MARK, _NO_PART = _PARTS.index("mark"), -2
SMOOTHING_SHARE = 0.015
"""Memory of the smoothed line as a share of the columns: steady to the eye, and a turn still shows within a few."""
MOST_TICKS = 7
"""More labels on a tall chart only make it restless."""
STEP_LABEL_CELLS = 11
"""Room for a step with its thousands, and as much air again."""
GUTTER_CELLS = 6
"""Charts above each other share their steps: a common gutter keeps the same step in the same column."""
LEAST_WIDTH, LEAST_HEIGHT = 16, 3
"""Cells below which axes would leave no room for a line."""


@dataclass(frozen=True)
class Line:
    """One line of a plot."""

    points: Points
    ink: Ink
    smooth: bool = False
    """Draw the moving average of the points instead of their extent."""
    legend: tuple[str, str] | None = None
    """What the line is called beside its values, and its colour; nothing for one that has no legend."""
    dashed: bool = False
    """Tell it from the others by its form, where there are no colours to do so."""


@dataclass(frozen=True)
class Mark:
    """An intervention at a step; `glyph` says by its form what became of it."""

    step: float
    glyph: str


@dataclass(frozen=True)
class Plot:
    """All that a chart draws. Two plots with the same `version` look the same."""

    version: tuple[object, ...]
    title: Content
    lines: tuple[Line, ...] = ()
    first: float = 0.0
    last: float = 1.0
    marks: tuple[Mark, ...] = ()
    spans: tuple[tuple[float, float], ...] = ()
    """Steps (from, to) over which a trial ran."""
    waiting: str = ""
    """What is said where there is nothing to draw yet."""
    unit: str = "step"
    scale: Scale = "auto"
    """How the values are scaled unless the user has turned the chart's own scale."""
    name: str = ""
    """What the chart shows; the title has it with the newest values."""


NOTHING = Plot(version=(), title=Content(""), waiting="waiting for the first step")


@dataclass(frozen=True)
class _Side:
    """What all rows of one painting share."""

    gutter: int
    """Cells left of the axis."""
    shaded: list[bool]
    """Cells that lie in a trial."""
    marks: dict[int, Mark]
    styles: dict[str, Style]

    def style(self, part: str, shaded: bool) -> Style:
        """Return the style of a part, shaded where it lies in a trial."""
        return self.styles[part] + Style(bgcolor=self.styles["span"].bgcolor) if shaded else self.styles[part]


@dataclass
class _Drawn:
    """The strips of one painting and what they were painted from."""

    key: tuple[object, ...] = ()
    strips: list[Strip] = field(default_factory=list)
    frame: Frame | None = None
    """Nothing where there was nothing to draw."""
    gutter: int = 0
    smooth: dict[int, Floats] = field(default_factory=dict)
    """Line → its moving average at each dot column, [2·width]."""


class Chart(Widget, can_focus=True):
    """A chart that draws only when its plot, its size or its theme has changed."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"chart--{part}" for part in _PARTS}
    DEFAULT_CSS = """
    Chart {
        height: 1fr; width: 1fr; padding: 0 1;
        border-top: solid $rule; border-title-color: $foreground;
        &:focus { border-top: solid $primary; }
        & > .chart--raw { color: $raw; }
        & > .chart--main { color: $primary; }
        & > .chart--second { color: $secondary; }
        & > .chart--ghost { color: $faint; }
        & > .chart--dots { color: $secondary; }
        & > .chart--axis { color: $muted; }
        & > .chart--mark { color: $accent; }
        & > .chart--span { background: $shade; }
        & > .chart--hole { color: $error; text-style: bold; }
        & > .chart--waiting { color: $muted; }
        & > .chart--crosshair { color: $foreground; }
    }
    """

    class Pointed(Message):
        """The mouse points at a step, or no longer at any; a click fixes it there."""

        def __init__(self, step: float | None, fixed: bool = False) -> None:
            super().__init__()
            self.step = step
            self.fixed = fixed

    def __init__(self, scale: Scale = "auto", ascii_only: bool = False, **options: str) -> None:
        super().__init__(id=options.get("id"), classes=options.get("classes"))
        self.scale: Scale = scale
        self.ascii_only = ascii_only
        self.paintings = 0
        """How often the chart was painted anew; tests and measurements read it."""
        self._plot = NOTHING
        self._drawn = _Drawn()
        self._part_styles: dict[str, Style] = {}
        self._crosshair: float | None = None

    def show(self, plot: Plot) -> None:
        """Draw this plot, unless it is the one that is there."""
        if plot.version == self._plot.version:
            return
        self._plot = plot
        self._entitle()
        self.refresh()

    def point(self, step: float | None) -> None:
        """Put the crosshair on a step, or take it away; nothing is painted anew."""
        if step != self._crosshair:
            self._crosshair = step
            self._entitle()
            self.refresh()

    @property
    def cell_steps(self) -> float:
        """Steps behind one cell of the chart as it is drawn; 0 while nothing is."""
        frame = self._drawn.frame
        return (frame.last - frame.first) / frame.width if frame else 0.0

    @property
    def steps(self) -> tuple[float, float]:
        """The first and last step of the chart as it is drawn; (0, 0) while nothing is."""
        frame = self._drawn.frame
        return (frame.first, frame.last) if frame else (0.0, 0.0)

    def _entitle(self) -> None:
        """Say the newest values, or those at the crosshair."""
        step, drawn = self._crosshair, self._drawn
        if step is None or drawn.frame is None:
            self.border_title = self._plot.title
            return
        pieces = [Content.assemble((self._plot.name, "bold"))]
        for place, line in enumerate(self._plot.lines):
            shown = line.points.between(drawn.frame.first, drawn.frame.last)
            if line.legend is None or (value := value_at(shown, step)) is None:
                continue
            column = int(drawn.frame.column(np.array([step]))[0])
            smooth = float(drawn.smooth[place][column]) if place in drawn.smooth else None
            pieces.append(legend_at(*line.legend, value, smooth, step, self.cell_steps))
        self.border_title = Content("  ").join(pieces)

    def _pointed(self, event: events.MouseEvent, fixed: bool = False) -> None:
        frame, offset = self._drawn.frame, event.get_content_offset(self)
        if frame is None or offset is None:
            return
        cell = min(max(offset.x - self._drawn.gutter - 1, 0), frame.width - 1)
        self.post_message(self.Pointed(frame.first + (cell + 0.5) * self.cell_steps, fixed))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Point at the step under the mouse."""
        self._pointed(event)

    def on_click(self, event: events.Click) -> None:
        """Fix the crosshair at the step under the mouse."""
        self._pointed(event, fixed=True)

    def on_leave(self) -> None:
        """Point at nothing."""
        self.post_message(self.Pointed(None))

    def turn_scale(self) -> Scale:
        """Go on to the next way of scaling the values and return it."""
        order: tuple[Scale, ...] = ("auto", "linear", "log")
        self.scale = order[(order.index(self.scale) + 1) % len(order)]
        self.refresh()
        return self.scale

    def notify_style_update(self) -> None:
        """Forget the painting: the theme has changed."""
        super().notify_style_update()
        self._drawn = _Drawn()
        self._part_styles = {}

    def render_line(self, y: int) -> Strip:
        """Return one line of the painting."""
        key = (self._plot.version, self.size, self.scale)
        if self._drawn.key != key:
            self.paintings += 1
            self._drawn = _Drawn(key)
            self._drawn.strips = self._paint(self.size.width, self.size.height)
            if self._crosshair is not None:
                self.call_later(self._entitle)
        strips = self._drawn.strips
        if y >= len(strips):
            return Strip.blank(self.size.width, self.rich_style)
        frame, step = self._drawn.frame, self._crosshair
        if frame is None or step is None or not frame.first <= step <= frame.last:
            return strips[y]
        return self._crossed(strips[y], frame, step)

    def _crossed(self, strip: Strip, frame: Frame, step: float) -> Strip:
        """Return a strip with the crosshair on it: a rule where nothing is drawn, else the cell turned inside out."""
        place = self._drawn.gutter + 1 + int(frame.column(np.array([step]))[0]) // DOTS_WIDE
        before, cell, after = strip.divide([place, place + 1, strip.cell_length])
        own = next(iter(cell), Segment(" "))
        if own.text.isspace():
            crossed = Segment("|" if self.ascii_only else "│", (own.style or Style()) + self._styles()["crosshair"])
        else:
            crossed = Segment(own.text, (own.style or Style()) + Style(reverse=True))
        return Strip([*before, crossed, *after], strip.cell_length)

    def _paint(self, width: int, height: int) -> list[Strip]:
        plot = self._plot
        drawable = any(bool(np.isfinite(line.points.low).any()) for line in plot.lines)
        if not drawable or width < LEAST_WIDTH or height < LEAST_HEIGHT:
            return self._paint_waiting(width, height)
        extents = [part for line in plot.lines for part in (line.points.low, line.points.high) if line.ink != "ghost"]
        if not any(bool(np.isfinite(extent).any()) for extent in extents):
            extents = [part for line in plot.lines for part in (line.points.low, line.points.high)]
        scale = plot.scale if self.scale == "auto" else self.scale
        logarithmic = scale == "log" or (scale == "auto" and wants_logarithm(extents))
        if logarithmic and not any(bool((extent > 0).any()) for extent in extents):
            logarithmic = False
        bottom, top = bounds(extents, logarithmic)
        rows = height - 1
        ticks = (logarithmic_ticks if logarithmic else linear_ticks)(bottom, top, max(min(rows // 2, MOST_TICKS), 2))
        labels = dict(zip(ticks, words.aligned(ticks), strict=True))
        gutter = max(max((len(label) for label in labels.values()), default=1) + 1, GUTTER_CELLS)
        frame = Frame(
            max(width - gutter - 1, 2), rows, plot.first, max(plot.last, plot.first + 1), bottom, top, logarithmic
        )
        self._drawn.frame, self._drawn.gutter = frame, gutter
        canvas, holes = self._canvas(frame)
        named = {int(frame.row(np.array([tick]))[0]) // DOTS_HIGH: label for tick, label in labels.items()}
        shown = [mark for mark in plot.marks if frame.first <= mark.step <= frame.last]
        columns = frame.column(np.array([mark.step for mark in shown], dtype=np.float64)) // DOTS_WIDE
        marks = dict(zip(columns.tolist(), shown, strict=True))
        side = _Side(gutter, self._shaded(frame), marks, self._styles())
        body = [
            self._row(text, inks, named.get(row, ""), side, flags=row == 0)
            for row, (text, inks) in enumerate(zip(canvas.text(self.ascii_only), canvas.inks.tolist(), strict=True))
        ]
        return [*body, self._axis(frame, side, holes)]

    def _canvas(self, frame: Frame) -> tuple[Canvas, set[int]]:
        canvas = Canvas(frame.width, frame.height)
        holes: set[int] = set()
        for place, line in enumerate(self._plot.lines):
            columns = decimate(line.points.between(frame.first, frame.last), frame)
            low, high = columns.low, columns.high
            if line.smooth:
                low = high = self._drawn.smooth[place] = smoothed(columns.mean, SMOOTHING_SHARE * len(columns.mean))
            gaps = columns.holes & ~np.isfinite(columns.low)
            before = line.ink in ("main", "second", "dots")
            canvas.draw(low, high, gaps, frame, _PARTS.index(line.ink), alone=before, dashed=line.dashed)
            if line.ink != "ghost":
                holes |= {int(column) // 2 for column in np.flatnonzero(columns.holes)}
        return canvas, holes

    def _shaded(self, frame: Frame) -> list[bool]:
        shaded = [False] * frame.width
        for first, last in self._plot.spans:
            if last >= frame.first and first <= frame.last:
                a, b = (int(one) // 2 for one in frame.column(np.array([first, last])))
                shaded[a : b + 1] = [True] * (b + 1 - a)
        return shaded

    def _styles(self) -> dict[str, Style]:
        """Return the style of each part over the chart's own; worked out once a theme, it is not cheap."""
        if not self._part_styles:
            own = self.rich_style
            looks = {part: self.get_component_rich_style(f"chart--{part}", partial=True) for part in _PARTS}
            self._part_styles = {"": own} | {part: own + look for part, look in looks.items()}
        return self._part_styles

    def _row(self, text: str, inks: list[int], label: str, side: _Side, flags: bool) -> Strip:
        """Return one row of cells, cut where its style changes."""
        styles, marks = side.styles, side.marks
        rule, line = ("|", "|") if self.ascii_only else ("┊", "│" if not label else "┤")
        segments = [Segment(f"{label:>{side.gutter - 1}} {line}", styles["axis"])]
        parts = [ink if ink != NO_INK else _NO_PART for ink in inks]
        if marks:
            characters = list(text)
            for place, mark in marks.items():
                if flags or inks[place] == NO_INK:
                    parts[place], characters[place] = _MARK, mark.glyph if flags else rule
            text = "".join(characters)
        start = 0
        for (part, shaded), run in groupby(zip(parts, side.shaded, strict=True)):
            end = start + sum(1 for _ in run)
            segments.append(Segment(text[start:end], side.style("" if part == _NO_PART else _PARTS[part], shaded)))
            start = end
        return Strip(segments, side.gutter + 1 + len(text))

    def _axis(self, frame: Frame, side: _Side, holes: set[int]) -> Strip:
        """Return the row of steps: round numbers, stretches of trials underlined, holes marked."""
        axis = side.styles["axis"]
        under = "=" if self.ascii_only else "═"
        cells: list[tuple[str, Style]] = [(under if dark else " ", axis) for dark in side.shaded]
        for place in holes:
            cells[place] = ("x" if self.ascii_only else "✗", side.styles["hole"])
        for tick in linear_ticks(frame.first, frame.last, max(frame.width // STEP_LABEL_CELLS, 2)):
            label = f"{int(tick):,}"
            start = int(frame.column(np.array([float(tick)]))[0]) // 2 - len(label) // 2
            start = min(max(start, 0), frame.width - len(label))
            around = cells[max(start - 1, 0) : start + len(label) + 1]
            if tick == int(tick) and all(character in (" ", under) for character, _ in around):
                cells[start : start + len(label)] = [(character, axis) for character in label]
        unit = f" {self._plot.unit}"
        if all(character in (" ", under) for character, _ in cells[-len(unit) :]):
            cells[-len(unit) :] = [(character, axis) for character in unit]
        corner = "+" if self.ascii_only else "└"
        segments = [Segment(" " * side.gutter + corner, axis), *(Segment(*cell) for cell in cells)]
        return Strip(segments, side.gutter + 1 + frame.width).simplify()

    def _paint_waiting(self, width: int, height: int) -> list[Strip]:
        style = self._styles()["waiting"]
        text = self._plot.waiting[: max(width - 2, 0)]
        blank = Strip.blank(width, self.rich_style)
        said = Strip([Segment(text.center(width), style)], width)
        return [said if row == (height - 1) // 2 else blank for row in range(height)]
