"""Followers beside a trainer that is a process of its own: none outlives it, however it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.trainer.running import of
from tests.trainer.test_restart import SHARED_TASK
from trainer.commands import Fork
from trainer.config import parse
from trainer.wire import BeatTaken, Event, RunStarted, read_event, write
from trainer.words import Turned

PATIENCE_S = 180.0
"""A start loads torch, which takes seconds, on a busy machine tens of them; a follower's start comes behind it."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="each process needs a core of its own"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "one_model.py").write_text(SHARED_TASK)
    train = {"epochs": 4000, "lr": 1e-3, "replicas": 2}
    config = parse({"task": {"factory": f"{tmp_path / 'one_model.py'}:task"}, "train": train}, "test")
    about = {"config": config.model_dump(mode="json"), "lockstep": False, "mode": "auto"}
    (tmp_path / "run.json").write_text(json.dumps(about))
    (tmp_path / "control.jsonl").touch()
    return tmp_path


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
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


def until(folder: Path, holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, (folder / "trainer.log").read_text()
        time.sleep(0.05)


def followers_of(pid: int) -> list[psutil.Process]:
    return [p for p in psutil.Process(pid).children() if "trainer.replicas.follower" in " ".join(p.cmdline())]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_follower_outlives_its_trainer(
    folder: Path, start: Callable[..., subprocess.Popen[bytes]], how: signal.Signals
) -> None:
    trainer = start()
    until(folder, lambda: bool(of(heard(folder), BeatTaken)))
    (follower,) = followers_of(trainer.pid)
    trainer.send_signal(how)
    trainer.wait()
    until(folder, lambda: not follower.is_running() or follower.status() == psutil.STATUS_ZOMBIE)
    again = start("--resume")
    until(folder, lambda: len(of(heard(folder), RunStarted)) > 1 and len(followers_of(again.pid)) == 1)
    assert {knob.name: knob.value for knob in of(heard(folder), RunStarted)[-1].knobs}["replicas"] == 2


def test_a_trainer_that_takes_its_own_place_has_followers_of_its_own(
    folder: Path, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    trainer = start()
    until(folder, lambda: bool(of(heard(folder), BeatTaken)))
    (first,) = followers_of(trainer.pid)
    asked = Fork(trial="f", turns=(Turned(knob="activation", to="tanh"),), steps=10)
    with (folder / "control.jsonl").open("a") as control:
        control.write(write(asked) + "\n")
    until(folder, lambda: any(event.trial == "f" for event in of(heard(folder), RunStarted)))
    until(folder, lambda: not first.is_running() and len(followers_of(trainer.pid)) == 1)
