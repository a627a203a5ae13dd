"""Texts of others on a terminal: what would steer it, colours and titles among it, is a sign that does nothing."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

STEERING = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
"""The control characters of ASCII and Latin-1, but for the end of a line and the tabulator."""


def harmless(text: str) -> str:
    """Return a text in which nothing steers a terminal: names of files, columns and classes are anybody's."""
    return text.translate(STEERING)


class Harmless:
    """A page whose own styles are kept, and whose texts steer nothing."""

    def __init__(self, page: "RenderableType") -> None:
        self._page = page

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        """Render the page, and make each text harmless."""
        from rich.segment import Segment

        for segment in console.render(self._page, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)
