"""One kill with -9, what follows it, and everything that must hold afterwards."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import psutil

from advisor.deciding.history import History
from advisor.driving.lease import is_driven
from advisor.ledger import Entry, Judged, RunClosed, TrainerExited, TrainerStarted, TrialStarted, read_entry
from advisor.runs import Run
from tests.kills.moments import Moment, Seen, Who, over
from tests.kills.setups import SETUPS
from trainer.journal import is_held
from trainer.knobs import KnobValue
from trainer.wire import BeatTaken, Evaluated, Event, RolledBack, RunEnded, RunStarted, read_command, read_event, write

LOOK_S = 0.001
PATIENCE_S = 400.0
"""A run takes ten seconds; on a machine that is busy to the brim thirty times as long."""
ORPHANS_WITHIN_S = 15.0
"""Workers look after their parent every five seconds."""
OWN_KNOBS = {"micro_batch"}
"""Knobs that the trainer turns by itself."""


@dataclass
class Told:
    """What became of one kill."""

    state: str
    who: Who
    seed: int
    hit: bool = False
    """The kill found its victim alive."""
    step: int = 0
    outcome: str = ""
    """What became of the trial that was open; empty where there was none."""
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0


def kill(moment: Moment, who: Who, seed: int, folder: Path) -> Told:
    """Run, kill in this state, let the run be taken up, and look at what it has left."""
    told, chance, begun = Told(moment.state, who, seed), random.Random(seed), time.monotonic()
    run = SETUPS[moment.setup].make(folder / "run")
    drivers = [_driver(run, "fresh")]
    try:
        seen = Seen(run)
        if _wait(seen, moment, drivers[0]):
            time.sleep(chance.uniform(0.0, moment.within_s))
            told.hit = _strike(run, who, drivers[0])
        told.step = seen.events[-1].step if seen.events else 0
        if who == "driver":
            drivers[0].wait()
            time.sleep(chance.choice((0.0, 0.0, 0.3, 1.5)))
            drivers.append(_driver(run, "join"))
        _wait_for_end(drivers[-1], told)
        told.faults += _faults(run, moment, told)
    finally:
        for one in drivers:
            one.kill()
            one.wait()
        for process in _processes(run):
            process.kill()
    told.seconds = time.monotonic() - begun
    return told


def _driver(run: Run, how: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-P", "-m", "advisor.driving.driver", str(run.folder), "--how", how]
    with run.driver_log.open("ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def _wait(seen: Seen, moment: Moment, driver: "subprocess.Popen[bytes]") -> bool:
    """Wait until the state is there; return whether it came."""
    deadline, told = time.monotonic() + PATIENCE_S, not moment.told
    while driver.poll() is None and time.monotonic() < deadline:
        seen.look()
        if not told and seen.count(BeatTaken) > 8:
            told = True
            with seen.run.control.open("a") as control:
                control.write("".join(write(command) + "\n" for command in moment.told))
        if moment.came(seen):
            return True
        if over(seen):
            return False
        time.sleep(LOOK_S)
    return False


def _strike(run: Run, who: Who, driver: "subprocess.Popen[bytes]") -> bool:
    if who == "driver":
        alive = driver.poll() is None
        driver.kill()
        return alive
    for process in _processes(run):
        if "trainer" in process.cmdline() and process.ppid() == driver.pid:
            process.send_signal(signal.SIGKILL)
            return True
    return False


def _wait_for_end(driver: "subprocess.Popen[bytes]", told: Told) -> None:
    try:
        code = driver.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        told.faults.append(f"the driver still runs after {PATIENCE_S:.0f} s")
        return
    if code != 0:
        told.faults.append(f"the driver ended with {code}")


def _processes(run: Run) -> list[psutil.Process]:
    """Return every living process that has to do with the run, the driver's and ours left out."""
    found = []
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
            ours = any(str(run.folder) in word for word in line) and "advisor.driving.driver" not in line
            if ours and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


# ---------------------------------------------------------------- what must hold


def _faults(run: Run, moment: Moment, told: Told) -> Iterator[str]:
    yield from _torn(run)
    events, entries = run.read_events(), run.read_ledger()
    ended = next((event for event in reversed(events) if isinstance(event, RunEnded)), None)
    if ended is None or ended.why not in ("finished", "early_stop"):
        yield f"the run ended as {ended.why if ended else 'nothing'}"
        return
    closed = [entry for entry in entries if isinstance(entry, RunClosed)]
    if not closed or (closed[-1].why, closed[-1].exit_code) != (ended.why, 0):
        yield f"it was closed as {closed}"
    yield from _verdicts(events, entries, told)
    yield from _knobs(run, entries)
    final = [event for event in events if isinstance(event, Evaluated)]
    if not final or not isfinite(final[-1].loss):
        yield "the last loss is not finite"
    if not any(isinstance(event, RolledBack) for event in events):
        yield from _samples(run, ended)
    if not run.report.exists():
        yield "there is no report"
    if is_driven(run) or is_held(run.events):
        yield "a lock is still held"
    yield from _copies(run, entries)
    starts = sum(isinstance(entry, TrainerStarted) for entry in entries)
    exits = sum(isinstance(entry, TrainerExited) for entry in entries)
    if told.who == "driver" and (exits or sum(isinstance(event, RunStarted) for event in events) != 1):
        yield f"the trainer was started {starts} times and left {exits} times"
    deadline = time.monotonic() + ORPHANS_WITHIN_S
    while (left := _processes(run)) and time.monotonic() < deadline:
        time.sleep(0.1)
    if left:
        yield f"still alive: {[process.cmdline() for process in left]}"


def _torn(run: Run) -> Iterator[str]:
    for path, read in ((run.events, read_event), (run.ledger, read_entry), (run.control, read_command)):
        text = path.read_bytes()
        if text and not text.endswith(b"\n"):
            yield f"{path.name} ends in half a line"
        for line in text.splitlines():
            if read(line) is None:
                yield f"{path.name} holds a line that nobody reads: {line[:80]!r}"


def _verdicts(events: list[Event], entries: list[Entry], told: Told) -> Iterator[str]:
    """One verdict a trial; nothing is tried again that has lost in its phase."""
    history = History()
    started = [entry.trial for entry in entries if isinstance(entry, TrialStarted)]
    judged = [entry for entry in entries if isinstance(entry, Judged)]
    if sorted(started) != sorted(entry.trial for entry in judged) or len(set(started)) != len(started):
        yield f"trials {started}, verdicts {[entry.trial for entry in judged]}"
    phases = deque(event for event in events if isinstance(event, RunStarted | RolledBack))
    for entry in entries:
        while phases and phases[0].t <= entry.t:
            history.hear(phases.popleft())
        if isinstance(entry, TrialStarted):
            if history.open is not None:
                yield f"{entry.trial} began while {history.open.trial} was open"
            if history.tried(entry.code, entry.fix, history.phase(entry.step)):
                yield f"{entry.trial} tries again what was decided: {entry.fix.name}"
        history.enter(entry)
    for entry in judged:
        if "died" in entry.why or "started again" in entry.why:
            told.outcome = f"{entry.outcome}"
            if entry.outcome not in ("undecided", "applied_untried"):
                yield f"{entry.trial} was cut off and is called {entry.outcome}"


def _knobs(run: Run, entries: list[Entry]) -> Iterator[str]:
    """The knobs on disk are those of the beginning with what the ledger calls kept."""
    first = next(event for event in run.read_events() if isinstance(event, RunStarted))
    wanted: dict[str, KnobValue] = {knob.name: knob.value for knob in first.knobs}
    history = History()
    for entry in entries:
        history.enter(entry)
    for attempt in history.attempts.values():
        if attempt.stays:
            wanted |= {turn.knob: turn.to for turn in attempt.fix.turns}
    held = _last(run)["knobs"]
    wrong = {
        name: (held[name], value) for name, value in wanted.items() if held[name] != value and name not in OWN_KNOBS
    }
    if wrong:
        yield f"knobs at the end, and what they should be: {wrong}"


def _samples(run: Run, ended: RunEnded) -> Iterator[str]:
    """Each example was trained on once an epoch: the place in the order is as far as the samples counted."""
    started = next(event for event in run.read_events() if isinstance(event, RunStarted))
    place, examples = _last(run)["place"], started.task.train_examples
    if place["epoch"] * examples + place["offset"] != ended.samples:
        yield f"{ended.samples} samples were counted, and the order stands at {place}"
    if ended.why == "finished" and ended.samples != started.samples_total:
        yield f"{ended.samples} of {started.samples_total} samples were trained on"


def _copies(run: Run, entries: list[Entry]) -> Iterator[str]:
    """A compressed copy lies there only if it was kept."""
    methods = {entry.trial: entry.fix.method for entry in entries if isinstance(entry, TrialStarted)}
    kept = {
        methods[entry.trial]
        for entry in entries
        if isinstance(entry, Judged) and entry.outcome == "kept" and methods.get(entry.trial)
    }
    for method, name in (("int8", "int8"), ("prune", "pruned")):
        if (run.folder / f"{name}.safetensors").exists() != (method in kept):
            yield f"the {name} copy was {'kept and is gone' if method in kept else 'not kept and lies there'}"


def _last(run: Run) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((run.checkpoints / "last.json").read_text())
    return state
