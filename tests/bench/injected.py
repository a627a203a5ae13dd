"""Injects one cause at a time into the loader of a real training, and looks at what the advisor makes of it.

    OMP_NUM_THREADS=1 .venv/bin/python -m tests.bench.injected FOLDER [NAME …]

Each run is the command line's own: a trainer and a driver in processes of their own, auto mode. A cause must be named, its
fix be kept by rounds where a knob mends it, and the finding be cleared then; healthy loops must stay silent. Results are kept
in FOLDER, so that a bench that was broken off goes on; without names, all that is not there yet is run.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from advisor.ledger import Cleared, Entry, Found, Judged, TrialStarted
from tests.bench.advised import Kept, Row, begin_on_its_own, entries_of, events_of, lines
from tests.bench.bad_starts import table
from trainer.wire import BeatTaken, Event, RunEnded, RunStarted, read_event

TASKS = Path(__file__).parents[1] / "runs" / "starved_tasks.py"
STEP_MS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Of the healthy loops."""
HEALTHY_S = 12.0
"""A healthy loop is trained for about so long."""
LEAST_STEPS = 120
HOG = "while True: pass"
HOG_BEGINS_STEP = 150
HOG_S = 12.0


@dataclass(frozen=True)
class Case:
    """A cause, and what has to come of it."""

    task: str
    wanted: tuple[str, ...]
    """Findings of which one names the cause."""
    epochs: float
    workers: int = 0
    cache: bool = True
    """The data set says that its items are always the same."""
    hogs: int = 0
    """Processes that keep a core each busy, from step 150 on, for 12 s."""


CASES = {
    "slow disk": Case("slow_disk", ("INP103",), 28, workers=1),
    "many small files": Case("small_files", ("INP103",), 28, workers=1),
    "slow decode": Case("slow_decode", ("INP104",), 28, workers=1),
    "a hog beside it": Case("light", ("INP107",), 32, workers=1, hogs=2),
    "a lock held": Case("lock_held", ("INP108",), 45, workers=2),
    "tiny items": Case("tiny", ("INP102",), 100, workers=2),
    "cold cache": Case("cold_cache", ("INP105",), 8, workers=1),
    "jitter": Case("jitter", ("INP106",), 28, workers=2),
}


def config(task: str, epochs: float, workers: int) -> str:
    """Return a configuration as a user would write it."""
    return (
        f'[task]\nfactory = "{TASKS}:{task}"\n'
        f"[train]\nepochs = {epochs}\nlr = 0.001\nbatch_size = 32\nworkers = {workers}\nthreads = 1\neval_every = 4\n"
        "[advisor]\ncompress = false\n"
    )


@dataclass
class Hogged:
    """When the hogs came and went, in Unix time of the run; 0 = there were none."""

    came: float = 0.0
    went: float = 0.0


def run(folder: Path, text: str, environment: dict[str, str], hogs: int = 0) -> tuple[list[Event], list[Entry], Hogged]:
    """Train under the advisor; return what was said, what was decided, and when there were hogs beside it."""
    training = begin_on_its_own(folder, text, "auto", environment)
    times = Hogged()
    with hogged(folder / "events.jsonl", hogs, times):
        training.wait()
    return events_of(folder), entries_of(folder), times


def newest(events: Path) -> float:
    """Return when the last event was written, in Unix time; 0 without one."""
    last = read_event(lines(events)[-1]) if lines(events) else None
    return last.t if last is not None else 0.0


@contextmanager
def hogged(events: Path, hogs: int, times: Hogged) -> Iterator[None]:
    """Let hogs run beside a training from a step on, for a while."""
    over = threading.Event()

    def meddle() -> None:
        while not over.wait(0.2):
            heard = [read_event(line) for line in lines(events)[-5:]]
            if any(isinstance(one, BeatTaken) and one.step >= HOG_BEGINS_STEP for one in heard):
                break
        times.came = newest(events)
        others = [subprocess.Popen([sys.executable, "-c", HOG]) for _ in range(0 if over.is_set() else hogs)]
        over.wait(HOG_S)
        for one in others:
            one.kill()
            one.wait()
        times.went = newest(events)

    beside = threading.Thread(target=meddle)
    if hogs:
        beside.start()
    try:
        yield
    finally:
        over.set()
        if hogs:
            beside.join()


def look(case: Case, events: list[Event], entries: list[Entry], times: Hogged) -> Row:
    """Return what came of a cause."""
    began = times.came or next(event.t for event in events if isinstance(event, RunStarted))
    found = [one for one in entries if isinstance(one, Found) and one.finding.code.startswith("INP")]
    named = [one for one in found if one.finding.code in case.wanted]
    started = {one.trial: one for one in entries if isinstance(one, TrialStarted)}
    judged = [one for one in entries if isinstance(one, Judged) and one.code.startswith("INP")]
    kept = [one for one in judged if one.outcome == "kept"]
    cleared = [one for one in entries if isinstance(one, Cleared) and one.code in case.wanted]
    since = times.went or (kept[0].t if kept else 0.0)
    after = [one.t - since for one in cleared if since and one.t >= since]
    beats = [event for event in events if isinstance(event, BeatTaken) and not event.trial and event.step_s]
    ended = next((event for event in events if isinstance(event, RunEnded)), None)
    return {
        "verdicts": [one.finding.code for one in found],
        "right": bool(named),
        "first": found[0].finding.code if found else "",
        "says": named[0].finding.message if named else "",
        "after_s": named[0].t - began if named else None,
        "after_step": named[0].step if named else None,
        "trials": [
            {
                "code": one.code,
                "fix": started[one.trial].fix.name if one.trial in started else "",
                "outcome": one.outcome,
                "why": one.why,
                "gain": one.measured.median if one.measured else None,
                "low": one.measured.low if one.measured else None,
                "high": one.measured.high if one.measured else None,
            }
            for one in judged
        ],
        "cleared_after_s": after[0] if after else None,
        "step_before_ms": 1000 * median(one for beat in beats[2:12] for one in beat.step_s) if beats else None,
        "step_after_ms": 1000 * median(one for beat in beats[-12:] for one in beat.step_s) if beats else None,
        "seconds": ended.seconds if ended else None,
    }


def inject(name: str, folder: Path) -> Row:
    """Run one cause."""
    case = CASES[name]
    return look(case, *run(folder, config(case.task, case.epochs, case.workers), {}, case.hogs))


def stay_healthy(step_ms: float, folder: Path) -> Row:
    """Run one healthy loop."""
    steps = max(HEALTHY_S * 1000 / max(step_ms, 1.0), LEAST_STEPS)
    environment = {"STARVED_STEP_MS": str(step_ms)}
    events, entries, _ = run(folder, config("healthy", steps / 45, 0), environment)
    found = [one.finding for one in entries if isinstance(one, Found) and one.finding.code.startswith("INP")]
    beats = [event for event in events if isinstance(event, BeatTaken) and not event.trial and event.step_s]
    waits = [beat.phases["input_wait"] / sum(beat.phases.values()) for beat in beats[2:]]
    return {
        "step_ms": 1000 * median(one for beat in beats for one in beat.step_s),
        "wait_share": median(waits),
        "verdicts": [f"{one.code}: {one.message}" for one in found],
    }


def report(rows: list[Row]) -> None:
    """Print the two tables."""
    kept = {row["key"]: row for row in rows}
    table(
        ("cause", "verdicts, as they came", "right", "after", "tried", "cleared", "step, before and after"),
        *(
            [
                name,
                " ".join(row["verdicts"]),
                "yes" if row["right"] else "NO",
                f"{row['after_s']:.1f} s, step {row['after_step']}" if row["right"] else "-",
                "; ".join(_tried(one) for one in row["trials"]) or "nothing",
                f"{row['cleared_after_s']:.1f} s later" if row["cleared_after_s"] is not None else "-",
                f"{row['step_before_ms']:.1f} → {row['step_after_ms']:.1f} ms",
            ]
            for name in CASES
            if (row := kept.get(name)) is not None
        ),
    )
    table(
        ("healthy loop of", "a step takes", "waits for data", "verdicts on the input"),
        *(
            [
                f"{step_ms:g} ms",
                f"{row['step_ms']:.2f} ms",
                f"{row['wait_share']:.1%}",
                "; ".join(row["verdicts"]) or "none",
            ]
            for step_ms in STEP_MS
            if (row := kept.get(f"healthy {step_ms:g} ms")) is not None
        ),
    )


def _tried(trial: Row) -> str:
    gain = "" if trial["gain"] is None else f" {trial['gain']:+.0%} ({trial['low']:+.0%} to {trial['high']:+.0%})"
    return f"{trial['fix']}: {trial['outcome'].replace('_', ' ')}{gain}"


def main() -> None:
    """Run what is not kept yet, and print the tables."""
    results = Kept(Path(sys.argv[1]), "injected")
    wanted = sys.argv[2:]
    for name in CASES:
        if not wanted or name in wanted:
            results.once(name, lambda folder, name=name: inject(name, folder))  # type: ignore[misc]
    for step_ms in STEP_MS:
        if not wanted or "healthy" in wanted:
            results.once(f"healthy {step_ms:g} ms", lambda folder, ms=step_ms: stay_healthy(ms, folder))  # type: ignore[misc]
    print(json.dumps([row for row in results.rows if not wanted or row["key"] in wanted], indent=1) if wanted else "")
    report(results.rows)


if __name__ == "__main__":
    main()
