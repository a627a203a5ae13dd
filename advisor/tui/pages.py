"""The pages behind the keys: a rule with its numbers, the ledger, the knobs, the log, the help."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Input, Log, Markdown, Static

from advisor.story import Story
from advisor.tui import words
from advisor.tui.effects import expected_text, measured_text, outcome_text, turns_text
from rules.catalogue import CatalogueError, find

PULL_S = 0.5
"""Pages of text need no more than two looks a second."""


class Page(Screen[None]):
    """A page over the main screen; Esc goes back. `pull` is called while it is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "app.pop_screen", "back")]
    DEFAULT_CSS = """
    Page { background: $surface; }
    Page .heading { height: 1; background: $panel; padding: 0 1; text-style: bold; }
    Page DataTable, Page DataTable:focus {
        height: 1fr; background: $surface; background-tint: $surface 0%; scrollbar-size: 1 1; padding: 0 1;
        & > .datatable--header { background: $surface; color: $muted; text-style: none; }
        & > .datatable--cursor { background: $panel; color: $foreground; text-style: none; }
        & > .datatable--hover { background: $surface; }
    }
    Page .empty { padding: 1 2; color: $muted; }
    """

    def __init__(self, heading: str) -> None:
        super().__init__()
        self._heading = heading

    def body(self) -> ComposeResult:
        """Yield what stands between the heading and the footer."""
        yield from ()

    def compose(self) -> ComposeResult:
        """Lay out heading, body and footer."""
        yield Static(Content(self._heading), classes="heading")
        yield from self.body()
        yield Footer(show_command_palette=False, compact=True)


class TablePage(Page):
    """A page that is one table, filled anew only when its rows have changed."""

    COLUMNS: ClassVar[tuple[str, ...]] = ()
    EMPTY = ""

    def __init__(self, heading: str, rows: Callable[[], Sequence[tuple[str, ...]]]) -> None:
        super().__init__(heading)
        self._rows = rows
        self._shown: list[tuple[str, ...]] | None = None

    def body(self) -> ComposeResult:
        """Yield the table and what is said while it is empty."""
        yield Static(self.EMPTY, classes="empty")
        yield DataTable(cursor_type="row", zebra_stripes=False)

    def on_mount(self) -> None:
        """Fill the table and keep it fresh."""
        self.query_one(DataTable).add_columns(*self.COLUMNS)
        self.pull()
        self.set_interval(PULL_S, self.pull)

    def pull(self) -> None:
        """Fill the table again where its rows have changed."""
        rows = list(self._rows())
        if rows == self._shown:
            return
        table: DataTable[Text] = self.query_one(DataTable)
        cursor = table.cursor_row
        table.clear()
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        table.move_cursor(row=min(cursor, max(len(rows) - 1, 0)), animate=False)
        self.query_one(".empty").display = not rows
        table.display = bool(rows)
        self._shown = rows


class LedgerPage(TablePage):
    """Every fix that was tried, applied or refused, with its measured effect."""

    COLUMNS = ("step", "rule", "fix", "outcome", "turned", "measured", "expected", "cost")
    EMPTY = "nothing was tried yet: fixes appear here as soon as one is tried, kept, taken back or refused"


def ledger_rows(story: Story) -> list[tuple[str, ...]]:
    """Return the rows of the ledger, newest first."""
    return [
        (
            f"{one.step:>7,}",
            one.code,
            one.fix.name,
            outcome_text(one),
            turns_text(one.new, one.old) or words.MISSING,
            measured_text(one.measured) if one.measured else (one.undone or one.why or words.MISSING),
            expected_text(one.fix),
            words.seconds(one.cost_s) if one.cost_s else words.MISSING,
        )
        for one in reversed(story.interventions)
    ]


class KnobsPage(TablePage):
    """Every knob: what it holds, what it held at the start, when it turns."""

    COLUMNS = ("knob", "now", "at the start", "turns", "effect", "last turned", "takes")
    EMPTY = "waiting for the trainer's first word: it brings the catalogue of knobs"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "turn", show=True)]

    class Picked(Message):
        """A knob was chosen to be turned."""

        def __init__(self, knob: str) -> None:
            super().__init__()
            self.knob = knob

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Ask for the knob's new value."""
        name = str(event.data_table.get_row(event.row_key)[0])
        self.app.post_message(self.Picked(name.strip()))

    def action_select_cursor(self) -> None:
        """Choose the knob under the cursor."""
        self.query_one(DataTable).action_select_cursor()


def knob_rows(story: Story) -> list[tuple[str, ...]]:
    """Return the rows of the knobs, in the order of the catalogue."""
    moved = {move.knob: move for move in story.knob_history}
    rows: list[tuple[str, ...]] = []
    for name, knob in story.catalogue.items():
        now = story.knobs.get(name, knob.value)
        on_trial = now != story.confirmed.get(name, now)
        move = moved.get(name)
        takes = words.bounds(knob.low, knob.high, knob.choices)
        rows.append(
            (
                name,
                words.value(now) + (" (on trial)" if on_trial else ""),
                words.value(knob.value) if now != knob.value else "same",
                knob.turns,
                knob.effect.replace("_", " "),
                f"step {move.step:,} by {move.by}, {move.state}" if move else words.MISSING,
                f"cannot: {knob.unavailable}" if knob.unavailable else takes or words.MISSING,
            )
        )
    return rows


class WhyPage(Page):
    """Why the advisor says so: the numbers of this run, then the rule's own page."""

    DEFAULT_CSS = """
    WhyPage VerticalScroll { padding: 0 2; scrollbar-size-vertical: 1; }
    WhyPage #numbers { padding: 1 0; }
    WhyPage Markdown { background: $surface; padding: 0; }
    """

    def __init__(self, code: str, numbers: Content) -> None:
        super().__init__(f"why {code}")
        self._code = code
        self._numbers = numbers

    def body(self) -> ComposeResult:
        """Yield the numbers and the rule's documentation."""
        try:
            page = find(self._code).documentation
        except CatalogueError:
            page = f"No rule {self._code} is installed here: the run was advised by another version."
        with VerticalScroll():
            yield Static(self._numbers, id="numbers")
            yield Markdown(page)


class LogPage(Page):
    """What the trainer and the driver printed, newest at the bottom, with a filter."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("slash", "filter", "filter", show=True)]
    DEFAULT_CSS = "LogPage Log { height: 1fr; background: $surface; padding: 0 1; } LogPage Input { border: none; height: 1; background: $panel; }"

    def __init__(self, lines: Callable[[], tuple[int, list[str]]], filtering: bool = False) -> None:
        super().__init__("log of trainer and driver   / filters")
        self._lines = lines
        self._filtering = filtering
        self._shown: tuple[int, str] = (-1, "")

    def body(self) -> ComposeResult:
        """Yield the filter and the log."""
        yield Input(placeholder="filter: only lines with this text", id="filter")
        yield Log(max_lines=5000, auto_scroll=True)

    def on_mount(self) -> None:
        """Show the log and keep it fresh."""
        self.query_one(Input if self._filtering else Log).focus()
        self.pull()
        self.set_interval(PULL_S, self.pull)

    def action_filter(self) -> None:
        """Go to the filter."""
        self.query_one(Input).focus()

    def on_input_changed(self) -> None:
        """Show only the lines that hold the text."""
        self.pull()

    def on_input_submitted(self) -> None:
        """Go back to the lines."""
        self.query_one(Log).focus()

    def pull(self) -> None:
        """Write what is new; all of it when the filter has changed."""
        wanted = self.query_one(Input).value.lower()
        count, lines = self._lines()
        before, before_wanted = self._shown
        if (count, wanted) == self._shown:
            return
        log = self.query_one(Log)
        fresh = count - before if before >= 0 and wanted == before_wanted else len(lines)
        if fresh >= len(lines):
            log.clear()
            if not lines:
                log.write_line("nothing was printed yet")
        log.write_lines([line for line in lines[-fresh:] if wanted in line.lower()] if fresh else [])
        self._shown = (count, wanted)


HELP = """\
**The advisor**  `a` apply the fix that waits · `x` veto it · `u` undo a kept fix · `w` why: the rule and its numbers ·
`Enter` open or close a row · `f` freeze: no new trial until you thaw

**The run**  `space` pause or go on · `s` stop: checkpoint, report, end · `d` detach: the run goes on without this screen

**Pages**  `l` ledger · `k` knobs · `o` log (`/` filters) · `r` report · `Esc` back

**Charts**  `1` loss · `2` metric · `3` learning rate · `4` gradient norm · `5` machine · `6` advisor · `7` log: each shows
or hides its pane · `z` zoom to the newest fifth · `y` scale of the focused chart: by itself, linear, logarithmic

**Replay**  `space` stop or go on · `←` `→` back or on by a twentieth · `+` `-` faster or slower

**Around**  `Tab` next pane · arrows move · `ctrl+p` every action by name, themes too · `ctrl+q` quit (the run goes on)

Marks on the charts: ▲ a fix was kept or applied · ▽ it was taken back · ◀ the run was turned back · ◆ out of memory ·
↻ started again · ✗ values that were not finite. A shaded stretch is a trial; a dim line is what a rollback left behind.

Every key that changes the run says what it will do and asks once. Closing this screen never touches the run.
"""


class HelpPage(Page):
    """All keys and signs on one page."""

    DEFAULT_CSS = "HelpPage Markdown { padding: 1 2; background: $surface; } HelpPage VerticalScroll { scrollbar-size-vertical: 1; }"

    def __init__(self) -> None:
        super().__init__("keys and signs")

    def body(self) -> ComposeResult:
        """Yield the page."""
        with VerticalScroll():
            yield Markdown(HELP)
