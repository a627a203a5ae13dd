"""A plan from the files of a former run: what it confirmed and did not take back, in the branch that counts.

A pure fold of events and ledger. A fork's turns take effect at the fork's first sample, a rescue's at the state that it
went back to, an early stop at its sample; knobs that turn at a restart go into the new run's configuration.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from advisor.deciding.history import Attempt, History
from advisor.driving.lease import is_driven
from advisor.driving.supervise import trainer_of
from advisor.ledger import Entry, Judged, Outcome, TrialStarted
from advisor.mistakes import Mistake
from advisor.runs import Run, write_by_rename
from rules.vocabulary import Fix
from trainer.config import Config, amend, parse
from trainer.knobs import SPECS, KnobValue
from trainer.trials.plan import PLAN_FILE, Copy, Deed, Plan, PlannedArm, PlannedRescue, PlannedStop, PlannedTurn
from trainer.wire import (
    CommandRefused,
    Compressed,
    Event,
    KnobsConfirmed,
    KnobsReverted,
    KnobsTurned,
    MemoryRanOut,
    RolledBack,
    RunStarted,
    TrainingEnded,
    TrialBegan,
    TrialEnded,
)
from trainer.words import Change, Turned

OWN_KNOBS = frozenset({"micro_batch"})
"""Knobs that the trainer turns by itself, in every run anew."""


class Kept(BaseModel):
    """A fix that the former run kept, as the new run's ledger tells it."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings", extra="ignore")

    trial: str
    code: str
    fix: Fix
    outcome: Outcome


class FullPlan(Plan):
    """A plan, with what the advisor tells of it."""

    kept: tuple[Kept, ...] = ()
    configured: dict[str, KnobValue] = Field(default_factory=dict)
    """Knobs that turn at a restart only: the new run begins with them."""

    def told(self, event: Event, step: int) -> tuple[Entry, ...]:
        """Return what the ledger says when the trainer has done a part of the plan."""
        match event:
            case KnobsConfirmed() | Compressed():
                trials = {event.trial}
            case TrainingEnded():
                trials = {deed.trial for deed in self.deeds if isinstance(deed, PlannedStop)}
            case _:
                return ()
        entries: list[Entry] = []
        for one in self.kept:
            if one.trial in trials:
                old = {change.knob: change.old for change in getattr(event, "changes", ())}
                entries += [
                    TrialStarted(step=step, trial=one.trial, code=one.code, fix=one.fix, how="plan", old=old,
                                 expected_cost_s=0.0),
                    Judged(step=step, trial=one.trial, code=one.code, outcome="applied_untried", cost_s=0.0,
                           why=f"from the plan of {self.of}, where it was {_WORDS.get(one.outcome, one.outcome)}"),
                ]  # fmt: skip
        return tuple(entries)


_WORDS = {"kept": "tried and kept", "applied_untried": "applied, not tried"}


@dataclass
class _Fold:
    """What is known after each event."""

    guard: bool
    knobs: dict[str, KnobValue] = field(default_factory=dict)
    """What they hold now, a turn on probation included."""
    first: dict[str, KnobValue] = field(default_factory=dict)
    deeds: list[Deed] = field(default_factory=list)
    doubtful: dict[str, tuple[int, tuple[Change, ...]]] = field(default_factory=dict)
    fork: TrialBegan | None = None
    won: tuple[Change, ...] = ()
    ended: TrainingEnded | None = None

    def hear(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case RunStarted():
                self._start(event)
            case TrialBegan(how="fork"):
                self.fork, self.won = event, ()
            case CommandRefused(command="fork"):
                self.fork = None
            case TrialEnded() if self.fork is not None and event.trial == self.fork.trial:
                self._go_on(self.fork, event)
                self.fork, self.won = None, ()
            case KnobsTurned():
                self._turn(event)
            case KnobsConfirmed() if event.trial in self.doubtful:
                samples, changes = self.doubtful.pop(event.trial)
                self.deeds.append(PlannedTurn(samples=samples, trial=event.trial, turns=turns_of(changes)))
            case KnobsReverted():
                self._revert(event)
            case MemoryRanOut():
                self.knobs["micro_batch"] = event.micro_batch_after
            case RolledBack():
                self._roll_back(event)
            case TrainingEnded():
                self.ended = event

    def _start(self, event: RunStarted) -> None:
        held = {knob.name: knob.value for knob in event.knobs}
        self.ended = None
        if event.trial:
            return
        self.fork, self.doubtful = None, {}
        if not self.first:
            self.first, self.knobs = held, dict(held)
            return
        self._forget_from(event.samples)
        turns = _difference(self._planned_knobs(), held)
        if turns:
            self.deeds.append(PlannedTurn(samples=event.samples, turns=turns))
        self.knobs = held

    def _go_on(self, began: TrialBegan, ended: TrialEnded) -> None:
        """Take in the arm that the run went on from: of arms that began before the first step, only one that has won."""
        won, begins = ended.went_on_from == "candidate", began.samples
        if began.from_start:
            if not won:
                return
            begins, held = 0, _difference(self.first, self._planned_knobs())
            self.deeds = [PlannedTurn(samples=0, trial=ended.trial, turns=held)] if held else []
        turns = turns_of(self.won) if won else ()
        self.deeds.append(PlannedArm(samples=begins, trial=ended.trial, until=ended.samples, turns=turns))

    def _turn(self, event: KnobsTurned) -> None:
        self.knobs.update({change.knob: change.new for change in event.changes})
        last = self.deeds[-1] if self.deeds else None
        if event.probation:
            self.doubtful[event.trial] = (event.samples, event.changes)
        elif self.fork is not None and event.trial == self.fork.trial:
            self.won = event.changes
        elif isinstance(last, PlannedRescue) and last.trial == event.trial and not last.turns:
            self.deeds[-1] = last.model_copy(update={"turns": turns_of(event.changes)})
        else:
            self.deeds.append(PlannedTurn(samples=event.samples, trial=event.trial, turns=turns_of(event.changes)))

    def _revert(self, event: KnobsReverted) -> None:
        """Take a turn out: one on probation never stood, a confirmed one was taken back."""
        self.knobs.update({change.knob: change.new for change in event.changes})
        if self.doubtful.pop(event.trial, None) is None:
            self.deeds = [
                deed.model_copy(update={"turns": ()}) if deed.trial == event.trial and hasattr(deed, "turns") else deed
                for deed in self.deeds
            ]

    def _roll_back(self, event: RolledBack) -> None:
        self._forget_from(event.samples)
        held = _difference(self._planned_knobs(), self.knobs)
        self.deeds.append(
            PlannedRescue(
                samples=event.samples,
                trial=event.trial,
                held=held,
                epoch=event.epoch,
                offset=event.offset,
                parts=event.parts,
                rewarm_samples=event.rewarm_samples,
            )
        )

    def _forget_from(self, samples: int) -> None:
        """Forget what was done at these samples and later: that branch does not count any more."""
        self.deeds = [deed for deed in self.deeds if deed.samples < samples]

    def _planned_knobs(self) -> dict[str, KnobValue]:
        """Return what the knobs hold after the deeds so far."""
        held = dict(self.first)
        for deed in self.deeds:
            for turned in (*getattr(deed, "held", ()), *getattr(deed, "turns", ())):
                held[turned.knob] = turned.to
        return held


def turns_of(changes: Iterable[Change]) -> tuple[Turned, ...]:
    """Return changes as turns."""
    return tuple(Turned(knob=change.knob, to=change.new) for change in changes)


def plan_of(of: str, guard: bool, events: Iterable[Event], entries: Iterable[Entry]) -> FullPlan:
    """Return what a run kept, to be done again.

    Args:
        of: The run's folder.
        guard: Whether its trainer's own guard acted.
        events: All of the trainer's, in order.
        entries: All of the ledger, in order.

    Raises:
        Mistake: when the run never began, or turned a knob amid the run that turns at a restart only.
    """
    history, fold = History(), _Fold(guard)
    copied: list[str] = []
    for event in events:
        fold.hear(event)
        if isinstance(event, Compressed):
            copied.append(event.trial)
    for entry in entries:
        history.enter(entry)
    if not fold.first:
        raise Mistake(f"{of} never began: there is nothing in it to plan from")
    kept = [one for one in history.attempts.values() if one.stays]
    configured: dict[str, KnobValue] = {}
    deeds = [apart for deed in fold.deeds if (apart := _without_restarts(deed, of, configured)) is not None]
    if fold.first.get("early_stop") is True:
        deeds.insert(0, PlannedTurn(samples=0, turns=(Turned(knob="early_stop", to=False),)))
    if fold.ended is not None and fold.ended.why in ("early_stop", "hopeless"):
        why: Literal["early_stop", "hopeless"] = "hopeless" if fold.ended.why == "hopeless" else "early_stop"
        stops = [one.trial for one in kept if one.fix.deed == "stop"]
        deeds.append(PlannedStop(samples=fold.ended.samples, trial=stops[-1] if stops else "", why=why))
    return FullPlan(
        of=of,
        guard=guard,
        deeds=tuple(deeds),
        copies=tuple(
            Copy(trial=one.trial, method="prune" if one.fix.method == "prune" else "int8")
            for one in kept
            if one.how == "compression" and one.outcome == "kept" and one.trial in copied
        ),
        kept=tuple(_kept(one) for one in kept),
        configured=configured,
    )


def _kept(attempt: Attempt) -> Kept:
    assert attempt.outcome is not None
    return Kept(trial=attempt.trial, code=attempt.code, fix=attempt.fix, outcome=attempt.outcome)


def _without_restarts(deed: Deed, of: str, configured: dict[str, KnobValue]) -> Deed | None:
    """Return a deed without the knobs that turn at a restart, which are added to `configured`; nothing if none is left."""
    if not isinstance(deed, PlannedTurn | PlannedArm | PlannedRescue):
        return deed
    for turned in deed.turns:
        if turned.knob in SPECS and SPECS[turned.knob].turns == "restart":
            if deed.samples:
                raise Mistake(
                    f"{of} turned {turned.knob} by a restart after {deed.samples} samples, and a plan can turn it at the "
                    f"start only: train with --set train.{turned.knob}={turned.to} and without --plan"
                )
            configured[turned.knob] = turned.to
    left = tuple(turned for turned in deed.turns if turned.knob not in configured)
    if isinstance(deed, PlannedTurn) and not left:
        return None
    return deed.model_copy(update={"turns": left})


def _difference(before: dict[str, KnobValue], after: dict[str, KnobValue]) -> tuple[Turned, ...]:
    return tuple(
        Turned(knob=name, to=value)
        for name, value in after.items()
        if name not in OWN_KNOBS and name in before and before[name] != value
    )


def make_plan(run: Run, config: Config) -> tuple[FullPlan, Config]:
    """Return the plan of a former run for a new one, and the new one's configuration.

    Raises:
        Mistake: when that run is still being trained, never began, or learned something else.
        RunError: when it is no run.
        ConfigError: when it turned a knob that this version does not know.
    """
    about = run.read_about()
    if is_driven(run) or trainer_of(run) is not None:
        raise Mistake(f"{run.folder} is being trained: a plan is made from a run that has ended")
    former = parse(about["config"], str(run.about))
    for section in ("data", "task"):
        for key, value in getattr(former, section):
            wanted = getattr(getattr(config, section), key)
            if wanted != value:
                raise Mistake(
                    f"--plan {run.folder}: it has {section}.{key} = {value!r}, this configuration {wanted!r}: "
                    "a plan fits the task that it was made for"
                )
    written = run.folder / PLAN_FILE
    if written.exists():
        plan = FullPlan.model_validate_json(written.read_bytes())
    else:
        plan = plan_of(str(run.folder), about.get("mode") != "watch", run.read_events(), run.read_ledger())
    unknown = [turned.knob for turns in plan.turned() for turned in turns if turned.knob not in SPECS]
    if unknown:
        raise Mistake(f"--plan {run.folder}: it turns {unknown[0]!r}, and there is no such knob")
    return plan, amend(config, tuple(f"train.{name}={_toml(value)}" for name, value in plan.configured.items()))


def _toml(value: KnobValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def write_plan(run: Run, plan: FullPlan) -> None:
    """Write the plan into the directory of the run that is to follow it."""
    write_by_rename(run.folder / PLAN_FILE, plan.model_dump_json(indent=1))


def read_plan(run: Run) -> FullPlan | None:
    """Return the plan that a run follows, if it follows one."""
    written = run.folder / PLAN_FILE
    return FullPlan.model_validate_json(written.read_bytes()) if written.exists() else None
