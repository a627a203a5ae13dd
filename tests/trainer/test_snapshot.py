"""A snapshot puts everything back: the steps after it repeat to the bit."""

from pathlib import Path

import pytest
import torch

from tests.trainer.running import config_of, training_of
from trainer.state import checkpoint
from trainer.state.checkpoint import Beside
from trainer.state.snapshot import Ring, restore, take
from trainer.stepping.step import take_step
from trainer.training import Training
from trainer.turning import turn
from trainer.words import Turned

OPTIMIZERS = ("sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop")


def steps(training: Training, count: int) -> list[float]:
    """Train some steps; the losses, to the bit."""
    training.model.train()
    return [float(take_step(training, training.supply.take()).loss) for _ in range(count)]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_five_steps_after_a_restore_repeat_to_the_bit(tmp_path: Path, optimizer: str) -> None:
    training, _ = training_of(tmp_path, config_of(optimizer=optimizer, dropout=0.3, lr=0.01))
    steps(training, 3)
    snapshot = take(training)
    first = steps(training, 5)
    weights = {name: value.clone() for name, value in training.model.state_dict().items()}
    for _ in range(2):
        restore(training, snapshot)
        assert steps(training, 5) == first
        assert all(torch.equal(value, weights[name]) for name, value in training.model.state_dict().items())


def test_augmentation_and_batch_norm_repeat_too(tmp_path: Path) -> None:
    config = config_of(model={"name": "cnn", "width": 4}, augment=True, augment_strength=0.8, micro_batch=16)
    training, _ = training_of(tmp_path, config)
    steps(training, 2)
    snapshot = take(training, on_host=True)
    first = steps(training, 3)
    restore(training, snapshot)
    assert steps(training, 3) == first


def test_a_restore_takes_knobs_back_that_were_turned_since(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path)
    snapshot = take(training)
    turn(training, [Turned(knob="optimizer", to="sgd"), Turned(knob="batch_size", to=32), Turned(knob="lr", to=0.5)])
    steps(training, 2)
    restore(training, snapshot)
    assert (training.knobs["optimizer"], training.knobs["batch_size"], training.knobs["lr"]) == ("adamw", 64, 1e-3)
    assert isinstance(training.optimizer, torch.optim.AdamW)
    assert training.progress.step == 0


def test_a_snapshot_is_a_copy_that_training_does_not_touch(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path)
    steps(training, 2)
    snapshot = take(training)
    before = {name: value.clone() for name, value in snapshot.model.items()}
    moments = [value.clone() for state in snapshot.optimizer["state"].values() for value in state.values()]
    steps(training, 3)
    restore(training, snapshot)
    steps(training, 3)
    assert all(torch.equal(value, before[name]) for name, value in snapshot.model.items())
    now = [value for state in snapshot.optimizer["state"].values() for value in state.values()]
    assert all(torch.equal(a, b) for a, b in zip(moments, now, strict=True))


@pytest.mark.parametrize("optimizer", ["momentum", "adamw"])
def test_a_checkpoint_on_disk_repeats_to_the_bit_in_a_new_training(tmp_path: Path, optimizer: str) -> None:
    config = config_of(optimizer=optimizer, dropout=0.2)
    training, _ = training_of(tmp_path, config)
    steps(training, 25)
    checkpoint.write(tmp_path / "checkpoints", "last", take(training, on_host=True), Beside({}, {}))
    first = steps(training, 5)
    again, _ = training_of(tmp_path, config)
    snapshot, _ = checkpoint.read(tmp_path / "checkpoints", "last")
    restore(again, snapshot)
    assert steps(again, 5) == first
    assert again.progress.step == 30


def test_a_checkpoint_holds_nothing_that_would_be_unpickled(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path)
    steps(training, 2)
    checkpoint.write(tmp_path / "checkpoints", "last", take(training), Beside({}, {}))
    assert {path.suffix for path in (tmp_path / "checkpoints").iterdir()} == {".safetensors", ".json"}


def test_an_older_checkpoint_stays_whole_when_a_newer_one_replaces_it(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path)
    folder = tmp_path / "checkpoints"
    for _ in range(3):
        steps(training, 2)
        checkpoint.write(folder, "last", take(training), Beside({}, {}))
    assert len(list(folder.glob("*.safetensors"))) == 1
    assert checkpoint.read(folder, "last")[0].step == 6


def test_the_ring_keeps_the_start_and_the_newest_three(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path)
    ring = Ring(take(training, on_host=True), steps_total=100)
    for _ in range(5):
        steps(training, 1)
        ring.add(training)
    assert ring.steps() == (0, 3, 4, 5)
    assert ring.at_or_before(3).step == 3
    assert ring.steps() == (0, 3)
    assert ring.at_or_before(2).step == 0
