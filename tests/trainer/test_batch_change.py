"""A change of the batch size is one transaction: what belongs to it turns with it, and nothing counted in samples bends."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.running import config_of, of, run_with, training_of
from trainer.commands import Command, Confirm, Fork, Revert, Turn
from trainer.config import parse
from trainer.stepping.step import rate_now, take_step
from trainer.turning import turn, turn_back
from trainer.wire import BeatTaken, Evaluated, Event, KnobsReverted, KnobsTurned
from trainer.words import Turned

EXAMPLES = 1079
"""Of the digits' training split."""


def batch(to: int) -> Turned:
    return Turned(knob="batch_size", to=to)


@pytest.mark.parametrize(
    ("optimizer", "rate", "beta2"),
    [
        pytest.param("sgd", 4.0, None, id="sgd"),
        pytest.param("momentum", 4.0, None, id="momentum"),
        pytest.param("nesterov", 4.0, None, id="nesterov"),
        pytest.param("adam", 2.0, 0.999**4, id="adam"),
        pytest.param("adamw", 2.0, 0.999**4, id="adamw"),
        pytest.param("rmsprop", 2.0, None, id="rmsprop"),
    ],
)
def test_rate_and_decays_turn_with_the_batch(tmp_path: Path, optimizer: str, rate: float, beta2: float | None) -> None:
    training, _ = training_of(tmp_path, config_of(optimizer=optimizer, lr=0.01, batch_size=16, ema=0.99))
    before = dict(training.knobs)
    changes = turn(training, [batch(64)])
    expected: dict[str, Any] = {"batch_size": 64, "lr": 0.01 * rate, "ema": 0.99**4}
    expected |= {"beta2": beta2} if beta2 else {}
    assert {change.knob: change.new for change in changes} == pytest.approx(expected)
    if beta2:
        assert {group["betas"] for group in training.optimizer.param_groups} == {(0.9, training.knobs["beta2"])}
    turn_back(training, changes)
    assert training.knobs == before, "to the bit"
    assert training.supply.order.batch_size == 16


def test_what_is_turned_itself_stays_as_it_is_asked_for(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, config_of(lr=0.01))
    turn(training, [batch(128), Turned(knob="lr", to=0.5), Turned(knob="beta2", to=0.9)])
    assert (training.knobs["lr"], training.knobs["beta2"]) == (0.5, 0.9)


def test_a_smaller_batch_keeps_within_the_bounds_of_the_knobs(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, config_of(batch_size=512, beta2=0.9999, ema=0.9999))
    changes = turn(training, [batch(1)])
    assert training.knobs["beta2"] == training.knobs["ema"] == 0.99999
    turn_back(training, changes)
    assert (training.knobs["beta2"], training.knobs["ema"]) == (0.9999, 0.9999)


@pytest.mark.parametrize(("made", "rate"), [("Adam", 2.0), ("RMSprop", 2.0), ("SGD", 4.0)])
def test_of_a_users_own_optimizer_the_rate_turns(tmp_path: Path, made: str, rate: float) -> None:
    task = tmp_path / "task.py"
    task.write_text(
        "import torch, trainer\n"
        "def make_task():\n    net = torch.nn.Linear(3, 2)\n"
        "    return trainer.Task(model=net, train=(torch.randn(90, 3), torch.arange(90) % 2),\n"
        f"        optimizer=torch.optim.{made}(net.parameters(), lr=0.01))\n"
    )
    config = parse({"task": {"factory": f"{task}:make_task"}, "train": {"batch_size": 4}}, "test")
    training, _ = training_of(tmp_path, config)
    changes = turn(training, [batch(16)])
    assert {change.knob: change.new for change in changes} == {"batch_size": 16, "lr": pytest.approx(0.01 * rate)}


def test_no_example_is_lost_or_seen_twice_and_the_schedule_goes_by_samples(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, config_of(epochs=2, lr=0.01))
    plain, _ = training_of(tmp_path, config_of(epochs=2, lr=0.01))
    training.model.train()
    seen: Counter[tuple[int, int]] = Counter()
    sizes = iter((64, 32, 100, 7, 256))
    while training.progress.samples < training.progress.samples_total:
        if training.progress.step % 5 == 0 and (size := next(sizes, None)):
            turn(training, [batch(size), Turned(knob="lr", to=0.01)])
        plain.progress.samples = training.progress.samples
        assert rate_now(training) == rate_now(plain)
        one = training.supply.take()
        seen.update((one.ticket.epoch, index) for index in one.ticket.indices.tolist())
        take_step(training, one)
    assert set(seen.values()) == {1}
    assert len(seen) == training.progress.samples == training.progress.samples_total == 2 * EXAMPLES


class AtStep:
    """A driver that says each thing at the first beat at or after its step."""

    def __init__(self, *said: tuple[int, list[Command]]) -> None:
        self.said = list(said)

    def __call__(self, event: Event) -> list[Command]:
        if isinstance(event, BeatTaken) and self.said and event.step >= self.said[0][0]:
            return self.said.pop(0)[1]
        return []


def test_evaluations_fall_on_the_same_samples_after_a_change(tmp_path: Path) -> None:
    config = config_of(epochs=4, eval_every=0.5)
    driver = AtStep((5, [Turn(trial="b", turns=(batch(13),)), Confirm(trial="b")]))
    words, heard = run_with(tmp_path, config, driver)
    grid = [round(number * 0.5 * EXAMPLES) for number in range(1, 8)]
    evaluations = [event.samples for event in of(heard, Evaluated) if event.split == "val" and not event.final]
    assert words.samples == 4 * EXAMPLES
    assert len(evaluations) == len(grid)
    assert all(0 <= there - due < 64 for there, due in zip(evaluations, grid, strict=True))


def test_taking_a_batch_change_back_takes_all_of_it_back(tmp_path: Path) -> None:
    config = config_of(lr=1e-3, ema=0.99)
    driver = AtStep((5, [Turn(trial="b", turns=(batch(32),)), Confirm(trial="b")]), (9, [Revert(trial="b", why="x")]))
    _, heard = run_with(tmp_path, config, driver)
    turned, back = of(heard, KnobsTurned)[0].changes, of(heard, KnobsReverted)[0].changes
    assert {change.knob for change in turned} == {"batch_size", "lr", "beta2", "ema"}
    assert {change.knob: change.new for change in back} == {change.knob: change.old for change in turned}


def test_a_fork_on_the_batch_turns_what_belongs_to_it_and_can_be_taken_back(tmp_path: Path) -> None:
    from trainer.commands import Decide
    from trainer.wire import ArmScored

    fork = AtStep((5, [Fork(trial="f", turns=(batch(32),), steps=8, nulls=0)]), (20, [Revert(trial="f", why="x")]))

    def driver(event: Event) -> list[Command]:
        if isinstance(event, ArmScored) and event.arm == "candidate":
            return [Decide(trial="f", arm="candidate")]
        return fork(event)

    _, heard = run_with(tmp_path, config_of(lr=1e-3), driver)
    assert {change.knob for change in of(heard, KnobsTurned)[0].changes} == {"batch_size", "lr", "beta2"}
    assert {change.knob: change.new for change in of(heard, KnobsReverted)[0].changes} == {
        "batch_size": 64, "lr": 1e-3, "beta2": 0.999,
    }  # fmt: skip
