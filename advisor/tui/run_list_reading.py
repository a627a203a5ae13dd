"""Reads what the list says of a run from its small files and from folds of its logs."""

import json
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from math import isfinite, nan
from pathlib import Path
from typing import Any

import psutil

from advisor.driving.lease import is_driven
from advisor.driving.supervise import TRAINER
from advisor.runs import Run, RunError
from advisor.story.state_word import ENDINGS, patience_s
from advisor.tui.run_list_folds import PARTS, EventsFold, LedgerFold, enter_loss
from advisor.tui.run_list_rows import RunRow, Standing, State, place_of

SMALL_BYTES = 1 << 24
"""A report or checkpoint index larger than this is none of ours."""
STARTING_S = 30.0
"""A run without a driver that is so young is being started (the driver takes its lease within seconds)."""
_STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d_")


def read_json(path: Path) -> dict[str, Any]:
    """Return a small file's JSON object; empty where there is none."""
    try:
        if path.stat().st_size > SMALL_BYTES:
            return {}
        held = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return held if isinstance(held, dict) else {}


def living_trainers() -> frozenset[str]:
    """Return the run folders whose trainers are alive, found by one look at all processes."""
    alive: set[str] = set()
    for process in psutil.process_iter():
        with suppress(OSError, psutil.Error):
            command = process.cmdline()[1:]
            if tuple(command[: len(TRAINER)]) == TRAINER and len(command) > len(TRAINER):
                alive.add(command[len(TRAINER)])
    return frozenset(alive)


class RunReader:
    """Reads one run again and again; what has not changed is not read again."""

    def __init__(self, folder: Path, here: Path) -> None:
        self.run = Run(folder.resolve())
        self._place = place_of(folder, here)
        self._events = EventsFold(self.run.events)
        self._ledger = LedgerFold(self.run.ledger)
        self._seen: tuple[object, ...] = ()
        self._row: RunRow | None = None
        self._about: dict[str, Any] = {}

    def look(self, now_t: float, trainers: Callable[[], frozenset[str]]) -> RunRow | None:
        """Return the row as it is at Unix time `now_t`; nothing for a folder that is no run of this version.

        Args:
            now_t: A run that has been silent for long by then is stalled.
            trainers: Returns the folders whose trainers are alive; asked only where no driver says how the run is.
        """
        if not self._about:
            try:
                self._about = self.run.read_about()
            except RunError:
                return None
        driven = is_driven(self.run)
        seen = (driven, *(_stamp(path) for path in (self.run.events, self.run.ledger, self.run.report)))
        if seen != self._seen or self._row is None or (driven and self._row.live):
            self._seen = seen
            self._ledger.read()
            self._row = self._closed(driven) or self._told(self._base(), driven, now_t, trainers)
        elif self._row.state in ("starting", "unwatched"):
            self._row = self._told(self._row, driven, now_t, trainers)
        return self._row

    def _base(self) -> RunRow:
        about, name = self._about, self.run.folder.name
        created = about.get("created")
        return RunRow(
            folder=self.run.folder,
            place=self._place,
            name="".join(one if one.isprintable() else "?" for one in _STAMP.sub("", name) or name),
            created_t=float(created) if isinstance(created, int | float) else _changed(self.run.about),
            mode=str(about.get("mode") or ""),
        )

    def _closed(self, driven: bool) -> RunRow | None:
        """Return the row of a run that was closed and has a report: its logs need not be read."""
        why = self._ledger.closed_why
        report = read_json(self.run.report) if why and not driven else {}
        try:
            return reported(replace(self._base(), state=_ending(why), ended_why=why), report) if report else None
        except (KeyError, TypeError, ValueError, AttributeError):  # a report of a form that this version does not know
            return None

    def _told(self, row: RunRow, driven: bool, now_t: float, trainers: Callable[[], frozenset[str]]) -> RunRow:
        self._events.read()
        state = self._state(row, driven, now_t, trainers)
        ended = "" if driven or state in ("unwatched", "died unwatched", "starting") else self._ledger.closed_why
        return self._folded(row, state, ended)

    def _state(self, row: RunRow, driven: bool, now_t: float, trainers: Callable[[], frozenset[str]]) -> State:
        events, ledger = self._events, self._ledger
        if driven:
            if not events.t:
                return "starting"
            if ledger.paused:
                return "paused"
            patience = patience_s(events.step_s, events.longest_evaluation_s)
            return "stalled" if now_t - max(events.t, ledger.t) > patience else "training"
        if ledger.closed_why:
            return _ending(ledger.closed_why)
        if str(self.run.folder) in trainers():
            return "unwatched"
        young = now_t - max(row.created_t, ledger.t) < STARTING_S
        return "starting" if young and not events.t else "died unwatched"

    def _folded(self, row: RunRow, state: State, ended: str) -> RunRow:
        events, ledger = self._events, self._ledger
        outcomes = list(ledger.outcomes.values())
        best = events.best
        kept_best = read_json(self.run.checkpoints / "last.json").get("progress", {}).get("best_metric")
        if isinstance(kept_best, int | float) and isfinite(kept_best):
            better = best is None or (kept_best > best if events.higher_is_better else kept_best < best)
            best = float(kept_best) if better else best
        return replace(
            row,
            state=state,
            ended_why=ended,
            step=events.step,
            steps_total=events.steps_total,
            seconds=events.t - events.began_t if events.began_t else None,
            eta_s=events.eta_s if state in ("training", "unwatched") else None,
            loss=events.loss,
            metric=events.metric,
            higher_is_better=events.higher_is_better,
            best=best,
            stands=_ordered(ledger.stands.values()),
            kept=outcomes.count("kept") + outcomes.count("applied_untried"),
            taken_back=sum(outcomes.count(one) for one in ("rolled_back", "undecided", "undone")),
            curve=tuple(events.curve),
        )


def reported(row: RunRow, report: dict[str, Any]) -> RunRow:
    """Return the row of a run that has ended, with what its report says instead of what its logs' ends say.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: when the report is of another form.
    """
    run, metrics, timeline = report["run"], report["metrics"], report.get("timeline") or {}
    fixes = [one for one in report["interventions"] if one["outcome"] != "refused"]
    force = [one for one in fixes if one["outcome"] in ("kept", "applied_untried") and not one.get("undone")]
    standing = [one for one in report["findings"] if one.get("cleared_step") is None and not one.get("mended")]
    curve: list[float | None] = [None] * PARTS
    total = int(run.get("steps_total") or row.steps_total)
    for step, loss in zip(timeline.get("steps", ()), timeline.get("loss", ()), strict=False):
        enter_loss(curve, int(step), total, nan if loss is None else float(loss))
    return replace(
        row,
        step=int(run.get("steps") or row.step),
        steps_total=total,
        seconds=float(run["seconds"]),
        metric=str(metrics["name"]),
        higher_is_better=bool(metrics["higher_is_better"]),
        best=None if metrics["best"] is None else float(metrics["best"]),
        stands=_ordered(Standing(one["code"], one["role"], one["message"]) for one in standing),
        kept=len(force),
        taken_back=len(fixes) - len(force),
        curve=tuple(curve),
        verdict=str(report.get("verdict") or ""),
    )


def _ending(why: str) -> State:
    word = ENDINGS.get(why, "failed")
    return word if word in ("finished", "stopped") else "failed"


def _ordered(stands: Iterable[Standing]) -> tuple[Standing, ...]:
    roles = ("cause", "contributing", "symptom")
    return tuple(sorted(stands, key=lambda one: roles.index(one.role) if one.role in roles else len(roles)))


def _stamp(path: Path) -> tuple[int, int]:
    try:
        held = path.stat()
    except OSError:
        return 0, 0
    return held.st_size, held.st_mtime_ns


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
