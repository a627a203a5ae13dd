"""The table of runs: one line a run, painted only where it is seen; hundreds of them cost no more than a screen full."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite, log
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from advisor.tui import words
from advisor.tui.run_list_rows import RunRow, State, condensed

LOOKS: dict[State, tuple[str, str]] = {
    "starting": ("◌", "$primary"),
    "training": ("●", "$success"),
    "paused": ("‖", "$warning"),
    "stalled": ("!", "$error"),
    "unwatched": ("○", "$warning"),
    "finished": ("✓", "$success"),
    "stopped": ("■", "$warning"),
    "failed": ("✗", "$error"),
    "died unwatched": ("✗", "$error"),
}
"""Form and colour of each state; the word is always there."""
BARS = "▁▂▃▄▅▆▇█"
BROKEN = "×"
"""Stands in the little curve where the loss was not finite."""
LOG_RATIO = 10.0
"""A loss that falls by more is drawn on a logarithmic scale, as a person would plot it."""
DAY_S = 86_400.0
MARK_CELLS = 2
"""Before each line: whether its run is marked."""
LEAST_STANDS_CELLS = 9
"""One code, and how many more there are."""
SHARES = ("accuracy", "balanced_accuracy", "rare_recall", "f1_macro")


@dataclass(frozen=True)
class Columns:
    """Cells of each column. What stands takes what is left."""

    state: int
    name: int
    when: int
    steps: int
    best: int
    fixes: int
    curve: int
    stands: int

    @classmethod
    def of(cls, width: int) -> "Columns":
        """Return the columns for a table of so many cells."""
        if width < 100:
            fixed = {"state": 14, "name": max(width - 67, 8), "when": 6, "steps": 6, "best": 6, "fixes": 6, "curve": 6}
        elif width < 150:
            fixed = {"state": 16, "name": 22, "when": 12, "steps": 13, "best": 15, "fixes": 10, "curve": 10}
        else:
            fixed = {"state": 16, "name": 34, "when": 16, "steps": 17, "best": 24, "fixes": 16, "curve": 16}
        left = width - MARK_CELLS - sum(cells + 1 for cells in fixed.values())
        return cls(**fixed, stands=max(left, LEAST_STANDS_CELLS))


def heading(columns: Columns, order: str) -> Content:
    """Return the names of the columns; the one that is sorted by stands out."""
    names = (
        ("state", "state", columns.state),
        ("name", "run", columns.name),
        ("newest", "when", columns.when),
        ("steps", "steps", columns.steps),
        ("best", "best", columns.best),
        ("kept", "kept/back" if columns.fixes > len("kept/back") else "kept", columns.fixes),
        ("", "loss", columns.curve),
        ("", "stands", len("stands")),
    )
    cells = [
        (words.cell(text, cells) + " ", "bold underline" if key == order else "$muted") for key, text, cells in names
    ]
    return Content.assemble("  ", *cells)


def line(row: RunRow, columns: Columns, now_t: float, marked: bool, ascii_only: bool = False) -> Content:
    """Return the line of one run, as long as it needs; the table cuts it."""
    glyph, colour = LOOKS[row.state]
    word = f"{glyph} {row.state}" if columns.state >= 16 and not ascii_only else row.state
    broken = row.curve and any(one is not None and not isfinite(one) for one in row.curve)
    parts: list[str | tuple[str, str]] = [
        (("*" if ascii_only else "◆") + " " if marked else "  ", "bold $accent"),
        (words.cell(word, columns.state), f"bold {colour}" if row.live or row.state != "finished" else colour),
        " ",
        (words.cell(row.name, columns.name, ascii_only), "bold"),
        " ",
        (words.cell(when(row.created_t, now_t, columns.when), columns.when), "$muted"),
        " ",
        words.cell(_steps(row, columns.steps), columns.steps),
        " ",
        (words.cell(_best(row, columns.best), columns.best, ascii_only), "bold"),
        " ",
        words.cell(_fixes(row, columns.fixes), columns.fixes),
        " ",
        (words.cell(spark(row.curve, columns.curve, ascii_only), columns.curve), "$error" if broken else "$primary"),
        " ",
        (codes(row.causes, columns.stands) or words.MISSING, "$warning" if row.causes else "$muted"),
    ]
    return Content.assemble(*parts)


def codes(causes: Sequence[str], cells: int) -> str:
    """Return the codes that fit, whole, and how many more there are; the first one always."""
    for count in range(len(causes), 0, -1):
        more = f" +{len(causes) - count}" if count < len(causes) else ""
        told = " ".join(causes[:count]) + more
        if len(told) <= cells or count == 1:
            return told
    return ""


def _steps(row: RunRow, cells: int) -> str:
    if not row.steps_total and not row.step:
        return words.MISSING
    full = f"{row.step:,}/{row.steps_total:,}" if row.step != row.steps_total else f"{row.step:,}"
    return full if len(full) <= cells else words.rate(row.step)


def _best(row: RunRow, cells: int) -> str:
    if row.best is None:
        return words.MISSING
    short = percent_or_number(row)
    full = f"{row.metric} {short}"
    return full if len(full) <= cells else short


def percent_or_number(row: RunRow) -> str:
    """Return the best metric as people read it: a share as a percentage."""
    if row.best is None:
        return words.MISSING
    return f"{100 * row.best:.1f}%" if row.metric in SHARES and isfinite(row.best) else words.number(row.best)


def _fixes(row: RunRow, cells: int) -> str:
    if not row.kept and not row.taken_back:
        return words.MISSING
    long = f"{row.kept} kept, {row.taken_back} back"
    return long if len(long) <= cells else f"{row.kept}/{row.taken_back}"


def when(t: float, now_t: float, cells: int) -> str:
    """Return when something was: `4m` or `4 min ago` on the same day, then the day."""
    age_s = max(now_t - t, 0.0)
    then = datetime.fromtimestamp(t)
    roomy = cells >= 12
    if age_s < 3600:
        return f"{age_s / 60:.0f} min ago" if roomy else f"{age_s / 60:.0f}m"
    if age_s < DAY_S:
        return f"{age_s / 3600:.0f} h ago" if roomy else f"{age_s / 3600:.0f}h"
    if age_s > 300 * DAY_S:
        return f"{then:%Y-%m-%d}" if roomy else f"{then:%Y}"
    return f"{then:%b %d %H:%M}" if roomy else f"{then:%b} {then.day}"


def spark(curve: Sequence[float | None], width: int, ascii_only: bool = False) -> str:
    """Return a curve as so many little bars; nothing where bars cannot be drawn."""
    if ascii_only or not any(one is not None for one in curve):
        return ""
    parts = condensed(curve, min(width, len(curve)))
    finite = [one for one in parts if one is not None and isfinite(one)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    logarithmic = low > 0 and high / low > LOG_RATIO

    def bar(one: float | None) -> str:
        if one is None:
            return " "
        if not isfinite(one):
            return BROKEN
        share = (one - low) / (high - low) if high > low else 0.5
        if logarithmic:
            share = log(one / low) / log(high / low)
        return BARS[min(int(share * len(BARS)), len(BARS) - 1)]

    return "".join(map(bar, parts))


class RunTable(ScrollView, can_focus=True):
    """The lines, a cursor and the marked runs. The cursor stays on its run when rows come, go or change places."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("home,g", "edge(False)", "first", show=False),
        Binding("end,G", "edge(True)", "last", show=False),
    ]
    DEFAULT_CSS = """
    RunTable {
        height: 1fr; background: $surface; padding: 0 1; scrollbar-size-vertical: 1; overflow-x: hidden;
        & > .run-table--cursor { background: $panel; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"run-table--cursor"}

    class Moved(Message):
        """The cursor stands on another run."""

    class Chosen(Message):
        """A run was chosen with the mouse."""

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__(id="runs")
        self.ascii_only = ascii_only
        self.rows: list[RunRow] = []
        self.marked: list[Path] = []
        """Marked runs, the one that was marked first at the front."""
        self.now_t = 0.0
        self._at = 0

    @property
    def chosen(self) -> RunRow | None:
        """The run under the cursor."""
        return self.rows[self._at] if self._at < len(self.rows) else None

    def show(self, rows: list[RunRow], now_t: float, keep: Path | None = None) -> None:
        """Show these rows; the cursor goes to the run `keep`, or stays with its own."""
        wanted = keep or (self.chosen.folder if self.chosen else None)
        self.now_t = now_t
        places = {row.folder: place for place, row in enumerate(rows)}
        self.rows = rows
        self._at = places.get(wanted, min(self._at, max(len(rows) - 1, 0))) if wanted else 0
        self.virtual_size = Size(self.size.width, len(rows))
        self.refresh()
        self._reveal()

    def mark(self, folder: Path, most: int = 2) -> None:
        """Mark a run, or take its mark away; beyond `most` the oldest mark goes."""
        if folder in self.marked:
            self.marked.remove(folder)
        else:
            self.marked = [*self.marked, folder][-most:]
        self.refresh()

    def action_move(self, by: int) -> None:
        """Move the cursor by so many rows."""
        self._go(self._at + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by screens."""
        self._go(self._at + by * max(self.size.height - 1, 1))

    def action_edge(self, last: bool) -> None:
        """Move the cursor to the first or last row."""
        self._go(len(self.rows) - 1 if last else 0)

    def on_click(self, event: Click) -> None:
        """Move the cursor to the row; a second click opens it."""
        place = event.y + int(self.scroll_offset.y)
        if 0 <= place < len(self.rows):
            self._go(place)
            if event.chain > 1:
                self.post_message(self.Chosen())

    def _go(self, place: int) -> None:
        self._at = min(max(place, 0), max(len(self.rows) - 1, 0))
        self.refresh()
        self._reveal()
        self.post_message(self.Moved())

    def _reveal(self) -> None:
        self.scroll_to_region(Region(0, self._at, 1, 1), animate=False, force=True)

    def render_line(self, y: int) -> Strip:
        """Return the line of the row that is seen there."""
        place, width = y + int(self.scroll_offset.y), self.size.width
        if place >= len(self.rows):
            return Strip.blank(width, self.rich_style)
        style = self.get_visual_style("run-table--cursor") if place == self._at else self.visual_style
        row = self.rows[place]
        text = line(row, Columns.of(width), self.now_t, row.folder in self.marked, self.ascii_only)
        return Visual.to_strips(self, text.truncate(width), width, 1, style, pad=True)[0]
