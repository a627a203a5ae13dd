"""What a command shows: on standard output, or in a file that is there whole or not at all."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.mistakes import Mistake

if TYPE_CHECKING:
    from rich.console import RenderableType

PLAIN_COLUMNS = 110
"""Width of the text where no terminal tells one."""


def rendered(page: "RenderableType", *, plain: bool) -> str:
    """Return a page as text: coloured and as wide as the terminal, or plain for a pipe or a file."""
    from rich.console import Console

    from advisor.showing.harmless import Harmless

    coloured = sys.stdout.isatty() and not plain
    console = Console(width=None if coloured else PLAIN_COLUMNS, no_color=not coloured, highlight=False)
    with console.capture() as captured:
        console.print(Harmless(page))
    return "\n".join(line.rstrip() for line in captured.get().splitlines()).rstrip("\n")


def put(text: str, out: Path | None) -> None:
    """Print a text, or write it to a file and print where it lies.

    Raises:
        Mistake: when the file cannot be written.
    """
    if out is None:
        print(text)
        return
    from advisor.runs import write_by_rename

    try:
        write_by_rename(out, text + "\n")
    except OSError as failed:
        raise Mistake(f"{out} cannot be written: {failed.strerror}") from None
    print(out)
