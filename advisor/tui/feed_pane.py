"""The advisor feed as a list: rows open and close, and the chosen one stays chosen while the feed changes."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from advisor.tui.cards import Row


class FeedPane(OptionList):
    """The list of rows."""

    DEFAULT_CSS = """
    FeedPane {
        border: none; border-top: solid $rule; padding: 0 1; background: $surface; height: 1fr;
        scrollbar-size-vertical: 1; border-title-color: $foreground;
        &:focus { border: none; border-top: solid $primary; background: $surface; background-tint: $surface 0%; }
        & > .option-list--option { padding: 0; }
        & > .option-list--option-highlighted { background: $panel 55%; color: $foreground; text-style: none; }
        & > .option-list--option-disabled { color: $muted; }
        &:focus > .option-list--option-highlighted { background: $panel; color: $foreground; text-style: none; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "open", show=True),
        Binding("left", "app.scrub(-1)", "back", key_display="←"),
        Binding("right", "app.scrub(1)", "on", key_display="→"),
    ]
    """The arrows are those of a replay, not of a list that never scrolls sideways: only so the footer shows them."""

    class Chosen(Message):
        """Another row was chosen, or the chosen one has changed."""

    def __init__(self) -> None:
        super().__init__(id="feed", classes="pane")
        self.rows: dict[str, Row] = {}
        """The rows that are shown, by key."""
        self.opened: set[str] = set()
        """Keys of the rows that are open."""
        self._prompts: list[tuple[str, str]] = []
        self._empty = ""
        self._moved = False
        """The user has chosen a row; until then the first one is chosen, whatever comes."""

    @property
    def chosen(self) -> Row | None:
        """The row under the cursor."""
        option = self.highlighted_option
        return self.rows.get(option.id or "") if option else None

    def show(self, rows: Sequence[Row], title: Content, empty: str) -> None:
        """Show these rows, changing only what differs."""
        if self.border_title != title.markup:
            self.border_title = title
        prompts = [(row.key, row.prompt(row.key in self.opened)) for row in rows]
        keys = [(key, prompt.markup) for key, prompt in prompts]
        shown, self.rows = self.rows, {row.key: row for row in rows}
        same_rows = shown == self.rows
        if keys == self._prompts and (rows or empty == self._empty):
            if not same_rows:
                self.post_message(self.Chosen())
            return
        if rows and [key for key, _ in keys] == [key for key, _ in self._prompts]:
            for (key, markup), (_, before), (_, prompt) in zip(keys, self._prompts, prompts, strict=True):
                if markup != before:
                    self.replace_option_prompt(key, prompt)
        else:
            self._fill(prompts, empty, shown)
        self._prompts, self._empty = keys, empty
        self.post_message(self.Chosen())

    def _fill(self, prompts: list[tuple[str, Content]], empty: str, before: Mapping[str, Row]) -> None:
        chosen, place = self.highlighted_option.id if self.highlighted_option else None, self.highlighted
        scroll = self.scroll_y
        self.clear_options()
        if not prompts:
            self.add_option(Option(Content.assemble((empty, "$muted")), disabled=True))
            return
        self.add_options([Option(prompt, id=key) for key, prompt in prompts])
        keys = [key for key, _ in prompts]
        chosen = chosen if chosen in keys else self._now_told_by(before.get(chosen or ""))
        with self.prevent(OptionList.OptionHighlighted):
            self.highlighted = keys.index(chosen) if chosen in keys and self._moved else 0
        self.scroll_to(y=scroll if self._moved else 0, animate=False)
        if self.highlighted != place:
            self.call_after_refresh(self.scroll_to_highlight)

    def _now_told_by(self, gone: Row | None) -> str | None:
        """Return the row that tells of the same fix as one that is gone: what was proposed is being tried now."""
        same = (
            key for key, row in self.rows.items() if gone and gone.fix and (row.code, row.fix) == (gone.code, gone.fix)
        )
        return next(same, None)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open or close the row."""
        key = event.option_id
        row = self.rows.get(key or "")
        if row is None or key is None:
            return
        self.opened ^= {key}
        prompt = row.prompt(key in self.opened)
        self.replace_option_prompt(key, prompt)
        self._prompts = [(one, prompt.markup if one == key else markup) for one, markup in self._prompts]

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Tell the screen that other keys may matter now."""
        self._moved = event.option_index > 0
        self.post_message(self.Chosen())
