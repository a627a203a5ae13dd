"""The pages over the run list: two runs side by side, and the keys."""

from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from advisor.tui.help import help_text
from advisor.tui.pages import Page

KEYS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "a run",
        (
            ("Enter", "open it: live as `advisor watch`, ended on its report"),
            ("r", "its report's first page"),
            ("p", "play its recording"),
            ("space   c", "mark two; compare them"),
        ),
    ),
    (
        "the list",
        (
            ("/", "filter: name, state, metric, code that stands; Esc shows all"),
            ("s   S", "sort by the next column; backwards"),
            ("↑ ↓  k j", "move; PgUp PgDn Home End too"),
            ("ctrl+p", "every action by its name; themes"),
            ("q", "quit: every run goes on"),
        ),
    ),
    (
        "columns",
        (
            ("when", "the run was made"),
            ("kept/back", "fixes in force at the end; fixes that were taken back"),
            ("loss", "over the whole run; blank: not yet, ×: not finite"),
            ("stands", "codes of findings that stand and that no other explains"),
        ),
    ),
    (
        "states",
        (
            ("stalled", "silent for far longer than a step or an evaluation"),
            ("unwatched", "the trainer goes on, its driver is gone"),
            ("died", "unwatched: both are gone without a last word"),
        ),
    ),
)
"""Keys and words of the list by subject."""


class TextPage(Page):
    """A page that is one text, written anew for each width."""

    DEFAULT_CSS = (
        "TextPage VerticalScroll { padding: 1 2; scrollbar-size-vertical: 1; } TextPage Static { height: auto; }"
    )

    def __init__(self, heading: str, text: Callable[[int], Content]) -> None:
        super().__init__(heading)
        self._text = text

    def body(self) -> ComposeResult:
        """Yield the text."""
        with VerticalScroll():
            yield Static("", id="page")

    def on_resize(self, event: Resize) -> None:
        """Write the text for this width."""
        self.query_one("#page", Static).update(self._text(event.size.width - 6))


class ListHelp(TextPage):
    """The keys of the list."""

    def __init__(self) -> None:
        super().__init__("keys of the run list", lambda _width: help_text(KEYS))
