"""A candidate of a fork at a rate of its own, and a network that is tried together with a knob that turns live."""

from math import isnan
from pathlib import Path

import pytest

from tests.trainer.running import config_of, losses, of, run_with, training_of
from tests.trainer.test_restart import Deciding, same, weights
from trainer.commands import Command, Decide, Fork
from trainer.export import load
from trainer.state.checkpoint import read
from trainer.state.snapshot import restore, take
from trainer.trials.own_rate import OWN_RATE_FACTOR, own_rate
from trainer.wire import ArmScored, BeatTaken, Event, KnobsConfirmed, KnobsTurned, TrialEnded
from trainer.words import Turned

SLOW = {"optimizer": "sgd", "lr": 1e-6, "schedule": "constant", "warmup": 0.0}
TURNS = (Turned(knob="activation", to="tanh"),)
GAINING = {"steps": 20, "nulls": 1, "replicates": 2, "score": "tail_loss", "least_gain": 0.005}


class AfterTheNull(Deciding):
    """Decides when the last arm is scored."""

    def __call__(self, event: Event) -> list[Command]:
        if isinstance(event, ArmScored):
            return [Decide(trial=event.trial, arm=self.arm)] if event.arm == "null" else []
        return super().__call__(event)


@pytest.mark.parametrize("from_start", [True, False])
def test_a_candidate_that_gains_nothing_at_the_runs_rate_is_run_again_at_one_of_its_own(
    tmp_path: Path, from_start: bool
) -> None:
    fork = Fork(trial="t1", turns=TURNS, own_rate=True, from_start=from_start, **GAINING)
    _, heard = run_with(tmp_path, config_of(**SLOW), AfterTheNull(23, "candidate", fork))
    control, first, second, null = of(heard, ArmScored)
    assert [one.arm for one in (control, first, second, null)] == ["control", "candidate", "candidate", "null"]
    assert control.rate == first.rate == null.rate == SLOW["lr"]
    assert second.rate > OWN_RATE_FACTOR * SLOW["lr"]
    assert second.scores["tail_loss"] < 0.9 * first.scores["tail_loss"]
    ended = of(heard, TrialEnded)[0]
    assert (ended.went_on_from, ended.swept_steps > 20) == ("candidate", True)
    assert {change.knob: change.new for change in of(heard, KnobsConfirmed)[0].changes} == {
        "activation": "tanh",
        "lr": second.rate,
    }
    assert of(heard, BeatTaken)[-1].lr == second.rate


def test_a_second_candidate_that_loses_leaves_the_run_to_the_bit_as_if_nothing_had_been_tried(tmp_path: Path) -> None:
    config = config_of(dropout=0.2, **SLOW)
    _, plain = run_with(tmp_path / "plain", config)
    fork = Fork(trial="t1", turns=TURNS, own_rate=True, **GAINING)
    _, heard = run_with(tmp_path / "tried", config, AfterTheNull(23, "control", fork))
    assert len(of(heard, ArmScored)) == 4
    assert not of(heard, KnobsTurned)
    assert losses(heard)[60:] == losses(plain)[60:]
    assert same(weights(tmp_path / "tried"), weights(tmp_path / "plain"))


def test_without_being_asked_for_no_rate_is_swept(tmp_path: Path) -> None:
    _, heard = run_with(
        tmp_path, config_of(**SLOW), AfterTheNull(23, "control", Fork(trial="t1", turns=TURNS, **GAINING))
    )
    assert [one.arm for one in of(heard, ArmScored)] == ["control", "candidate"]
    assert of(heard, TrialEnded)[0].swept_steps == 0


def test_a_knob_that_turns_live_gets_a_rate_of_its_own_alike(tmp_path: Path) -> None:
    fork = Fork(trial="t1", turns=(Turned(knob="standardise", to=True),), own_rate=True, from_start=True, **GAINING)
    _, heard = run_with(tmp_path, config_of(**SLOW), AfterTheNull(23, "candidate", fork))
    rates = [one.rate for one in of(heard, ArmScored) if one.arm == "candidate"]
    assert rates[1] > OWN_RATE_FACTOR * rates[0]
    knobs = read(tmp_path / "checkpoints", "last")[0].knobs
    assert (knobs["standardise"], knobs["lr"]) == (True, rates[1])


def test_a_rate_that_a_sweep_agrees_with_is_no_other_one(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, config_of(**SLOW))
    first = take(training)
    picked, steps = own_rate(training, lambda: restore(training, first))
    assert (steps > 0, picked > 1e-3) == (True, True)

    def at_the_pick() -> None:
        restore(training, first)
        training.knobs["lr"] = picked

    again, _ = own_rate(training, at_the_pick)
    assert isnan(again)


def test_a_network_is_tried_together_with_a_knob_that_turns_live(tmp_path: Path) -> None:
    turns = (Turned(knob="init", to="he"), Turned(knob="standardise", to=True), Turned(knob="weight_decay", to=0.01))
    fork = Fork(trial="t1", turns=turns, steps=12, nulls=0, from_start=True)
    _, heard = run_with(tmp_path, config_of(lr=0.01), Deciding(23, "candidate", fork))
    control, candidate = of(heard, ArmScored)
    assert control.scores["loss"] != candidate.scores["loss"]
    knobs = read(tmp_path / "checkpoints", "last")[0].knobs
    assert (knobs["init"], knobs["standardise"], knobs["weight_decay"]) == ("he", True, 0.01)
    assert {change.knob for change in of(heard, KnobsConfirmed)[0].changes} == {"init", "standardise", "weight_decay"}
    assert load(tmp_path) is not None
