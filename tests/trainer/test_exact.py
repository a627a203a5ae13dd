"""A state that is put back goes on to the bit, whatever the run is made of: twice, from disk, and from within a batch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainer.running import config_of, training_of
from trainer.config import Config, parse
from trainer.state import checkpoint
from trainer.state.checkpoint import Beside
from trainer.state.snapshot import HalfAStep, Snapshot, restore, take
from trainer.stepping.step import take_step
from trainer.training import Training
from trainer.turning import set_knobs, turn
from trainer.words import Turned

TASK = """
import random
import numpy, torch, trainer
from torch import nn

class Net(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.2), nn.Flatten())
        self.head = nn.Linear(4 * 36, outputs)
        self.register_buffer("passes", torch.zeros(()), persistent=False)
    def forward(self, x):
        if self.training:
            self.passes += 1
            x = x + 0.01 * random.random() + 0.01 * numpy.random.rand() + self.passes * 0.001
        return self.head(self.body(x))

class Centred(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("centre", torch.zeros(3))
    def forward(self, outputs, targets):
        self.centre.lerp_(outputs.detach().mean(0), 0.1)
        return nn.functional.cross_entropy(outputs - self.centre, targets)

class Items(torch.utils.data.Dataset):
    def __init__(self, targets):
        self.targets = targets
    def __len__(self):
        return 120
    def __getitem__(self, i):
        noise = torch.rand(1, 8, 8) + random.random() + numpy.random.rand()
        return torch.full((1, 8, 8), i / 120.0) + 0.1 * noise, self.targets[i]

def images(kind):
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(120, 1, 8, 8, generator=generator)
    if kind == "multilabel":
        return inputs, (torch.rand(120, 3, generator=generator) > 0.5).float()
    if kind == "regression":
        return inputs, torch.randn(120, generator=generator)
    return inputs, torch.arange(120) % 3

def make_items():
    return trainer.Task(model=Net(3), train=Items(torch.arange(120) % 3), loss=Centred())
def make_classes():
    return trainer.Task(model=Net(3), train=images("classification"))
def make_multilabel():
    return trainer.Task(model=Net(3), train=images("multilabel"))
def make_regression():
    return trainer.Task(model=Net(1), train=images("regression"))
def make_own_optimizer():
    net = Net(3)
    groups = [{"params": net.body.parameters(), "lr": 0.01}, {"params": net.head.parameters(), "lr": 0.001}]
    return trainer.Task(model=net, train=images("classification"), optimizer=torch.optim.NAdam(groups))
"""


def own(folder: Path, function: str, **train: Any) -> Config:
    """A task of the user's own that draws from every generator and has state in every corner."""
    (folder / "task.py").write_text(TASK)
    asked = {"batch_size": 24, "epochs": 10, "lr": 0.01} | train
    return parse({"task": {"factory": f"{folder / 'task.py'}:{function}"}, "train": asked}, "test")


def steps(training: Training, count: int) -> list[float]:
    """Train some steps; the losses, to the bit."""
    training.model.train()
    return [float(take_step(training, training.supply.take()).loss) for _ in range(count)]


def everything(training: Training) -> list[tuple[str, Any]]:
    """The whole state, flat: tensors as bytes."""
    state = take(training)
    return list(flat("", {name: getattr(state, name) for name in Snapshot.__dataclass_fields__}))


def flat(path: str, value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        yield path, (tuple(value.shape), value.dtype, value.detach().reshape(-1).view(torch.uint8).tolist())
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from flat(f"{path}/{key}", part)
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value):
            yield from flat(f"{path}/{number}", part)
    elif hasattr(value, "__dataclass_fields__"):
        yield from flat(path, vars(value))
    else:
        yield path, repr(value)


CASES: dict[str, Callable[[Path], Config]] = {
    "table of classes": lambda folder: config_of("sklearn:breast_cancer", dropout=0.2),
    "table with a number": lambda folder: config_of("sklearn:diabetes", optimizer="rmsprop"),
    "augmented images": lambda folder: config_of(model={"name": "cnn", "width": 4}, augment=True),
    "channels last": lambda folder: config_of(
        model={"name": "cnn", "width": 4}, channels_last=True, optimizer="momentum", ema=0.9
    ),
    "bf16": lambda folder: config_of(amp="bf16", dropout=0.1, ema=0.9),
    "averaged": lambda folder: own(folder, "make_classes", ema=0.95),
    "accumulated": lambda folder: own(folder, "make_classes", micro_batch=10, ema=0.9),
    "several labels": lambda folder: own(folder, "make_multilabel", optimizer="sgd"),
    "own regression": lambda folder: own(folder, "make_regression", optimizer="nesterov"),
    "own optimizer": lambda folder: own(folder, "make_own_optimizer"),
    "random items": lambda folder: own(folder, "make_items"),
    "random items by 1 worker": lambda folder: own(folder, "make_items", workers=1),
    "random items by 2 workers": lambda folder: own(folder, "make_items", workers=2, optimizer="adam"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_put_back_twice_and_through_disk_goes_on_to_the_bit(tmp_path: Path, case: str) -> None:
    config = CASES[case](tmp_path)
    training, _ = training_of(tmp_path, config)
    steps(training, 3)
    snapshot = take(training, on_host=case == "averaged")
    checkpoint.write(tmp_path / "checkpoints", "last", snapshot, Beside({}, {}))
    losses = steps(training, 5)
    state = everything(training)
    for _ in range(2):
        restore(training, snapshot)
        assert steps(training, 5) == losses
        assert everything(training) == state
    training.supply.close()
    again, _ = training_of(tmp_path, config)
    restore(again, checkpoint.read(tmp_path / "checkpoints", "last")[0])
    assert steps(again, 5) == losses
    assert everything(again) == state
    again.supply.close()


def test_the_loss_scale_of_fp16_is_put_back(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, own(tmp_path, "make_classes"))
    set_knobs(training, {"amp": "fp16"})
    training.precision.scaler.load_state_dict({**training.precision.scaler.state_dict(), "scale": 2.0**10})
    steps(training, 2)
    snapshot = take(training)
    losses, scale = steps(training, 5), training.precision.scaler.state_dict()
    training.precision.scaler.update(2.0**4)
    restore(training, snapshot)
    assert steps(training, 5) == losses
    assert training.precision.scaler.state_dict() == scale
    assert scale["_growth_tracker"] == 7


def test_a_layout_that_turns_in_the_middle_takes_the_moments_along(tmp_path: Path) -> None:
    config = config_of(model={"name": "cnn", "width": 4, "norm": False}, optimizer="adamw", lr=0.01, ema=0.9)
    plain, _ = training_of(tmp_path, config)
    turned, _ = training_of(tmp_path, config)
    for training in (plain, turned):
        steps(training, 3)
    turn(turned, [Turned(knob="channels_last", to=True)])
    assert steps(turned, 3) == pytest.approx(steps(plain, 3), rel=1e-4)
    for name, weight in plain.model.state_dict().items():
        torch.testing.assert_close(turned.model.state_dict()[name], weight, rtol=1e-2, atol=1e-3)


def test_a_rollback_to_before_the_average_began_begins_it_anew_there(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, config_of(lr=0.05))
    snapshot = take(training)
    turn(training, [Turned(knob="ema", to=0.9)])
    steps(training, 5)
    restore(training, snapshot, with_knobs=False)
    assert training.averaged is not None
    assert training.averaged.samples == 0
    now = dict(training.model.named_parameters())
    assert all(torch.equal(weight, now[name]) for name, weight in training.averaged.weights.items())


# ---------------------------------------------------------------- in the middle of a batch


def interrupt(training: Training, at: int, deed: Callable[[], None]) -> None:
    """Do something in the forward pass of the `at`-th piece from now on, after the layers below have moved."""
    passes = 0

    def hook(*_: Any) -> None:
        nonlocal passes
        passes += 1
        if passes == at:
            deed()

    list(training.model.modules())[-1].register_forward_hook(hook)


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_a_snapshot_between_two_pieces_of_a_batch_is_that_of_its_beginning(tmp_path: Path, ema: float) -> None:
    training, _ = training_of(tmp_path, own(tmp_path, "make_classes", micro_batch=7, ema=ema))
    steps(training, 2)
    state, taken = everything(training), []
    interrupt(training, 3, lambda: taken.append(take(training)))
    losses = steps(training, 5)
    end = everything(training)
    restore(training, taken[0])
    assert [one for one in everything(training) if "lr" not in one[0]] == [one for one in state if "lr" not in one[0]]
    assert all(parameter.grad is None for parameter in training.model.parameters())
    assert steps(training, 5) == losses
    assert everything(training) == end


class Broken(Exception):
    """What a user's model may raise."""


def fail() -> None:
    raise Broken


@pytest.mark.parametrize("case", ["accumulated", "augmented images"])
def test_after_an_exception_in_a_batch_it_is_begun_anew_from_disk(tmp_path: Path, case: str) -> None:
    config = CASES[case](tmp_path)
    training, _ = training_of(tmp_path, config)
    steps(training, 2)
    snapshot = take(training)
    losses = steps(training, 5)
    end = everything(training)
    restore(training, snapshot)
    interrupt(training, 2 if case == "accumulated" else 1, fail)
    with pytest.raises(Broken):
        steps(training, 1)
    checkpoint.write(tmp_path / "checkpoints", "last", take(training), Beside({}, {}))
    again, _ = training_of(tmp_path, config)
    restore(again, checkpoint.read(tmp_path / "checkpoints", "last")[0])
    assert steps(again, 5) == losses
    assert everything(again) == end


def test_of_a_step_that_breaks_off_while_it_changes_the_weights_no_state_is_taken(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, own(tmp_path, "make_classes"))
    training.optimizer.register_step_post_hook(lambda *_: fail())
    with pytest.raises(Broken):
        steps(training, 1)
    with pytest.raises(HalfAStep):
        take(training)


def test_a_batch_that_broke_off_counts_for_no_label(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, own(tmp_path, "make_classes", micro_batch=10))
    steps(training, 1)
    assert training.labels is not None
    before = {name: value.clone() for name, value in training.labels.tensors().items()}
    interrupt(training, 2, fail)
    with pytest.raises(Broken):
        steps(training, 1)
    assert all(
        torch.equal(value.nan_to_num(), before[name].nan_to_num()) for name, value in training.labels.tensors().items()
    )
    steps(training, 1)
    assert not torch.equal(training.labels.tensors()["visits"], before["visits"])
