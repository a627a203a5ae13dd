"""Progress of a headless run: tidy lines, and on a terminal a bar below them."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column, Table
from rich.text import Text

from advisor.ledger import Entry
from advisor.showing.harmless import harmless
from advisor.story.story import Story
from advisor.story.telling import Level, Line, glance, progress, tell_entry, tell_event
from trainer.wire import BeatTaken, Event

LINE_EVERY_S = 1.0
"""At most one line of plain progress a second: what a person, or a log that a machine keeps, can follow."""
QUIET_LIMIT_S = 15.0
"""Without an evaluation a line comes after so long all the same: the run is alive."""
BAR_EVERY_S = 0.2
"""Redrawing a bar five times a second looks alive and costs under a thousandth of a core."""

STYLES: dict[Level, str] = {"info": "", "good": "green", "warning": "yellow", "error": "bold red"}


class PlainProgress:
    """Lines for a log or a pipe."""

    def __init__(self, out: TextIO | None = None, story: Story | None = None) -> None:
        self._out = out or sys.stdout
        self._story = story or Story()
        self._began = time.monotonic()
        self._told_at = self._began

    def hear(self, event: Event) -> None:
        """Take in an event; print its line if it is news."""
        self._story.hear(event)
        self._show(tell_event(event, self._story))
        if isinstance(event, BeatTaken) and time.monotonic() - self._told_at > QUIET_LIMIT_S:
            self._show(Line("step", progress(self._story)))

    def enter(self, entry: Entry) -> None:
        """Take in a ledger entry; print its line if it is news."""
        self._story.enter(entry)
        self._show(tell_entry(entry, self._story))

    def tick(self) -> None:
        """Do nothing: lines come when there is news."""

    def close(self) -> None:
        """Nothing is left to be written."""

    def _show(self, line: Line | None) -> None:
        if line is None:
            return
        now = time.monotonic()
        if line.word == "step":
            if now - self._told_at < LINE_EVERY_S:
                return
            self._told_at = now
        write_line(self._out, f"{_clock(now - self._began)}  {line.word:<8}{harmless(line.text)}")


class BarProgress:
    """A bar that says where the run stands, and above it a line for all that was found, tried and decided."""

    def __init__(self, console: Console, story: Story | None = None) -> None:
        self._console = console
        self._story = story or Story()
        self._began = time.monotonic()
        self._drawn_at = 0.0
        self._bar = Progress(
            TextColumn("{task.description:<12}", table_column=Column(no_wrap=True, min_width=12)),
            BarColumn(bar_width=16, table_column=Column(min_width=16)),
            TextColumn("{task.fields[where]}", table_column=Column(no_wrap=True, overflow="ellipsis")),
            console=console,
            auto_refresh=False,
            transient=True,
        )
        self._task = self._bar.add_task("waiting", total=None, where="for the trainer to load")
        self._seen = True
        """Somebody can see it: a terminal that was closed under us costs the run nothing."""
        self._draw(self._bar.start, self._bar.refresh)

    def hear(self, event: Event) -> None:
        """Take in an event; print its line if it is news that the bar does not show."""
        self._story.hear(event)
        self._show(tell_event(event, self._story))

    def enter(self, entry: Entry) -> None:
        """Take in a ledger entry; print its line if it is news."""
        self._story.enter(entry)
        self._show(tell_entry(entry, self._story))

    def tick(self) -> None:
        """Redraw the bar when it is due."""
        now = time.monotonic()
        if now - self._drawn_at < BAR_EVERY_S:
            return
        self._drawn_at = now
        story = self._story
        if story.started is not None:
            self._bar.update(
                self._task,
                description=story.word_at(time.time()),
                total=story.steps_total or None,
                completed=story.step,
                where=glance(story),
            )
        self._draw(self._bar.refresh)

    def close(self) -> None:
        """Take the bar away."""
        self._draw(self._bar.stop)

    def _draw(self, *strokes: Callable[[], None]) -> None:
        try:
            for stroke in strokes if self._seen else ():
                stroke()
        except (OSError, ValueError, SystemExit):  # rich leaves the process when its reader is gone; a run must not
            self._seen = False

    def _show(self, line: Line | None) -> None:
        if line is None or line.word == "step":
            return
        row = Table.grid(Column(width=7), Column(width=8, style=STYLES[line.level] or "bold"), Column(overflow="fold"))
        style = STYLES[line.level] if line.level == "error" else ""
        row.add_row(
            Text(_clock(time.monotonic() - self._began), style="dim"), line.word, Text(harmless(line.text), style=style)
        )
        self._draw(lambda: self._console.print(row))


def open_progress(story: Story | None = None, out: TextIO | None = None) -> PlainProgress | BarProgress:
    """Return the progress that fits `out`, or standard output: a bar on a terminal that can redraw, else plain lines."""
    out = out or sys.stdout
    console = Console(file=out)
    redraws = (
        out.isatty() and not console.is_dumb_terminal
    )  # FORCE_COLOR makes a terminal of a pipe for rich, not for us
    return BarProgress(console, story) if redraws else PlainProgress(out, story)


def write_line(out: TextIO, text: str) -> None:
    """Write one line at once; a reader that has gone away costs the run nothing."""
    try:
        out.write(text.encode(out.encoding or "utf-8", errors="replace").decode(out.encoding or "utf-8") + "\n")
        out.flush()
    except (OSError, ValueError):
        return


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:>2}:{rest:02d}"
