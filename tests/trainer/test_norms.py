"""Which norms are taken: all that something hangs on, and of the others as many as cost little."""

from math import nan
from pathlib import Path

import pytest
import torch

from tests.trainer.running import config_of, training_of
from trainer.stepping.norms import EVERY_MOST, FIRST_STEPS, NormWatch
from trainer.stepping.step import take_step
from trainer.training import Training
from trainer.watching.beat import Beats
from trainer.wire import BeatTaken, Event

SETTLED = FIRST_STEPS + 20 * EVERY_MOST


class Clock:
    """Stands still until somebody moves it on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def taken(steps: int, *, norm_s: float, rest_s: float, needed_from: int | None = None) -> list[int]:
    """Return the steps of which the norm is taken when it costs so much in a step that takes so long without it."""
    clock, found = Clock(), []
    watch = NormWatch(clock)
    for step in range(steps):
        if watch.due(needed=needed_from is not None and step >= needed_from):
            watch.begin()
            clock.now += norm_s
            watch.end()
            found.append(step)
        clock.now += rest_s
    return found


def watched(folder: Path) -> tuple[Training, list[Event]]:
    """Return a run in watch mode, out of lockstep, whose norms were found to be dear."""
    training, heard = training_of(folder, config_of(), mode="watch")
    training.lockstep = False
    clock = Clock()
    training.norms = NormWatch(clock)
    for _ in range(SETTLED):
        if training.norms.due(needed=False):
            training.norms.begin()
            clock.now += 1e-4
            training.norms.end()
        clock.now += 1e-3
    return training, heard


def test_the_norms_of_the_first_steps_are_all_taken() -> None:
    assert taken(FIRST_STEPS, norm_s=1e-4, rest_s=1e-4) == list(range(FIRST_STEPS))


@pytest.mark.parametrize(
    ("rest_s", "every"), [pytest.param(1e-3, 10, id="1 ms"), pytest.param(1e-4, EVERY_MOST, id="0.1 ms")]
)
def test_a_norm_that_costs_much_is_taken_at_every_few_steps(rest_s: float, every: int) -> None:
    steps = taken(SETTLED, norm_s=5e-5, rest_s=rest_s)
    assert steps[-1] - steps[-2] == every


def test_a_norm_that_costs_next_to_nothing_is_taken_at_every_step() -> None:
    assert taken(SETTLED, norm_s=5e-5, rest_s=2e-2) == list(range(SETTLED))


def test_what_something_hangs_on_is_taken_however_dear_it_is() -> None:
    assert taken(SETTLED, norm_s=1e-4, rest_s=1e-4, needed_from=SETTLED - 50)[-50:] == list(
        range(SETTLED - 50, SETTLED)
    )


def test_a_beat_tells_the_loss_of_every_step_and_the_norms_that_were_taken(tmp_path: Path) -> None:
    training, heard = watched(tmp_path)
    beats = Beats(training)
    for _ in range(40):
        batch = training.supply.take()
        beats.step(take_step(training, batch), batch)
    beats.take(batch)
    beat = next(event for event in heard if isinstance(event, BeatTaken))
    assert len(beat.loss) == 40
    assert 1 <= len(beat.grad_norm) < 40


def test_after_a_loss_that_is_no_number_every_norm_is_looked_at(tmp_path: Path) -> None:
    training, _ = watched(tmp_path)
    batch = training.supply.take()
    taken_norms = [take_step(training, batch).norm is not None for _ in range(4)]
    with torch.no_grad():
        next(training.model.parameters()).fill_(nan)
    take_step(training, batch)
    assert not all(taken_norms)
    assert all(take_step(training, batch).norm is not None for _ in range(20))


@pytest.mark.parametrize("mode", ["auto", "clip", "lockstep"])
def test_a_run_that_acts_on_norms_takes_them_all(tmp_path: Path, mode: str) -> None:
    training, _ = watched(tmp_path)
    training.guard.active = mode == "auto"
    training.lockstep = mode == "lockstep"
    training.knobs["clip"] = 1.0 if mode == "clip" else 0.0
    batch = training.supply.take()
    assert all(take_step(training, batch).norm is not None for _ in range(20))
