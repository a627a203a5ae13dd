"""Watching a log that is still being written: a line when it grew, a line for each finding that comes or goes.

It only reads. The log is read anew as a whole: a writer may replace its file (JSON) or rewrite its header (Lightning).
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from advisor.logs.diagnose import Asked, Diagnosed, Gone, Heard, log_files
from advisor.logs.find import Source, find_runs
from advisor.logs.several import hear_each
from advisor.mistakes import Mistake
from advisor.report.schema import Report
from advisor.report.words import number, score

LOOK_S = 2.0
"""Between two looks at the files."""
READING_SHARE = 0.2
"""Of the time that reading may take: a huge log is read less often."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Look:
    """One look at a log."""

    runs: list[Heard]
    fresh: bool
    """Something was written since the last look."""
    waited_s: float
    """Since something was."""


def looks(path: Path, asked: Asked, idle_s: float | None, rest: Callable[[float], None]) -> Iterator[Look]:
    """Yield looks at a log until it has not grown for `idle_s` seconds; while it is away, its last reading stays.

    A log that has become shorter is being written anew as a whole, or begins anew: the next look tells which.

    Args:
        path: What the user named; it may hold nothing yet.
        asked: What the user said beside it.
        idle_s: Seconds without growth that end it; nothing to go on until the user ends it.
        rest: Waits for so many seconds.

    Raises:
        Mistake: when the log is not there and never comes (only with `idle_s`), or `--map` does not fit it.
    """
    stamp: tuple[tuple[str, int, int], ...] = ()
    runs: list[Heard] = []
    waited_s, pause_s, doubted = 0.0, LOOK_S, False
    while True:
        sources, lack = _sources(path)
        now = _stamp(sources)
        fresh = bool(now) and now != stamp
        if fresh:
            began = time.monotonic()
            heard, failed = hear_each(sources, asked)
            if any(isinstance(why, Gone) for _, why in failed):  # replaced while we looked: the next look finds it
                fresh = False
            elif failed and not heard:
                raise failed[0][1]
            elif not doubted and _is_shorter(heard, runs):
                fresh, doubted = False, True
            else:
                runs, stamp, waited_s, doubted = heard, now, 0.0, False
            pause_s = max(LOOK_S, (time.monotonic() - began) / READING_SHARE)
        yield Look(runs, fresh, waited_s)
        if idle_s is not None and waited_s >= idle_s:
            if not runs and lack:
                raise Mistake(lack)
            return
        rest(min(pause_s, max(idle_s - waited_s, 0.05)) if idle_s is not None else pause_s)
        waited_s += pause_s


def follow(
    path: Path, asked: Asked, say: Say, idle_s: float | None, rest: Callable[[float], None] = time.sleep
) -> Diagnosed:
    """Follow a log in lines until it has not grown for `idle_s` seconds; return the last diagnosis.

    Args:
        path: What the user named; it may hold nothing yet.
        asked: What the user said beside it.
        say: Takes one line.
        idle_s: Seconds without growth that end it; nothing to go on until the user ends it.
        rest: Waits for so many seconds.

    Raises:
        Mistake: when the log is not there and never comes (only with `idle_s`), or `--map` does not fit it.
    """
    stood: dict[str, _Told] = {}
    told = Diagnosed(path=str(path), runs=())
    for look in looks(path, asked, idle_s, rest):
        if look.fresh:
            told = Diagnosed(path=str(path), runs=tuple(one.report for one in look.runs))
            for run in told.runs:
                _tell(run, stood, say, several=len(told.runs) > 1)
        elif not look.runs and look.waited_s == 0.0:
            say(f"waiting for {path}: nothing to read yet")
    return told


@dataclass(frozen=True)
class _Told:
    """What was said of a run at the last look."""

    rows: int = 0
    codes: frozenset[str] = frozenset()


def _is_shorter(now: list[Heard], before: list[Heard]) -> bool:
    """Tell whether a run holds fewer rows than it did, or is not there any more."""
    rows = {one.source.name: one.frame.rows for one in now}
    return any(rows.get(one.source.name, 0) < one.frame.rows for one in before)


def _sources(path: Path) -> tuple[list[Source], str]:
    """Return the runs there are, or why there are none yet."""
    try:
        return find_runs(path), ""
    except Mistake as lack:
        return [], str(lack)


def _stamp(sources: list[Source]) -> tuple[tuple[str, int, int], ...]:
    """Return names, sizes and times of the files: they change when something was written."""
    found = []
    for file in {file for source in sources for file in log_files(source)}:
        try:
            status = file.stat()
        except FileNotFoundError:  # replaced while we looked
            continue
        found.append((str(file), status.st_size, status.st_mtime_ns))
    return tuple(sorted(found))


def _tell(run: Report, stood: dict[str, _Told], say: Say, *, several: bool) -> None:
    name = str(run.run["name"])
    before = f"{name}  " if several else ""
    known = stood.get(name, _Told())
    if run.run["rows"] < known.rows:
        say(f"{before}the log begins anew")
    unit = "epoch" if run.run["axis"] == "epoch" else "step"
    parts = [f"{unit} {run.run['steps']}"]
    if run.timeline["loss"]:
        parts.append(f"loss {number(run.timeline['loss'][-1])}")
    if run.metrics.final is not None:
        parts.append(f"{run.metrics.name} {score(run.metrics.final)} (best {score(run.metrics.best)})")
    say(before + "  ".join(parts))
    standing = {one.code: one for one in run.findings if one.cleared_step is None}
    for code, one in standing.items():
        if code in known.codes:
            continue
        say(f"{before}  found   {one.severity.value} {code}: {one.message}")
        if one.advice:
            say(f"{before}          {one.advice[0]}")
    for code in sorted(known.codes - standing.keys()):
        say(f"{before}  gone    {code}")
    stood[name] = _Told(run.run["rows"], frozenset(standing))
