"""A knob that a person wants tried goes through the same trial, judgement and ledger as any fix."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from advisor.deciding.mind import Mind, Settings
from advisor.driving.plan import FullPlan, Kept
from advisor.driving.wishes import send_wish
from advisor.ledger import Entry, Refused, TrialStarted, Wished
from advisor.runs import Run as RunFolder
from rules.vocabulary import Effect, Value
from tests.advisor.literal import beat, ended, fix, rule_from, scored, started, stretch
from trainer.commands import Alternate, Command, Confirm, Decide, Fork, Turn
from trainer.wire import CommandRefused, Event, RunEnded, TrainingEnded


class Run:
    """A mind without rules, what it wrote, and what a person wishes."""

    def __init__(self, *rules: object, mode: str = "auto") -> None:
        self.entries: list[Entry] = []
        self.mind = Mind(Settings(mode=mode, budget=0.5), self.entries.append, rules)  # type: ignore[arg-type]

    def hear(self, *events: Event) -> list[Command]:
        return [command for event in events for command in self.mind.hear(event)]

    def attempt(self, knob: str, to: Value) -> list[Command]:
        return self.mind.wish(Wished(wish="try", turns=({"knob": knob, "to": to},), viewer="me"))

    def why_not(self) -> list[str]:
        return [entry.why for entry in self.entries if isinstance(entry, Refused)]


def steps(since: int, until: int) -> list[Event]:
    return [beat(step) for step in range(since + 10, until + 1, 10)]


@pytest.fixture
def run() -> Run:
    run = Run()
    run.hear(started(), *steps(0, 100))
    return run


def fork_of(loss: float) -> list[Event]:
    return [
        scored("t1", "control", 1.0),
        scored("t1", "candidate", loss),
        scored("t1", "null", 1.01, replicate=1),
        scored("t1", "candidate", loss, replicate=1),
    ]


@pytest.mark.parametrize(("loss", "arm", "outcome"), [(0.5, "candidate", "kept"), (1.5, "control", "rolled_back")])
def test_what_a_person_wants_tried_is_kept_only_if_it_helped(run: Run, loss: float, arm: str, outcome: str) -> None:
    (fork,) = run.attempt("lr", 0.01)
    assert isinstance(fork, Fork)
    assert [(turn.knob, turn.to) for turn in fork.turns] == [("lr", 0.01)]
    (decided,) = run.hear(*fork_of(loss))
    assert isinstance(decided, Decide)
    assert decided.arm == arm
    run.hear(ended("t1", arm))
    assert [entry.kind for entry in run.entries[:2]] == ["wished", "trial_started"]
    assert [getattr(entry, "outcome", "") for entry in run.entries][-1] == outcome
    assert run.mind.history.by_hand == []


def test_a_knob_of_speed_is_tried_by_rounds(run: Run) -> None:
    (alternate,) = run.attempt("workers", 2)
    assert isinstance(alternate, Alternate)
    (begun,) = [entry for entry in run.entries if isinstance(entry, TrialStarted)]
    assert (begun.code, begun.how, begun.fix.name) == ("HAND", "rounds", "turn workers to 2")


@pytest.mark.parametrize(
    ("knob", "to", "said"),
    [
        pytest.param("lr", -1.0, "at least 0", id="out of bounds"),
        pytest.param("lr", "much", "takes a number", id="of another kind"),
        pytest.param("wings", 2, "no knob wings", id="unknown"),
    ],
)
def test_what_cannot_be_tried_is_refused_with_its_reason(run: Run, knob: str, to: Value, said: str) -> None:
    assert run.attempt(knob, to) == []
    assert [said in why for why in run.why_not()] == [True]
    assert run.hear(*steps(100, 200)) == []
    assert len(run.why_not()) == 1


def test_what_the_run_holds_already_is_not_tried(run: Run) -> None:
    assert run.attempt("lr", run.mind.signals.knobs["lr"].value) == []
    assert "holds these values already" in run.why_not()[0]


def test_while_another_trial_runs_it_waits_its_turn() -> None:
    run = Run(rule_from("OPT900", fix(), since=50))
    assert [type(command) for command in run.hear(started(), *steps(0, 70))] == [Fork]
    assert run.attempt("workers", 2) == []
    commands = run.hear(*fork_of(0.5), ended("t1", "candidate"), *steps(70, 200))
    assert Alternate in [type(command) for command in commands]
    assert run.mind.history.by_hand == []


def test_a_freeze_and_watching_do_not_bind_a_person() -> None:
    run = Run(rule_from("INP900", fix(Effect.SAME_MATHEMATICS), since=50), mode="watch")
    run.hear(started(), *steps(0, 100))
    run.mind.wish(Wished(wish="freeze"))
    assert [type(command) for command in run.attempt("workers", 2)] == [Alternate]


def test_a_new_driver_knows_what_was_still_to_be_tried(run: Run) -> None:
    entries = [Wished(wish="try", turns=({"knob": "lr", "to": 0.01},), step=100)]
    mind = Mind(Settings(budget=0.5), run.entries.append, ())
    mind.restore([started(), *steps(0, 100)], entries, live=True)
    assert [type(one) for event in steps(100, 120) for one in mind.hear(event)] == [Fork]


def test_after_the_training_nothing_is_tried(run: Run) -> None:
    run.hear(TrainingEnded(step=2000, why="finished", best_step=2000, best_metric=0.9, seconds=1.0))
    assert run.attempt("lr", 0.01) == []
    assert run.why_not()[-1].startswith("too late")


def test_a_turn_at_once_that_the_trainer_refuses_is_told(run: Run) -> None:
    turn, confirm = run.mind.wish(Wished(wish="turn", turns=({"knob": "workers", "to": 999},)))
    assert isinstance(turn, Turn)
    assert isinstance(confirm, Confirm)
    run.hear(CommandRefused(step=100, command="turn", trial=turn.trial, why="workers must be at most 64, not 999"))
    assert "was refused: workers must be at most 64" in run.entries[-1].text  # type: ignore[union-attr]


def test_rounds_of_a_turn_by_hand_end_in_a_verdict(run: Run) -> None:
    run.attempt("workers", 2)
    stretches = [
        stretch("t1", number, arm, 1.0 if arm == "control" else 0.6)
        for number in range(1, 7)
        for arm in ("control", "candidate")
    ]
    run.hear(*stretches, ended("t1", "control"))
    assert [getattr(entry, "outcome", "") for entry in run.entries][-1] in ("kept", "rolled_back", "undecided")


CONFIG = """
[data]
source = "sklearn:digits"
[model]
name = "mlp"
[train]
epochs = 3000
lr = 0.00001
schedule = "constant"
[advisor]
mode = "watch"
"""


@pytest.mark.slow
def test_a_real_run_tries_what_a_person_wants_and_keeps_what_helps(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(CONFIG)
    folder = RunFolder(tmp_path / "run")
    command = [sys.executable, "-m", "advisor.cli", "train", "run.toml", "--headless", "--run-dir", str(folder.folder)]
    training = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: any(event.step >= 100 for event in folder.read_events()))
        send_wish(folder, Wished(wish="try", turns=({"knob": "lr", "to": 0.001},), viewer="test"))
        until(lambda: any(entry.kind in ("judged", "refused") for entry in folder.read_ledger()))
        send_wish(folder, Wished(wish="stop", viewer="test"))
        training.wait(60)
    finally:
        training.kill()
        training.wait()
    (begun,) = [entry for entry in folder.read_ledger() if entry.kind == "trial_started"]
    (judged,) = [entry for entry in folder.read_ledger() if entry.kind == "judged"]
    assert (begun.code, begun.fix.name, begun.how) == ("HAND", "turn lr to 0.001", "fork")
    assert judged.outcome == "kept"
    confirmed = [event for event in folder.read_events() if event.kind == "knobs_confirmed"]
    assert [change.new for event in confirmed for change in event.changes if change.knob == "lr"] == [0.001]


def until(true: Callable[[], bool], seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_wish_on_a_trainer_that_has_died_waits_for_the_next_one(run: Run) -> None:
    run.hear(RunEnded(step=100, why="failed", seconds=1.0))
    assert run.attempt("lr", 0.01) == []
    assert [type(command) for command in run.hear(started(resumed=True), *steps(100, 130))] == [Fork]


def test_a_trial_by_hand_bears_no_name_of_the_plan(tmp_path: Path) -> None:
    kept = Kept(trial="t1", code="A", fix=fix(), how="fork", outcome="kept")
    run = Run()
    run.mind.settings = replace(
        run.mind.settings, mode="watch", plan=FullPlan(of="r", guard=True, deeds=(), copies=(), kept=(kept,))
    )
    run.hear(started(), *steps(0, 100))
    (fork,) = run.attempt("lr", 0.01)
    assert isinstance(fork, Fork)
    assert fork.trial == "t2"
