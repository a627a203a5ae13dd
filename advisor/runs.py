"""The run directory: which file is which, how one is made, found and read. house.md says who writes what."""

import json
import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from advisor.ledger import Entry, read_entry
from advisor.sensors.sample import Sample, read_sample
from trainer.journal import JournalReader
from trainer.wire import Event, read_event

RUN_FORMAT = 1
"""Version of the directory's layout, written to run.json."""


class RunError(Exception):
    """A run directory cannot be made or read; the text says why and what to do."""


@dataclass(frozen=True)
class Run:
    """The files of one run."""

    folder: Path

    @property
    def about(self) -> Path:
        """Who, what, where: written once, by rename."""
        return self.folder / "run.json"

    @property
    def resume(self) -> Path:
        """What a resumed trainer is to do; there once a run was resumed, written by rename."""
        return self.folder / "resume.json"

    @property
    def events(self) -> Path:
        """The trainer's voice."""
        return self.folder / "events.jsonl"

    @property
    def control(self) -> Path:
        """What the trainer is told."""
        return self.folder / "control.jsonl"

    @property
    def samples(self) -> Path:
        """What the sensors saw."""
        return self.folder / "samples.jsonl"

    @property
    def ledger(self) -> Path:
        """What was found, tried, learned."""
        return self.folder / "ledger.jsonl"

    @property
    def wishes(self) -> Path:
        """A file for each viewer."""
        return self.folder / "wishes"

    @property
    def lease(self) -> Path:
        """Held by the driver, by flock."""
        return self.folder / "driver.lease"

    @property
    def trainer_log(self) -> Path:
        """Standard output and error of the trainer."""
        return self.folder / "trainer.log"

    @property
    def driver_log(self) -> Path:
        """Standard output and error of the driver."""
        return self.folder / "driver.log"

    @property
    def checkpoints(self) -> Path:
        """Checkpoints: best, last, numbered."""
        return self.folder / "checkpoints"

    @property
    def report(self) -> Path:
        """The report's source; report.html and report.md lie beside it."""
        return self.folder / "report.json"

    def read_about(self) -> dict[str, Any]:
        """Return run.json.

        Raises:
            RunError: when this folder is no run.
        """
        try:
            about = json.loads(self.about.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise RunError(f"{self.folder} is no run: it has no readable run.json") from None
        if not isinstance(about, dict) or about.get("format") != RUN_FORMAT:
            raise RunError(f"{self.folder} is a run of another version: this one reads format {RUN_FORMAT}")
        return about

    def read_events(self) -> list[Event]:
        """Return all events so far."""
        return [event for line in _all(self.events) if (event := read_event(line)) is not None]

    def read_samples(self, most: int) -> list[Sample]:
        """Return what the sensors saw, at most so many samples, evenly over the run."""
        lines = _all(self.samples)
        every = max(-(-len(lines) // most), 1)
        return [sample for line in lines[::every] if (sample := read_sample(line)) is not None]

    def discard_unbegun(self) -> None:
        """Remove a run that ended by a user's mistake before it began: the mended command may use its folder again."""
        events = self.read_events()
        told = any(event.kind == "run_ended" and event.why == "mistake" and event.text for event in events)
        if told and not any(event.kind == "run_started" for event in events):
            shutil.rmtree(self.folder, ignore_errors=True)

    def read_ledger(self) -> list[Entry]:
        """Return all ledger entries so far."""
        return [entry for line in _all(self.ledger) if (entry := read_entry(line)) is not None]


def _all(path: Path) -> list[str]:
    reader, lines = JournalReader(path), []
    while chunk := reader.read():
        lines += chunk
    return lines


def open_run(folder: Path) -> Run:
    """Return the run that lies in `folder`.

    Raises:
        RunError: when there is none.
    """
    run = Run(folder.resolve())
    if not folder.is_dir():
        raise RunError(f"{folder}: no such run directory")
    run.read_about()
    return run


def create_run(folder: Path | None, name: str, about: dict[str, Any]) -> Run:
    """Make a run directory, private to its owner, and write its run.json.

    Args:
        folder: The run's own folder; nothing for runs/<time>_<name> in the working directory.
        name: What the run is called in the made folder's name.
        about: What run.json holds besides the format.

    Raises:
        RunError: when the folder is there and not empty, or cannot be made.
    """
    place = folder if folder is not None else _free_name(Path("runs"), name)
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(place.iterdir()):
            raise RunError(f"{place} is not empty: give another --run-dir, or remove it first")
        run = Run(place.resolve())
        run.folder.chmod(0o700)
        run.wishes.mkdir()
        run.checkpoints.mkdir()
        write_by_rename(run.about, json.dumps({"format": RUN_FORMAT, **about}, indent=1))
    except OSError as failed:
        raise RunError(f"{place}: the run directory cannot be made: {failed.strerror}") from None
    return run


def write_by_rename(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def _free_name(parent: Path, name: str) -> Path:
    stamp = datetime.now().strftime("%Y-%m-%dT%H-%M-%S")
    place = parent / f"{stamp}_{name}"
    count = 2
    while place.exists():
        place = parent / f"{stamp}_{name}-{count}"
        count += 1
    return place
