"""Letters for a terminal without Unicode: whatever any page draws goes out as ASCII, cell by cell."""

from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

SAME = str.maketrans(
    {
        **dict.fromkeys("─━╌┄═▔▁", "-"),
        **dict.fromkeys("│┃┊┤├▌▐▎▏", "|"),
        **dict.fromkeys("┌┐└┘╭╮╰╯┼╋┴┬", "+"),
        **dict.fromkeys("█▓▀▄▆▇▅", "#"),
        **dict.fromkeys("▒▞▚▃▂", ":"),
        **dict.fromkeys("·░•∙", "."),
        "→": ">",
        "←": "<",
        "↗": "/",
        "↘": "\\",
        "↻": "@",
        "↶": "<",
        "…": "~",
        "–": "-",
        "—": "-",
        "±": "~",
        "✓": "+",
        "✗": "x",
        "▲": "^",
        "▽": "v",
        "▼": "v",
        "▶": ">",
        "◀": "<",
        "◆": "*",
        "●": "*",
        "◐": "~",
        "◌": "o",
        "◕": "o",
        "■": "#",
        "‖": "|",
        "✎": "@",
        "×": "x",
        "°": "o",
        "µ": "u",
        "∞": "8",
        "≤": "<",
        "≥": ">",
        "⏎": "<",
        "«": '"',
        "»": '"',
        "“": '"',
        "”": '"',
        "‘": "'",
        "’": "'",
        "\u00a0": " ",
    }
)
"""The nearest letter of one cell."""


@lru_cache(4096)
def plain(text: str) -> str:
    """Return a text in ASCII that takes as many cells; what has no likeness becomes `?`."""
    if text.isascii():
        return text
    return "".join(one if one.isascii() else "?" * cell_len(one) for one in text.translate(SAME))


class Plain(LineFilter):
    """Turns every line into ASCII on its way to the terminal."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002  (letters have no colour)
        """Return the segments with their letters replaced; styles and widths stay."""
        return [Segment(plain(text), style, control) for text, style, control in segments]
