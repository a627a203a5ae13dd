"""Makes the recorded runs anew, from real trainings.

python -m tests.runs.record             trains all of them: some minutes
python -m tests.runs.record NAME …      trains these
python -m tests.runs.record --judge     trains nothing: hears what is recorded again and writes the ledgers
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from advisor.driving.driver import drive
from advisor.driving.orders import Orders, make_run, versions
from advisor.ledger import Found
from advisor.runs import Run
from advisor.sensors.sample import Sample, read_sample
from advisor.sensors.sampler import Sampler
from tests.runs.recording import HERE, appearances, judge, line, names, thinned, with_memory
from tests.runs.setups import ALL, Setup
from tests.runs.written import write_for
from trainer.commands import Command, Finish, Stop
from trainer.config import Config, parse
from trainer.link import MemoryLink
from trainer.run import run
from trainer.wire import BeatTaken, Event, TrainingEnded, read_event


def train(setup: Setup, folder: Path) -> tuple[list[Event], list[Sample]]:
    """Train, and only listen; return all that was said and sensed."""
    config = config_of(setup, folder)
    write_for(config, folder)
    made = make_run(folder / "run", "run", Orders(config=config, mode="watch", lockstep=not setup.timed))
    if setup.driven:
        return driven(made)
    sampler = Sampler() if setup.timed else None
    if sampler is not None:
        sampler.watch(os.getpid())
    events: list[Event] = []
    samples: list[Sample] = []

    def hear(event: Event) -> list[Command]:
        events.append(event)
        if sampler is not None and (sample := sampler.take(time.perf_counter(), event.t)) is not None:
            samples.append(sample)
        if isinstance(event, TrainingEnded):
            return [Finish()]
        over = setup.until_step and event.step >= setup.until_step and isinstance(event, BeatTaken)
        return [Stop(why="stopped")] if over else []

    words = run(made.folder, MemoryLink(hear))
    if words.why in ("failed", "mistake"):
        raise SystemExit(f"{setup.about}: {words.text}")
    return events, samples


def driven(made: Run) -> tuple[list[Event], list[Sample]]:
    """Let a driver see a run to its end; return what its files hold."""
    outcome = drive(made, "fresh")
    if outcome.exit_code:
        raise SystemExit(outcome.text)
    events = [event for text in made.events.read_text().splitlines() if (event := read_event(text)) is not None]
    samples = [sample for text in made.samples.read_text().splitlines() if (sample := read_sample(text)) is not None]
    return events, [_placeless(sample) for sample in samples]


def _placeless(sample: Sample) -> Sample:
    """Return a sample without the places of files on this machine."""
    stall = sample.stall and sample.stall.model_copy(update={"stack": ()})
    return sample.model_copy(update={"stall": stall})


def config_of(setup: Setup, folder: Path) -> Config:
    """Return the configuration, with its files in `folder`."""
    data = dict(setup.data)
    kind, colon, place = data.get("source", "").partition(":")
    if colon and kind != "sklearn":
        data["source"] = f"{kind}:{folder / place}"
    task = (
        {"factory": f"{HERE}/{setup.task if ':' in setup.task else f'own_tasks.py:{setup.task}'}"} if setup.task else {}
    )
    train = {"threads": 1, "batch_size": 64, "device": "cpu"} | setup.train
    return parse({"data": data, "model": setup.model, "train": train, "task": task}, setup.about)


def keep(name: str, setup: Setup, folder: Path, events: list[Event], samples: list[Sample]) -> None:
    """Write a recording."""
    place = HERE / name
    place.mkdir(exist_ok=True)
    if setup.told_memory:
        events = with_memory(events, setup.told_memory)
    text = "\n".join(line(event) for event in thinned(events, timed=setup.timed)) + "\n"
    (place / "events.jsonl").write_text(text.replace(str(folder), "."))
    if samples:
        (place / "samples.jsonl").write_text("\n".join(line(sample) for sample in samples) + "\n")
    told = {
        "about": setup.about,
        "config": {
            "data": setup.data,
            "model": setup.model,
            "train": setup.train,
            "task": f"own_tasks.py:{setup.task}" if setup.task else "",
        },
        "mode": "watch",
        "lockstep": not setup.timed,
        "versions": versions(),
    }
    if setup.told_memory:
        told["not_measured"] = (
            f"device.memory_bytes is {setup.told_memory} times the real peak: a machine cannot be filled for a test"
        )
    (place / "run.json").write_text(json.dumps(told, indent=1) + "\n")


def rejudge(name: str) -> None:
    """Write the ledger that a recording gives now; the fixes are left out of it."""
    entries, _ = judge(name)
    slim = [
        entry.model_copy(update={"finding": entry.finding.model_copy(update={"fixes": ()})})
        if isinstance(entry, Found)
        else entry
        for entry in entries
    ]
    (HERE / name / "ledger.jsonl").write_text("".join(line(entry) + "\n" for entry in slim))
    print(f"{name}: " + ", ".join(f"{code} {role}" for code, role in appearances(entries)))


def main(asked: list[str]) -> None:
    """Record what is asked for."""
    for name in [] if "--judge" in asked else asked or list(ALL):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            keep(name, ALL[name], folder, *train(ALL[name], folder))
        rejudge(name)
    if "--judge" in asked:
        for name in names():
            rejudge(name)


if __name__ == "__main__":
    main(sys.argv[1:])
