"""On a signal the trainer writes down in which lines its threads stand: so a run that takes no further step can be asked.

The interpreter's own `faulthandler` does it, in C: it answers while a lock is held or a system call does not return, and
costs nothing before. The signal is one that nobody uses by custom, and it is taken only where nobody has taken it.
"""

import faulthandler
import signal
from contextlib import suppress
from pathlib import Path
from typing import IO

FILE = "stack.txt"
"""In the run's folder."""
NUMBER = signal.SIGRTMIN + 7 if hasattr(signal, "SIGRTMIN") else 0
"""Of the signal; 0 where the system has none to spare."""

_open: list[IO[bytes]] = []
"""The file, for as long as the process lives: it is written to by number."""


def tell_where_it_stands(folder: Path) -> None:
    """Answer the signal from here on; where that cannot be, nobody will ask."""
    if not NUMBER or signal.getsignal(NUMBER) is not signal.SIG_DFL:
        return
    with suppress(OSError, RuntimeError):
        file = (folder / FILE).open("ab")
        faulthandler.register(NUMBER, file=file, all_threads=True, chain=False)
        _open.append(file)
