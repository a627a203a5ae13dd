"""All keys and signs on one page."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from advisor.tui.pages import Page

HELP: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "the advisor",
        (
            ("a   x", "apply the fix that waits, or veto it"),
            ("u", "undo a fix that was kept"),
            ("w", "why: the rule and its numbers"),
            ("Enter", "open or close a row"),
            ("f", "freeze: no new trial until you thaw"),
        ),
    ),
    (
        "the run",
        (
            ("space", "pause, or go on"),
            ("s", "stop: checkpoint, report, end"),
            ("d", "detach; ctrl+q too: the run goes on without this screen"),
        ),
    ),
    (
        "pages",
        (
            ("F", "findings: what every rule says, those that passed too"),
            ("l   k   r", "ledger of fixes, knobs, report"),
            ("i", "data: classes, columns, labels in doubt"),
            ("o   /", "log, and its filter; in it n, N go from match to match"),
            ("Esc", "back"),
            ("ctrl+p", "every action by its name; themes (TEXTUAL_THEME keeps one)"),
        ),
    ),
    (
        "panes",
        (
            ("1 to 4", "loss, metric, learning rate, gradient norm: show or hide"),
            ("5   6   7", "machine, advisor, log: show or hide"),
            ("z", "zoom the charts to the newest fifth, a twentieth, all"),
            ("c", "crosshair over all charts; ← → move it, shift: farther"),
            ("y", "scale of the focused chart: by itself, linear, logarithmic"),
            ("Tab", "next pane"),
        ),
    ),
    (
        "replay",
        (
            ("space", "stop, or go on"),
            ("← →", "back or on by a twentieth"),
            (", .", "back or on by one record"),
            ("+ -", "faster or slower"),
        ),
    ),
    (
        "marks",
        (
            ("▲ ▽", "a fix was kept or applied; it was taken back"),
            ("◀ ↻", "the run was turned back; it was started again"),
            ("◆ ✗", "out of memory; values that were not finite"),
            ("✎", "a knob was turned by hand"),
            ("~", "under the crosshair: the value of the smoothed line"),
            ("═", "a trial ran here; a dim line is what a rollback left behind"),
        ),
    ),
)
"""Keys and signs by subject."""
KEY_CELLS = 11
TWO_COLUMNS_CELLS = 110
"""From this width both columns of keys stand side by side without breaking a line."""


def help_text(subjects: Sequence[tuple[str, Sequence[tuple[str, str]]]]) -> Content:
    """Return keys and what they do, a line each, under the name of their subject."""
    lines: list[Content] = []
    for subject, keys in subjects:
        lines += [Content(""), Content.assemble((subject, "bold $primary"))]
        lines += [Content.assemble((f"{key:<{KEY_CELLS}}", "bold"), does) for key, does in keys]
    return Content("\n").join(lines[1:])


class HelpPage(Page):
    """All keys and signs on one page."""

    DEFAULT_CSS = """
    HelpPage VerticalScroll { padding: 1 2; scrollbar-size-vertical: 1; }
    HelpPage Horizontal { height: auto; }
    HelpPage Horizontal Static { width: 1fr; height: auto; padding: 0 2 0 0; }
    HelpPage.narrow Horizontal { layout: vertical; }
    HelpPage.narrow Horizontal Static { width: 100%; margin-bottom: 1; }
    HelpPage .promise { color: $muted; margin-top: 1; }
    """

    def __init__(self) -> None:
        super().__init__("keys and signs")

    def body(self) -> ComposeResult:
        """Yield the page."""
        with VerticalScroll():
            with Horizontal():
                yield Static(help_text(HELP[: len(HELP) // 2]))
                yield Static(help_text(HELP[len(HELP) // 2 :]))
            yield Static(
                "Every key that changes the run says what it will do and asks once. Closing this screen never touches "
                "the run.",
                classes="promise",
            )

    def on_resize(self, event: Resize) -> None:
        """Put the two columns below each other where there is no room for both."""
        self.set_class(event.size.width < TWO_COLUMNS_CELLS, "narrow")
