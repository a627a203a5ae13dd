"""The pages behind the keys: a rule with its numbers, the ledger, the knobs."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Markdown, Static

from advisor.deciding.history import BY_HAND
from advisor.story.story import Story
from advisor.story.told import InterventionState
from advisor.tui import words
from advisor.tui.effects import expected_text, measured_text, outcome_text, progress_text, turns_text
from rules.catalogue import CatalogueError, find

PULL_S = 0.5
"""Pages of text need no more than two looks a second."""
CELL_PADDING, PAGE_PADDING = 2, 4
"""Cells around the text of a column, and of a table with its scroll bar."""
MORE = "   ← → the other columns"
"""Said in the heading of a table that is wider than its page."""
LEAST_TEXT_CELLS = 12
"""A narrower column of text is a column of syllables; the table then scrolls sideways."""


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
    SHARES: ClassVar[Mapping[str, int]] = {}
    """Columns of text and how they share the cells that the others leave; their rows are as high as they need."""
    EMPTY = ""

    def __init__(self, heading: str, rows: Callable[[], Sequence[tuple[str, ...]]]) -> None:
        super().__init__(heading)
        self._rows = rows
        self._shown: list[tuple[str, ...]] | None = None

    def body(self) -> ComposeResult:
        """Yield the table and what is said while it is empty."""
        yield Static(self.EMPTY, classes="empty")
        yield DataTable(cursor_type="row", zebra_stripes=False, fixed_columns=1)

    def on_mount(self) -> None:
        """Fill the table and keep it fresh."""
        self.pull()
        self.set_interval(PULL_S, self.pull)

    def on_resize(self) -> None:
        """Share the new width out."""
        self._shown = None
        self.pull()

    def pull(self) -> None:
        """Fill the table again where its rows have changed."""
        rows = list(self._rows())
        if rows == self._shown:
            return
        table: DataTable[Text] = self.query_one(DataTable)
        cursor, at = table.cursor_row, table.scroll_offset
        table.clear(columns=True)
        widths = self._widths(rows)
        wider = sum(widths) + CELL_PADDING * len(widths) + PAGE_PADDING > self.size.width
        self.query_one(".heading", Static).update(Content(self._heading + MORE * wider))
        for name, cells in zip(self.COLUMNS, widths, strict=True):
            table.add_column(name, width=cells)
        for row in rows:
            table.add_row(*(Text(cell) for cell in row), height=None if self.SHARES else 1)
        table.move_cursor(row=min(cursor, max(len(rows) - 1, 0)), animate=False)
        self.call_after_refresh(table.scroll_to, at.x, at.y, animate=False)  # filling begins at the top again
        self.query_one(".empty").display = not rows
        table.display = bool(rows)
        self._shown = rows

    def _widths(self, rows: Sequence[tuple[str, ...]]) -> list[int]:
        """Return the cells of each column: what its words need, or its share of what is left."""
        columns = list(zip(self.COLUMNS, *rows, strict=True))
        needs = {cells[0]: max(map(len, cells)) for cells in columns}
        fixed = sum(need for name, need in needs.items() if name not in self.SHARES)
        left = self.size.width - fixed - CELL_PADDING * len(columns) - PAGE_PADDING
        whole = sum(self.SHARES.values())
        if left < LEAST_TEXT_CELLS:  # the text lies beyond the edge: rows stay low, and what is long is scrolled to
            return list(needs.values())
        return [
            max(left * self.SHARES[name] // whole, LEAST_TEXT_CELLS) if name in self.SHARES else need
            for name, need in needs.items()
        ]


class LedgerPage(TablePage):
    """Every fix that was tried, applied or refused, with its measured effect."""

    COLUMNS = ("step", "rule", "outcome", "fix", "turned", "measured, why", "cost")
    SHARES: ClassVar[Mapping[str, int]] = {"fix": 4, "turned": 3, "measured, why": 5}
    EMPTY = "nothing was tried yet: fixes appear here as soon as one is tried, kept, taken back or refused"


def ledger_rows(story: Story) -> list[tuple[str, ...]]:
    """Return the rows of the ledger, newest first."""
    return [
        (
            f"{one.step:>6,}",
            one.code,
            outcome_text(one),
            one.fix.name,
            turns_text(one.new, one.old) or words.MISSING,
            _measured_or_why(one),
            words.seconds(one.cost_s) if one.cost_s else words.MISSING,
        )
        for one in reversed(story.interventions)
    ]


def _measured_or_why(tried: InterventionState) -> str:
    if outcome_text(tried) == "for you":
        return expected_text(tried.fix)
    gain = measured_text(tried.measured) if tried.measured else ""
    if gain and tried.why and tried.outcome in ("undecided", "rolled_back"):
        return f"{gain}; {tried.why}"
    return tried.undone or gain or tried.why or (progress_text(tried) if tried.running else words.MISSING)


class KnobsPage(TablePage):
    """Every knob: what it holds, what it held at the start, when it turns."""

    COLUMNS = ("knob", "now", "at the start", "turns", "effect", "last turned", "takes")
    SHARES: ClassVar[Mapping[str, int]] = {"last turned": 1, "takes": 1}
    EMPTY = "waiting for the trainer's first word: it brings the catalogue of knobs"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "turn", priority=True)]

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


BY_HAND_PAGE = """A person asked for this turn, no rule did. It is tried like any fix: against a control arm, judged by the same
tests, kept only where it helped, and `u` takes it back."""
"""Stands where a rule's documentation does."""


class WhyPage(Page):
    """Why the advisor says so: the numbers of this run, then the rule's own page."""

    DEFAULT_CSS = """
    WhyPage VerticalScroll { padding: 0 2; scrollbar-size-vertical: 1; }
    WhyPage #numbers { padding: 1 0; }
    WhyPage Markdown { background: $surface; padding: 0; max-width: 112; }
    WhyPage Markdown MarkdownH2 { margin: 1 0 0 0; content-align: left middle; color: $muted; text-style: bold; }
    WhyPage Markdown MarkdownParagraph, WhyPage Markdown MarkdownList { margin: 0; }
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
            page = (
                BY_HAND_PAGE
                if self._code == BY_HAND
                else f"No rule {self._code} is installed here: the run was advised by another version."
            )
        with VerticalScroll():
            yield Static(self._numbers, id="numbers")
            yield Markdown(page)
