"""A log of others as a run directory: what the screens fold of our own runs, written anew from what the log tells.

The directory is private and lives as long as the view. Nothing in it steers anything: the training is not ours.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import isclose, isnan, nan
from pathlib import Path

from pydantic import BaseModel

from advisor import ledger
from advisor.deciding.causes import Part, parts
from advisor.logs.advice import plain
from advisor.logs.curve import Point
from advisor.logs.diagnose import Heard
from advisor.logs.replay import Seen
from advisor.logs.telling import EPOCH_STEPS
from advisor.runs import Run, write_by_rename
from rules.vocabulary import Finding
from trainer import wire
from trainer.journal import JournalWriter
from trainer.words import DeviceInfo, ModelInfo, TaskInfo

NOBODY = 0
"""Process id of a trainer that is not ours."""


@dataclass(frozen=True)
class _Said:
    """What the ledger says of a finding."""

    finding: Finding
    part: Part


class Mirror:
    """Writes what is new in a log as events and ledger entries; the screens do the rest."""

    def __init__(self, folder: Path, now: Callable[[], float] = time.time) -> None:
        """Make the run directory.

        Args:
            folder: A new folder; its name is what the screens call the run.
            now: Unix time in seconds.
        """
        folder.mkdir(parents=True, mode=0o700)
        self.run = Run(folder)
        self._now = now
        self._events, self._ledger = JournalWriter(self.run.events), JournalWriter(self.run.ledger)
        self._said: dict[str, _Said] = {}
        self._step = 0
        self._looked_t = nan
        self._restarts = 0
        self._read: list[Point] = []
        """The loss as it was at the last look, but for its newest row, which may still be written anew."""
        self._assessed: tuple[object, ...] = ()
        self._started = self._ended = self._quiet = False

    def close(self) -> None:
        """Let go of the files."""
        self._events.close()
        self._ledger.close()

    def show(self, heard: Heard) -> None:
        """Write what a log holds that it did not hold at the last look."""
        t = self._now()
        unit = EPOCH_STEPS if heard.frame.axis == "epoch" else 1
        newest = round(heard.replay.step / unit)
        if not self._started:
            self._start(heard, t, unit)
        self._hush(t, quiet=False)
        self._turn_back(heard, t, newest)
        self._steps(heard, t, newest, unit)
        self._findings(heard, t, newest, unit)
        write_by_rename(self.run.report, heard.report.model_dump_json())
        total = heard.steps_told
        if total and heard.replay.step >= total and not self._ended:
            self._ended = True
            self._say(wire.RunEnded(t=t, step=newest, samples=0, why="finished", seconds=0.0))
        self._step, self._looked_t = newest, t

    def quiet(self) -> None:
        """Say that nothing is being written."""
        self._hush(self._now(), quiet=True)

    def note(self, text: str) -> None:
        """Say something that a person should know of this view."""
        self._enter(ledger.Noted(t=self._now(), step=self._step, text=text))

    def _start(self, heard: Heard, t: float, unit: int) -> None:
        self._started = True
        replay = heard.replay
        task = TaskInfo(
            kind="classification", inputs="other", input_shape=(), train_examples=0, val_examples=0, test_examples=0,
            metric=replay.metric, higher_is_better=replay.higher_is_better, baseline_metric=replay.known.baseline_metric,
            baseline_loss=replay.known.baseline_loss, in_memory=False, source=str(heard.source.path),
        )  # fmt: skip
        model = ModelInfo(
            name="unknown", parameters=0, trainable=0, layers=(), has_conv=False, has_norm=False, has_dropout=False
        )
        device = DeviceInfo(type="unknown", name="unknown", memory_bytes=0, amp_dtypes=(), threads=0)
        self._say(
            wire.RunStarted(
                t=t, step=0, samples=0, pid=NOBODY, pid_started=0.0, task=task, model=model, device=device, knobs=(),
                steps_total=heard.steps_told // unit, samples_total=0, epochs=0.0, steps_per_epoch=0, seed=0,
                lockstep=False, resumed=False, versions={},
            )
        )  # fmt: skip
        self._enter(ledger.DriverStarted(t=t, pid=NOBODY, mode="diagnose", budget=0.0))

    def _turn_back(self, heard: Heard, t: float, newest: int) -> None:
        """Turn back where the log does: to where the training was taken up again, or to the start of a new file."""
        loss = heard.frame.columns.get(heard.roles.columns.get("loss", ("",))[0])
        restarts = loss.restarts if loss is not None else 0
        points = loss.points if loss is not None and not heard.frame.sorts else []
        to_step = self._step
        if is_other(self._read[:1], points[:1]):
            to_step = 0
        elif loss is not None and restarts > self._restarts:
            to_step = max(round(loss.turned_to) - 1, 0)
        elif newest < self._step or is_other(self._read, points):
            to_step = 0
        self._restarts, self._read = restarts, points[:-1] or points
        if to_step < self._step:
            self._say(wire.RolledBack(t=t, step=to_step, samples=0, from_step=self._step, skipped_batches=0))
            self._step = to_step

    def _steps(self, heard: Heard, t: float, newest: int, unit: int) -> None:
        replay = heard.replay
        loss, norms = ({round(point.at / unit): point.value for point in each} for each in (replay.loss, replay.norms))
        rates = {round(at / unit): rate for at, rate in replay.rates.items()}
        judged = {round(one.step / unit): one for one in replay.evaluations}
        fresh = sorted(step for step in {*loss, *norms, *rates, *judged} if step > self._step)
        each_s = 0.0 if isnan(self._looked_t) else (t - self._looked_t) / max(newest - self._step, 1)
        left = max(heard.steps_told // unit - newest, 0)
        before, rate = self._step, next(reversed(rates.values()), nan)
        for step in fresh:
            rate = rates.get(step, rate)
            if step in loss or step in norms:
                self._say(
                    wire.BeatTaken(
                        t=t, step=step, samples=0, steps=max(step - before, 1), seconds=each_s * (step - before),
                        epoch=0.0, lr=rate, loss=(loss[step],) if step in loss else (),
                        grad_norm=(norms[step],) if step in norms else (), phases={},
                        eta_s=left * each_s if left and each_s else nan,
                    )
                )  # fmt: skip
                before = step
            if (one := judged.get(step)) is not None:
                trained = {} if isnan(one.train_metric) else {replay.metric: one.train_metric}
                self._say(
                    wire.Evaluated(
                        t=t, step=step, samples=0, split="val", epoch=0.0, loss=one.loss,
                        metrics={replay.metric: one.metric}, standard_error=one.standard_error, seconds=0.0, examples=0,
                        train_metrics=trained,
                    )
                )  # fmt: skip

    def _findings(self, heard: Heard, t: float, newest: int, unit: int) -> None:
        standing = {code: seen for code, seen in heard.replay.seen.items() if seen.cleared_step is None}
        roles = parts(one.finding for one in standing.values())
        for code in [code for code in self._said if code not in standing]:
            self._enter(ledger.Cleared(t=t, step=newest, code=code, mended=False))
            del self._said[code]
        for code, seen in standing.items():
            told, part, before = _told(seen, unit), roles[code], self._said.get(code)
            if before is None:
                found = ledger.Found(
                    t=t, step=round(seen.step / unit), finding=told, role=part.role, explained_by=part.explained_by,
                    confidence=part.confidence,
                )  # fmt: skip
                self._enter(found)
            elif before.finding != told:
                self._enter(ledger.Restated(t=t, step=newest, finding=told))
            if before is not None and before.part != part:
                changed = ledger.RoleChanged(
                    t=t, step=newest, code=code, role=part.role, explained_by=part.explained_by,
                    confidence=part.confidence,
                )  # fmt: skip
                self._enter(changed)
            self._said[code] = _Said(told, part)
        replay = heard.replay
        if (assessed := (replay.passed, tuple(replay.not_assessed.items()))) != self._assessed:
            self._assessed = assessed
            entry = ledger.Assessed(
                t=t, step=newest, passed=replay.passed, not_assessed=replay.not_assessed, errors=replay.errors
            )
            self._enter(entry)

    def _hush(self, t: float, *, quiet: bool) -> None:
        if self._started and quiet != self._quiet:
            self._quiet = quiet
            self._enter(ledger.Wished(t=t, step=self._step, wish="pause" if quiet else "resume"))

    def _say(self, event: BaseModel) -> None:
        self._events.append(wire.write(event))

    def _enter(self, entry: BaseModel) -> None:
        self._ledger.append(entry.model_dump_json())


def is_other(before: list[Point], now: list[Point]) -> bool:
    """Tell whether what was read before is no longer how a curve begins: another log was written in its place.

    Points that stand for other numbers of rows, after neighbours were merged, tell nothing.
    """
    if not before or not now or before[0].rows != now[0].rows:
        return False
    pairs = zip(before, now, strict=False)
    return any(old.rows == new.rows and not _is_same(old, new) for old, new in pairs)


def _is_same(old: Point, new: Point) -> bool:
    """Tell whether two points of as many rows are of the same ones: sums differ in their last digits."""
    values_same = isclose(old.value, new.value, rel_tol=1e-6, abs_tol=1e-12) or (isnan(old.value) and isnan(new.value))
    return old.at == new.at and old.non_finite == new.non_finite and values_same


def _told(seen: Seen, unit: int) -> Finding:
    """Return a finding in words that fit a log: no knobs of ours, no rate that nobody logged."""
    epoch_steps = unit if unit > 1 else 0
    finding = seen.finding
    fixes = tuple(fix.model_copy(update={"name": plain(fix.name, epoch_steps)}) for fix in finding.fixes)
    return finding.model_copy(update={"message": plain(finding.message, epoch_steps), "fixes": fixes})
