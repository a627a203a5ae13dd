"""`advisor` alone on a terminal: however the list ends, every run stays as it was."""

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from advisor.driving.lease import Lease, is_driven
from advisor.runs import Run
from tests.tui.recording import record
from tests.tui.terminal import Shown, fingerprint, seen, terminals

StartList = Callable[..., Shown]


@pytest.fixture
def start() -> Iterator[StartList]:
    """Return a function that starts `advisor` in a folder, on a terminal of its own."""
    with terminals() as start_one:
        yield lambda here, **environment: start_one([sys.executable, "-P", "-m", "advisor.cli"], here, **environment)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Run]:
    """Return a run that seems to be going on: whoever holds its lease drives it."""
    run = record(tmp_path / "runs" / "digits", "healthy")
    lease = Lease(run)
    yield run
    lease.release()


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGKILL, id="SIGKILL"),
        pytest.param(signal.SIGHUP, id="SIGHUP", marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, id="SIGTERM", marks=pytest.mark.slow),
    ],
)
def test_a_killed_list_leaves_every_run_untouched(
    start: StartList, live: Run, tmp_path: Path, number: signal.Signals
) -> None:
    before = fingerprint(live)
    process, terminal = start(tmp_path)
    assert "stalled" in seen(terminal, "stalled")
    process.send_signal(number)
    process.wait(20)
    os.close(terminal)
    assert fingerprint(live) == before
    assert is_driven(live)


@pytest.mark.slow
def test_a_list_whose_terminal_is_gone_ends_by_itself(start: StartList, live: Run, tmp_path: Path) -> None:
    before = fingerprint(live)
    process, terminal = start(tmp_path)
    assert "stalled" in seen(terminal, "stalled")
    os.close(terminal)
    assert process.wait(20) is not None
    assert fingerprint(live) == before


@pytest.mark.slow
def test_a_run_is_opened_from_the_list_and_left_for_it_again(start: StartList, live: Run, tmp_path: Path) -> None:
    process, terminal = start(tmp_path)
    assert "stalled" in seen(terminal, "stalled")
    os.write(terminal, b"\r")
    assert "detach" in seen(terminal, "detach")
    os.write(terminal, b"d")
    assert "by newest" in seen(terminal, "by newest")
    os.write(terminal, b"q")
    assert "Traceback" not in seen(terminal, "\x00never", seconds=3)
    assert process.wait(20) == 0
    os.close(terminal)
    assert list(live.wishes.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_terminal_that_goes_while_a_run_is_open_does_not_open_the_list_again(
    start: StartList, live: Run, tmp_path: Path, number: signal.Signals
) -> None:
    process, terminal = start(tmp_path)
    assert "stalled" in seen(terminal, "stalled")
    os.write(terminal, b"\r")
    assert "detach" in seen(terminal, "detach")
    process.send_signal(number)
    assert process.wait(20) == 0
    assert "by newest" not in seen(terminal, "by newest", seconds=1)
    os.close(terminal)


@pytest.mark.slow
def test_a_run_that_has_died_is_opened_as_such(start: StartList, tmp_path: Path) -> None:
    Lease(record(tmp_path / "runs" / "digits", "warming")).release()
    process, terminal = start(tmp_path)
    assert "died" in seen(terminal, "died")
    os.write(terminal, b"\r")
    assert "its trainer and its" in seen(terminal, "its trainer and its", seconds=10)
    process.kill()
    os.close(terminal)


@pytest.mark.slow
def test_a_run_that_is_opened_from_a_list_without_colours_has_none_either(
    start: StartList, live: Run, tmp_path: Path
) -> None:
    process, terminal = start(tmp_path, NO_COLOR="1", COLORTERM="truecolor")
    assert "stalled" in seen(terminal, "stalled")
    os.write(terminal, b"\r")
    told = seen(terminal, "detach") + seen(terminal, "\x00never", seconds=2)
    colours = {(red, green, blue) for red, green, blue in re.findall(r"[34]8;2;(\d+);(\d+);(\d+)", told)}
    assert colours
    assert all(red == green == blue for red, green, blue in colours)
    process.kill()
    os.close(terminal)
