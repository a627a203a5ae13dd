"""The free trial of averaged weights: the verdict as a table, the trial's words, and a real run that decides it."""

from math import nan
from pathlib import Path

import pytest

from advisor.deciding.options import Try
from advisor.ledger import Judged, TrialHeard
from advisor.trials.judge_average import Pair, judge_average
from advisor.trials.trial import Circumstances, advance, open_trial
from advisor.trials.words import Trial
from rules.vocabulary import Deed, Effect
from tests.advisor.literal import fix, setting
from tests.trainer.running import config_of, of, run_with
from trainer.commands import Command, Confirm, Revert, Turn
from trainer.wire import BeatTaken, Evaluated, Event, KnobsConfirmed, KnobsReverted, KnobsTurned, TrainingEnded
from trainer.words import Change


def pair(averaged: float, raw: float, score: str = "loss") -> Pair:
    return Pair({score: averaged}, {score: raw})


@pytest.mark.parametrize(
    ("pairs", "score", "less", "outcome"),
    [
        pytest.param((pair(0.9, 1.0), pair(0.8, 0.9)), "loss", True, "kept", id="better twice"),
        pytest.param((pair(1.0, 1.0), pair(0.8, 0.9)), "loss", True, "kept", id="equal, then better"),
        pytest.param((pair(1.1, 1.0), pair(0.8, 0.9)), "loss", True, "rolled_back", id="worse, then better"),
        pytest.param((pair(0.9, 1.0), pair(0.9, 0.9)), "loss", True, "rolled_back", id="better, then equal"),
        pytest.param((pair(0.9, 1.0), pair(1.0, 0.9)), "loss", True, "rolled_back", id="better, then worse"),
        pytest.param((pair(0.9, 0.8, "f1"), pair(0.9, 0.8, "f1")), "f1", False, "kept", id="more is better"),
        pytest.param((pair(0.7, 0.8, "f1"), pair(0.7, 0.8, "f1")), "f1", False, "rolled_back", id="less is worse"),
        pytest.param((pair(0.9, 1.0),), "loss", True, "undecided", id="one evaluation"),
        pytest.param((pair(0.9, 1.0), pair(nan, 1.0)), "loss", True, "undecided", id="not finite"),
        pytest.param((pair(0.9, 1.0), pair(0.8, 0.9)), "f1", False, "undecided", id="score not there"),
    ],
)
def test_averaged_weights_are_kept_when_better_at_last_and_no_worse_at_first(
    pairs: tuple[Pair, ...], score: str, less: bool, outcome: str
) -> None:
    assert judge_average(pairs, score, less).outcome == outcome


AVERAGE = fix(Effect.FREE, deed=Deed.TURN, turns={"ema": 0.95}, improves="loss")


def opened(evaluation_steps: int = 100) -> Trial:
    chosen = Try("GEN900", AVERAGE, "free", 0.0)
    return open_trial(chosen, setting(AVERAGE, "free"), Circumstances(evaluation_steps=evaluation_steps))


def evaluated(step: int, loss: float, raw_loss: float) -> Evaluated:
    return Evaluated(
        step=step, split="val", epoch=1.0, loss=loss, metrics={"accuracy": 0.9}, standard_error=0.01, seconds=0.2,
        examples=200, raw_loss=raw_loss, raw_metrics={} if raw_loss != raw_loss else {"accuracy": 0.9},
    )  # fmt: skip


def played(trial: Trial, *events: Event) -> tuple[list[Command], list[object], Trial | None]:
    commands: list[Command] = []
    entries: list[object] = []
    now: Trial | None = trial
    for event in events:
        assert now is not None
        moved = advance(now, event)
        commands += moved.commands
        entries += moved.entries
        now = moved.trial
    return commands, entries, now


TURNED = KnobsTurned(trial="t1", probation=True, changes=(Change(knob="ema", old=0.0, new=0.95),))


def test_probation_covers_the_evaluations_that_decide() -> None:
    (turn,) = opened(evaluation_steps=300).begin()
    assert isinstance(turn, Turn)
    assert turn.probation_steps > 2 * 300


def test_it_is_confirmed_after_the_second_evaluation_that_scored_both() -> None:
    before = evaluated(110, 1.0, nan)
    commands, entries, now = played(opened(), before, TURNED, evaluated(200, 0.9, 1.0), evaluated(300, 0.8, 0.9))
    assert [type(command) for command in commands] == [Confirm]
    assert [one.what for one in entries if isinstance(one, TrialHeard)] == ["control", "candidate"] * 2
    (verdict,) = (one for one in entries if isinstance(one, Judged))
    assert (verdict.outcome, verdict.cost_s) == ("kept", pytest.approx(0.2))
    assert now is None


def test_it_is_taken_back_where_it_did_not_help() -> None:
    commands, entries, _ = played(opened(), TURNED, evaluated(200, 0.9, 1.0), evaluated(300, 0.95, 0.9))
    assert [type(command) for command in commands] == [Revert]
    assert [one.outcome for one in entries if isinstance(one, Judged)] == ["rolled_back"]


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(KnobsReverted(trial="t1", changes=(), why="the run is rolled back"), id="rolled back"),
        pytest.param(TrainingEnded(why="finished", best_step=1), id="the training ends"),
    ],
)
def test_it_stays_undecided_when_it_cannot_be_judged(event: Event) -> None:
    commands, entries, now = played(opened(), TURNED, evaluated(200, 0.9, 1.0), event)
    assert not commands
    assert [one.outcome for one in entries if isinstance(one, Judged)] == ["undecided"]
    assert now is None


@pytest.mark.parametrize(("lr", "outcome"), [(0.03, "kept"), (1e-4, "rolled_back")])
def test_a_real_run_keeps_the_average_of_a_rate_that_jumps_about_and_not_of_one_that_creeps(
    tmp_path: Path, lr: float, outcome: str
) -> None:
    trial: list[Trial | None] = [None]
    entries: list[object] = []

    def driver(event: Event) -> list[Command]:
        if isinstance(event, BeatTaken) and event.step == 40:
            trial[0] = opened(evaluation_steps=17)
            return list(trial[0].begin())
        now = trial[0]
        if now is None:
            return []
        moved = advance(now, event)
        trial[0] = moved.trial
        entries.extend(moved.entries)
        return list(moved.commands)

    _, heard = run_with(tmp_path, config_of(epochs=6, lr=lr, schedule="constant"), driver)
    assert [one.outcome for one in entries if isinstance(one, Judged)] == [outcome]
    last = KnobsConfirmed if outcome == "kept" else KnobsReverted
    assert of(heard, last)[0].changes[0].knob == "ema"
    final = next(event for event in of(heard, Evaluated) if event.final and event.split == "val")
    assert bool(final.raw_metrics) is (outcome == "kept")
