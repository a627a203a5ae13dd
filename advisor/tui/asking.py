"""Asks once before a key changes the run, and names the effect; asks for a knob's new value."""

import textwrap
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, Static

from advisor.tui import words
from advisor.tui.questions import Question
from trainer.knobs import Knob, KnobError, KnobValue

TEXT_CELLS = 66
"""Width of the text in a box of 72 cells."""
_CSS = """
    {name} {{ align: center middle; background: $background 60%; }}
    {name} > Vertical {{
        width: 72; max-width: 94%; height: auto; padding: 1 2; background: $panel; border: round $primary;
        border-title-color: $foreground; border-title-style: bold;
    }}
    {name} Static {{ height: auto; }}
    {name} .keys {{ margin-top: 1; color: $muted; }}
    {name} .wrong {{ color: $error; }}
    {name} Input, {name} Input:focus {{ margin-top: 1; border: none; height: 1; padding: 0 1; background: $background; }}
"""


class Asked(ModalScreen[Question | None]):
    """A question that y, Enter, or t answers; it closes with the one that was agreed to, or with nothing."""

    DEFAULT_CSS = _CSS.format(name="Asked")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer", "yes"),
        Binding("t", "try", "try first"),
        Binding("n,escape,q", "dismiss(None)", "no"),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question

    def compose(self) -> ComposeResult:
        """Lay out the question, what it means, and the two keys."""
        width = max((len(label) for label, _ in self.question.lines), default=0)
        box = Vertical(
            Static(Content("\n").join(_row(label, text, width) for label, text in self.question.lines)),
            Static(
                Content.assemble(
                    ("y", "bold $primary"),
                    f" {self.question.yes}    ",
                    *((("t", "bold $primary"), " try it first    ") if self.question.tries else ()),
                    ("n", "bold $primary"),
                    " back, nothing changes",
                ),
                classes="keys",
            ),
        )
        box.border_title = Content(self.question.text)
        yield box
        yield Footer(show_command_palette=False, compact=True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer a trial only where there is one."""
        return self.question.tries if action == "try" else super().check_action(action, parameters)

    def action_answer(self) -> None:
        """Close with a yes."""
        self.dismiss(self.question)

    def action_try(self) -> None:
        """Close with a yes to a trial."""
        self.dismiss(self.question.tried())


class ValueAsked(ModalScreen[KnobValue | None]):
    """Asks for a knob's new value; the knob's own bounds are checked before it is wished."""

    DEFAULT_CSS = _CSS.format(name="ValueAsked")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "back")]

    def __init__(self, knob: Knob, now: KnobValue) -> None:
        super().__init__()
        self._knob = knob
        self._now = now

    def compose(self) -> ComposeResult:
        """Lay out the bounds, the field and the keys."""
        knob = self._knob
        box = Vertical(
            Static(
                Content.assemble(
                    ("takes  ", "$muted"), words.bounds(knob.low, knob.high, knob.choices) or type(knob.value).__name__
                )
            ),
            Input(
                str(self._now).lower() if isinstance(self._now, bool) else str(self._now),
                id="value",
                select_on_focus=True,
            ),
            Static("", classes="wrong"),
            Static("Enter asks for it   Esc back, nothing changes", classes="keys"),
        )
        box.border_title = Content(f"turn {knob.name}")
        yield box
        yield Footer(show_command_palette=False, compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close with the value, or say why it does not fit."""
        try:
            self.dismiss(self._knob.check(_typed(event.value.strip(), self._knob)))
        except KnobError as wrong:
            self.query_one(".wrong", Static).update(Content(str(wrong)))


def _row(label: str, text: str, width: int) -> Content:
    """Return a labelled text whose further lines stand under its first."""
    lines = textwrap.wrap(text, TEXT_CELLS - width - 2) or [""]
    return Content.assemble((f"{label:<{width}}  ", "$muted"), ("\n" + " " * (width + 2)).join(lines))


def _typed(text: str, knob: Knob) -> KnobValue:
    if isinstance(knob.value, bool):
        known = {
            "true": True,
            "on": True,
            "yes": True,
            "1": True,
            "false": False,
            "off": False,
            "no": False,
            "0": False,
        }
        return known.get(text.lower(), text)
    if isinstance(knob.value, int | float):
        try:
            return float(text)
        except ValueError:
            return text
    return text
