"""Replicas in whole runs: rounds, forks, rollbacks and other networks go on with followers, and none is left behind."""

from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.trainer.running import config_of, of, run_with
from tests.trainer.test_replicas import MLP, TWO, cores, own  # noqa: F401 – a fixture
from trainer.commands import Alternate, Command, Fork, Turn
from trainer.wire import (
    BeatTaken,
    CommandRefused,
    Event,
    KnobsReverted,
    KnobsTurned,
    RunStarted,
    StretchTaken,
    Told,
    TrialBegan,
    TrialEnded,
)
from trainer.words import Turned


def answering(step: int, *commands: Command) -> Any:
    said: list[Command] = list(commands)

    def driver(event: Event) -> list[Command]:
        return [said.pop(0)] if isinstance(event, BeatTaken) and event.step >= step and said else []

    return driver


@pytest.mark.slow
def test_rounds_time_both_layouts_and_leave_the_one_that_was(tmp_path: Path) -> None:
    asked = Alternate(trial="r", turns=TWO, rounds=2, stretch_steps=5, stretch_s=0.01)
    words, heard = run_with(tmp_path, config_of(model=MLP, epochs=30), answering(5, asked))
    assert words.why == "finished"
    assert {stretch.arm for stretch in of(heard, StretchTaken)} == {"control", "candidate"}
    assert len(of(heard, TrialEnded)) == 1
    assert not of(heard, KnobsTurned)
    assert not children()


@pytest.mark.slow
def test_rounds_whose_followers_die_end_and_say_why(tmp_path: Path) -> None:
    asked = Alternate(trial="r", turns=TWO, rounds=2, stretch_steps=5, stretch_s=0.01)
    answers = answering(5, asked)

    def driver(event: Event) -> list[Command]:
        if isinstance(event, TrialBegan):
            children()[0].kill()
        return answers(event)

    words, heard = run_with(tmp_path, config_of(model=MLP, epochs=30), driver)
    assert words.why == "finished"
    assert "follower 1 has ended" in of(heard, TrialEnded)[0].why
    assert not of(heard, KnobsTurned)


@pytest.mark.slow
def test_a_fork_and_a_rollback_go_on_with_followers(tmp_path: Path) -> None:
    config = config_of(model=MLP, epochs=8, replicas=2)
    asked = Fork(trial="f", turns=(Turned(knob="lr", to=1e-4),), steps=10)
    ends = []
    for replicas in (1, 2):
        train = config.train.model_copy(update={"replicas": replicas})
        words, heard = run_with(
            tmp_path / str(replicas), config.model_copy(update={"train": train}), answering(20, asked)
        )
        assert words.why == "finished"
        ends.append([loss for beat in of(heard, BeatTaken) for loss in beat.loss])
        assert of(heard, RunStarted)[0].knobs
        assert not of(heard, CommandRefused)
    assert ends[1] == pytest.approx(ends[0], rel=1e-3)
    assert not children()


@pytest.mark.slow
def test_another_network_is_built_by_the_followers_too(tmp_path: Path) -> None:
    config = config_of(model=MLP, epochs=6, replicas=2)
    asked = Fork(trial="f", turns=(Turned(knob="activation", to="tanh"),), steps=10)
    words, heard = run_with(tmp_path, config, answering(10, asked))
    assert words.why == "finished"
    assert not of(heard, CommandRefused)
    assert of(heard, TrialEnded)
    assert not [told for told in of(heard, Told) if "one process" in told.text]
    assert not children()


@pytest.mark.slow
def test_a_run_that_was_asked_for_what_its_loss_cannot_says_so_and_goes_on_alone(tmp_path: Path) -> None:
    words, heard = run_with(tmp_path / "run", own(tmp_path, "contrasts", replicas=2, epochs=1))
    assert words.why == "finished"
    assert "looks across the batch" in " ".join(told.text for told in of(heard, Told))
    assert of(heard, KnobsTurned)[0].changes[0].new == 1


@pytest.mark.slow
def test_turning_by_command_is_told_and_undone_at_the_end(tmp_path: Path) -> None:
    _, heard = run_with(tmp_path, config_of(model=MLP, epochs=2), answering(5, Turn(trial="t", turns=TWO)))
    turned = [(change.old, change.new) for event in of(heard, KnobsTurned) for change in event.changes]
    assert turned == [(1, 2)]
    assert [(change.old, change.new) for event in of(heard, KnobsReverted) for change in event.changes] == [(2, 1)]
    assert not children()


@pytest.mark.slow
def test_a_profile_leaves_no_follower_behind(tmp_path: Path) -> None:
    profiled, _ = run_with(tmp_path, config_of(model=MLP, replicas=2), only_profile=True)
    assert (profiled.text, children()) == ("profile", [])


def children() -> list[psutil.Process]:
    """The followers of this process."""
    return [p for p in psutil.Process().children() if "trainer.replicas.follower" in " ".join(p.cmdline())]
