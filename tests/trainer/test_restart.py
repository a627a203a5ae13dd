"""Knobs that turn at a restart: by hand, as the candidate of a fork, and what is left of them when they lose or fail."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainer.running import config_of, of, run_with
from tests.trainer.test_trials import Once, losses
from trainer.commands import Command, Confirm, Decide, Fork, Revert, Turn
from trainer.config import Config, parse
from trainer.export import load
from trainer.state.checkpoint import read
from trainer.trials.restart import Gathered, Order
from trainer.wire import (
    ArmScored,
    BeatTaken,
    CommandRefused,
    Evaluated,
    Event,
    KnobsConfirmed,
    KnobsReverted,
    KnobsTurned,
    RunStarted,
    TrialBegan,
    TrialEnded,
)
from trainer.words import Change, Turned

FORK = Fork(trial="t1", turns=(Turned(knob="activation", to="tanh"),), steps=12, nulls=1)


class Deciding(Once):
    """Asks once, and decides when the candidate is scored."""

    def __init__(self, step: int, arm: Any, *commands: Command) -> None:
        super().__init__(step, *commands)
        self.arm = arm

    def __call__(self, event: Event) -> list[Command]:
        if isinstance(event, ArmScored) and event.arm == "candidate":
            return [Decide(trial=event.trial, arm=self.arm)] if self.arm else []
        return super().__call__(event)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return read(folder / "checkpoints", "last")[0].model


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("optimizer", ["adamw", "momentum"])
@pytest.mark.parametrize("arm", ["control", None])
def test_a_candidate_that_loses_or_hears_nothing_leaves_the_run_to_the_bit_as_if_nothing_had_been_tried(
    tmp_path: Path, arm: Any, optimizer: str
) -> None:
    config = config_of(optimizer=optimizer, model={"hidden": [16]}, dropout=0.1)
    _, plain = run_with(tmp_path / "plain", config)
    words, heard = run_with(tmp_path / "tried", config, Deciding(23, arm, FORK))
    assert words.why == "finished"
    assert [event.trial for event in of(heard, RunStarted)] == [""], "it was built in the same process"
    assert [event.arm for event in of(heard, ArmScored)] == ["control", "candidate", "null"]
    assert of(heard, TrialEnded)[0].went_on_from == "control"
    assert not of(heard, KnobsTurned)
    at = of(heard, TrialEnded)[0].step
    tail = [loss for beat in of(heard, BeatTaken) if beat.step > at + 12 for loss in beat.loss]
    assert tail == losses(plain)[-len(tail) :]
    assert same(weights(tmp_path / "tried"), weights(tmp_path / "plain"))
    left = {path.name for path in (tmp_path / "tried" / "checkpoints").iterdir()}
    assert not {name for name in left if name.startswith(("trial", "ring"))}


def test_a_candidate_that_wins_goes_on_with_the_operated_model_and_later_starts_build_it(tmp_path: Path) -> None:
    words, heard = run_with(tmp_path / "run", config_of(), Deciding(23, "candidate", FORK))
    assert words.why == "finished"
    ended, confirmed = of(heard, TrialEnded)[0], of(heard, KnobsConfirmed)[0]
    assert ended.went_on_from == "candidate"
    assert confirmed.changes == (Change(knob="activation", old="own", new="tanh"),)
    begun = of(heard, RunStarted)[1]
    assert (begun.resumed, begun.trial, begun.step) == (True, "t1", ended.step)
    assert read(tmp_path / "run" / "checkpoints", "last")[0].knobs["activation"] == "tanh"
    assert isinstance(load(tmp_path / "run").model.get_submodule("activation1"), torch.nn.Tanh)
    again, rest = run_with(tmp_path / "run", config_of(epochs=4), resume=True)
    assert again.why == "finished"
    knobs = {knob.name: knob.value for knob in of(rest, RunStarted)[0].knobs}
    assert knobs["activation"] == "tanh"


def test_a_fork_with_a_restart_repeats_to_the_bit(tmp_path: Path) -> None:
    for name in ("one", "two"):
        run_with(tmp_path / name, config_of(), Deciding(23, "candidate", FORK))
    assert same(weights(tmp_path / "one"), weights(tmp_path / "two"))


@pytest.mark.parametrize(("knob", "to"), [("norm", "layer"), ("init", "orthogonal")])
def test_a_candidate_takes_over_what_fits(tmp_path: Path, knob: str, to: str) -> None:
    fork = Fork(trial="t1", turns=(Turned(knob=knob, to=to),), steps=12, nulls=0)
    words, heard = run_with(tmp_path / "run", config_of(epochs=6), Deciding(60, "candidate", fork))
    assert words.why == "finished"
    control, candidate = of(heard, ArmScored)
    trained, chance = control.scores["loss"], 2.3
    assert candidate.scores["loss"] < chance if knob == "norm" else candidate.scores["loss"] > trained


@pytest.mark.parametrize("way", ["fork", "turn"])
def test_a_network_that_cannot_be_built_is_refused_before_a_step_is_lost(tmp_path: Path, way: str) -> None:
    config = task_of(tmp_path, SEQUENCE_TASK)
    turns = (Turned(knob="norm", to="batch"),)
    asked = Fork(trial="t1", turns=turns, steps=8, nulls=0) if way == "fork" else Turn(trial="t1", turns=turns)
    _, plain = run_with(tmp_path / "plain", config)
    words, heard = run_with(tmp_path / "run", config, Once(5, asked))
    assert words.why == "finished"
    assert "take layer" in of(heard, CommandRefused)[0].why
    assert losses(heard) == losses(plain)
    assert same(weights(tmp_path / "run"), weights(tmp_path / "plain"))


def test_a_candidate_that_fails_in_training_is_given_up_and_the_run_goes_on_as_if_nothing_had_been_tried(
    tmp_path: Path,
) -> None:
    config = task_of(tmp_path, FRAGILE_TASK)
    fork = Fork(trial="t1", turns=(Turned(knob="activation", to="relu"),), steps=8, nulls=1)
    run_with(tmp_path / "plain", config)
    words, heard = run_with(tmp_path / "run", config, Once(5, fork))
    assert words.why == "finished"
    assert "an arm failed (RuntimeError: I only know Tanh)" in of(heard, CommandRefused)[0].why
    assert same(weights(tmp_path / "run"), weights(tmp_path / "plain"))


def test_a_factory_that_always_returns_one_model_is_told_to_return_a_new_one(tmp_path: Path) -> None:
    config = task_of(tmp_path, SHARED_TASK)
    run_with(tmp_path / "plain", task_of(tmp_path / "other", SHARED_TASK))
    asked = (FORK, Turn(trial="t2", turns=FORK.turns))
    words, heard = run_with(tmp_path / "run", config, Once(5, *asked))
    assert words.why == "finished"
    assert ["return a new one at each call" in event.why for event in of(heard, CommandRefused)] == [True, True]
    assert same(weights(tmp_path / "run"), weights(tmp_path / "plain"))


def test_a_candidate_that_begins_before_step_0_and_wins_is_the_run_that_was_configured_so_from_the_start(
    tmp_path: Path,
) -> None:
    turns = (Turned(knob="activation", to="tanh"), Turned(knob="init", to="orthogonal"))
    fork = Fork(trial="t1", turns=turns, steps=12, nulls=0, from_start=True)
    _, heard = run_with(tmp_path / "tried", config_of(dropout=0.1), Deciding(23, "candidate", fork))
    run_with(tmp_path / "configured", config_of(dropout=0.1, activation="tanh", init="orthogonal"))
    began, ended = of(heard, TrialBegan)[0], of(heard, TrialEnded)[0]
    assert (began.from_start, ended.step, ended.went_on_from) == (True, began.step, "candidate")
    assert {arm.steps for arm in of(heard, ArmScored)} == {began.step}
    assert same(weights(tmp_path / "tried"), weights(tmp_path / "configured"))


@pytest.mark.parametrize("arm", ["control", "candidate"])
def test_a_knob_that_turns_live_can_be_tried_from_before_step_0_too(tmp_path: Path, arm: Any) -> None:
    fork = Fork(trial="t1", turns=(Turned(knob="lr", to=3e-3),), steps=12, nulls=0, from_start=True)
    run_with(tmp_path / "tried", config_of(), Deciding(23, arm, fork))
    run_with(tmp_path / "plain", config_of(lr=3e-3 if arm == "candidate" else 1e-3))
    assert same(weights(tmp_path / "tried"), weights(tmp_path / "plain"))


def task_of(folder: Path, text: str) -> Config:
    folder.mkdir(exist_ok=True)
    name = f"mine_{folder.parent.name}_{folder.name}.py".replace("-", "_")
    (folder / name).write_text(text)
    return parse({"task": {"factory": f"{folder / name}:task"}, "train": {"epochs": 2, "lr": 1e-3}}, "test")


FRAGILE_TASK = """
import numpy as np
from torch import nn
from sklearn.datasets import load_digits
from trainer import Task

class Fragile(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.bend, self.two = nn.Linear(64, 8), nn.Tanh(), nn.Linear(8, 10)

    def forward(self, inputs):
        if len(inputs) > 4 and not isinstance(self.bend, nn.Tanh):
            raise RuntimeError("I only know Tanh")
        return self.two(self.bend(self.one(inputs)))

def task(seed):
    digits = load_digits()
    return Task(model=Fragile(), train=(digits.data.astype(np.float32), digits.target.astype(np.int64)))
"""

SHARED_TASK = """
import numpy as np
from torch import nn
from sklearn.datasets import load_digits
from trainer import Task

MODEL = nn.Sequential(nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 10))

def task(seed):
    digits = load_digits()
    return Task(model=MODEL, train=(digits.data.astype(np.float32), digits.target.astype(np.int64)))
"""

SEQUENCE_TASK = """
import numpy as np
from torch import nn
from sklearn.datasets import load_digits
from trainer import Task

def task(seed):
    digits = load_digits()
    layers = [nn.Unflatten(1, (8, 8)), nn.Linear(8, 8), nn.ReLU(), nn.Flatten(), nn.Linear(64, 10)]
    return Task(model=nn.Sequential(*layers), train=(digits.data.astype(np.float32), digits.target.astype(np.int64)))
"""


@pytest.mark.parametrize("arm", ["control", None])
def test_a_candidate_that_loses_in_a_process_of_its_own_leaves_evaluations_and_best_model_to_the_bit_as_they_would_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arm: Any
) -> None:
    monkeypatch.setattr("trainer.trials.beside.MEMORY_SHARE", 0.0)  # two networks do not fit
    config = config_of(model={"hidden": [16]}, dropout=0.1, eval_every=0.25)
    left = []
    for name, driver in (("plain", None), ("tried", Deciding(20, arm, FORK))):
        _, heard = run_with(tmp_path / name, config, driver)
        told = [(one.step, one.split, one.loss, one.best, one.metrics) for one in of(heard, Evaluated)]
        state, beside = read(tmp_path / name / "checkpoints", "last")
        best = {key: value.tolist() for key, value in beside.best.items()}
        left.append((told, best, state.progress.best_step, state.progress.stale_evaluations))
    assert left[0] == left[1]
    assert same(weights(tmp_path / "tried"), weights(tmp_path / "plain"))
    assert len(of(heard, RunStarted)) > 1, "it was built anew"
    ended = of(heard, TrialEnded)[0].step
    assert any(ended - FORK.steps < step <= ended for step, *_ in left[1][0]), "the control was evaluated on its way"


def test_a_turn_by_hand_builds_the_model_anew_and_its_undo_gives_it_back(tmp_path: Path) -> None:
    turn = Turn(trial="u1", turns=(Turned(knob="activation", to="gelu"),), by="user")

    class Undoing(Once):
        undone = False

        def __call__(self, event: Event) -> list[Command]:
            if isinstance(event, BeatTaken) and event.step >= 40 and not self.undone:
                self.undone = True
                return [Revert(trial="u1", why="the user wants it back")]
            return super().__call__(event)

    words, heard = run_with(tmp_path / "run", config_of(), Undoing(20, turn, Confirm(trial="u1")))
    assert words.why == "finished"
    assert [event.by for event in of(heard, KnobsTurned)] == ["user"]
    assert len(of(heard, KnobsConfirmed)) == 1
    assert of(heard, KnobsReverted)[0].changes == (Change(knob="activation", old="gelu", new="own"),)
    values = [{knob.name: knob.value for knob in event.knobs}["activation"] for event in of(heard, RunStarted)]
    assert values == ["own", "gelu", "own"]
    assert isinstance(load(tmp_path / "run").model.get_submodule("activation1"), torch.nn.ReLU)


def test_a_turn_that_nobody_confirms_is_built_back(tmp_path: Path) -> None:
    turn = Turn(trial="u1", turns=(Turned(knob="activation", to="gelu"),), probation_steps=9)
    words, heard = run_with(tmp_path / "run", config_of(), Once(20, turn))
    assert words.why == "finished"
    assert of(heard, KnobsReverted)[0].step == of(heard, KnobsTurned)[0].step + 9


@pytest.mark.parametrize(
    ("turned", "why"),
    [
        pytest.param(Turned(knob="output", to="none"), "no activation behind", id="nothing to take away"),
        pytest.param(Turned(knob="activation", to="maxout"), "one of", id="no such choice"),
    ],
)
def test_surgery_that_cannot_be_done_is_refused_before_anything_happens(
    tmp_path: Path, turned: Turned, why: str
) -> None:
    commands = (Fork(trial="t1", turns=(turned,), steps=8), Turn(trial="t2", turns=(turned,)))
    _, heard = run_with(tmp_path / "run", config_of(), Once(5, *commands))
    assert all(why in event.why for event in of(heard, CommandRefused))
    assert len(of(heard, CommandRefused)) == 2
    assert len(of(heard, RunStarted)) == 1


def test_an_order_survives_its_way_to_the_next_process() -> None:
    gathered = Gathered(grad_norms=(0.1, float("inf")), losses=(float("nan"), 1.0))
    order = Order(why="fork", fork=FORK, gathered=gathered, pending=(Confirm(trial="a"), FORK))
    read_again = Order.model_validate_json(order.model_dump_json())
    assert repr(read_again) == repr(order)
    assert json.loads(order.model_dump_json())["gathered"]["grad_norms"][1] == "Infinity"
