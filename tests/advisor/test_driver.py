"""Runs in real processes: driven to their end, stopped, killed, taken over, taken up again."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from advisor.driving.lease import is_driven, read_lease
from advisor.driving.wishes import send_wish
from advisor.ledger import Entry, Judged, RunClosed, TrainerExited, TrainerStarted, TrialStarted, Wished
from advisor.runs import Run
from rules.vocabulary import Effect, Fix, Turned
from trainer.wire import BeatTaken, Event, KnobsConfirmed, RunEnded, RunStarted

PATIENCE_S = 120.0
"""A start of the trainer takes 3 s, and ten times that on a machine that others use too."""


class Started:
    """An `advisor` command in a process of its own."""

    def __init__(self, run: Run, *arguments: str) -> None:
        self.run = run
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "advisor.cli", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def end(self) -> tuple[int, str, str]:
        """Wait for its end; return exit code, standard output and standard error."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out, err

    def wait_for(self, what: Callable[[Run], object]) -> None:
        wait_for(self.run, what, self.process)


def wait_for(run: Run, what: Callable[[Run], object], process: "subprocess.Popen[str] | None" = None) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what(run):
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, f"waited {PATIENCE_S} s in vain"
        time.sleep(0.05)


Begin = Callable[..., Started]
EntryKind = TypeVar("EntryKind", bound=Entry)
EventKind = TypeVar("EventKind", bound=Event)


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    begun: list[Started] = []

    def start(config: Path, *arguments: str) -> Started:
        folder = tmp_path / "run"
        begun.append(Started(Run(folder), "train", str(config), "--headless", "--run-dir", str(folder), *arguments))
        return begun[-1]

    yield start
    for one in begun:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()
        for pid in pids(one.run):
            if psutil.pid_exists(pid):
                os.kill(pid, signal.SIGKILL)


def pids(run: Run) -> list[int]:
    started = [entry.pid for entry in entries(run, TrainerStarted)]
    driver = read_lease(run).get("pid")
    return [*started, *([driver] if driver and driver != os.getpid() and is_driven(run) else [])]


def entries(run: Run, kind: type[EntryKind]) -> list[EntryKind]:
    return [entry for entry in run.read_ledger() if isinstance(entry, kind)]


def events(run: Run, kind: type[EventKind]) -> list[EventKind]:
    return [event for event in run.read_events() if isinstance(event, kind)]


def trains(run: Run) -> bool:
    return len(events(run, BeatTaken)) > 2


def test_a_run_is_driven_to_its_end_and_reported(begin: Begin, short: Path) -> None:
    started = begin(short, "--json", "--mode", "watch")
    assert started.process.stdout is not None
    first = started.process.stdout.readline()
    trainer_was_ready = started.run.events.exists() and events(started.run, RunStarted)
    code, out, err = started.end()
    run = started.run
    assert code == 0
    assert not trainer_was_ready
    *streamed, last = [first, *out.splitlines(keepends=True)]
    assert "".join(streamed) == run.ledger.read_text()
    assert json.loads(last) == {"run": str(run.folder), "report": str(run.report)}
    assert "machine" in err.splitlines()[0]
    assert "being watched" in err
    assert "\r" not in err + out
    assert "\x1b" not in err + out
    assert json.loads(run.report.read_text())["metrics"]["best"] > 0.5
    assert run.report.with_suffix(".html").exists()
    assert stat.S_IMODE(run.folder.stat().st_mode) == 0o700
    (closed,) = entries(run, RunClosed)
    assert (closed.why, closed.exit_code) == ("finished", 0)
    assert run.samples.read_text()
    assert not is_driven(run)


def test_ctrl_c_once_saves_reports_and_ends_with_130(begin: Begin, long: Path) -> None:
    started = begin(long, "--mode", "watch")
    started.wait_for(trains)
    started.process.send_signal(signal.SIGINT)
    code, out, err = started.end()
    assert (code, err) == (130, "")
    assert "stopped" in out
    (ended,) = events(started.run, RunEnded)
    assert ended.why == "stopped"
    assert started.run.report.exists()
    assert (started.run.checkpoints / "last.json").exists()


@pytest.mark.parametrize(
    ("override", "words"),
    [
        pytest.param("data.source=images:/nowhere", "/nowhere", id="missing folder"),
        pytest.param("data.source=sklearn:digts", "digits", id="unknown set", marks=pytest.mark.slow),
        pytest.param("model.name=mpl", "mlp", id="unknown model", marks=pytest.mark.slow),
        pytest.param("train.batch_size=100000", "batch", id="batch larger than the data", marks=pytest.mark.slow),
        pytest.param("train.device=cuda:77", "cuda", id="no such device", marks=pytest.mark.slow),
        pytest.param("task.factory=/nowhere.py:make", "/nowhere.py", id="missing factory", marks=pytest.mark.slow),
        pytest.param("data.source=csv:/nowhere.csv", "/nowhere.csv", id="missing file", marks=pytest.mark.slow),
        pytest.param("data.source=idx:/nowhere", "/nowhere", id="missing idx", marks=pytest.mark.slow),
    ],
)
def test_what_the_trainer_cannot_use_is_one_line(begin: Begin, short: Path, override: str, words: str) -> None:
    started = begin(short, "--set", override)
    code, _, err = started.end()
    assert code == 2
    assert err.startswith("advisor: ")
    assert len(err.splitlines()) == 1
    assert words in err
    assert not started.run.folder.exists(), "the mended command may use the same folder"


FACTORIES = {
    "raises": ("def make_task():\n    raise ValueError('no such sensor')\n", "no such sensor"),
    "no function": ("x = 1\n", "make_task"),
    "no Task": ("def make_task():\n    return 5\n", "Task"),
    "not Python": ("def make_task(:\n", "SyntaxError"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FACTORIES)
def test_a_factory_that_fails_is_one_line(begin: Begin, short: Path, tmp_path: Path, name: str) -> None:
    text, words = FACTORIES[name]
    (tmp_path / "own.py").write_text(text)
    code, _, err = begin(short, "--set", f"task.factory={tmp_path / 'own.py'}:make_task").end()
    assert code == 2
    assert len(err.splitlines()) == 1
    assert words in err


TABLES = {
    "empty": ("a,b\n", "b"),
    "one class": ("a,b\n" + "1.0,x\n" * 50, "class"),
    "no target": ("a,c\n1,2\n", "b"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_teaches_nothing_is_one_line(begin: Begin, short: Path, tmp_path: Path, name: str) -> None:
    text, words = TABLES[name]
    (tmp_path / "table.csv").write_text(text)
    chosen = ("--set", f"data.source=csv:{tmp_path / 'table.csv'}", "--set", "data.target=b")
    code, _, err = begin(short, *chosen).end()
    assert code == 2
    assert len(err.splitlines()) == 1
    assert words in err


@pytest.mark.slow
def test_ctrl_c_twice_ends_at_once(begin: Begin, long: Path) -> None:
    started = begin(long, "--mode", "watch")
    started.wait_for(trains)
    trainer = entries(started.run, TrainerStarted)[-1].pid
    started.process.send_signal(signal.SIGTERM)
    started.process.send_signal(signal.SIGINT)
    code, _, _ = started.end()
    assert code in (130, 143)
    wait_for(started.run, lambda run: not psutil.pid_exists(trainer))


@pytest.mark.slow
def test_a_run_stopped_while_torch_loads_ends_soon(begin: Begin, long: Path) -> None:
    started = begin(long, "--mode", "watch")
    started.wait_for(lambda run: run.ledger.exists() and entries(run, TrainerStarted))
    started.process.send_signal(signal.SIGTERM)
    code, _, err = started.end()
    assert (code, err) == (143, "")


@pytest.mark.slow
def test_a_closed_terminal_is_no_reason_to_stop(begin: Begin, short: Path) -> None:
    started = begin(short, "--mode", "watch")
    started.wait_for(lambda run: run.ledger.exists() and entries(run, TrainerStarted))
    started.process.send_signal(signal.SIGHUP)
    assert started.process.stdout is not None
    started.process.stdout.close()
    assert started.process.wait(PATIENCE_S) == 0
    assert events(started.run, RunEnded)[-1].why == "finished"


@pytest.mark.slow
def test_stop_and_resume_go_on_where_the_run_stood(begin: Begin, long: Path) -> None:
    started = begin(long, "--mode", "watch")
    started.wait_for(trains)
    folder = str(started.run.folder)
    assert Started(started.run, "resume", folder).end()[0] == 2
    assert Started(started.run, "stop", folder).end()[0] == 0
    assert started.end()[0] == 143
    stopped = events(started.run, RunEnded)[-1]
    epochs = f"train.epochs={stopped.samples / 1000 + 2:.1f}"
    again = Started(started.run, "resume", folder, "--headless", "--set", epochs, "--json")
    code, out, err = again.end()
    assert code == 0, err
    second = events(started.run, RunStarted)[-1]
    assert second.resumed
    assert second.step == stopped.step
    *streamed, last = map(json.loads, out.splitlines())
    assert [one["kind"] for one in (streamed[0], streamed[-1])] == ["driver_started", "run_closed"]
    assert last["run"] == folder
    assert [one.why for one in entries(started.run, RunClosed)] == ["stopped", "finished"]


@pytest.mark.slow
def test_the_trainer_outlives_a_killed_driver_and_watch_takes_over(begin: Begin, long: Path) -> None:
    started = begin(long, "--mode", "watch")
    started.wait_for(trains)
    trainer = entries(started.run, TrainerStarted)[-1].pid
    started.process.kill()
    started.end()
    beats = len(events(started.run, BeatTaken))
    wait_for(started.run, lambda run: len(events(run, BeatTaken)) > beats + 2)
    folder = str(started.run.folder)
    watching = Started(started.run, "watch", folder, "--headless")
    watching.wait_for(is_driven)
    assert read_lease(started.run)["pid"] != watching.process.pid
    second = subprocess.run(
        [sys.executable, "-P", "-m", "advisor.driving.driver", folder], capture_output=True, text=True, check=False
    )
    assert second.returncode == 2
    assert second.stderr.startswith("advisor: ")
    assert "already has a driver" in second.stderr
    assert Started(started.run, "stop", folder).end()[0] == 0
    code, out, _ = watching.end()
    assert code == 143
    assert "stopped" in out
    assert [one.pid for one in entries(started.run, TrainerStarted)] == [trainer]
    assert started.run.report.exists()


@pytest.mark.slow
def test_a_run_that_died_unwatched_is_closed_not_started_again(begin: Begin, long: Path) -> None:
    started = begin(long, "--mode", "watch")
    started.wait_for(trains)
    started.process.kill()
    os.kill(entries(started.run, TrainerStarted)[-1].pid, signal.SIGKILL)
    started.end()
    code, _, err = Started(started.run, "watch", str(started.run.folder), "--headless").end()
    assert code == 3
    assert "the trainer is gone" in err
    assert len(entries(started.run, TrainerStarted)) == 1
    assert entries(started.run, RunClosed)[-1].why == "failed"


@pytest.mark.slow
def test_a_killed_trainer_is_started_again_from_its_checkpoint(begin: Begin, long: Path) -> None:
    started = begin(long, "--mode", "watch")
    started.wait_for(lambda run: (run.checkpoints / "last.json").exists())
    os.kill(entries(started.run, TrainerStarted)[-1].pid, signal.SIGKILL)
    started.wait_for(lambda run: len(events(run, RunStarted)) == 2)
    assert events(started.run, RunStarted)[-1].resumed
    (exit_,) = entries(started.run, TrainerExited)
    assert exit_.code == -signal.SIGKILL
    assert "killed by SIGKILL" in exit_.why
    started.process.send_signal(signal.SIGTERM)
    assert started.end()[0] == 143


@pytest.mark.slow
def test_a_run_whose_trainer_and_driver_died_is_taken_up_with_all_that_was_decided(begin: Begin, long: Path) -> None:
    started = begin(long, "--mode", "watch", "--set", "train.eval_every=100")
    run, folder = started.run, str(started.run.folder)
    started.wait_for(lambda run: (run.checkpoints / "last.json").exists())
    send_wish(run, Wished(wish="turn", turns=({"knob": "lr", "to": 0.002},), viewer="test"))
    started.wait_for(lambda run: events(run, KnobsConfirmed))
    started.process.kill()
    os.kill(entries(run, TrainerStarted)[-1].pid, signal.SIGKILL)
    started.end()
    fix = Fix(
        name="clip", effect=Effect.CHANGES_LEARNING, turns=(Turned(knob="clip", to=9.0),), improves="loss", expected=0.1,
        estimated_by="a guess",
    )  # fmt: skip
    with run.ledger.open("a") as ledger:  # what a driver has decided that had no time to tell it
        trial = TrialStarted(trial="t1", code="OPT104", fix=fix, how="rounds", old={"clip": 0.0}, expected_cost_s=1.0)
        kept = Judged(trial="t1", code="OPT104", outcome="kept", why="all six agree", cost_s=1.0)
        ledger.writelines(one.model_dump_json() + "\n" for one in (trial, kept))
    again = Started(run, "resume", folder, "--headless")
    again.wait_for(lambda run: len(events(run, KnobsConfirmed)) == 2)
    second = events(run, RunStarted)[-1]
    assert {knob.name: knob.value for knob in second.knobs}["lr"] == 0.002, "turned after the last checkpoint"
    (change,) = events(run, KnobsConfirmed)[-1].changes
    assert (change.knob, change.new) == ("clip", 9.0)
    assert Started(run, "stop", folder).end()[0] == 0
    assert again.end()[0] == 143


@pytest.mark.slow
def test_findings_at_the_level_asked_for_end_with_1(begin: Begin, short: Path) -> None:
    code, out, _ = begin(short, "--fail-on", "info", "--mode", "watch", "--set", "train.lr=0").end()
    assert code == 1, out


@pytest.mark.slow
def test_profile_shows_hardware_and_data_and_leaves_nothing_behind(short: Path, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    profiled = subprocess.run(
        [sys.executable, "-P", "-m", "advisor.cli", "profile", str(short), "--json"],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    told = json.loads(profiled.stdout)
    assert told["task"]["train_examples"] > 1000
    assert len(told["data"]["class_counts"]) == 10
    assert told["hardware"]["cores"] >= 1
    assert set(tmp_path.iterdir()) == before


@pytest.mark.slow
def test_the_doctor_knows_the_devices(tmp_path: Path) -> None:
    asked = subprocess.run(
        [sys.executable, "-P", "-m", "advisor.cli", "doctor", "--json"], capture_output=True, text=True, check=True
    )
    told = json.loads(asked.stdout)
    assert told["torch"]
    assert set(told["extras"]) == {"vision", "compress", "web"}
