"""Screens as processes of their own, each on a pseudo-terminal of 80 × 24 cells."""

import hashlib
import os
import select
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from advisor.runs import Run

Shown = tuple["subprocess.Popen[bytes]", int]
"""A screen's process, and the file descriptor of its terminal."""


class Start(Protocol):
    """Starts a screen on a terminal of its own."""

    def __call__(self, command: Sequence[str], here: Path | None = None, **environment: str) -> Shown:
        """Return the process and its terminal; `here` is its working directory."""


@contextmanager
def terminals() -> Iterator[Start]:
    """Give a way to start screens; none of them outlives this."""
    started: list[subprocess.Popen[bytes]] = []

    def start(command: Sequence[str], here: Path | None = None, **environment: str) -> Shown:
        inner, outer = os.openpty()
        size = {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
        shown = {**os.environ, **size, **environment}
        started.append(
            subprocess.Popen(
                command, stdin=outer, stdout=outer, stderr=outer, env=shown, cwd=here, start_new_session=True
            )
        )
        os.close(outer)
        return started[-1], inner

    yield start
    for process in started:
        process.kill()
        process.wait(20)


def seen(terminal: int, word: str, seconds: float = 20.0) -> str:
    """Read the terminal until a word appears and return all of it."""
    said, end = "", time.monotonic() + seconds
    while word not in said and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                said += os.read(terminal, 65536).decode(errors="replace")
            except OSError:
                break
    return said


def fingerprint(run: Run) -> dict[str, str]:
    """Return what is in every file of a run but the wishes."""
    return {
        str(path.relative_to(run.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(run.folder.rglob("*"))
        if path.is_file() and path.parent != run.wishes
    }
