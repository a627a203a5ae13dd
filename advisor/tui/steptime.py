"""Where the step goes: one stacked bar over the last seconds, with the words that read it."""

from collections.abc import Mapping

from textual.content import Content
from textual.widget import Widget

from advisor.tui import words

PARTS = (
    ("input_wait", "input wait", "$warning", "▒"),
    ("to_device", "to device", "$accent", "▞"),
    ("forward", "forward", "$primary", "█"),
    ("backward", "backward", "$primary 70%", "▓"),
    ("optimizer", "optimizer", "$success", "█"),
    ("advisor", "advisor", "$accent", "▚"),
    ("other", "other", "$faint", "░"),
)
"""Part, its name for people, its colour, and its texture: never colour alone."""
ASCII = dict(zip((part for part, *_ in PARTS), "w>FBOa.", strict=True))
ROOMY_CELLS = 110
"""Narrower than this, the words take the whole line."""
LEAST_SHARE = 0.005
"""Parts below half a per cent are left out of the words: they would only be noise."""


def bar(phases: Mapping[str, float], width: int, ascii_only: bool = False) -> Content:
    """Return the stacked bar for seconds by part, exactly `width` cells wide."""
    total = sum(phases.values())
    if total <= 0 or width < 1:
        return Content("")
    pieces: list[tuple[str, str]] = []
    behind, drawn = 0.0, 0
    for part, _, colour, texture in PARTS:
        behind += phases.get(part, 0.0)
        end = round(behind / total * width)
        pieces.append(((ASCII[part] if ascii_only else texture) * (end - drawn), colour))
        drawn = end
    return Content.assemble(*(piece for piece in pieces if piece[0]))


def legend(phases: Mapping[str, float], width: int, ascii_only: bool = False) -> Content:
    """Return the words to the bar, largest shares kept when the line is short."""
    total = sum(phases.values())
    if total <= 0:
        return Content("")
    shares = {part: phases.get(part, 0.0) / total for part, *_ in PARTS}
    shown = [part for part in shares if shares[part] >= LEAST_SHARE]
    while True:
        pieces = [
            Content.assemble(
                (ASCII[part] if ascii_only else texture, colour), f" {name} ", (words.share(shares[part]), "bold")
            )
            for part, name, colour, texture in PARTS
            if part in shown
        ]
        whole = Content("   " if width >= ROOMY_CELLS - len("step 123.4 ms ") else "  ").join(pieces)
        if whole.cell_length <= width or len(shown) <= 1:
            return whole
        shown.remove(min(shown, key=lambda part: shares[part]))


class StepTime(Widget):
    """The bar with its words."""

    DEFAULT_CSS = "StepTime { height: 2; padding: 0 1; text-wrap: nowrap; }"

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__(id="steptime")
        self.ascii_only = ascii_only
        self._shown: tuple[float, tuple[tuple[str, float], ...]] = (float("nan"), ())

    def show(self, step_s: float, phases: Mapping[str, float]) -> None:
        """Show seconds of a mean step and seconds by part, unless they are there already."""
        shown = (step_s, tuple(phases.items()))
        if repr(shown) != repr(self._shown):
            self._shown = shown
            self.refresh()

    def render(self) -> Content:
        """Return both lines for the present width."""
        step_s, items = self._shown
        width = self.size.width
        if not items:
            return Content.assemble(("step   waiting for the first steps to see where their time goes", "$muted"))
        head = f"step {words.seconds(step_s)}"
        head = f"{head:<13}"
        phases = dict(items)
        under = "goes to".ljust(len(head)) if width >= ROOMY_CELLS else ""
        return Content.assemble(
            (head, "bold"), bar(phases, width - len(head), self.ascii_only), "\n",
            (under, "$muted"), legend(phases, width - len(under), self.ascii_only),
        )  # fmt: skip
