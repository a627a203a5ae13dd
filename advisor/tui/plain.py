"""What goes out to the terminal, whatever any page draws: nothing that steers it, and ASCII alone where it has no Unicode.

Widths stay as the layout has measured them, cell by cell.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ud800-\udfff]")
"""Control characters, marks that turn the direction of writing, and halves of characters, which no terminal can be sent."""
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


def lacks_letters(encoding: str, environment: Mapping[str, str]) -> bool:
    """Tell whether a terminal is one without the letters of the charts.

    The font of Linux's own console has no braille, and whoever says LC_ALL=C wants ASCII: Python writes UTF-8 all the
    same. In a browser neither says anything of the screen.
    """
    if not encoding.lower().replace("-", "").startswith("utf"):
        return True
    asked = environment.get("TERM") == "linux" or environment.get("LC_ALL") in ("C", "POSIX")
    return asked and "TEXTUAL_DRIVER" not in environment


@lru_cache(4096)
def plain(text: str) -> str:
    """Return a text in ASCII that takes as many cells; what has no likeness becomes `?`."""
    if text.isascii():
        return text
    return "".join(one if one.isascii() else "?" * cell_len(one) for one in text.translate(SAME))


@lru_cache(4096)
def harmless(text: str) -> str:
    """Return a text without what would steer a terminal, such as ESC; `·` stands where that took cells."""
    return text if text.isprintable() else STEERING.sub(lambda found: "·" * cell_len(found[0]), text)


class Harmless(LineFilter):
    """Takes what would steer the terminal out of every line: texts of the user's data may hold anything."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002  (letters have no colour)
        """Return the segments with their texts made harmless; styles and widths stay."""
        return [Segment(text if control else harmless(text), style, control) for text, style, control in segments]


class Plain(LineFilter):
    """Turns every line into ASCII on its way to the terminal."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002  (letters have no colour)
        """Return the segments with their letters replaced; styles and widths stay."""
        return [Segment(plain(text), style, control) for text, style, control in segments]
