"""Forks in real small runs."""

from pathlib import Path

import pytest

from tests.trainer.running import Once, config_of, losses, lr, of, run_with, training_of
from trainer.commands import Command, Decide, Fork, Revert, Rollback
from trainer.config import parse
from trainer.evaluate import PROBE_MOST, Examiner, sample_of
from trainer.state.snapshot import Ring, take
from trainer.trials.arms import Pace, equal_time
from trainer.trials.fork import ForkRefused, make_room
from trainer.wire import (
    Arm,
    ArmScored,
    BeatTaken,
    CommandRefused,
    Evaluated,
    Event,
    KnobsConfirmed,
    KnobsReverted,
    KnobsTurned,
    RolledBack,
    RunStarted,
    TrainingEnded,
    TrialEnded,
)
from trainer.words import Turned


class Judge:
    """A driver that forks once and then decides for an arm, or says nothing."""

    def __init__(self, fork: Fork, arm: str | None) -> None:
        self.once, self.arm, self.fork = Once(10, fork), arm, fork

    def __call__(self, event: Event) -> list[Command]:
        last = isinstance(event, ArmScored) and event.arm == ("null" if self.fork.nulls else "candidate")
        if last and self.arm:
            return [Decide(trial=self.fork.trial, arm=self.arm)]  # type: ignore[arg-type]
        return self.once(event)


def test_a_fork_won_by_the_control_costs_no_step_and_changes_nothing(tmp_path: Path) -> None:
    config = config_of(dropout=0.2)
    _, plain = run_with(tmp_path / "plain", config)
    fork = Fork(trial="f", turns=lr(1.0), steps=20, nulls=2)
    for arm in ("control", None):
        _, heard = run_with(tmp_path / f"fork-{arm}", config, Judge(fork, arm))
        assert [scored.arm for scored in of(heard, ArmScored)] == ["control", "candidate", "null", "null"]
        assert not of(heard, KnobsTurned)
        assert of(heard, TrialEnded)[0].went_on_from == "control"
        final, expected = of(heard, Evaluated)[-1], of(plain, Evaluated)[-1]
        assert (final.loss, final.metrics) == (expected.loss, expected.metrics)


def test_evaluations_that_come_due_in_a_fork_are_the_runs_own_where_the_control_wins(tmp_path: Path) -> None:
    config = config_of(epochs=6, eval_every=0.25)
    _, plain = run_with(tmp_path / "plain", config)
    fork = Fork(trial="f", turns=lr(1.0), steps=20, nulls=1)
    _, heard = run_with(tmp_path / "fork", config, Judge(fork, "control"))
    told = [(one.step, one.split, one.loss, one.best, one.metrics) for one in of(heard, Evaluated)]
    assert told == [(one.step, one.split, one.loss, one.best, one.metrics) for one in of(plain, Evaluated)]
    assert any(of(heard, TrialEnded)[0].step - 20 < step < of(heard, TrialEnded)[0].step for step, *_ in told)


def test_where_the_candidate_wins_what_the_control_was_evaluated_at_is_no_part_of_the_run(tmp_path: Path) -> None:
    config = config_of(epochs=6, eval_every=0.25, lr=0.05, schedule="constant", warmup=0.0)
    _, heard = run_with(
        tmp_path, config, Judge(Fork(trial="f", turns=lr(1e-9), steps=30, nulls=0), "candidate"), mode="watch"
    )
    ended = of(heard, TrialEnded)[0]
    evaluated = of(heard, Evaluated)
    assert ended.went_on_from == "candidate"
    assert not [one for one in evaluated if ended.step - 30 < one.step < ended.step]
    best = max(evaluated[:-1], key=lambda one: one.metrics["accuracy"])
    assert evaluated[-1].split == "test"
    assert evaluated[-1].step == best.step
    trained = [one.metrics["accuracy"] for one in evaluated if one.step >= ended.step and one.split == "val"]
    assert max(trained) - min(trained) < 0.05, "the candidate stands still"
    assert of(heard, TrainingEnded)[0].best_step == best.step


def test_a_fork_that_ends_with_the_run_is_followed_by_no_further_batch(tmp_path: Path) -> None:
    config = config_of(epochs=1)
    _, plain = run_with(tmp_path / "plain", config)
    left = of(plain, RunStarted)[0].steps_total - 10
    _, heard = run_with(
        tmp_path / "fork", config, Judge(Fork(trial="f", turns=lr(1.0), steps=left, nulls=0), "control")
    )
    assert of(heard, TrialEnded)[0].samples == of(heard, RunStarted)[0].samples_total
    assert of(heard, TrainingEnded)[0].samples == of(plain, TrainingEnded)[0].samples
    assert of(heard, Evaluated)[-1].loss == of(plain, Evaluated)[-1].loss


def test_a_fork_won_by_the_candidate_goes_on_with_its_turn(tmp_path: Path) -> None:
    fork = Fork(trial="f", turns=lr(0.01), steps=20, nulls=0)
    _, heard = run_with(tmp_path, config_of(schedule="constant", warmup=0.0), Judge(fork, "candidate"))
    arms = {scored.arm: scored.scores for scored in of(heard, ArmScored)}
    assert arms["candidate"]["loss"] < arms["control"]["loss"], "ten times the rate is better at the start"
    assert of(heard, KnobsConfirmed)[0].changes[0].new == 0.01
    assert of(heard, BeatTaken)[-1].lr == pytest.approx(0.01)
    assert {"loss", "metric", "tail_loss", "tail_metric", "balanced_accuracy", "train_loss"} <= set(arms["control"])


def test_a_fork_from_the_start_won_by_the_control_changes_nothing(tmp_path: Path) -> None:
    config = config_of(dropout=0.2)
    _, plain = run_with(tmp_path / "plain", config)
    fork = Fork(trial="f", turns=lr(1.0), steps=1, nulls=1, from_start=True)
    _, heard = run_with(tmp_path / "fork", config, Judge(fork, "control"))
    here = of(heard, TrialEnded)[0].step
    assert {scored.steps for scored in of(heard, ArmScored)} == {here}, "up to the step of now, whatever was asked"
    assert [scored.step for scored in of(heard, ArmScored)] == [here] * 3
    paid_s = sum(scored.seconds for scored in of(heard, ArmScored))
    assert of(heard, TrialEnded)[0].seconds > paid_s, "the run's own steps, trained once more, are no use to it"
    assert of(heard, ArmScored)[0].examples == of(heard, RunStarted)[0].task.val_examples
    assert of(heard, ArmScored)[0].one_example["accuracy"] == 1 / of(heard, RunStarted)[0].task.val_examples
    assert of(heard, Evaluated)[-1].loss == of(plain, Evaluated)[-1].loss
    assert losses(heard) == losses(plain)


def test_a_fork_from_the_start_won_by_the_candidate_goes_on_as_a_run_that_was_begun_with_the_turn(
    tmp_path: Path,
) -> None:
    flat = {"schedule": "constant", "warmup": 0.0}
    _, begun = run_with(tmp_path / "begun", config_of(lr=0.01, **flat), mode="watch")
    fork = Fork(trial="f", turns=lr(0.01), steps=1, nulls=0, from_start=True)
    _, heard = run_with(tmp_path / "fork", config_of(lr=1e-3, **flat), Judge(fork, "candidate"), mode="watch")
    ended = of(heard, TrialEnded)[0]
    assert ended.went_on_from == "candidate"
    assert losses(heard)[ended.step :] == losses(begun)[ended.step :]
    assert of(heard, Evaluated)[-1].loss == of(begun, Evaluated)[-1].loss
    assert len(of(heard, Evaluated)) == len(of(begun, Evaluated))


def test_a_fork_from_the_start_is_refused_before_the_first_step(tmp_path: Path) -> None:
    fork = Fork(trial="f", turns=lr(0.01), steps=1, nulls=0, from_start=True)

    def driver(event: Event) -> list[Command]:
        return [fork] if isinstance(event, RunStarted) else []

    _, heard = run_with(tmp_path, config_of(), driver)
    assert "the state before the first step" in of(heard, CommandRefused)[0].why


def test_an_arm_that_changes_nothing_scores_the_same_to_the_bit(tmp_path: Path) -> None:
    fork = Fork(trial="f", turns=lr(1e-3), steps=15, nulls=1)
    _, heard = run_with(tmp_path, config_of(dropout=0.3), Judge(fork, "control"))
    arms = {scored.arm: scored.scores for scored in of(heard, ArmScored)}
    assert arms["control"] == arms["candidate"]
    assert arms["null"]["loss"] != arms["control"]["loss"]


def test_a_candidate_that_diverges_is_never_gone_on_from(tmp_path: Path) -> None:
    fork = Fork(trial="f", turns=(*lr(1e4), Turned(knob="optimizer", to="sgd")), steps=20, nulls=0)
    _, heard = run_with(tmp_path, config_of(), Judge(fork, "candidate"), mode="watch")
    candidate = next(scored for scored in of(heard, ArmScored) if scored.arm == "candidate")
    assert candidate.diverged
    assert of(heard, TrialEnded)[0].went_on_from == "control"


NORMED = """
from sklearn.datasets import load_digits
from torch import nn
from trainer import Task

def make():
    data, target = load_digits(return_X_y=True)
    net = nn.Sequential(nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10))
    return Task(model=net, train=(data[:1000].astype("float32") / 16, target[:1000]), val=(data[1000:].astype("float32") / 16, target[1000:]))
"""


def test_a_candidate_that_fails_is_refused_and_the_run_goes_on_as_if_nothing_had_been_tried(tmp_path: Path) -> None:
    (tmp_path / "normed.py").write_text(NORMED)
    config = parse(
        {"task": {"factory": f"{tmp_path}/normed.py:make"}, "train": {"epochs": 3, "batch_size": 64}}, "test"
    )
    _, plain = run_with(tmp_path / "plain", config)
    left_in_epoch = of(plain, RunStarted)[0].task.train_examples - 10 * 64
    leaves_one_over = (Turned(knob="batch_size", to=left_in_epoch - 1),)
    fork = Fork(trial="f", turns=leaves_one_over, steps=20, nulls=0)
    ended, heard = run_with(tmp_path / "fork", config, Judge(fork, "candidate"))
    (refused,) = of(heard, CommandRefused)
    assert "an arm failed (ValueError: Expected more than 1 value per channel" in refused.why
    assert ended.why == "finished"
    assert losses(heard) == losses(plain)


def test_a_fork_leaves_no_beats_of_its_arms(tmp_path: Path) -> None:
    fork = Fork(trial="f", turns=lr(0.01), steps=20, nulls=1)
    _, heard = run_with(tmp_path, config_of(), Judge(fork, "control"))
    seen = [beat.step for beat in of(heard, BeatTaken)]
    assert seen == sorted(set(seen))


def arms_of(heard: list[Event]) -> dict[tuple[Arm, int], ArmScored]:
    return {(scored.arm, scored.replicate): scored for scored in of(heard, ArmScored)}


def test_each_candidate_trains_on_the_batches_of_its_own_control(tmp_path: Path) -> None:
    fork = Fork(trial="f", turns=lr(1e-3), steps=15, nulls=2, replicates=2)
    _, heard = run_with(tmp_path, config_of(dropout=0.3), Judge(fork, "control"))
    arms = arms_of(heard)
    assert list(arms) == [("control", 0), ("candidate", 0), ("null", 1), ("candidate", 1), ("null", 2)]
    assert arms["control", 0].scores == arms["candidate", 0].scores, "the turn changes nothing"
    assert arms["null", 1].scores == arms["candidate", 1].scores, "on other batches with other randomness neither"
    assert len({arm.scores["loss"] for arm in arms.values()}) == 3


def test_a_batch_is_matched_by_the_examples_that_were_seen(tmp_path: Path) -> None:
    turns = (Turned(knob="batch_size", to=128),)
    fork = Fork(trial="f", turns=turns, steps=16, nulls=1, replicates=2)
    _, heard = run_with(tmp_path, config_of(), Judge(fork, "control"))
    arms = arms_of(heard)
    assert arms["control", 0].steps == 16
    assert arms["candidate", 0].steps in (8, 9), "an epoch may end with a short batch"
    assert arms["candidate", 0].samples - arms["control", 0].samples < 128


@pytest.mark.parametrize(
    ("rate", "arms"), [pytest.param(1e-7, 2, id="nothing gained"), pytest.param(1e-2, 4, id="much gained")]
)
def test_a_first_pair_without_a_gain_ends_the_fork(tmp_path: Path, rate: float, arms: int) -> None:
    fork = Fork(trial="f", turns=lr(rate), steps=15, nulls=1, replicates=2, score="tail_loss", least_gain=0.005)
    config = config_of(schedule="constant", warmup=0.0)
    _, heard = run_with(tmp_path, config, Judge(fork, "control"))
    assert len(of(heard, ArmScored)) == arms
    assert bool(of(heard, TrialEnded)[0].why) == (arms == 2)


def test_more_candidates_than_controls_are_refused(tmp_path: Path) -> None:
    fork = Fork(trial="f", turns=lr(0.1), steps=15, nulls=1, replicates=3)
    _, heard = run_with(tmp_path, config_of(), Judge(fork, "control"))
    assert "as many controls" in of(heard, CommandRefused)[0].why


def test_arms_are_scored_on_at_most_two_thousand_held_out_examples(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path)
    examiner = Examiner(training)
    assert examiner.probe(training.model).figures() == examiner.score(training.model, "val").figures()
    sample = sample_of(10_000, PROBE_MOST)
    assert len(sample) == len(set(sample.tolist())) == 2000
    assert sample.tolist() == sample_of(10_000, PROBE_MOST).tolist()


@pytest.mark.parametrize(
    ("step_s", "expected"),
    [
        pytest.param(1.04, 1000, id="as fast, as far as a clock tells"),
        pytest.param(3.0, 500, id="a wait as long as the step: half the examples for three times the step"),
        pytest.param(0.5, 1333, id="faster"),
        pytest.param(99.0, 500, id="never less than half"),
        pytest.param(0.0, 2000, id="never more than twice"),
    ],
)
def test_an_arm_gets_the_time_of_the_control(step_s: float, expected: int) -> None:
    assert equal_time(1000, Pace(step_s=1.0, wall_s=2.0), step_s) == expected


class Guard(Judge):
    """Keeps the candidate, and takes it back a while later."""

    def __init__(self, fork: Fork, *, forget: bool = False) -> None:
        super().__init__(fork, "candidate")
        rollback = [Rollback(trial="r", to_step=0)] if forget else []
        self.later = Once(40, *rollback, Revert(trial=fork.trial, why="worse", back=True))

    def __call__(self, event: Event) -> list[Command]:
        return [*super().__call__(event), *self.later(event)]


def test_a_kept_fix_can_be_taken_back_with_the_steps_since_its_verdict(tmp_path: Path) -> None:
    config = config_of(dropout=0.2, epochs=4)
    _, plain = run_with(tmp_path / "plain", config)
    fork = Fork(trial="f", turns=lr(0.05), steps=15, nulls=0)
    _, heard = run_with(tmp_path / "back", config, Guard(fork))
    reverted, back = of(heard, KnobsReverted)[0], of(heard, RolledBack)[0]
    assert "goes back to step" in reverted.why
    assert back.by == "guard"
    assert back.from_step >= 40 > back.step
    assert losses(heard)[-20:] == losses(plain)[-20:], "as if nothing had been tried"


def test_only_the_turn_is_taken_back_where_the_state_is_no_longer_held(tmp_path: Path) -> None:
    fork = Fork(trial="f", turns=lr(0.05), steps=15, nulls=0)
    _, heard = run_with(tmp_path, config_of(epochs=4), Guard(fork, forget=True))
    assert "only the turn" in of(heard, KnobsReverted)[0].why
    assert [back.by for back in of(heard, RolledBack)] == ["rescue"]


def test_a_fork_that_memory_cannot_hold_is_refused_after_the_ring_gave_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training, _ = training_of(tmp_path)
    start = take(training)
    ring = Ring(start, 1000)
    for _ in range(3):
        ring.add(training)
    monkeypatch.setattr("trainer.trials.fork.free_bytes", lambda device: 3 * 4 * start.held_bytes)
    make_room(training, start, ring)
    assert len(ring.steps()) == 4
    monkeypatch.setattr("trainer.trials.fork.free_bytes", lambda device: 3 * 4 * start.held_bytes - 1)
    with pytest.raises(ForkRefused, match="quarter"):
        make_room(training, start, ring)
    assert len(ring.steps()) == 2
