"""What supervision decides after an exit, and which process it takes for the trainer."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from advisor.driving.supervise import (
    LAST_LINES,
    RESTARTS,
    RESTARTS_WITHIN_S,
    TRAINER,
    Exit,
    Trainer,
    describe,
    find_process,
    log_tail,
    sentence,
    start_detached,
    trainer_of,
)
from advisor.runs import create_run


def crash(at: float = 1000.0, step: int = 10, text: str = "RuntimeError: boom", code: int | None = 3) -> Exit:
    return Exit(at=at, code=code, why="failed" if code == 3 else "", text=text, step=step)


def ended(why: str, code: int = 0) -> Exit:
    return Exit(at=1000.0, code=code, why=why, text="", step=10)


@pytest.mark.parametrize("why", ["finished", "early_stop", "stopped", "hopeless", "mistake"])
def test_a_last_word_of_the_trainer_is_final(why: str) -> None:
    assert sentence((ended(why),), checkpointed=True).what == "done"


def test_exit_code_2_without_a_word_is_a_users_mistake() -> None:
    verdict = sentence((Exit(at=1.0, code=2, why="", text="usage", step=0),), checkpointed=False)
    assert (verdict.what, verdict.why) == ("done", "mistake")


@pytest.mark.parametrize("checkpointed", [True, False])
def test_a_crash_is_answered_by_a_restart_from_where_there_is_a_checkpoint(checkpointed: bool) -> None:
    verdict = sentence((crash(),), checkpointed=checkpointed)
    assert verdict.what == "again"
    assert verdict.from_checkpoint is checkpointed
    assert "step 10" in verdict.why


def test_the_same_crash_at_the_same_step_is_not_tried_a_third_time() -> None:
    verdict = sentence((crash(at=1000), crash(at=1010)), checkpointed=True)
    assert verdict.what == "give_up"
    assert "twice in the same way at step 10" in verdict.why


def test_three_restarts_in_ten_minutes_are_enough() -> None:
    exits = tuple(crash(at=1000.0 + at, step=at) for at in range(RESTARTS + 1))
    assert [sentence(exits[: n + 1], checkpointed=True).what for n in range(len(exits))] == ["again"] * 3 + ["give_up"]


def test_a_crash_a_day_is_no_reason_to_give_up() -> None:
    exits = tuple(crash(at=at * (RESTARTS_WITHIN_S + 1), step=at) for at in range(20))
    assert sentence(exits, checkpointed=True).what == "again"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        pytest.param(-signal.SIGKILL, "killed by SIGKILL (out of memory?)", id="killed"),
        pytest.param(-signal.SIGSEGV, "killed by SIGSEGV", id="segfault"),
        pytest.param(3, "failed with code 3", id="failed"),
        pytest.param(None, "is gone", id="not our child"),
    ],
)
def test_an_exit_is_described_in_words(code: int | None, words: str) -> None:
    assert describe(crash(code=code)).endswith(words)


def test_a_process_is_known_by_pid_and_start_time() -> None:
    started = psutil.Process().create_time()
    assert find_process(os.getpid(), started) is not None
    assert find_process(os.getpid(), started - 60) is None


def test_a_dead_child_that_nobody_has_waited_for_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    started = psutil.Process(child.pid).create_time()
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert find_process(child.pid, started) is None
    child.wait()


def test_a_detached_process_has_a_session_of_its_own_and_speaks_into_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = start_detached([sys.executable, "-c", "import os; print(os.getsid(0)); os.write(2, b'loud')"], log)
    assert child.wait() == 0
    assert str(child.pid) in log.read_text()
    assert "loud" in log.read_text()


def test_the_tail_of_a_log_leaves_out_blank_lines_and_strange_bytes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"\xff\xfe\n\n" + b"".join(b"line %d\n\n" % n for n in range(100)))
    assert log_tail(log) == tuple(f"line {n}" for n in range(100 - LAST_LINES, 100))
    assert log_tail(tmp_path / "none") == ()


def test_a_trainer_that_nobody_wrote_down_is_found(tmp_path: Path) -> None:
    run = create_run(tmp_path / "run", "run", {})
    assert trainer_of(run) is None
    waits = [sys.executable, "-c", "import time; time.sleep(60)", *TRAINER, str(run.folder)]
    stranger = start_detached(waits, run.trainer_log)
    trainer = start_detached([sys.executable, *TRAINER, str(run.folder)], run.trainer_log)
    trainer.send_signal(signal.SIGSTOP)  # it would end by itself, since the run has no configuration
    deadline = time.monotonic() + 60
    while (found := trainer_of(run)) is None and time.monotonic() < deadline:
        time.sleep(0.01)  # for a moment after its start, a process has no command line
    for process in (trainer, stranger):
        process.kill()
        process.wait()
    assert found is not None
    assert found.pid == trainer.pid
    assert trainer_of(run) is None


def test_what_a_dead_trainer_left_of_its_session_is_ended(tmp_path: Path) -> None:
    run = create_run(tmp_path / "run", "run", {})
    leaves = (
        "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid)"
    )
    child = start_detached([sys.executable, "-c", leaves], run.trainer_log)
    trainer = Trainer(run)
    assert trainer.adopt(psutil.Process(child.pid))
    child.wait()
    (left,) = log_tail(run.trainer_log)
    assert psutil.pid_exists(int(left))
    trainer.sweep()
    deadline = time.monotonic() + 10
    while find_process(int(left), time.time()) is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert find_process(int(left), time.time()) is None
