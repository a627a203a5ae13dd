"""A viewer as a process of its own: whatever happens to it, the run stays as it was."""

import hashlib
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from advisor.runs import Run

VIEWER = "import sys; from pathlib import Path; from advisor.runs import Run; from advisor.tui.app import run_ui; sys.exit(run_ui(Run(Path(sys.argv[1]))))"


def fingerprint(run: Run) -> dict[str, str]:
    return {
        str(path.relative_to(run.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(run.folder.rglob("*"))
        if path.is_file() and path.parent != run.wishes
    }


def start(run: Run, **environment: str) -> tuple[subprocess.Popen[bytes], int]:
    inner, outer = pty.openpty()
    command = [sys.executable, "-c", VIEWER, str(run.folder)]
    variables = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"} | environment
    process = subprocess.Popen(command, stdin=outer, stdout=outer, stderr=outer, env=variables, start_new_session=True)
    os.close(outer)
    return process, inner


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


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGKILL, id="SIGKILL"),
        pytest.param(signal.SIGHUP, id="SIGHUP", marks=pytest.mark.slow),
    ],
)
def test_a_killed_viewer_leaves_the_run_untouched(recorded: Callable[[str], Run], number: signal.Signals) -> None:
    run = recorded("healthy")
    before = fingerprint(run)
    process, terminal = start(run)
    assert "accuracy" in seen(terminal, "accuracy")
    process.send_signal(number)
    process.wait(20)
    os.close(terminal)
    assert fingerprint(run) == before


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({"TERM": "xterm"}, id="16 colours", marks=pytest.mark.slow),
        pytest.param({"TERM": "vt100", "NO_COLOR": "1"}, id="no colour", marks=pytest.mark.slow),
        pytest.param({"PYTHONIOENCODING": "ascii"}, id="no UTF-8"),
    ],
)
def test_a_plain_terminal_shows_the_run_too(recorded: Callable[[str], Run], environment: dict[str, str]) -> None:
    process, terminal = start(recorded("healthy"), **environment)
    assert "accuracy" in seen(terminal, "accuracy")
    os.write(terminal, b"d")
    said = seen(terminal, "\x00never", seconds=4)
    assert process.wait(20) == 0
    assert "Traceback" not in said
    os.close(terminal)


@pytest.mark.slow
def test_the_viewer_yields_to_the_training(recorded: Callable[[str], Run]) -> None:
    process, terminal = start(recorded("warming"))
    seen(terminal, "step")
    assert os.getpriority(os.PRIO_PROCESS, process.pid) >= 10
    process.kill()
    process.wait(20)
    os.close(terminal)
