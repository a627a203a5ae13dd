"""Plans: what a run kept is applied again without trials, and ends in the same weights, to the bit."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from advisor.cli import run as run_command
from advisor.driving.plan import plan_of
from advisor.ledger import Judged, TrialStarted
from advisor.mistakes import Mistake
from advisor.runs import Run, create_run
from advisor.together import Told, run_together
from tests.advisor.literal import started as begun
from trainer.config import Config, parse
from trainer.journal import JournalWriter
from trainer.knobs import SPECS, Knob
from trainer.state import checkpoint
from trainer.trials.plan import Deed, PlannedArm, PlannedRescue, PlannedStop, PlannedTurn
from trainer.wire import (
    Arm,
    ArmScored,
    Compressed,
    Event,
    KnobsConfirmed,
    KnobsReverted,
    KnobsTurned,
    RolledBack,
    RunStarted,
    TrainingEnded,
    TrialBegan,
    TrialEnded,
    write,
)
from trainer.words import Change, Turned

RUNS: dict[str, dict[str, Any]] = {
    "a kept fork": {"train": {"epochs": 20, "optimizer": "sgd", "lr": 1e-4}},
    "a rescue from the start": {"train": {"epochs": 8, "optimizer": "sgd", "lr": 1e4}},
    "stopped at its best, and compressed": {
        "train": {"epochs": 60, "lr": 3e-3, "schedule": "constant"},
        "advisor": {"compress": True},
    },
}


def config_of(name: str) -> Config:
    raw = {
        "data": {"source": "sklearn:digits"},
        "model": {"name": "mlp"},
        "train": {"threads": 1, "batch_size": 32, **RUNS[name]["train"]},
        "advisor": {"compress": False, **RUNS[name].get("advisor", {})},
    }
    return parse(raw, "a run to be planned from")


def weights(told: Told) -> dict[str, torch.Tensor]:
    return checkpoint.read(told.run.checkpoints, "last")[0].model


def equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("name", RUNS)
def test_a_planned_run_ends_in_the_weights_of_the_run_that_it_was_made_from(tmp_path: Path, name: str) -> None:
    config = config_of(name)
    former = run_together(config, tmp_path / "former")
    kept = [one for one in former.entries if isinstance(one, Judged) and one.outcome in ("kept", "applied_untried")]
    planned = run_together(config, tmp_path / "planned", plan=former.run)
    assert kept, "a run that kept nothing proves nothing"
    assert not any(isinstance(event, ArmScored | RolledBack) for event in planned.events), "nothing is tried again"
    assert planned.words.samples == former.words.samples
    assert equal(weights(planned), weights(former))
    told = {one.trial: one for one in planned.entries if isinstance(one, Judged)}
    assert set(told) == {one.trial for one in kept}
    assert all(str(former.run.folder) in one.why for one in told.values())
    assert {one.how for one in planned.entries if isinstance(one, TrialStarted)} == {"plan"}
    copies = {event.method for event in former.events if isinstance(event, Compressed)}
    assert {event.method for event in planned.events if isinstance(event, Compressed)} == copies


@pytest.mark.slow
def test_two_planned_runs_are_equal_to_the_bit(tmp_path: Path) -> None:
    config = config_of("a kept fork")
    former = run_together(config, tmp_path / "former")
    first, second = (run_together(config, tmp_path / place, plan=former.run) for place in ("first", "second"))
    assert equal(weights(first), weights(second))
    assert any(f"from the plan of {former.run.folder}" in one.why for one in first.report().interventions)


# ---------------------------------------------------------------- what a fold makes of a run


def started(samples: int = 0, *, resumed: bool = False, **knobs: float | str) -> RunStarted:
    held = {"lr": 0.1, "activation": "own", **knobs}
    catalogue_ = tuple(
        Knob(name=name, value=value, turns=SPECS[name].turns, effect="changes_learning") for name, value in held.items()
    )
    return begun().model_copy(update={"samples": samples, "resumed": resumed, "knobs": catalogue_})


def change(knob: str, old: float | str, new: float | str) -> tuple[Change, ...]:
    return (Change(knob=knob, old=old, new=new),)


def turned(samples: int, to: float, old: float = 0.1, *, trial: str = "t1", probation: bool = True) -> list[Event]:
    changes = change("lr", old, to)
    return [
        KnobsTurned(samples=samples, changes=changes, trial=trial, probation=probation),
        KnobsConfirmed(samples=samples, changes=changes, trial=trial),
    ]


def fork(began: int, ended: int, to: float | None) -> list[Event]:
    won = turned(ended, to, trial="f1", probation=False) if to is not None else []
    arm: Arm = "control" if to is None else "candidate"
    return [
        TrialBegan(samples=began, trial="f1", how="fork", steps=9),
        *won,
        TrialEnded(samples=ended, trial="f1", went_on_from=arm, seconds=1.0),
    ]


def deeds(*events: Event) -> tuple[Deed, ...]:
    return plan_of("a run", True, [started(), *events], []).deeds


LR = (Turned(knob="lr", to=0.5),)


def test_a_confirmed_turn_is_planned_where_it_turned() -> None:
    assert deeds(*turned(64, 0.5)) == (PlannedTurn(samples=64, trial="t1", turns=LR),)


def test_a_turn_that_nobody_confirmed_is_not_planned() -> None:
    first, _ = turned(64, 0.5)
    assert deeds(first) == ()
    reverted = KnobsReverted(samples=99, changes=change("lr", 0.5, 0.1), trial="t1", why="nobody confirmed it in time")
    assert deeds(first, reverted) == ()


def test_what_was_taken_back_is_not_planned() -> None:
    back = KnobsReverted(samples=99, changes=change("lr", 0.5, 0.1), trial="t1", why="worse")
    assert deeds(*turned(64, 0.5), back) == ()


def test_a_forks_turns_take_effect_at_its_first_sample() -> None:
    assert deeds(*fork(64, 640, 0.5)) == (PlannedArm(samples=64, until=640, trial="f1", turns=LR),)


def test_a_lost_fork_is_a_stretch_without_turns() -> None:
    assert deeds(*fork(64, 640, None)) == (PlannedArm(samples=64, until=640, trial="f1"),)


def from_start(began: int, ended: int, to: float | None) -> list[Event]:
    first, *rest = fork(began, ended, to)
    return [first.model_copy(update={"from_start": True}), *rest]


def test_a_fork_from_the_start_that_was_won_is_a_run_that_was_begun_with_its_turns() -> None:
    assert deeds(*from_start(640, 640, 0.5)) == (PlannedArm(samples=0, until=640, trial="f1", turns=LR),)


def test_a_fork_from_the_start_that_was_won_keeps_the_knobs_of_before() -> None:
    held = (Turned(knob="lr", to=0.3),)
    assert deeds(*turned(64, 0.3), *from_start(640, 640, 0.5)) == (
        PlannedTurn(samples=0, trial="f1", turns=held),
        PlannedArm(samples=0, until=640, trial="f1", turns=LR),
    )


def test_a_fork_from_the_start_that_was_lost_leaves_no_trace() -> None:
    assert deeds(*turned(64, 0.3), *from_start(640, 640, None)) == deeds(*turned(64, 0.3))


def test_a_rollback_takes_out_what_came_after_and_keeps_its_knobs() -> None:
    back = RolledBack(samples=128, from_step=30, trial="r1", skipped_batches=2, epoch=0, offset=320, rewarm_samples=50)
    rescue = PlannedRescue(samples=128, trial="r1", held=LR, epoch=0, offset=320, rewarm_samples=50)
    assert deeds(*turned(256, 0.5), back) == (rescue,)
    slower = turned(128, 0.05, 0.5, trial="r1", probation=False)
    with_turns = rescue.model_copy(update={"turns": (Turned(knob="lr", to=0.05),)})
    assert deeds(*turned(256, 0.5), back, *slower) == (with_turns,)


def test_a_restart_goes_back_to_its_checkpoint_and_to_the_knobs_that_it_began_with() -> None:
    assert deeds(*turned(256, 0.5), started(128, resumed=True)) == ()
    assert deeds(*turned(256, 0.5), started(128, resumed=True, lr=0.5)) == (PlannedTurn(samples=128, turns=LR),)


@pytest.mark.parametrize("why", ["early_stop", "hopeless"])
def test_a_stop_of_the_advisors_is_planned_at_its_sample(why: Any) -> None:
    stop = PlannedStop(samples=512, why=why)
    assert deeds(TrainingEnded(samples=512, why=why, best_step=3)) == (stop,)


def test_a_stop_of_a_persons_is_not_planned() -> None:
    assert deeds(TrainingEnded(samples=512, why="stopped", best_step=3)) == ()


def test_a_knob_that_turns_at_a_restart_goes_into_the_configuration() -> None:
    surgery = KnobsTurned(samples=0, changes=change("activation", "own", "relu"), trial="t1", probation=False)
    plan = plan_of("a run", True, [started(), surgery], [])
    assert plan.configured == {"activation": "relu"}
    assert plan.deeds == ()


def test_a_restart_amid_the_run_is_refused() -> None:
    surgery = KnobsTurned(samples=64, changes=change("activation", "own", "relu"), trial="t1", probation=False)
    with pytest.raises(Mistake, match="activation by a restart after 64 samples"):
        plan_of("a run", True, [started(), surgery], [])


@given(st.lists(st.sampled_from(["turn", "fork", "back", "restart"]), max_size=8), st.randoms())
def test_a_plan_is_in_order_and_ends_with_the_knobs_of_the_run(words: list[str], chance: random.Random) -> None:
    samples, lr, events, saved = 0, 0.1, [started()], [(0, 0.1)]
    for number, word in enumerate(words):
        samples += 64
        match word:
            case "turn":
                events += turned(samples, new := 0.5 / (number + 1), lr, trial=f"t{number}")
                lr = new
            case "fork":
                events += fork(samples, samples + 64, None)
                samples += 64
            case "back":
                samples, _ = chance.choice(saved)
                events.append(RolledBack(samples=samples, from_step=9, trial=f"r{number}", skipped_batches=0))
            case _:
                samples, lr = chance.choice(saved)
                events.append(started(samples, resumed=True, lr=lr))
        saved = [one for one in saved if one[0] < samples] + [(samples + 1, lr)]
        samples += 1
    plan = plan_of("a run", True, events, [])
    assert [deed.samples for deed in plan.deeds] == sorted(deed.samples for deed in plan.deeds)
    last = [turn.to for turns in plan.turned() for turn in turns if turn.knob == "lr"]
    assert (last[-1] if last else 0.1) == lr


# ---------------------------------------------------------------- a user's mistakes


def fails(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run_command(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line.removeprefix("advisor: ")


def former_run(folder: Path, *events: Event, **data: Any) -> Run:
    config = parse({"data": {"source": "sklearn:digits", **data}}, "a literal")
    about = {"name": "former", "created": 5.0, "config": config.model_dump(mode="json"), "mode": "auto"}
    run = create_run(folder, "former", about)
    writer = JournalWriter(run.events)
    writer.append(*map(write, events))
    writer.close()
    return run


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "some.toml"
    path.write_text('[data]\nsource = "sklearn:digits"\n')
    return path


def test_a_folder_that_is_no_run_is_one_line(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is no run" in fails(["train", str(config), "--plan", str(tmp_path)], capsys)


def test_a_run_that_never_began_is_one_line(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = former_run(tmp_path / "former")
    assert "never began" in fails(["train", str(config), "--plan", str(run.folder)], capsys)


def test_a_run_of_another_task_is_one_line(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = former_run(tmp_path / "former", started(), source="sklearn:wine")
    told = fails(["train", str(config), "--plan", str(run.folder)], capsys)
    assert "data.source" in told
    assert "'sklearn:wine'" in told


def test_a_knob_that_is_not_there_is_one_line(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    strange = KnobsTurned(samples=64, changes=change("warp", 1.0, 9.0), trial="t1", probation=False)
    run = former_run(tmp_path / "former", started(), strange)
    assert "'warp', and there is no such knob" in fails(["train", str(config), "--plan", str(run.folder)], capsys)


def test_a_plan_and_a_mode_that_tries_exclude_each_other(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--mode auto" in fails(["train", str(config), "--mode", "auto", "--plan", "x"], capsys)


def test_a_knob_that_cannot_turn_in_this_run_ends_it_before_it_begins(tmp_path: Path) -> None:
    cached = KnobsTurned(samples=64, changes=(Change(knob="cache", old=False, new=True),), probation=False)
    run = former_run(tmp_path / "former", started(), cached)
    words = run_together(parse({"data": {"source": "sklearn:digits"}}, "a literal"), tmp_path / "new", plan=run).words
    assert words.why == "mistake"
    assert "cache cannot be turned here: the data lie in memory" in words.text


SIGMOIDS = """
import numpy as np
from torch import nn
from sklearn.datasets import load_digits
from trainer import Task

def task(seed):
    digits = load_digits()
    widths = [64, *[32] * 8, 10]
    layers = [part for at, to in zip(widths[:-1], widths[1:]) for part in (nn.Linear(at, to), nn.Sigmoid())][:-1]
    return Task(model=nn.Sequential(*layers), train=((digits.data / 8 - 1).astype(np.float32), digits.target))
"""


def test_a_net_that_cannot_learn_is_operated_begins_anew_and_its_plan_ends_in_the_same_weights(tmp_path: Path) -> None:
    (tmp_path / "sigmoids.py").write_text(SIGMOIDS)
    raw = {
        "task": {"factory": f"{tmp_path}/sigmoids.py:task"},
        "train": {"threads": 1, "epochs": 12, "optimizer": "sgd", "lr": 0.03, "batch_size": 32, "schedule": "constant"},
        "advisor": {"compress": False},
    }
    former = run_together(parse(raw, "a dead net"), tmp_path / "former")
    kept = [one for one in former.entries if isinstance(one, Judged) and one.outcome == "kept"]
    assert kept[0].code == "ARC101"
    assert any(event.from_start for event in former.events if isinstance(event, TrialBegan))
    planned = run_together(parse(raw, "a dead net"), tmp_path / "planned", plan=former.run)
    assert not any(isinstance(event, ArmScored | RolledBack) for event in planned.events)
    assert equal(weights(planned), weights(former))
