"""A trainer that is silent: when it is asked where it stands, when something is told, and when it is left in peace."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from advisor.sensors.sample import StallSample
from advisor.sensors.stall import ANSWER_S, AWAY_S, LONG_WORK_S, OURS, StallSensor, frames_of, read_stack
from trainer.standing import NUMBER

pytestmark = pytest.mark.skipif(not NUMBER, reason="no signal to spare on this system")

STEP_S = 0.01
ANSWER_LOOKS_MOST = 500
"""Of a hundredth of a second: a busy machine takes its time."""
TRAINER = """
import sys, threading
from pathlib import Path
from trainer.standing import tell_where_it_stands

tell_where_it_stands(Path(sys.argv[1]))

def waits_for_a_lock():
    print("stands", flush=True)
    threading.Event().wait()

waits_for_a_lock()
"""
SLEEPER = "import time; print('stands', flush=True); time.sleep(60)"


@contextmanager
def standing(folder: Path, program: str = TRAINER) -> Iterator[int]:
    """Run a process that takes no step."""
    (folder / "train.py").write_text(program)
    process = subprocess.Popen([sys.executable, folder / "train.py", folder], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"stands\n"
        yield process.pid
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def watched(folder: Path, pid: int) -> StallSensor:
    sensor = StallSensor(folder)
    sensor.look(0.0, pid, lambda: STEP_S)
    return sensor


def look_until(
    sensor: StallSensor, pid: int, to: float, *, begin: float = 0.0, answers: bool = True
) -> list[StallSample]:
    """Look once a second of a clock of our own; a process that was asked is given the real time that it takes to answer."""
    told = []
    for now in range(int(begin) + 1, int(to) + 1):
        sample = sensor.look(float(now), pid, lambda: STEP_S)
        if sensor._asked_at == now and answers:
            for _ in range(ANSWER_LOOKS_MOST):
                if sensor._stack.stat().st_size > sensor._from_byte:
                    break
                time.sleep(0.01)
            time.sleep(0.02)
        if sample is not None:
            told.append(sample)
    return told


def test_a_silent_trainer_is_asked_and_the_line_is_told(tmp_path: Path) -> None:
    with standing(tmp_path) as pid:
        told = look_until(watched(tmp_path, pid), pid, 15)
    assert len(told) == 1
    assert told[0].where.endswith("(waits_for_a_lock)")
    assert told[0].doing == "takes a step"
    assert told[0].usual_s == STEP_S
    assert 10 <= told[0].silent_s <= 14


def test_it_is_told_again_when_it_has_lasted_twice_as_long(tmp_path: Path) -> None:
    with standing(tmp_path) as pid:
        told = look_until(watched(tmp_path, pid), pid, 60)
    assert len(told) == 3
    assert all(later.silent_s >= 2 * earlier.silent_s for earlier, later in pairwise(told))


def test_a_word_of_the_trainer_begins_the_silence_anew(tmp_path: Path) -> None:
    with standing(tmp_path) as pid:
        sensor = watched(tmp_path, pid)
        assert look_until(sensor, pid, 9) == []
        sensor.hear(9.0)
        assert look_until(sensor, pid, 18, begin=9) == []


def test_who_was_once_silent_for_long_may_be_so_again(tmp_path: Path) -> None:
    with standing(tmp_path) as pid:
        sensor = watched(tmp_path, pid)
        look_until(sensor, pid, 8)
        sensor.hear(8.0)
        assert look_until(sensor, pid, 31, begin=8) == []
        assert look_until(sensor, pid, 40, begin=31) != []


def test_before_the_first_beat_nothing_is_told(tmp_path: Path) -> None:
    with standing(tmp_path) as pid:
        sensor = watched(tmp_path, pid)
        assert [sensor.look(float(now), pid, lambda: 0.0) for now in range(1, 40)] == [None] * 39


def test_twenty_steps_are_waited_for_however_long_they_are(tmp_path: Path) -> None:
    with standing(tmp_path) as pid:
        sensor = watched(tmp_path, pid)
        assert [sensor.look(float(now), pid, lambda: 2.0) for now in range(1, 40)] == [None] * 39


def test_a_sensor_that_did_not_run_itself_blames_nobody(tmp_path: Path) -> None:
    with standing(tmp_path) as pid:
        sensor = watched(tmp_path, pid)
        assert sensor.look(100 * AWAY_S, pid, lambda: STEP_S) is None
        assert not sensor._asked_at


def test_a_trainer_that_was_stopped_is_told_as_that(tmp_path: Path) -> None:
    with standing(tmp_path) as pid:
        os.kill(pid, signal.SIGSTOP)
        for _ in range(ANSWER_LOOKS_MOST):
            if psutil.Process(pid).status() == psutil.STATUS_STOPPED:
                break
            time.sleep(0.01)
        told = look_until(watched(tmp_path, pid), pid, 10 + ANSWER_S + 3, answers=False)
    assert [one.doing for one in told] == ["was stopped by a signal"]


def test_a_process_that_takes_no_such_signal_is_never_sent_one_and_given_five_minutes(tmp_path: Path) -> None:
    (tmp_path / "stack.txt").write_bytes(b"")
    with standing(tmp_path, SLEEPER) as pid:
        sensor = watched(tmp_path, pid)
        assert look_until(sensor, pid, LONG_WORK_S - 1) == []
        told = look_until(sensor, pid, LONG_WORK_S + 2, begin=LONG_WORK_S - 1)
        os.kill(pid, 0)
    assert [(one.where, one.doing) for one in told] == [("", "")]


def frames(*places: str) -> tuple[str, ...]:
    return tuple(f'File "{place}", line 7 in run' for place in places)


@pytest.mark.parametrize(
    ("stack", "where", "doing"),
    [
        pytest.param(("/home/a/train.py", f"{OURS}step.py", f"{OURS}loop.py"), "train.py:7 (run)", "takes a step", id="own model"),
        pytest.param((f"{OURS}data/feed.py", f"{OURS}loop.py"), "feed.py:7 (run)", "waits for its next batch", id="loader"),
        pytest.param(("/home/a/net.py", f"{OURS}evaluate.py", f"{OURS}loop.py"), "net.py:7 (run)", "evaluates", id="evaluation"),
        pytest.param((f"{OURS}step.py", f"{OURS}rounds.py", f"{OURS}obey.py"), "step.py:7 (run)", "is in a trial", id="trial"),
        pytest.param((f"{OURS}link.py", f"{OURS}obey.py", f"{OURS}loop.py"), "link.py:7 (run)", "", id="paused"),
        pytest.param(("/home/trainer/data/own.py", f"{OURS}step.py"), "own.py:7 (run)", "takes a step", id="a folder of the same name"),
        pytest.param((), "", "takes a step", id="nothing"),
    ],
)  # fmt: skip
def test_a_stack_tells_the_users_line_and_what_the_trainer_is_about(
    stack: tuple[str, ...], where: str, doing: str
) -> None:
    assert read_stack(frames(*stack)) == (where, doing)


def test_every_file_of_the_trainer_that_is_named_exists() -> None:
    from advisor.sensors.stall import DOING

    there = {path.name for path in Path(OURS).rglob("*.py")}
    assert set(DOING) <= there


def test_the_main_thread_is_read_whoever_answered() -> None:
    told = 'Thread 0x1 (most recent call first):\n  File "a.py", line 1 in worker\n\n'
    assert frames_of(told + 'Current thread 0x2 (most recent call first):\n  File "b.py", line 2 in main\n') == (
        'File "b.py", line 2 in main',
    )
    assert frames_of(told + 'Thread 0x2 (most recent call first):\n  File "b.py", line 2 in main\n') == (
        'File "b.py", line 2 in main',
    )
    assert frames_of("") == ()
