"""A process that is asked by a signal where it stands: it answers, unless that signal is somebody else's."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.standing import FILE, NUMBER, takes

pytestmark = pytest.mark.skipif(not NUMBER, reason="no signal to spare on this system")

STANDS = """
import os, signal, sys
from pathlib import Path
from trainer.standing import NUMBER, tell_where_it_stands

def stands_here():
    os.kill(os.getpid(), NUMBER)

{before}
tell_where_it_stands(Path(sys.argv[1]))
tell_where_it_stands(Path(sys.argv[1]))
stands_here()
print("lives")
"""
TAKEN = "signal.signal(NUMBER, lambda *_: print('theirs'))"


def ran(folder: Path, before: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-c", STANDS.format(before=before), str(folder)], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_process_that_is_asked_writes_its_stack_and_lives_on(tmp_path: Path) -> None:
    assert ran(tmp_path) == "lives\n"
    assert "in stands_here" in (tmp_path / FILE).read_text()


def test_a_signal_that_the_users_code_has_taken_stays_theirs_and_no_file_says_otherwise(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("of an earlier process")
    assert ran(tmp_path, TAKEN) == "theirs\nlives\n"
    assert not (tmp_path / FILE).exists()


def test_the_kernel_tells_who_takes_a_signal() -> None:
    before = signal.signal(signal.SIGUSR2, lambda *_: None)
    try:
        assert takes(os.getpid(), signal.SIGUSR2)
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert not takes(os.getpid(), signal.SIGUSR2)
    assert not takes(os.getpid(), NUMBER)
    assert not takes(2**22 + 1, NUMBER)
    assert not takes(os.getpid(), 0)
