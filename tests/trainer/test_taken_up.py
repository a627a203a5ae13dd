"""A run that dies is taken up with what was confirmed: never with a turn on probation, never without a confirmed one."""

import json
import shutil
from pathlib import Path

import pytest

from tests.trainer.running import config_of, of, run_with
from trainer.commands import Checkpoint, Command, Confirm, Stop, Turn
from trainer.knobs import KnobValue
from trainer.wire import BeatTaken, Event, KnobsConfirmed, KnobsTurned, RunEnded, RunStarted
from trainer.words import Turned


def knobs_of(heard: list[Event]) -> dict[str, KnobValue]:
    (started,) = of(heard, RunStarted)
    return {knob.name: knob.value for knob in started.knobs}


def dies_after(*commands: Command) -> object:
    """A driver that gives its commands and then stops the run: what is on disk is what a crash would leave."""
    given: list[int] = []

    def drive(event: Event) -> list[Command]:
        if not isinstance(event, BeatTaken):
            return []
        given.append(1)
        return list(commands) if len(given) == 1 else [Stop()] if len(given) == 5 else []

    return drive


@pytest.mark.parametrize("knob", ["lr", "weight_decay", "optimizer"])
def test_a_run_that_dies_with_a_turn_on_probation_is_taken_up_without_it(tmp_path: Path, knob: str) -> None:
    to: KnobValue = {"lr": 1e-5, "weight_decay": 0.3, "optimizer": "sgd"}[knob]
    turn = Turn(trial="t1", turns=(Turned(knob=knob, to=to),))
    told: list[Event] = []

    def drive(event: Event) -> list[Command]:
        told.append(event)
        if event.kind == "checkpoint_written" and event.name == "last" and not (tmp_path / "died").exists():
            shutil.copytree(tmp_path / "run", tmp_path / "died")
        return [turn, Checkpoint()] if len(of(told, BeatTaken)) == 1 and isinstance(event, BeatTaken) else []

    _, heard = run_with(tmp_path / "run", config_of(epochs=1), drive)
    assert of(heard, KnobsTurned)
    assert not of(heard, KnobsConfirmed)
    _, again = run_with(tmp_path / "died", config_of(epochs=1), resume=True)
    assert of(again, RunStarted)[0].resumed
    assert of(again, RunStarted)[0].step < of(heard, RunEnded)[0].step
    assert knobs_of(again)[knob] == knobs_of(heard)[knob] != to


@pytest.mark.parametrize("checkpointed", [True, False])
def test_a_trainer_that_is_started_again_begins_with_what_was_confirmed(tmp_path: Path, checkpointed: bool) -> None:
    folder = tmp_path / "run"
    run_with(folder, config_of(epochs=1), dies_after())  # type: ignore[arg-type]
    if not checkpointed:
        (folder / "checkpoints" / "last.json").unlink()
    (folder / "resume.json").write_text(json.dumps({"set": {"train.lr": 0.0125, "train.eval_every": 2.0}}))
    _, heard = run_with(folder, config_of(epochs=1), resume=True)
    assert knobs_of(heard)["lr"] == 0.0125
    assert knobs_of(heard)["eval_every"] == 2.0
    assert of(heard, RunStarted)[0].resumed is checkpointed


def test_a_command_that_is_told_twice_is_done_once(tmp_path: Path) -> None:
    turn = (Turn(trial="t1", turns=(Turned(knob="lr", to=0.002),)), Confirm(trial="t1"))
    _, heard = run_with(tmp_path / "run", config_of(epochs=1), dies_after(*turn, *turn))  # type: ignore[arg-type]
    assert len(of(heard, KnobsTurned)) == len(of(heard, KnobsConfirmed)) == 1
    assert not [event for event in heard if event.kind == "command_refused"]
