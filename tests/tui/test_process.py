"""A viewer as a process of its own: whatever happens to it, the run stays as it was."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
from textual.color import Color

from advisor.runs import Run
from advisor.tui.themes import our_theme
from tests.tui.recording import RATE_TOO_HIGH, Recording
from tests.tui.terminal import Shown, fingerprint, seen, terminals

VIEWER = "import sys; from pathlib import Path; from advisor.runs import Run; from advisor.tui.app import run_ui; sys.exit(run_ui(Run(Path(sys.argv[1]))))"


StartViewer = Callable[..., Shown]


@pytest.fixture
def start() -> Iterator[StartViewer]:
    """Return a function that starts a viewer of a run on a terminal of its own."""
    with terminals() as start_one:
        yield lambda run, **environment: start_one([sys.executable, "-c", VIEWER, str(run.folder)], **environment)


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGKILL, id="SIGKILL"),
        pytest.param(signal.SIGHUP, id="SIGHUP", marks=pytest.mark.slow),
    ],
)
def test_a_killed_viewer_leaves_the_run_untouched(
    start: StartViewer, recorded: Callable[[str], Run], number: signal.Signals
) -> None:
    run = recorded("healthy")
    before = fingerprint(run)
    process, terminal = start(run)
    assert "accuracy" in seen(terminal, "accuracy")
    process.send_signal(number)
    process.wait(20)
    os.close(terminal)
    assert fingerprint(run) == before


def test_a_viewer_whose_terminal_is_gone_ends_by_itself(start: StartViewer, recorded: Callable[[str], Run]) -> None:
    process, terminal = start(recorded("healthy"))
    assert "accuracy" in seen(terminal, "accuracy")
    os.close(terminal)
    assert process.wait(20) is not None


@pytest.mark.slow
def test_an_orphaned_viewer_ends_by_itself(recorded: Callable[[str], Run]) -> None:
    parent = (
        "import os, pty, select, subprocess, sys, time; inner, outer = pty.openpty();"
        "p = subprocess.Popen(sys.argv[1:], stdin=outer, stdout=outer, stderr=outer, start_new_session=True);"
        "os.close(outer); said = b''\nwhile b'accuracy' not in said: said += os.read(inner, 65536)\n"
        "print(p.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", parent, sys.executable, "-c", VIEWER, str(recorded("healthy").folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "TERM": "xterm-256color"}) as process:
        assert process.stdout is not None
        viewer = psutil.Process(int(process.stdout.readline()))
        process.kill()
    _, alive = psutil.wait_procs([viewer], timeout=20)
    for one in alive:
        one.kill()
    assert not alive


@pytest.mark.parametrize("theme", ["paper", pytest.param("sixteen colours", marks=pytest.mark.slow)])
def test_the_theme_that_the_environment_names_is_seen(
    start: StartViewer, recorded: Callable[[str], Run], theme: str
) -> None:
    process, terminal = start(recorded("healthy"), TEXTUAL_THEME=theme, COLORTERM="truecolor")
    wanted = our_theme(theme)
    assert wanted is not None
    panel = ";".join(map(str, Color.parse(wanted.panel or "").rgb))
    assert f"48;2;{panel}m" in seen(terminal, "detach")
    process.kill()
    os.close(terminal)


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({"TERM": "xterm"}, id="16 colours", marks=pytest.mark.slow),
        pytest.param({"TERM": "vt100", "NO_COLOR": "1"}, id="no colour", marks=pytest.mark.slow),
        pytest.param({"PYTHONIOENCODING": "ascii"}, id="no UTF-8", marks=pytest.mark.slow),
    ],
)
def test_a_plain_terminal_shows_the_run_too(
    start: StartViewer, recorded: Callable[[str], Run], environment: dict[str, str]
) -> None:
    process, terminal = start(recorded("healthy"), **environment)
    assert "accuracy" in seen(terminal, "accuracy")
    os.write(terminal, b"d")
    said = seen(terminal, "\x00never", seconds=4)
    assert process.wait(20) == 0
    assert "Traceback" not in said
    assert "\\u25" not in said, "a letter that the terminal lacks is drawn as another one, not as its number"
    os.close(terminal)


@pytest.mark.slow
def test_the_bell_rings_when_something_becomes_critical(start: StartViewer, recorded: Callable[[str], Run]) -> None:
    run = recorded("healthy")
    process, terminal = start(run)
    assert "accuracy" in seen(terminal, "accuracy")
    assert "\a" not in seen(terminal, "\a", seconds=2), "nothing rings for what was there before"
    made = Recording.go_on(run, step=2900)
    made.find(RATE_TOO_HIGH)
    made.flush()
    assert "\a" in seen(terminal, "\a")
    process.kill()
    process.wait(20)
    os.close(terminal)


@pytest.mark.slow
def test_the_viewer_yields_to_the_training_with_every_thread(
    start: StartViewer, recorded: Callable[[str], Run]
) -> None:
    process, terminal = start(recorded("warming"))
    seen(terminal, "of 4,200")
    viewer, end = psutil.Process(process.pid), time.monotonic() + 10
    while not (gentle := all(os.getpriority(os.PRIO_PROCESS, one.id) >= 10 for one in viewer.threads())):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert gentle
    process.kill()
    process.wait(20)
    os.close(terminal)
