"""Turns on probation, rollbacks and probes, in real small runs."""

import os
from pathlib import Path

import pytest

from tests.trainer.running import Once, config_of, losses, lr, of, run_with, training_of
from trainer.commands import Confirm, Pause, Probe, Resume, Revert, Rollback, Turn
from trainer.state import checkpoint
from trainer.state.snapshot import restore, take
from trainer.stepping.step import take_step
from trainer.turning import turn
from trainer.wire import (
    BeatTaken,
    CommandRefused,
    Evaluated,
    KnobsConfirmed,
    KnobsReverted,
    KnobsTurned,
    Probed,
    RolledBack,
)
from trainer.words import ProbeName, Turned

# ---------------------------------------------------------------- probation


def test_an_unconfirmed_knob_turns_back(tmp_path: Path) -> None:
    driver = Once(5, Turn(trial="t", turns=lr(0.5), probation_steps=7))
    _, heard = run_with(tmp_path, config_of(), driver)
    turned, reverted = of(heard, KnobsTurned), of(heard, KnobsReverted)
    assert [event.changes[0].new for event in turned] == [0.5]
    assert turned[0].probation
    assert [event.changes[0].new for event in reverted] == [1e-3]
    assert reverted[0].step == turned[0].step + 7


def test_a_confirmed_knob_stays(tmp_path: Path) -> None:
    driver = Once(5, Turn(trial="t", turns=lr(0.01), probation_steps=7), Confirm(trial="t"))
    _, heard = run_with(tmp_path, config_of(schedule="constant", warmup=0.0), driver)
    assert len(of(heard, KnobsConfirmed)) == 1
    assert not of(heard, KnobsReverted)
    assert of(heard, BeatTaken)[-1].lr == pytest.approx(0.01)


def test_a_confirmed_knob_can_be_taken_back(tmp_path: Path) -> None:
    driver = Once(5, Turn(trial="t", turns=lr(0.01)), Confirm(trial="t"), Revert(trial="t", why="the user wants it"))
    _, heard = run_with(tmp_path, config_of(schedule="constant", warmup=0.0), driver)
    assert of(heard, KnobsReverted)[0].why == "the user wants it"
    assert of(heard, BeatTaken)[-1].lr == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("turns", "why"),
    [
        pytest.param((Turned(knob="brightness", to=1),), "there is no knob", id="unknown"),
        pytest.param((Turned(knob="lr", to=-1.0),), "at least", id="out of bounds"),
        pytest.param((Turned(knob="workers", to=2),), "cannot be turned here", id="not in this run"),
        pytest.param((Turned(knob="optimizer", to="lion"),), "one of", id="no such choice"),
        pytest.param((Turned(knob="batch_size", to=True),), "takes a whole number", id="wrong type"),
        pytest.param((*lr(0.1), Turned(knob="amp", to="int4")), "one of", id="one of two is wrong"),
    ],
)
def test_a_turn_that_cannot_be_made_is_refused_and_changes_nothing(
    tmp_path: Path, turns: tuple[Turned, ...], why: str
) -> None:
    _, heard = run_with(tmp_path, config_of(), Once(5, Turn(trial="t", turns=turns)))
    assert why in of(heard, CommandRefused)[0].why
    assert not of(heard, KnobsTurned)


def test_a_turn_that_is_taken_back_at_once_leaves_the_run_as_it_was(tmp_path: Path) -> None:
    _, plain = run_with(tmp_path / "plain", config_of())
    driver = Once(5, Turn(trial="t", turns=lr(0.3)), Revert(trial="t", why="a test"))
    _, turned = run_with(tmp_path / "turned", config_of(), driver)
    assert losses(turned) == losses(plain)


# ---------------------------------------------------------------- rollback


def test_a_start_over_goes_back_to_step_0_and_turns_the_rate(tmp_path: Path) -> None:
    config = config_of(epochs=6, lr=3.0, optimizer="momentum", schedule="constant", warmup=0.0)
    driver = Once(20, Rollback(trial="s", to_step=0, turns=lr(0.02)))
    words, heard = run_with(tmp_path, config, driver)
    back = of(heard, RolledBack)[0]
    assert (back.step, back.samples) == (0, 0)
    assert back.from_step >= 20
    assert words.why == "finished"
    before, final = of(heard, Evaluated)[0], of(heard, Evaluated)[-2]
    assert before.metrics["accuracy"] < 0.4 < 0.8 < final.metrics["accuracy"]


def test_a_rollback_skips_the_batches_behind_it_and_rewarms(tmp_path: Path) -> None:
    config = config_of(epochs=10, schedule="constant", warmup=0.0)
    driver = Once(100, Rollback(trial="s", to_step=60, turns=lr(5e-4), rewarm_steps=30))
    _, heard = run_with(tmp_path, config, driver)
    back = of(heard, RolledBack)[0]
    assert 0 < back.step <= 60
    assert back.skipped_batches > 0
    at = heard.index(back)
    rates = [event.lr for event in heard[at:] if isinstance(event, BeatTaken)]
    assert rates[0] < 1e-4
    assert rates[-1] == pytest.approx(5e-4)


# ---------------------------------------------------------------- probes


@pytest.mark.parametrize(
    ("probe", "optimizer"),
    [
        ("lr_sweep", "adamw"),
        ("adaptive_sweep", "sgd"),
        ("adaptive_sweep", "nesterov"),
        ("single_batch_fit", "adamw"),
        ("cached_batch", "adamw"),
        ("fetched_batch", "adamw"),
        ("zeroed_input", "adamw"),
        ("mode_switch", "adamw"),
        ("throughput_screen", "adamw"),
    ],
)
def test_a_probe_leaves_the_run_to_the_bit_as_it_was(tmp_path: Path, probe: ProbeName, optimizer: str) -> None:
    config = config_of(dropout=0.2, optimizer=optimizer)
    _, plain = run_with(tmp_path / "plain", config)
    _, heard = run_with(tmp_path / "probed", config, Once(10, Probe(probe=probe)))
    assert of(heard, Probed)[0].result
    assert losses(heard) == losses(plain)


def test_a_sweep_from_the_start_picks_a_rate_that_learns(tmp_path: Path) -> None:
    config = config_of(lr=30.0, optimizer="momentum", schedule="constant", warmup=0.0)
    _, heard = run_with(tmp_path, config, Once(10, Probe(probe="lr_sweep", from_start=True)))
    result = of(heard, Probed)[0].result
    assert 3e-3 < result["pick"] < 0.5
    assert result["moved"] > 0.5, "rates that throw a net move its weights"


def test_a_sweep_under_adamw_picks_a_rate_for_it_whatever_the_run_is_trained_with(tmp_path: Path) -> None:
    picks = {}
    for optimizer, probe in (("sgd", "adaptive_sweep"), ("adamw", "lr_sweep")):
        config = config_of(optimizer=optimizer, schedule="constant", warmup=0.0, weight_decay=0.0)
        asked = Probe(probe=probe, from_start=True)  # type: ignore[arg-type]
        _, heard = run_with(tmp_path / optimizer, config, Once(10, asked))
        picks[optimizer] = of(heard, Probed)[0].result["pick"]
    assert picks["sgd"] == picks["adamw"]


def test_a_sound_net_learns_sixteen_examples_by_heart(tmp_path: Path) -> None:
    _, heard = run_with(tmp_path, config_of(), Once(2, Probe(probe="single_batch_fit")))
    result = of(heard, Probed)[0].result
    assert result["last_loss"] < 0.2 * result["first_loss"]


# ---------------------------------------------------------------- what a review found


def test_a_value_that_only_the_configuration_allows_can_be_turned_back_to(tmp_path: Path) -> None:
    turns = (Turned(knob="label_smoothing", to=0.1),)
    driver = Once(5, Turn(trial="t", turns=turns, probation_steps=7))
    words, heard = run_with(tmp_path, config_of(label_smoothing=0.6), driver)
    assert words.why == "finished"
    assert of(heard, KnobsReverted)[0].changes[0].new == 0.6


def test_pause_and_resume_in_one_breath_go_on(tmp_path: Path) -> None:
    words, _ = run_with(tmp_path, config_of(), Once(5, Pause(), Pause(), Resume()))
    assert words.why == "finished"


def test_a_rollback_keeps_the_decay_that_was_confirmed_since(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, config_of(weight_decay=0.1))
    snapshot = take(training)
    turn(training, [Turned(knob="weight_decay", to=0.01)])
    restore(training, snapshot, with_knobs=False)
    assert {group["weight_decay"] for group in training.optimizer.param_groups} == {0.01, 0.0}


def test_a_rollback_across_a_change_of_optimizer_starts_with_fresh_moments(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, config_of())
    snapshot = take(training)
    turn(training, [Turned(knob="optimizer", to="momentum")])
    training.model.train()
    for _ in range(3):
        take_step(training, training.supply.take())
    restore(training, snapshot, with_knobs=False)
    moments = [state["momentum_buffer"] for state in training.optimizer.state.values()]
    assert all(not moment.any() for moment in moments)


def test_a_full_disk_in_the_middle_of_a_checkpoint_is_an_os_error(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path)
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    blocked = folder / f".last-0-{os.getpid()}.safetensors"
    blocked.mkdir()
    with pytest.raises(OSError, match=r"last|directory"):
        checkpoint.write(folder, "last", take(training), checkpoint.Beside({}, {}))
