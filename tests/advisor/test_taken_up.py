"""A new driver gives the verdicts that a dead one would have given, from the files of real runs."""

from typing import Any

import pytest

from advisor.ledger import Entry, Judged, TrialHeard, TrialStarted
from advisor.mind import Mind, Settings
from advisor.orders import read_orders
from advisor.runs import Run
from advisor.together import run_together
from trainer.commands import Command, Revert
from trainer.config import parse
from trainer.wire import ArmScored, Event, TrialEnded

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
