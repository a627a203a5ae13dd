"""Data sets that count what they deal, or draw from a generator of their own, beside a trial that fetches from them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainer.running import Once, lr, of, run_with
from trainer.commands import Command, Decide, Fork, Probe
from trainer.config import Config, parse
from trainer.data.own_state import moves_on_alone, put_back, take
from trainer.state.checkpoint import read
from trainer.wire import ArmScored, CommandRefused, Evaluated, Event, Probed, TrialEnded

TASK = """
import numpy as np
import torch
from torch.utils.data import Dataset, Subset

from trainer.task import Task


class Items(Dataset):
    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        self.inputs = torch.randn(240, 6, generator=generator)
        self.targets = (self.inputs[:, 0] > 0).long()
        self.dealt = 0
        self.random = np.random.default_rng(1)
        self.turn = (one for one in range(10**9)) if %s else None

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        self.dealt += 1
        index = index if self.turn is None else next(self.turn) %% len(self)
        noise = torch.from_numpy(self.random.normal(size=6)).float() + self.dealt / 1000
        return self.inputs[index] + noise, self.targets[index]


def task():
    items = Items()
    model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    return Task(model=model, train=Subset(items, range(200)), val=(items.inputs[200:], items.targets[200:]))
"""
FORK = Fork(trial="f", turns=lr(0.5), steps=12, nulls=1, replicates=2)


@pytest.fixture
def config(tmp_path: Path, request: pytest.FixtureRequest) -> Config:
    endless = getattr(request, "param", False)
    (tmp_path / "items.py").write_text(TASK % endless)
    train = {"epochs": 5, "lr": 0.01, "batch_size": 20, "workers": 0}
    return parse({"task": {"factory": f"{tmp_path / 'items.py'}:task"}, "train": train}, "test")


class Deciding(Once):
    """Asks once, and decides for the control when the last arm is scored."""

    def __call__(self, event: Event) -> list[Command]:
        if isinstance(event, ArmScored):
            return (
                [Decide(trial=event.trial, arm="control")] if (event.arm, event.replicate) == ("candidate", 1) else []
            )
        return super().__call__(event)


def left_by(folder: Path, heard: list[Event]) -> Any:
    """Return all that a run has come to: its evaluations, which model was the best, and its weights."""
    told = [(one.step, one.split, one.loss, one.best, one.metrics) for one in of(heard, Evaluated)]
    last = read(folder / "checkpoints", "last")[0]
    weights = {name: tensor.tolist() for name, tensor in last.model.items()}
    return told, weights, last.progress.best_step, last.progress.best_metric


@pytest.mark.parametrize("command", [FORK, FORK.model_copy(update={"from_start": True}), Probe(probe="lr_sweep")])
def test_what_a_trial_fetches_is_dealt_to_the_run_all_the_same(
    tmp_path: Path, config: Config, command: Command
) -> None:
    _, plain = run_with(tmp_path / "plain", config)
    _, heard = run_with(tmp_path / "tried", config, Deciding(15, command))
    assert of(heard, TrialEnded) or of(heard, Probed)
    assert left_by(tmp_path / "tried", heard) == left_by(tmp_path / "plain", plain)


@pytest.mark.parametrize("config", [True], indirect=True)
@pytest.mark.parametrize("command", [FORK, Probe(probe="lr_sweep")])
def test_beside_a_data_set_that_cannot_be_put_back_nothing_is_fetched(
    tmp_path: Path, config: Config, command: Command
) -> None:
    _, plain = run_with(tmp_path / "plain", config)
    _, heard = run_with(tmp_path / "tried", config, Deciding(15, command))
    assert "deals from `turn`" in of(heard, CommandRefused)[0].why
    assert left_by(tmp_path / "tried", heard) == left_by(tmp_path / "plain", plain)


class Remembers:
    """Something with every kind of state that is known."""

    def __init__(self) -> None:
        self.count = 3
        self.numpy = np.random.default_rng(0)
        self.torch = torch.Generator().manual_seed(0)
        self.within = [self]

    def draw(self) -> tuple[float, float, int]:
        self.count += 1
        return float(self.numpy.random()), float(torch.rand((), generator=self.torch)), self.count


def test_numbers_and_generators_are_put_back_wherever_they_lie() -> None:
    inner = Remembers()
    outer = Remembers()
    outer.within = [inner]
    before = take(outer)
    first = inner.draw(), outer.draw()
    put_back(before)
    assert (inner.draw(), outer.draw()) == first
    assert not moves_on_alone(outer)


def _three() -> Iterator[int]:
    yield from range(3)


def test_a_generator_that_has_ended_moves_nothing_on() -> None:
    holder = Remembers()
    holder.turn = _three()  # type: ignore[attr-defined]
    assert moves_on_alone(holder) == "turn"
    list(holder.turn)  # type: ignore[attr-defined]
    assert not moves_on_alone(holder)
