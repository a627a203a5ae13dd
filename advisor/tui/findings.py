"""The findings page: every rule and what it says of this run; what stands comes first, Enter tells why."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable

from advisor.story.story import Story
from advisor.story.told import FindingState
from advisor.tui import words
from advisor.tui.pages import TablePage
from rules.catalogue import CatalogueError, all_rules


class FindingsPage(TablePage):
    """What was found, what is mended, what could not be assessed and why, and what was looked for in vain."""

    COLUMNS = ("rule", "says", "since step", "what")
    SHARES: ClassVar[Mapping[str, int]] = {"what": 1}
    EMPTY = "no rule has judged this run yet: the first ones do so after its warm-up"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "why", priority=True)]

    class Picked(Message):
        """A rule was chosen to be explained."""

        def __init__(self, code: str, said: str) -> None:
            super().__init__()
            self.code = code
            self.said = said
            """What the page says of it: all that there is to say where nothing was found."""

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Ask for the rule's page."""
        code, says, _, what = map(str, event.data_table.get_row(event.row_key))
        self.app.post_message(self.Picked(code, f"{says}: {what}"))

    def action_select_cursor(self) -> None:
        """Choose the rule under the cursor."""
        self.query_one(DataTable).action_select_cursor()


def finding_rows(story: Story) -> list[tuple[str, ...]]:
    """Return a row for each rule that has said something, or could not."""
    return list(_rows(story))


def _rows(story: Story) -> Iterator[tuple[str, ...]]:
    for one in story.standing:
        yield _found(one, f"{one.finding.severity.value}, {one.role}", one.step)
    for one in story.findings.values():
        if not one.standing:
            word = "gone since the rewind" if one.rewound else "mended" if one.mended else "cleared"
            yield _found(one, word, one.cleared_step)
    seeks = _headlines()
    for code, missing in sorted(story.not_assessed.items()):
        unknown = ", ".join(missing).replace("_", " ")
        yield code, "not assessed", words.MISSING, f"nothing is known of: {unknown}. {seeks.get(code, '')}".strip()
    for code in story.passed:
        if code not in story.findings:
            yield code, "passed", words.MISSING, f"looked for, not found: {seeks.get(code, '')}".removesuffix(": ")


def _found(one: FindingState, says: str, step: int | None) -> tuple[str, ...]:
    return one.finding.code, says, words.MISSING if step is None else f"{step:,}", one.finding.message


@cache
def _headlines() -> Mapping[str, str]:
    """Return what each rule looks for, in a sentence."""
    try:
        return {rule.code: rule.headline for rule in all_rules()}
    except CatalogueError:  # a stranger's package: its rules did not judge this run either
        return {}
