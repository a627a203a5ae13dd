"""A trainer that takes its own place as a process: without a supervisor, and when it is killed on the way."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.trainer.running import of
from tests.trainer.test_restart import SHARED_TASK
from trainer.commands import Fork
from trainer.config import parse
from trainer.state.checkpoint import read
from trainer.wire import ArmScored, Event, RunEnded, RunStarted, TrialEnded, read_event, write
from trainer.words import Turned

PATIENCE_S = 180.0
"""A start loads torch, which takes seconds, on a busy machine tens of them."""

pytestmark = pytest.mark.slow

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "one_model.py").write_text(SHARED_TASK)
    train = {"epochs": 4000, "lr": 1e-3, "threads": 1}
    config = parse({"task": {"factory": f"{tmp_path / 'one_model.py'}:task"}, "train": train}, "test")
    about = {"config": config.model_dump(mode="json"), "lockstep": False, "mode": "auto"}
    (tmp_path / "run.json").write_text(json.dumps(about))
    (tmp_path / "control.jsonl").touch()
    return tmp_path


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    begun: list[subprocess.Popen[bytes]] = []

    def begin(*arguments: str) -> subprocess.Popen[bytes]:
        with (folder / "trainer.log").open("ab") as log:
            command = [sys.executable, "-P", "-m", "trainer", str(folder), *arguments]
            begun.append(subprocess.Popen(command, stdout=log, stderr=log))
        return begun[-1]

    yield begin
    for process in begun:
        process.kill()
        process.wait()


def heard(folder: Path) -> list[Event]:
    lines = (folder / "events.jsonl").read_text().splitlines() if (folder / "events.jsonl").exists() else []
    return [event for line in lines if (event := read_event(line)) is not None]


def wait_for_starts(folder: Path, count: int) -> list[RunStarted]:
    end = time.monotonic() + PATIENCE_S
    while len(started := of(heard(folder), RunStarted)) < count:
        assert time.monotonic() < end, (folder / "trainer.log").read_text()
        time.sleep(0.01)
    return started


def tell(folder: Path, steps: int) -> None:
    fork = Fork(trial="t1", turns=(Turned(knob="activation", to="tanh"),), steps=steps, nulls=0)
    with (folder / "control.jsonl").open("a") as control:
        control.write(write(fork) + "\n")


def knob(started: RunStarted) -> object:
    return {knob.name: knob.value for knob in started.knobs}["activation"]


def test_without_a_driver_the_process_takes_its_own_place_twice_and_goes_on_from_the_control(
    folder: Path, start: Start
) -> None:
    process = start()
    wait_for_starts(folder, 1)
    files = len(os.listdir(f"/proc/{process.pid}/fd"))
    tell(folder, 60)
    started = wait_for_starts(folder, 3)
    assert {event.pid for event in started} == {process.pid}
    assert [knob(event) for event in started] == ["own", "tanh", "own"]
    assert [event.trial for event in started] == ["", "t1", "t1"]
    assert started[2].step == started[1].step + 60
    assert [event.arm for event in of(heard(folder), ArmScored)] == ["control", "candidate"]
    assert of(heard(folder), TrialEnded)[0].went_on_from == "control"
    assert len(os.listdir(f"/proc/{process.pid}/fd")) <= files, "nothing stays open from process to process"
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 128 + signal.SIGTERM
    assert of(heard(folder), RunEnded)[-1].why == "stopped"
    assert read(folder / "checkpoints", "last")[0].knobs["activation"] == "own"


def test_a_candidate_that_is_killed_leaves_a_run_that_resumes_as_it_was(folder: Path, start: Start) -> None:
    process = start()
    wait_for_starts(folder, 1)
    tell(folder, 1500)
    begun = wait_for_starts(folder, 2)[-1]
    process.kill()
    process.wait()
    assert knob(begun) == "tanh"
    assert len(of(heard(folder), ArmScored)) == 1, "killed in the candidate's arm"
    start("--resume")
    again = wait_for_starts(folder, 3)[-1]
    assert (knob(again), again.trial, again.resumed) == ("own", "", True)
    assert again.step == begun.step + 1500, "at the control's end"
    left = {path.name for path in (folder / "checkpoints").iterdir()}
    assert not {name for name in left if name.startswith(("trial", "ring"))}
    assert not (folder / "restart.json").exists()
