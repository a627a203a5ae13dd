"""The run list: every run here, what became of it, and the way into it. No key of the list changes a run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal
from urllib.parse import quote

from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Resize
from textual.filter import LineFilter
from textual.screen import Screen
from textual.theme import Theme
from textual.widgets import Footer, Input, Static

from advisor.report.words import plural
from advisor.runs import Run
from advisor.tui.palette import commands, covered
from advisor.tui.plain import Harmless, Plain
from advisor.tui.run_list_detail import detail
from advisor.tui.run_list_rows import SORTS, RunRow, arranged
from advisor.tui.run_list_table import Columns, RunTable, heading
from advisor.tui.run_list_watch import RunWatch
from advisor.tui.themes import DEFAULTS, THEMES, our_theme

PULL_S = 0.25
"""Four looks a second at what the worker has found; drawn only when it is new."""
CLOCK_PULLS = 40
"""Every ten seconds the list is drawn all the same: «4 min ago» grows old."""
FIRST_LOOK_S = 0.05
"""The first frame waits so long for the worker: a few runs are then there at once, hundreds fill in."""


@dataclass
class Place:
    """Where a person stands in the list: kept while a run is open."""

    wanted: str = ""
    order: str = "newest"
    backwards: bool = False
    folder: Path | None = None
    marked: list[Path] = field(default_factory=list)
    theme: str = THEMES[0].name


@dataclass(frozen=True)
class Choice:
    """The run that was chosen, and what is wanted of it."""

    row: RunRow
    how: Literal["open", "replay"]


class RunListApp(App[Choice]):
    """The list. Its result is the run to open; nothing when the person has left."""

    TITLE = "training-advisor"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open"),
        Binding("r", "report", "report"),
        Binding("space", "mark", "mark"),
        Binding("c", "compare", "compare"),
        Binding(
            "slash", "filter", "filter", priority=True
        ),  # before the next key is looked at: it belongs to the filter
        Binding("s", "sort", "sort"),
        Binding("S", "backwards", "sort backwards", show=False),
        Binding("p", "replay", "play the recording", show=False),
        Binding("escape", "show_all", "show all", show=False),
        Binding("question_mark,f1", "help", "help", key_display="?"),
        Binding("q", "leave", "quit"),
        Binding("ctrl+q", "leave", "quit", show=False, priority=True),
    ]
    CSS = """
    * {
        scrollbar-background: $surface; scrollbar-background-hover: $surface; scrollbar-background-active: $surface;
        scrollbar-corner-color: $surface; scrollbar-color: $rule; scrollbar-color-hover: $faint;
        scrollbar-color-active: $faint;
    }
    Screen { background: $surface; }
    #title { height: 1; background: $panel; padding: 0 1; }
    #filter, #filter:focus { height: 1; border: none; background: $panel; padding: 0 1; display: none; }
    #heading { height: 1; padding: 0 1; margin-top: 1; }
    #nothing { padding: 1 3; height: 1fr; color: $muted; display: none; }
    #detail { height: 5; padding: 0 1; border-top: solid $rule; }
    Footer { background: $panel; }
    Footer FooterKey .footer-key--key { color: $primary; background: $panel; }
    """

    def __init__(
        self, runs: RunWatch, place: Place | None = None, *, ascii_only: bool = False, in_browser: bool = False
    ) -> None:
        super().__init__()
        self.runs = runs
        self.place = place or Place()
        self.ascii_only = ascii_only
        self.in_browser = in_browser
        """Each run has a page of its own there."""
        self.table = RunTable(ascii_only)
        self._shown = -1
        self._pulls = 0

    def compose(self) -> ComposeResult:
        """Lay out title, filter, table, what is said of the chosen run, and the keys."""
        yield Static(id="title")
        yield Input(self.place.wanted, placeholder="filter: name, state, metric or code; Enter keeps it", id="filter")
        yield Static(id="heading")
        yield self.table
        yield Static(id="nothing")
        yield Static(id="detail")
        yield Footer(compact=True, show_command_palette=False)

    def get_theme(self, theme_name: str) -> Theme | None:
        """Know our themes from the beginning on."""
        return our_theme(theme_name) or super().get_theme(theme_name)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Give our own variables a value in every theme."""
        return DEFAULTS

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return what every line goes through on its way out; the last one leaves only letters that the terminal has."""
        return [*super().get_line_filters(), Harmless(), *((Plain(),) if self.ascii_only else ())]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer every action in the palette, by its name."""
        yield from commands(self, screen, super().get_system_commands(screen))
        for order in SORTS:
            yield SystemCommand(f"sort by {order}", "order of the list", partial(self.sort_by, order))

    def on_mount(self) -> None:
        """Start looking."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = self.place.theme
        self.table.marked = [*self.place.marked]
        self.query_one("#filter").display = bool(self.place.wanted)
        self.table.focus()
        self.runs.read_all.wait(FIRST_LOOK_S)
        self.set_interval(PULL_S, self.pull)
        self.call_after_refresh(self.pull)

    def on_resize(self, event: Resize) -> None:
        """Share the new width out."""
        self.query_one("#detail").display = event.size.height >= 16
        self.call_after_refresh(self.show)

    def pull(self) -> None:
        """Show what the worker has found, where it is new."""
        self._pulls += 1
        version, _ = self.runs.rows()
        if version != self._shown or self._pulls % CLOCK_PULLS == 0:
            self.show()
        if self.runs.failure is not None:
            self.notify(
                f"the list stands still: {self.runs.failure}. Leave and open it again: q",
                severity="error",
                markup=False,
            )
            self.runs.failure = None

    def show(self) -> None:
        """Show the rows that match, in order."""
        if not self.is_running or not self.screen_stack or not self.table.is_attached:
            return
        self._shown, rows = self.runs.rows()
        there = {row.folder for row in rows}
        if self.runs.read_all.is_set():
            self.table.marked = [one for one in self.table.marked if one in there]
        shown = arranged(rows, self.place.wanted, self.place.order, self.place.backwards)
        self.table.show(shown, self.runs.clock(), self.place.folder)
        if any(row.folder == self.place.folder for row in shown):
            self.place.folder = None
        base = self.screen_stack[0]
        base.query_one("#title", Static).update(self._title(rows, shown))
        base.query_one("#heading", Static).update(heading(Columns.of(self.table.size.width), self.place.order))
        base.query_one("#heading").display = self.table.display = bool(shown)
        nothing = base.query_one("#nothing", Static)
        nothing.display = not shown
        nothing.update(self._nothing(rows))
        self.say_of_chosen()

    def _title(self, rows: list[RunRow], shown: list[RunRow]) -> Content:
        live = sum(row.live for row in rows)
        count = f"{len(shown)} of {plural(len(rows), 'run')}" if len(shown) < len(rows) else plural(len(rows), "run")
        count += "" if self.runs.read_all.is_set() else " so far"
        order = f"by {self.place.order}" + (", backwards" if self.place.backwards else "")
        parts = [("training-advisor", "bold"), (f"  {count}", ""), (f", {live} going on" if live else "", "$success")]
        if self.table.marked:
            parts.append((f", {len(self.table.marked)} marked", "$accent"))
        return Content.assemble(*parts, (f"  {order}", "$muted"), (f"  {self.runs.here}", "$muted")).truncate(
            self.size.width - 2, ellipsis=not self.ascii_only
        )

    def _nothing(self, rows: list[RunRow]) -> Content:
        if rows:
            return Content(f"no run matches «{self.place.wanted}»: Esc shows all {len(rows)}")
        if not self.runs.read_all.is_set():
            return Content("looking for runs")
        return Content(
            f"no runs in {self.runs.here} or its folder runs\n\n"
            "advisor train CONFIG.toml        starts one\n"
            "advisor config --explain         says what may stand in a CONFIG.toml"
        )

    def say_of_chosen(self) -> None:
        """Say more of the run under the cursor."""
        row = self.table.chosen
        said = detail(row, self.size.width - 2, self.ascii_only) if row else Content("")
        self.screen_stack[0].query_one("#detail", Static).update(said)

    def on_run_table_moved(self) -> None:
        """Say more of the run that the cursor has come to."""
        self.say_of_chosen()

    def on_run_table_chosen(self) -> None:
        """Open the run that was clicked twice."""
        self.action_open()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show only what matches."""
        self.place.wanted = event.value
        self.show()

    def on_input_submitted(self) -> None:
        """Go back to the list, the filter stays."""
        self.query_one("#filter").display = bool(self.place.wanted)
        self.screen.set_focus(self.table)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Over a page only the page's own keys count; in the filter, letters are letters."""
        if covered(self) and action not in ("leave", "help"):
            ours = {name.removeprefix("action_") for name in vars(RunListApp) if name.startswith("action_")}
            return action not in ours
        if action == "filter" and self.screen_stack and isinstance(self.screen_stack[0].focused, Input):
            return False
        return super().check_action(action, parameters)

    def _leave_with(self, how: Literal["open", "replay"]) -> None:
        row = self.table.chosen
        if row is None:
            return
        if self.in_browser:
            self.open_url(f"?run={quote(row.place, safe='')}" + "&how=replay" * (how == "replay"), new_tab=False)
            return
        self.place.folder, self.place.marked, self.place.theme = row.folder, self.table.marked, self.theme
        self.exit(Choice(row, how))

    def action_open(self) -> None:
        """Open the run under the cursor."""
        self._leave_with("open")

    def action_replay(self) -> None:
        """Play the recording of the run under the cursor."""
        if self.table.chosen is not None and not self.table.chosen.steps_total:
            self.notify("it has nothing to play: it never began", severity="warning")
            return
        self._leave_with("replay")

    def action_report(self) -> None:
        """Open the report of the run under the cursor."""
        from advisor.tui.endpage import ReportPage

        row = self.table.chosen
        if row is None:
            return
        if row.live:
            said = Content("the report is written when the run ends; Enter shows how it stands")
        else:
            said = Content(f"there is no report: `advisor report {row.place}` writes it")
        self.push_screen(ReportPage(Run(row.folder), lambda: said))

    def action_mark(self) -> None:
        """Mark the run under the cursor, to compare it."""
        if self.table.chosen is not None:
            self.table.mark(self.table.chosen.folder)
            self.show()

    def action_compare(self) -> None:
        """Compare the two marked runs, or the marked one with the one under the cursor."""
        from advisor.tui.run_list_compare import ComparePage

        known = {row.folder: row for row in self.runs.rows()[1]}
        pair = [known[one] for one in self.table.marked if one in known]
        chosen = self.table.chosen
        if len(pair) == 1 and chosen is not None and chosen.folder != pair[0].folder:
            pair.append(chosen)
        if len(pair) < 2:
            self.notify("mark two runs with space, then compare them with c", severity="warning")
            return
        self.push_screen(ComparePage(pair[0], pair[1], self.ascii_only))

    def action_filter(self) -> None:
        """Go to the filter."""
        if len(self.screen_stack) > 1:  # the key comes before the palette's own search
            return
        wanted = self.query_one("#filter", Input)
        wanted.display = True
        self.screen.set_focus(wanted)  # at once, where focus() waits for its turn

    def action_show_all(self) -> None:
        """Take the filter away."""
        self.place.wanted = self.query_one("#filter", Input).value = ""
        self.on_input_submitted()
        self.show()

    def action_sort(self) -> None:
        """Sort by the next column."""
        orders = list(SORTS)
        self.sort_by(orders[(orders.index(self.place.order) + 1) % len(orders)])

    def sort_by(self, order: str) -> None:
        """Sort by this column."""
        self.place.order, self.place.backwards = order, False
        self.show()

    def action_backwards(self) -> None:
        """Turn the order round."""
        self.place.backwards = not self.place.backwards
        self.show()

    def action_help(self) -> None:
        """Open the keys."""
        from advisor.tui.run_list_pages import ListHelp

        if not isinstance(self.screen, ListHelp):
            self.push_screen(ListHelp())

    def action_leave(self) -> None:
        """Close the list; every run goes on."""
        self.exit(None)
