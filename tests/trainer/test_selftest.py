"""A batch in pieces: its gradient is that of the whole, and a knob that would break this is refused."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.running import config_of, of, run_with, training_of
from trainer.commands import Command, Turn
from trainer.config import parse
from trainer.data.batch import Batch, Ticket
from trainer.knobs import KnobError
from trainer.state.snapshot import random_state
from trainer.stepping.accumulate import accumulate
from trainer.stepping.objective import Objective
from trainer.stepping.selftest import pieces_differ
from trainer.training import Training
from trainer.turning import turn
from trainer.wire import BeatTaken, CommandRefused, Event, KnobsTurned
from trainer.words import Turned

OWN = """
import torch, trainer
from sklearn.datasets import load_digits

def contrastive(outputs, targets):
    likeness = outputs @ outputs.T / 100
    return torch.nn.functional.cross_entropy(likeness, torch.arange(len(outputs)))

class Noisy(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(64, 10)
    def forward(self, x):
        return self.inner(torch.nn.functional.dropout(x, 0.5, self.training))

class AcrossBatch(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(64, 10)
    def forward(self, x):
        return self.inner(x - x.mean(0)) * x.std()

def task(net=None, loss=None):
    x, y = load_digits(return_X_y=True)
    net = net or torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
    return trainer.Task(model=net, train=((x / 16).astype("float32"), y), loss=loss)

def plain(): return task()
def contrasts(): return task(loss=contrastive)
def noisy(): return task(Noisy())
def across(): return task(AcrossBatch())
def weighted(): return task(loss=torch.nn.CrossEntropyLoss(weight=torch.linspace(0.2, 3, 10)))
def summed(): return task(loss=torch.nn.CrossEntropyLoss(reduction="sum"))
"""


def own(folder: Path, make: str, **train: Any) -> Training:
    (folder / "task.py").write_text(OWN)
    raw = {"task": {"factory": f"{folder / 'task.py'}:{make}"}, "train": {"batch_size": 64, **train}}
    training, _ = training_of(folder, parse(raw, "test"))
    training.model.train()
    return training


@pytest.mark.parametrize("make", ["plain", "noisy", "summed"])
@pytest.mark.parametrize("size", [1, 10, 63])
def test_pieces_are_allowed_where_every_example_counts_for_itself(tmp_path: Path, make: str, size: int) -> None:
    assert pieces_differ(own(tmp_path, make), size) == ""


@pytest.mark.parametrize("make", ["contrasts", "across", "weighted"])
def test_pieces_are_refused_where_something_looks_across_the_batch(tmp_path: Path, make: str) -> None:
    training = own(tmp_path, make)
    assert "looks across the batch" in pieces_differ(training, 16)
    with pytest.raises(KnobError, match="micro_batch cannot be turned here"):
        turn(training, [Turned(knob="micro_batch", to=16)])
    assert training.knobs["micro_batch"] == 0


def test_with_batch_norm_the_turn_is_one_of_learning_and_allowed(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, config_of(model={"name": "cnn", "width": 4}))
    training.model.train()
    assert "looks across the batch" in pieces_differ(training, 16)
    turn(training, [Turned(knob="micro_batch", to=16)])
    assert training.knobs["micro_batch"] == 16


def test_dropout_is_no_reason_to_refuse(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, config_of(dropout=0.3))
    training.model.train()
    assert pieces_differ(training, 16) == ""


@pytest.mark.parametrize("model", [{"name": "cnn", "width": 4}, {"name": "mlp"}])
def test_the_self_test_leaves_the_run_as_it_was_to_the_bit(tmp_path: Path, model: dict[str, Any]) -> None:
    training, _ = training_of(tmp_path, config_of(dropout=0.2, model=model))
    training.model.train()
    before = {name: value.clone() for name, value in training.model.state_dict().items()}
    drawn, place = random_state(training)["torch"], training.supply.place
    modes = [module.training for module in training.model.modules()]
    pieces_differ(training, 16)
    assert all(torch.equal(value, before[name]) for name, value in training.model.state_dict().items())
    assert torch.equal(random_state(training)["torch"], drawn)
    assert (training.supply.place, [m.training for m in training.model.modules()]) == (place, modes)
    assert all(parameter.grad is None for parameter in training.model.parameters())


def test_a_run_that_was_asked_for_other_pieces_says_why_not(tmp_path: Path) -> None:
    (tmp_path / "task.py").write_text(OWN)
    raw = {"task": {"factory": f"{tmp_path / 'task.py'}:contrasts"}, "train": {"epochs": 1}}
    asked: list[Command] = [Turn(trial="t", turns=(Turned(knob="micro_batch", to=8),))]

    def driver(event: Event) -> list[Command]:
        return [asked.pop()] if isinstance(event, BeatTaken) and asked else []

    words, heard = run_with(tmp_path / "run", parse(raw, "test"), driver)
    assert words.why == "finished"
    assert "looks across the batch" in of(heard, CommandRefused)[0].why
    assert not of(heard, KnobsTurned)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Training:
    """A run on digits, for its model and knobs; each example of the property brings its own batch."""
    training, _ = training_of(tmp_path_factory.mktemp("small"), config_of(model={"name": "mlp", "hidden": (8,)}))
    training.watching = False
    return training


@settings(max_examples=60, deadline=None)
@given(
    examples=st.integers(1, 40),
    size=st.integers(1, 40),
    scheme=st.sampled_from(["none", "sqrt", "balanced"]),
    smoothing=st.sampled_from([0.0, 0.1]),
    focal=st.sampled_from([0.0, 2.0]),
    seed=st.integers(0, 1000),
)
def test_the_gradient_in_pieces_is_the_gradient_of_the_whole(
    small: Training, examples: int, size: int, scheme: Any, smoothing: float, focal: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(examples, 64, generator=generator)
    targets = torch.randint(10, (examples,), generator=generator)
    batch = Batch(inputs, targets, Ticket(epoch=0, offset=0, indices=torch.arange(examples).numpy()))
    small.objective = Objective("classification", class_counts=tuple(range(5, 15)))
    small.objective.class_weights, small.objective.label_smoothing = scheme, smoothing
    small.objective.focal = focal
    small.objective.logit_adjustment = 1.0 if scheme == "none" else 0.0
    found = []
    for micro in (0, size):
        small.knobs["micro_batch"] = micro
        small.model.zero_grad(set_to_none=True)
        loss, _ = accumulate(small, inputs, targets, batch)
        gradients = [p.grad.flatten() for p in small.model.parameters() if p.grad is not None]
        found.append((float(loss), torch.cat(gradients)))
    small.knobs["micro_batch"] = 0
    (whole, gradient), (pieces, accumulated) = found
    assert pieces == pytest.approx(whole, rel=1e-4)
    assert float((accumulated - gradient).norm()) <= 1e-3 * float(gradient.norm())
