"""On a signal the trainer writes down in which lines its threads stand: so a run that takes no further step can be asked.

The interpreter's own `faulthandler` does it, in C: it answers while a lock is held or a system call does not return, and
costs nothing before. The signal is one that nobody uses by custom. It is taken when the user's own code has been loaded, and
only where that has not taken it; the file is there only while the signal is answered.
"""

import faulthandler
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import IO

FILE = "stack.txt"
"""In the run's folder."""
NUMBER = signal.SIGRTMIN + 7 if hasattr(signal, "SIGRTMIN") else 0
"""Of the signal; 0 where the system has none to spare (macOS)."""

_open: list[IO[bytes]] = []
"""The file, for as long as the process lives: it is written to by number."""


def tell_where_it_stands(folder: Path) -> None:
    """Answer the signal from here on; where that cannot be, no file says that it is."""
    if _open:
        return
    with suppress(OSError):
        (folder / FILE).unlink(missing_ok=True)
    if not NUMBER or signal.getsignal(NUMBER) is not signal.SIG_DFL or takes(os.getpid(), NUMBER):
        return
    with suppress(OSError, RuntimeError):
        file = (folder / FILE).open("xb")
        faulthandler.register(NUMBER, file=file, all_threads=True, chain=False)
        _open.append(file)


def takes(pid: int, number: int) -> bool:
    """Tell whether a process has a handler for this signal, by the kernel's word; without one it would die of it."""
    try:
        told = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    mask = next((line.split()[1] for line in told.splitlines() if line.startswith("SigCgt:")), "0")
    return bool(number) and bool(int(mask, 16) >> (number - 1) & 1)
