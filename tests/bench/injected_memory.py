"""Injects one cause at a time into a real training: memory that creeps, a slow disk, a stall, uneven steps, heat.

    OMP_NUM_THREADS=1 .venv/bin/python -m tests.bench.injected_memory FOLDER [NAME …]

Each run is the command line's own: a trainer and a driver in processes of their own. A cause must be named, and the finding be
cleared once it is gone: the user's code mends itself at a step that is named to it. Healthy loops must stay silent. Heat is told
by a stand-in for NVML, read by the advisor's own sensor on a clock of the bench's own, for a run that is said to be on such a
device. Results are kept in FOLDER, so that a bench that was broken off goes on.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from unittest.mock import patch

import pynvml

from advisor.gathering.gather import gather
from advisor.ledger import Cleared, Entry, Found, Restated
from advisor.sensors import nvidia
from advisor.sensors.sampler import Sampler
from rules.catalogue import all_rules
from tests.advisor.literal import beats, started, told
from tests.advisor.stand_in_nvml import Device, StandIn
from tests.bench.advised import Kept, Row, begin_on_its_own, entries_of, events_of, lines
from tests.bench.bad_starts import table
from tests.bench.injected import STEP_MS
from tests.runs.leaky_tasks import MENDED_AT
from trainer.wire import BeatTaken, Event, RunStarted

RUNS = Path(__file__).parents[1] / "runs"
FAMILIES = ("MEM", "RUN102", "RUN105", "RUN106", "DEV106", "DEV107", "DEV108")
"""Verdicts that are looked at."""
HEALTHY_S = 9.0
"""A healthy loop is trained for so long."""
START_S = 60.0
"""A training has said its first word by then."""
STOP_S = 30.0
"""A training that was asked to stop has ended by then."""
LOOK_S = 0.25


@dataclass(frozen=True)
class Case:
    """A cause, and what has to come of it."""

    task: str
    wanted: str
    epochs: float = 3000
    mended_at: int = 0
    """Step from which the cause is gone; 0 = it goes by itself."""
    mode: str = "watch"
    checkpoint_every: float = 0.0
    workers: int = 0
    most_s: float = 30.0


CASES = {
    "tensors kept with their graphs": Case(
        "leaky_tasks.py:graphs_kept", "MEM103", epochs=8000, mended_at=6000, mode="auto"
    ),
    "a cache without a bound": Case(
        "leaky_tasks.py:cache_unbounded", "MEM103", epochs=3000, mended_at=2500, mode="auto"
    ),
    "… in two workers": Case("leaky_tasks.py:cache_unbounded", "MEM103", epochs=3000, workers=2),
    "a slow disk for checkpoints": Case(
        "stalled_tasks.py:disk_slow", "RUN102", epochs=6000, checkpoint_every=100, most_s=60.0
    ),
    "an item that waits for a lock": Case("stalled_tasks.py:stands_still", "RUN106", epochs=200),
    "late items": Case("stalled_tasks.py:items_late", "RUN105", epochs=900, mended_at=1200),
    "garbage collected among many objects": Case("stalled_tasks.py:garbage", "RUN105", epochs=900, mended_at=1200),
}
SOUND = {
    "a cache that fills in the first pass": "leaky_tasks.py:cache_bounded",
    "nothing kept": "leaky_tasks.py:nothing_kept",
}


def config(case: Case) -> str:
    """Return a configuration as a user would write it."""
    return (
        f'[task]\nfactory = "{RUNS / case.task}"\n'
        f"[train]\nepochs = {case.epochs}\nlr = 0.001\nbatch_size = 64\nworkers = {case.workers}\nthreads = 1\n"
        f"eval_every = {max(case.epochs / 20, 4)}\ncheckpoint_every = {case.checkpoint_every}\n"
        "[advisor]\ncompress = false\n"
    )


def run(
    folder: Path, text: str, mode: str, environment: dict[str, str], most_s: float, enough: Callable[[Path], bool]
) -> tuple[list[Event], list[Entry]]:
    """Train under the advisor until enough was seen; return what was said and what was decided."""
    training = begin_on_its_own(folder, text, mode, environment)
    until = time.monotonic() + START_S
    while training.poll() is None and time.monotonic() < until and not lines(folder / "events.jsonl"):
        time.sleep(LOOK_S)
    until = time.monotonic() + most_s
    while training.poll() is None and time.monotonic() < until and not enough(folder):
        time.sleep(LOOK_S)
    if training.poll() is None:
        training.send_signal(signal.SIGINT)
    try:
        training.wait(STOP_S)
    except subprocess.TimeoutExpired:
        training.send_signal(signal.SIGINT)  # the second one ends it at once
        training.wait()
    return events_of(folder), entries_of(folder)


def inject(name: str, folder: Path) -> Row:
    """Run one cause."""
    case = CASES[name]
    environment = {MENDED_AT: str(case.mended_at)} if case.mended_at else {}

    def enough(run_folder: Path) -> bool:
        return any(isinstance(one, Cleared) and one.code == case.wanted for one in entries_of(run_folder))

    events, entries = run(folder, config(case), case.mode, environment, case.most_s, enough)
    began = next(event.t for event in events if isinstance(event, RunStarted))
    found = [one for one in entries if isinstance(one, Found) and one.finding.code.startswith(FAMILIES)]
    named = [one for one in found if one.finding.code == case.wanted]
    mended = [event.t for event in events if isinstance(event, BeatTaken) and event.step >= case.mended_at > 0]
    cleared = [one for one in entries if isinstance(one, Cleared) and one.code == case.wanted]
    words = [one for one in entries if isinstance(one, Found | Restated) and one.finding.code == case.wanted][-1:]
    return {
        "verdicts": list(dict.fromkeys(one.finding.code for one in found)),
        "right": bool(named),
        "says": words[0].finding.message if words else "",
        "named": words[0].finding.causes[0] if words and words[0].finding.causes else "",
        "after_s": named[0].t - began if named else None,
        "after_step": named[0].step if named else None,
        "cleared_after_s": cleared[0].t - mended[0] if cleared and mended else None,
        "cleared": bool(cleared),
    }


def stay_silent(folder: Path, text: str, environment: dict[str, str]) -> Row:
    """Run one healthy loop."""
    events, entries = run(folder, text, "watch", environment, HEALTHY_S, lambda _: False)
    found = [one.finding for one in entries if isinstance(one, Found) and one.finding.code.startswith(FAMILIES)]
    beats_ = [event for event in events if isinstance(event, BeatTaken) and event.step_s]
    return {
        "step_ms": 1000 * median(one for beat in beats_ for one in beat.step_s),
        "steps": beats_[-1].step,
        "slow": sum(beat.slow.count for beat in beats_ if beat.slow is not None),
        "verdicts": [f"{one.code}: {one.message}" for one in found],
    }


def healthy(step_ms: float, folder: Path) -> Row:
    """Run a healthy loop of so many milliseconds a step."""
    return stay_silent(folder, config(Case("starved_tasks.py:healthy", "")), {"STARVED_STEP_MS": str(step_ms)})


HEAT = {"reasons": pynvml.nvmlClocksThrottleReasonSwThermalSlowdown, "clock": 1200, "temperature": 91}
COOL = {"reasons": 0, "clock": 1950, "temperature": 60}


def heat(_: Path) -> Row:
    """Let a device be cool for a minute, hot for a minute, and cool again; seconds are those of the bench's clock."""
    device = Device()
    begun = started(device="cuda")
    signals = told(begun, *beats(200))
    rule = next(rule for rule in all_rules() if rule.code == "DEV106")
    said: list[tuple[int, str]] = []
    with patch.object(nvidia, "pynvml", StandIn(device)):
        sampler = Sampler()
        sampler.watch(0, 0)
        for second in range(180):
            for name, value in (HEAT if 60 <= second < 120 else COOL).items():
                setattr(device, name, value)
            sample = sampler.take(float(second), float(second))
            assert sample is not None
            signals.sense(sample)
            facts = gather(signals)
            missing = facts.missing(rule.needs)
            finding = None if missing else rule(**{need: facts.groups[need] for need in rule.needs})
            if finding is not None:
                said.append((second, finding.message))
    return {
        "right": bool(said),
        "verdicts": ["DEV106"] if said else [],
        "early": [second for second, _ in said if second < 60],
        "says": said[-1][1] if said else "",
        "after_s": said[0][0] - 60 if said else None,
        "cleared": said[-1][0] < 179 if said else False,
        "cleared_after_s": said[-1][0] + 1 - 120 if said else None,
    }


def report(rows: list[Row]) -> None:
    """Print the two tables."""
    kept = {row["key"]: row for row in rows}
    table(
        ("cause", "verdicts", "right", "after", "it says", "names", "cleared after it was gone"),
        *(
            [
                name,
                " ".join(row["verdicts"]) or "none",
                "yes" if row["right"] else "NO",
                f"{row['after_s']:.1f} s" + (f", step {row['after_step']}" if row.get("after_step") else "")
                if row["right"]
                else "-",
                row["says"],
                row.get("named", ""),
                f"{row['cleared_after_s']:.1f} s"
                if row["cleared_after_s"] is not None
                else "yes"
                if row["cleared"]
                else "-",
            ]
            for name in (*CASES, "heat")
            if (row := kept.get(name)) is not None
        ),
    )
    table(
        ("healthy loop", "a step takes", "steps", "slow steps", "verdicts"),
        *(
            [name, f"{row['step_ms']:.2f} ms", row["steps"], row["slow"], "; ".join(row["verdicts"]) or "none"]
            for name in (*(f"{one:g} ms" for one in STEP_MS), *SOUND)
            if (row := kept.get(name)) is not None
        ),
    )


def main() -> None:
    """Run what is not kept yet, and print the tables."""
    results = Kept(Path(sys.argv[1]), "injected_memory")
    wanted = sys.argv[2:]
    deeds: dict[str, Callable[[Path], Row]] = {
        **{name: lambda folder, name=name: inject(name, folder) for name in CASES},  # type: ignore[misc]
        "heat": heat,
        **{f"{ms:g} ms": lambda folder, ms=ms: healthy(ms, folder) for ms in STEP_MS},  # type: ignore[misc]
        **{
            name: lambda folder, task=task: stay_silent(folder, config(Case(task, "", epochs=3000)), {})  # type: ignore[misc]
            for name, task in SOUND.items()
        },
    }
    for name, deed in deeds.items():
        if not wanted or name in wanted:
            results.once(name, deed)
    report(results.rows)


if __name__ == "__main__":
    main()
