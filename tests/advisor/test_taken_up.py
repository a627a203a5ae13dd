"""A new driver gives the verdicts that a dead one would have given, from the files of real runs."""

from typing import Any

import pytest

from advisor.deciding.mind import Mind, Settings
from advisor.driving.orders import read_orders
from advisor.ledger import Entry, Judged, TrialHeard, TrialStarted
from advisor.runs import Run
from advisor.together import run_together
from rules.vocabulary import Effect
from tests.advisor.literal import beat, ended, fix, rule_from, started, stretch
from trainer.commands import Alternate, Command, Confirm, Revert, Turn
from trainer.config import parse
from trainer.wire import AgreementMeasured, ArmScored, Event, KnobsReverted, RunEnded, TrialEnded

RUNS: dict[str, dict[str, Any]] = {
    "a fork": {"train": {"epochs": 20, "optimizer": "sgd", "lr": 1e-2, "warmup": 0.5}},
    "two forks": {
        "data": {"rare": {"7": 0.05, "8": 0.05, "9": 0.05}},
        "model": {"hidden": [512, 512]},
        "train": {"epochs": 20, "lr": 1e-3},
    },
    "a rescue": {"train": {"epochs": 20, "optimizer": "sgd", "lr": 1e-4}},
    "a stop": {"train": {"epochs": 60, "lr": 3e-3, "schedule": "constant"}},
    "a fork from the start": {
        "model": {"hidden": [64] * 16, "activation": "sigmoid"},
        "train": {"epochs": 16, "lr": 1e-3},
    },
}


@pytest.fixture(scope="module", params=RUNS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("run") / "run"
    raw = RUNS[request.param]
    data, train = {"source": "sklearn:digits", **raw.get("data", {})}, {"threads": 1, "batch_size": 32, **raw["train"]}
    return run_together(parse({**raw, "data": data, "train": train}, request.param), folder).run


def taken_up(run: Run, events: list[Event], entries: list[Entry]) -> tuple[list[Entry], list[Command]]:
    said: list[Entry] = []
    mind = Mind(Settings.from_config(read_orders(run).config, "auto", lockstep=True), said.append)
    return said, mind.restore(events, entries, live=True)


def cut(run: Run, entry: Entry) -> tuple[list[Event], list[Entry]]:
    """Return what the files held when this entry was about to be written."""
    entries = run.read_ledger()
    return [event for event in run.read_events() if event.t <= entry.t], entries[: entries.index(entry)]


def test_where_the_trainer_has_ended_a_trial_the_verdict_is_given_as_the_dead_driver_would_have(made: Run) -> None:
    verdicts = [entry for entry in made.read_ledger() if isinstance(entry, Judged)]
    assert verdicts
    for judged in verdicts:
        said, _ = taken_up(made, *cut(made, judged))
        again = next(entry for entry in said if isinstance(entry, Judged))
        assert again.model_copy(update={"t": judged.t}) == judged


def test_what_was_measured_and_not_written_is_written(made: Run) -> None:
    entries = made.read_ledger()
    for judged in [entry for entry in entries if isinstance(entry, Judged)]:
        heard = [entry for entry in entries if isinstance(entry, TrialHeard) and entry.trial == judged.trial]
        events, before = cut(made, judged)
        said, _ = taken_up(made, events, [entry for entry in before if entry not in heard[1:]])
        assert [one.numbers for one in said if isinstance(one, TrialHeard)] == [one.numbers for one in heard[1:]]


def test_a_trial_that_the_trainer_has_not_ended_is_taken_back(made: Run) -> None:
    entries, events = made.read_ledger(), made.read_events()
    forks = [entry.trial for entry in entries if isinstance(entry, TrialStarted) and entry.how == "fork"]
    for place, event in enumerate(events):
        if isinstance(event, ArmScored | TrialEnded) and event.trial in forks:
            until = events[place - 1].t
            before = [entry for entry in entries if entry.t <= until]
            said, commands = taken_up(made, events[:place], before)
            (judged,) = [entry for entry in said if isinstance(entry, Judged)]
            assert (judged.trial, judged.outcome) == (event.trial, "undecided")
            assert "died" in judged.why
            assert any(isinstance(one, Revert) and one.trial == event.trial for one in commands)


# ---------------------------------------------------------------- a verdict that the trainer was never told

SPEEDS = rule_from("INP900", fix(Effect.SAME_MATHEMATICS, improves="step_s", turns={"workers": 2}))
BEGUN: list[Event] = [started(eta_s=20.0), *(beat(step) for step in range(10, 201, 10))]
ROUNDS: list[Event] = [
    AgreementMeasured(trial="t1", passes=3, loss_difference=0.0, gradient_cosine=1.0),
    *(stretch("t1", n, arm, seconds) for n in range(6) for arm, seconds in (("control", 1.0), ("candidate", 0.8))),
    ended("t1"),
]


def after_rounds(*later: Event, live: bool) -> tuple[list[str], list[Command]]:
    """Return the verdicts of a new driver on rounds that its predecessor began and never judged, and what it tells."""
    first: list[Entry] = []
    mind = Mind(Settings(mode="auto", budget=0.5), first.append, (SPEEDS,))
    commands = [command for event in BEGUN for command in mind.hear(event)]
    assert [type(command) for command in commands] == [Alternate]
    said: list[Entry] = []
    second = Mind(Settings(mode="auto", budget=0.5), said.append, (SPEEDS,))
    after = [event.model_copy(update={"t": 2.1 + 0.01 * place}) for place, event in enumerate([*ROUNDS, *later])]
    told = second.restore([*BEGUN, *after], first, live)
    return [entry.outcome for entry in said if isinstance(entry, Judged)], told


def test_rounds_that_were_won_are_kept_while_the_trainer_can_be_told() -> None:
    outcomes, told = after_rounds(live=True)
    assert outcomes == ["kept"]
    assert [type(command) for command in told[:2]] == [Turn, Confirm]
    assert sum(isinstance(command, Turn) for command in told) == 1


@pytest.mark.parametrize(
    ("later", "live"),
    [
        pytest.param((), False, id="the trainer is dead"),
        pytest.param((RunEnded(step=210, why="finished", seconds=1.0),), True, id="the run is over"),
        pytest.param((KnobsReverted(step=210, trial="t1", why="late", changes=()),), True, id="turned back"),
    ],
)
def test_what_the_trainer_can_no_longer_be_told_is_not_called_kept(later: tuple[Event, ...], live: bool) -> None:
    outcomes, told = after_rounds(*later, live=live)
    assert outcomes == ["undecided"]
    assert not any(isinstance(command, Turn | Confirm) for command in told)
