"""What the bench of the product is made of: rules of its own, real runs under the real advisor, and kept results."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.deciding.settings import Settings
from advisor.driving.orders import Orders, make_run
from advisor.driving.session import Session
from advisor.ledger import Entry, Judged, TrialStarted, read_entry
from rules.facts import RunFacts
from rules.vocabulary import Effect, Evidence, Finding, Fix, Rule, Severity, Turned, Value
from tests.bench.rounds_busy import DRIVER, VIEWER, busy
from trainer.commands import Answer, Command, Finish, Fork
from trainer.config import Config, parse
from trainer.link import MemoryLink
from trainer.run import run as run_trainer
from trainer.wire import ArmScored, Evaluated, Event, TrainingEnded, TrialEnded, read_event

Row = dict[str, Any]

FASHION = "idx:/usr/share/datasets/fashion-mnist"
GROUNDS: dict[str, dict[str, dict[str, Any]]] = {
    "digits": {
        "data": {"source": "sklearn:digits"},
        "train": {"epochs": 30, "lr": 1e-3, "batch_size": 64},
    },
    "fashion": {
        "data": {"source": FASHION, "limit": 3000},
        "model": {"name": "cnn", "width": 8},
        "train": {"epochs": 16, "lr": 1e-3, "batch_size": 64},
    },
    "tabular": {
        "data": {"source": "sklearn:breast_cancer"},
        "train": {"epochs": 40, "lr": 1e-3, "batch_size": 32},
    },
}
"""Healthy trainings of some 450 to 600 steps."""


def config_of(ground: str, seed: int, budget: float = 0.10, **changes: dict[str, Any]) -> Config:
    """Return a training's configuration with another seed, and changes by section."""
    raw: dict[str, dict[str, Any]] = {name: dict(keys) for name, keys in GROUNDS[ground].items()}
    raw["train"] |= {"seed": seed, "threads": 1}
    raw["advisor"] = {"mode": "auto", "budget": budget, "compress": False}
    for section, keys in changes.items():
        raw[section] = raw.get(section, {}) | keys
    return parse(raw, "bench")


def turning(knob: str, to: Value, effect: Effect, improves: str, expected: float = 0.1) -> Fix:
    """Return a fix that turns one knob."""
    return Fix(
        name=f"turn {knob} to {to}",
        effect=effect,
        turns=(Turned(knob=knob, to=to),),
        improves=improves,
        expected=expected,
        estimated_by="the bench says so",
    )


def proposing(code: str, fix: Fix, progress: float) -> Rule:
    """Return a rule that proposes a fix from a share of the run on, whatever it sees."""

    def find(run: RunFacts) -> Finding | None:
        if run.progress < progress or run.finished:
            return None
        return Finding(
            code=code,
            name=f"bench {code}",
            severity=Severity.ERROR,
            message=f"{run.progress:.0%} of the run is done",
            evidence=(Evidence(fact="run.progress", value=run.progress, limit=progress),),
            fixes=(fix,),
        )

    return Rule(code, find)


def verdicts(entries: Sequence[Entry]) -> list[Row]:
    """Return one row a trial of a ledger."""
    started = {entry.trial: entry for entry in entries if isinstance(entry, TrialStarted)}
    return [
        {
            "code": entry.code,
            "fix": started[entry.trial].fix.name if entry.trial in started else "",
            "how": started[entry.trial].how if entry.trial in started else "",
            "outcome": entry.outcome,
            "why": entry.why,
            "gain": entry.measured.median if entry.measured else None,
            "cost_s": entry.cost_s,
        }
        for entry in entries
        if isinstance(entry, Judged)
    ]


def bill(events: Sequence[Event]) -> Row:
    """Return what all forks of a run took, in steps: trained in all arms, and lost with the arms not gone on from."""
    trained = lost = 0
    arms: dict[str, list[ArmScored]] = {}
    for event in events:
        match event:
            case ArmScored():
                arms.setdefault(event.trial, []).append(event)
                trained += event.steps
            case TrialEnded():
                ran = arms.pop(event.trial, [])
                kept = next((one.steps for one in ran if one.arm == event.went_on_from), 0)
                lost += sum(one.steps for one in ran) - kept
            case _:
                pass
    return {"fork_steps": trained, "lost_steps": lost, "steps": max((event.step for event in events), default=0)}


def tested(events: Sequence[Event]) -> float | None:
    """Return the main metric of the best model on the test split, which no trial saw."""
    found = [event.metrics for event in events if isinstance(event, Evaluated) and event.split == "test"]
    return next(iter(found[-1].values())) if found else None


@dataclass(frozen=True)
class Advised:
    """What a run has left in memory."""

    events: list[Event]
    entries: list[Entry]


def run_with_other_batches(config: Config, folder: Path, rules: Sequence[Rule]) -> Advised:
    """Run in lockstep, with null arms handed to the advisor as the candidate's arms.

        The trainer runs as many more null arms as the advisor asked for candidates; those are relabelled, and the true
        candidate, which must change nothing, is left out. So the advisor judges what is known to be nothing but luck. The
    trainer's own stop after a first pair without a gain is off, for it would look at the true candidate and end each fork.
    """
    run = make_run(folder, folder.name, Orders(config=config, mode="auto", lockstep=True))
    events: list[Event] = []
    entries: list[Entry] = []
    session = Session(Settings.from_config(config, "auto", True), entries.append, strict=True, rules=rules)
    asked: dict[str, Fork] = {}
    nulls: dict[str, int] = {}

    def relabelled(event: Event) -> Event | None:
        if not isinstance(event, ArmScored) or event.arm == "control":
            return event
        if event.arm == "candidate":
            return None
        number = nulls[event.trial] = nulls.get(event.trial, 0) + 1
        wanted = asked[event.trial].nulls
        if number <= wanted:
            return event
        return event.model_copy(update={"arm": "candidate", "replicate": number - wanted - 1})

    def more_nulls(command: Command) -> Command:
        if not isinstance(command, Fork):
            return command
        asked[command.trial] = command
        more = {"nulls": command.nulls + command.replicates, "replicates": 1}
        return command.model_copy(update=more | {"score": ""})

    def hear(event: Event) -> list[Command]:
        events.append(event)
        told = relabelled(event)
        commands = session.hear(told) if told is not None else []
        return [more_nulls(command) for command in commands if not isinstance(command, Answer)]

    run_trainer(run.folder, MemoryLink(hear))
    session.close()
    return Advised(events, entries)


def run_alone(config: Config, folder: Path, say: Callable[[Event], list[Command]] = lambda event: []) -> list[Event]:
    """Run in lockstep without an advisor; `say` may answer events with commands."""
    run = make_run(folder, folder.name, Orders(config=config, mode="watch", lockstep=True))
    events: list[Event] = []

    def hear(event: Event) -> list[Command]:
        events.append(event)
        return [*say(event), Finish()] if isinstance(event, TrainingEnded) else say(event)

    run_trainer(run.folder, MemoryLink(hear))
    return events


def begin_on_its_own(folder: Path, text: str, mode: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Begin to train under the advisor as a user does: trainer and driver are processes of their own.

    Args:
        folder: Of the run; the configuration is written beside it.
        text: Of the configuration.
        mode: Of the advisor.
        environment: Further words in it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    file = folder.with_suffix(".toml")
    file.write_text(text)
    command = [sys.executable, "-m", "advisor", "train", str(file), "--headless", "--mode", mode]
    return subprocess.Popen(
        [*command, "--run-dir", str(folder)],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def lines(file: Path) -> list[str]:
    """Return the lines of a file that may not be there yet."""
    return file.read_text().splitlines() if file.exists() else []


def events_of(folder: Path) -> list[Event]:
    """Return what the trainer of a run has said so far."""
    return [event for line in lines(folder / "events.jsonl") if (event := read_event(line)) is not None]


def entries_of(folder: Path) -> list[Entry]:
    """Return the ledger of a run so far."""
    return [entry for line in lines(folder / "ledger.jsonl") if (entry := read_entry(line)) is not None]


@contextmanager
def competitors(wanted: bool) -> Iterator[None]:
    """Let processes with the load of a driver and of a viewer run beside what is measured."""
    others = [subprocess.Popen([sys.executable, "-c", busy(*load)]) for load in (DRIVER, VIEWER) if wanted]
    try:
        yield
    finally:
        for one in others:
            one.kill()
            one.wait()


class Kept:
    """Results as JSON lines in a folder, each under a key: a measurement that was broken off goes on where it was."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / f"{name}.jsonl"
        lines = self._file.read_text().splitlines() if self._file.exists() else []
        self.rows: list[Row] = [json.loads(line) for line in lines]
        self._keys = {row["key"] for row in self.rows}

    def once(self, key: str, measure: Callable[[Path], Row]) -> None:
        """Measure, unless it was done; `measure` is given a fresh folder for its run."""
        if key in self._keys:
            return
        with tempfile.TemporaryDirectory() as scratch:
            row = {"key": key, **measure(Path(scratch) / "run")}
        self._keys.add(key)
        self.rows.append(row)
        with self._file.open("a") as file:
            file.write(json.dumps(row) + "\n")
