"""The log page: what trainer and driver printed, filtered by a text or searched for it."""

from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.strip import Strip
from textual.widgets import Input, Log, Static

from advisor.tui.pages import PULL_S, Page

LINES_KEPT = 5000


class SearchedLog(Log):
    """A log in which a text is highlighted wherever it stands."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"searchedlog--found", "searchedlog--here"}
    DEFAULT_CSS = """
    SearchedLog {
        height: 1fr; background: $surface; padding: 0 1;
        & > .searchedlog--found { color: $warning; text-style: bold underline; }
        & > .searchedlog--here { color: $background; background: $warning; text-style: bold; }
    }
    """

    def __init__(self) -> None:
        super().__init__(max_lines=LINES_KEPT, auto_scroll=True)
        self.sought = ""
        """In small letters; empty where nothing is sought."""
        self.here = -1
        """The line with the match that was gone to."""

    @property
    def found(self) -> list[int]:
        """The lines that hold the text."""
        return [place for place, line in enumerate(self.lines) if self.sought in line.lower()] if self.sought else []

    def seek(self, text: str, here: int = -1) -> None:
        """Highlight this text, and go to a line that holds it."""
        if (text, here) != (self.sought, self.here):
            self.sought, self.here = text, here
            self.refresh()
        if here >= 0:
            self.scroll_to(y=max(here - self.size.height // 2, 0), animate=False)

    def render_line(self, y: int) -> Strip:
        """Return one line with its matches highlighted."""
        strip = super().render_line(y)
        if not self.sought or self.sought not in strip.text.lower():
            return strip
        name = "here" if self.scroll_offset.y + y == self.here else "found"
        return highlighted(strip, self.sought, self.get_component_rich_style(f"searchedlog--{name}"))


def highlighted(strip: Strip, sought: str, style: Style) -> Strip:
    """Return a strip in which every place of a text (in small letters) has a style on top of its own."""
    text, cuts, start = strip.text.lower(), list[int](), 0
    if len(text) != strip.cell_length:  # wide characters: places are not cells, the whole line is marked instead
        return Strip([Segment(one.text, (one.style or Style()) + style) for one in strip], strip.cell_length)
    while (place := text.find(sought, start)) >= 0:
        start = place + len(sought)
        cuts += [place, start]
    parts = strip.divide([*cuts, strip.cell_length])
    marked = [
        Strip([Segment(one.text, (one.style or Style()) + style) for one in part], part.cell_length)
        if odd % 2
        else part
        for odd, part in enumerate(parts)
    ]
    return Strip.join(marked)


class LogPage(Page):
    """Newest at the bottom. A filter leaves the lines that hold a text; `n` and `N` show them among the others."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter"),
        Binding("n", "seek(-1)", "older match"),
        Binding("N", "seek(1)", "newer match"),
        Binding("a", "whole", "all lines"),
    ]
    DEFAULT_CSS = "LogPage Input, LogPage Input:focus { border: none; height: 1; background: $panel; }"

    def __init__(self, lines: Callable[[], tuple[int, list[str]]], filtering: bool = False) -> None:
        super().__init__(HEADING)
        self._lines = lines
        self._filtering = filtering
        self._whole = False
        """All lines are shown, whatever the filter says."""
        self._shown: tuple[int, str] = (-1, "")

    def body(self) -> ComposeResult:
        """Yield the filter and the log."""
        yield Input(placeholder="filter: only lines with this text", id="filter")
        yield SearchedLog()

    @property
    def log_lines(self) -> SearchedLog:
        """The lines on the page."""
        return self.query_one(SearchedLog)

    @property
    def sought(self) -> str:
        """What is filtered by and sought, in small letters."""
        return self.query_one(Input).value.lower()

    def on_mount(self) -> None:
        """Show the log and keep it fresh."""
        self.query_one(Input if self._filtering else SearchedLog).focus()
        self.pull()
        self.set_interval(PULL_S, self.pull)

    def action_filter(self) -> None:
        """Go to the filter."""
        self._whole = False
        self.query_one(Input).focus()
        self.pull()

    def action_whole(self) -> None:
        """Show all lines, or only those that hold the text."""
        self._whole = not self._whole
        self.pull()

    def action_seek(self, direction: int) -> None:
        """Go to the next line that holds the text, up or down, among all lines."""
        log = self.log_lines
        if not self.sought:
            self.notify("nothing is sought: / and a text, then Enter", timeout=3)
            return
        self._whole = True
        self.pull()
        found = log.found
        if not found:
            return
        older, newer = [one for one in found if one < log.here], [one for one in found if one > log.here]
        if log.here < 0:
            here = found[-1]
        elif direction < 0:
            here = older[-1] if older else found[-1]
        else:
            here = newer[0] if newer else found[0]
        log.seek(self.sought, here)
        self._entitle()

    def on_input_changed(self) -> None:
        """Show only the lines that hold the text."""
        self._whole = False
        self.pull()

    def on_input_submitted(self) -> None:
        """Go back to the lines."""
        self.log_lines.focus()

    def pull(self) -> None:
        """Write what is new; all of it when the filter has changed."""
        wanted = "" if self._whole else self.sought
        count, lines = self._lines()
        before, before_wanted = self._shown
        log = self.log_lines
        if (count, wanted) != self._shown:
            fresh = count - before if before >= 0 and wanted == before_wanted else len(lines)
            if fresh >= len(lines):
                log.clear()
                log.seek(self.sought)
                if not lines:
                    log.write_line("nothing was printed yet")
            log.write_lines([line for line in lines[-fresh:] if wanted in line.lower()] if fresh else [])
            self._shown = (count, wanted)
        if log.sought != self.sought:
            log.seek(self.sought)
        self._entitle()

    def _entitle(self) -> None:
        log = self.log_lines
        found = log.found
        place = f"{found.index(log.here) + 1} of " if log.here in found else ""
        said = f"   {place}{len(found)} line{'s' * (len(found) != 1)} with the text" if log.sought else ""
        self.query_one(".heading", Static).update(Content(HEADING + said))


HEADING = "log of trainer and driver"
