"""Two runs side by side: at once what the list knows; of runs that have ended, what `advisor compare` says as well."""

from collections.abc import Callable
from datetime import datetime
from io import StringIO
from typing import Any

from rich.console import Console
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from advisor.tui import words
from advisor.tui.run_list_pages import TextPage
from advisor.tui.run_list_reading import read_json
from advisor.tui.run_list_rows import RunRow
from advisor.tui.run_list_table import percent_or_number, spark

LABEL_CELLS = 24
PAGE_CELLS = 6
"""Of the page: its margins and the scroll bar."""
CURVE_CELLS = 20


class ComparePage(TextPage):
    """Two runs side by side. What takes long is worked out by a thread and comes below."""

    def __init__(self, first: RunRow, second: RunRow, ascii_only: bool = False) -> None:
        super().__init__("two runs side by side", lambda width: compared(first, second, width, ascii_only))
        self._pair = (first, second)

    def body(self) -> ComposeResult:
        """Yield what is known at once, and room for the verdict."""
        with VerticalScroll():
            yield Static("", id="page")
            yield Static("", id="verdict")

    def on_mount(self) -> None:
        """Have the verdict worked out, of two runs that have ended."""
        if all(row.verdict for row in self._pair):
            self.run_worker(self._judge, thread=True, exit_on_error=False)

    def _judge(self) -> None:
        said = judged(*self._pair, self.app.size.width - PAGE_CELLS)
        if self.is_attached:
            self.app.call_from_thread(self.query_one("#verdict", Static).update, said)


def judged(first: RunRow, second: RunRow, width: int) -> Content:
    """Return what `advisor compare` says of two runs that have a report: which is better, by more than its noise."""
    from advisor.compare.build import compare
    from advisor.compare.page import page
    from advisor.compare.read import read
    from advisor.mistakes import Mistake

    try:
        found = read([row.folder / "report.json" for row in (first, second)])
    except Mistake as failed:
        return Content(f"\n{failed}")
    console = Console(width=width, file=StringIO(), record=True, color_system=None)
    console.print(page(compare(found.sides, found.paths, found.problems)))
    return Content(f"\n{console.export_text().rstrip()}")


def compared(first: RunRow, second: RunRow, width: int, ascii_only: bool = False) -> Content:
    """Return both runs as two columns in `width` cells; where they differ the line stands out."""

    def both(label: str, tell: Callable[[RunRow], str]) -> tuple[str, str, str]:
        return label, tell(first), tell(second)

    cells = max((width - LABEL_CELLS) // 2, 12)
    reports = [read_json(row.folder / "report.json") for row in (first, second)]
    abouts = [read_json(row.folder / "run.json") for row in (first, second)]
    pairs: list[tuple[str, str, str]] = [
        both("run", lambda row: row.name),
        both("made", lambda row: f"{datetime.fromtimestamp(row.created_t):%Y-%m-%d %H:%M:%S}"),
        ("state", first.state, second.state),
        (f"best {first.metric or 'metric'}", percent_or_number(first), _other_metric(first, second)),
        ("test", _figure(reports[0], "metrics", "test"), _figure(reports[1], "metrics", "test")),
        both("took", lambda row: words.MISSING if row.seconds is None else words.seconds(row.seconds)),
        both("steps", lambda row: f"{row.step:,}"),
        ("memory at its peak", _memory(reports[0]), _memory(reports[1])),
        both("fixes kept, taken back", lambda row: f"{row.kept}, {row.taken_back}"),
        both("stands", lambda row: ", ".join(row.causes) or words.MISSING),
        both("loss", lambda row: spark(row.curve, CURVE_CELLS, ascii_only) or words.MISSING),
    ]
    lines = [_line(*pair, cells) for pair in pairs]
    for title, key, holders in (("configuration", "config", abouts), ("after the fixes", "final_config", reports)):
        sides = [_flat(holder.get(key)) for holder in holders]
        names = sorted({name for side in sides for name in side})
        unlike = [name for name in names if sides[0].get(name) != sides[1].get(name)] if all(sides) else []
        told = [_line(name, _value(sides[0], name), _value(sides[1], name), cells) for name in unlike]
        lines += [Content(""), Content.assemble((title, "bold $primary"))]
        lines += told or [Content.assemble(("no difference" if all(sides) else "not known", "$muted"))]
    return Content("\n").join(lines)


def _line(label: str, left: str, right: str, cells: int) -> Content:
    style = "" if left == right else "bold"
    return Content.assemble(
        (f"{words.cell(label, LABEL_CELLS - 1)} ", "$muted"),
        (f"{words.cell(left, cells - 2)}  ", style),
        (words.cell(right, cells - 2).rstrip(), style),
    )


def _other_metric(first: RunRow, second: RunRow) -> str:
    told = percent_or_number(second)
    return told if second.metric == first.metric or second.best is None else f"{second.metric} {told}"


def _figure(report: dict[str, Any], part: str, name: str) -> str:
    value = (report.get(part) or {}).get(name)
    return words.number(value) if isinstance(value, int | float) else words.MISSING


def _value(side: dict[str, Any], name: str) -> str:
    return (words.value(side[name]) if name in side else "") or words.MISSING


def _memory(report: dict[str, Any]) -> str:
    value = (report.get("hardware") or {}).get("peak_memory_bytes")
    return words.size(value) if isinstance(value, int | float) and value > 0 else words.MISSING


def _flat(held: Any, before: str = "") -> dict[str, Any]:
    """Return nested tables as `section.key` → value."""
    if not isinstance(held, dict):
        return {}
    flat: dict[str, Any] = {}
    for key, value in held.items():
        name = f"{before}{key}"
        flat |= _flat(value, f"{name}.") if isinstance(value, dict) and value else {name: value}
    return flat
