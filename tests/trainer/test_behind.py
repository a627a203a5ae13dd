"""Checkpoints written behind the training: the state of their step, whole or not at all, and nobody waits for the disk."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event as Flag
from typing import Any

import pytest
import torch

from tests.trainer.running import config_of, training_of
from trainer.state import checkpoint
from trainer.state.behind import Behind
from trainer.state.keeping import Keeper
from trainer.state.snapshot import take
from trainer.stepping.step import take_step
from trainer.wire import CheckpointWritten, Event, Told


def slow_disk(monkeypatch: pytest.MonkeyPatch) -> Flag:
    """Let no tensor reach the disk before the flag is set."""
    ready, save = Flag(), checkpoint.save_file

    def saved(*given: Any) -> None:
        ready.wait(20)
        save(*given)

    monkeypatch.setattr(checkpoint, "save_file", saved)
    return ready


def written(heard: list[Event]) -> list[CheckpointWritten]:
    return [event for event in heard if isinstance(event, CheckpointWritten) and event.name == "last"]


def test_what_lies_on_disk_is_the_state_of_its_step_though_training_went_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training, heard = training_of(tmp_path, config_of(async_checkpoints=True, ema=0.9, dropout=0.1))
    training.model.train()
    ready, keeper = slow_disk(monkeypatch), Keeper(training)
    for _ in range(3):
        take_step(training, training.supply.take())
    then = take(training, on_host=True)
    keeper.write_due()
    for _ in range(2):
        take_step(training, training.supply.take())
    assert training.behind.busy
    assert not keeper.due(), "one at a time"
    assert not written(heard)
    ready.set()
    keeper.write_last()
    first, last = written(heard)
    assert (first.step, last.step) == (3, 5)
    assert first.behind_s > 0
    (tmp_path / "checkpoints" / "last.json").unlink()
    keeper.write_due()
    training.behind.settle()
    assert checkpoint.read(tmp_path / "checkpoints", "last")[0].step == 5
    assert then.step == 3


def test_a_state_written_behind_is_that_of_a_state_written_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = []
    for behind in (False, True):
        folder = tmp_path / str(behind)
        training, _ = training_of(folder, config_of(async_checkpoints=behind, ema=0.9, dropout=0.1))
        training.model.train()
        ready, keeper = slow_disk(monkeypatch), Keeper(training)
        take_step(training, training.supply.take())
        if not behind:
            ready.set()
        keeper.write_due()
        take_step(training, training.supply.take())
        ready.set()
        training.behind.settle()
        monkeypatch.undo()
        states.append(checkpoint.read(folder / "checkpoints", "last")[0])
    one, other = states
    assert one.progress == other.progress
    assert one.place == other.place
    assert all(torch.equal(one.model[name], other.model[name]) for name in one.model)
    assert all(torch.equal(one.random[name], other.random[name]) for name in ("torch", "augmenter"))
    moments = [[v for s in state.optimizer["state"].values() for v in s.values()] for state in states]
    assert all(torch.equal(torch.as_tensor(a), torch.as_tensor(b)) for a, b in zip(*moments, strict=True))


def test_a_full_disk_is_told_and_the_training_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training, heard = training_of(tmp_path, config_of(async_checkpoints=True))

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    Keeper(training).write_due()
    training.behind.settle()
    assert "No space left on device" in next(event.text for event in heard if isinstance(event, Told))
    assert not written(heard)


def test_what_fails_behind_is_raised_where_it_is_waited_for() -> None:
    behind = Behind()

    def fails() -> None:
        raise ValueError("broken")

    behind.begin(fails, lambda _: None)
    with pytest.raises(ValueError, match="broken"):
        behind.settle()
    behind.settle()


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.trainer.running import config_of, training_of
from trainer.state import checkpoint
from trainer.state.keeping import Keeper
from trainer.stepping.step import take_step

training, _ = training_of(Path(sys.argv[1]), config_of(async_checkpoints=True))
keeper = Keeper(training)
take_step(training, training.supply.take())
keeper.write_due()
training.behind.settle()
take_step(training, training.supply.take())

def half(tensors, path):
    Path(path).write_bytes(b"half a file")
    os.kill(os.getpid(), signal.SIGKILL)

checkpoint.save_file = half
keeper.write_due()
training.behind.settle()
"""


@pytest.mark.slow
def test_a_process_killed_in_the_middle_of_a_write_leaves_the_former_checkpoint(tmp_path: Path) -> None:
    died = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False, cwd=os.getcwd(), env=os.environ)
    assert died.returncode == -signal.SIGKILL
    assert checkpoint.read(tmp_path / "checkpoints", "last")[0].step == 1
