"""What the list says of a run, where runs are looked for, and how rows are filtered and sorted; pure but for the finding."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from pathlib import Path
from typing import Literal

from advisor.ledger import Role

State = Literal[
    "starting", "training", "paused", "stalled", "unwatched", "finished", "stopped", "failed", "died unwatched"
]
LIVE: tuple[State, ...] = ("starting", "training", "paused", "stalled", "unwatched")
"""States of a run that goes on. `unwatched`: it trains, and nobody drives it."""
RUNS_FOLDER = "runs"
"""Where `advisor train` puts a run that is given no place of its own."""


@dataclass(frozen=True)
class Standing:
    """A finding that stands."""

    code: str
    role: Role
    message: str


@dataclass(frozen=True)
class RunRow:
    """One run in the list. What nobody has measured is None or empty, never zero."""

    folder: Path
    place: str
    """The folder as a person in the working directory writes it: what the row is known by."""
    name: str
    """The folder's own name without the time that `advisor train` puts before it."""
    created_t: float
    """Unix time in seconds."""
    mode: str = ""
    state: State = "starting"
    ended_why: str = ""
    """finished, early_stop, stopped, hopeless, mistake or failed; empty for a run that goes on or that died."""
    step: int = 0
    steps_total: int = 0
    seconds: float | None = None
    """Wall seconds of all its trainers; of a run that goes on, so far."""
    eta_s: float | None = None
    loss: float | None = None
    """Of the newest step."""
    metric: str = ""
    higher_is_better: bool = True
    best: float | None = None
    stands: tuple[Standing, ...] = ()
    """Causes first, then what contributes, then symptoms."""
    kept: int = 0
    """Fixes in force at the end, those applied without a trial among them."""
    taken_back: int = 0
    """Fixes that were tried and not kept, or kept and undone."""
    curve: tuple[float | None, ...] = ()
    """The loss over the whole run in equal parts of its steps; None where nothing was heard, NaN where it was not finite."""
    verdict: str = ""
    """The report's first sentence."""

    @property
    def live(self) -> bool:
        """Tell whether the run goes on."""
        return self.state in LIVE

    @property
    def causes(self) -> tuple[str, ...]:
        """Codes of the findings that stand and are no mere symptom."""
        return tuple(one.code for one in self.stands if one.role != "symptom")


def find_runs(here: Path) -> list[Path]:
    """Return the run folders of a working directory: itself, those in it, and those in its `runs`; each once."""
    found: dict[Path, Path] = {}
    for place in (here, *_folders(here), *_folders(here / RUNS_FOLDER)):
        if os.path.isfile(place / "run.json"):
            found.setdefault(place.resolve(), place)
    return list(found.values())


def place_of(folder: Path, here: Path) -> str:
    """Return a run's folder as a person in `here` writes it."""
    return os.path.relpath(folder, here)


def _folders(parent: Path) -> list[Path]:
    try:
        with os.scandir(parent) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir()]
    except OSError:
        return []


def matches(row: RunRow, wanted: str) -> bool:
    """Tell whether every word of `wanted` is in the row's name, place, state, metric, mode or the codes that stand."""
    codes = (one.code for one in row.stands)
    said = " ".join((row.name, row.place, row.state, row.ended_why, row.metric, row.mode, *codes)).lower()
    return all(word in said for word in wanted.lower().split())


def _goodness(row: RunRow) -> float:
    """Return a number that is lower for a better run."""
    best = row.best if row.best is not None and isfinite(row.best) else 0.0
    return -best if row.higher_is_better else best


SORTS: dict[str, Callable[[RunRow], tuple[object, ...]]] = {
    "newest": lambda row: (-row.created_t,),
    "state": lambda row: (_STATES.index(row.state), -row.created_t),
    "name": lambda row: (row.name.lower(), -row.created_t),
    "best": lambda row: (row.metric, _goodness(row), -row.created_t),
    "steps": lambda row: (-row.step, -row.created_t),
    "kept": lambda row: (-row.kept, -row.taken_back, -row.created_t),
}
"""Order → what a row is sorted by. Metrics of different names cannot be held against each other and stay apart."""
_STATES: tuple[State, ...] = (*LIVE, "died unwatched", "failed", "stopped", "finished")


def arranged(rows: Iterable[RunRow], wanted: str, order: str, backwards: bool) -> list[RunRow]:
    """Return the rows that match, in order; those that nothing is known of in this order come last in both directions."""
    kept = sorted((row for row in rows if matches(row, wanted)), key=SORTS[order], reverse=backwards)
    return sorted(kept, key=lambda row: row.best is None) if order == "best" else kept


def condensed(curve: Sequence[float | None], parts: int) -> list[float | None]:
    """Return a curve in fewer parts: the mean of each, NaN where one of its values was not finite."""
    result: list[float | None] = []
    for part in range(parts):
        held = [one for one in curve[part * len(curve) // parts : (part + 1) * len(curve) // parts] if one is not None]
        broken = not all(map(isfinite, held))
        result.append(nan if broken else sum(held) / len(held) if held else None)
    return result
