"""What was done so far: a fold of our own ledger, so that a new driver knows all that the old one knew."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import isfinite, nan, sqrt
from statistics import fmean

from advisor.deciding.budget import HOPELESS_GAIN
from advisor.ledger import (
    Cleared,
    Entry,
    Found,
    How,
    Judged,
    Measured,
    Outcome,
    ProbeAsked,
    Proposed,
    Refused,
    TrainerExited,
    TrialHeard,
    TrialStarted,
    Undone,
    Wished,
)
from advisor.signals.signals import OTHER_TRAINING, TRAINING_PROBES
from rules.vocabulary import Effect, Fix, Severity, Turned
from trainer.wire import ArmScored, Event, KnobsConfirmed, Probed, RolledBack, RunStarted, TrialBegan, TrialEnded

LOST: frozenset[Outcome] = frozenset({"rolled_back", "undecided"})
"""Outcomes after which a fix has not helped."""
STAGES = (0.5,)
"""Shares of the run at which its phase changes: learning, refining. More stages would leave each with one null arm."""
PROBE_STEPS = {"lr_sweep": 60, "adaptive_sweep": 60, "single_batch_fit": 60, "cached_batch": 20, "memory_holders": 10}
"""What a probe costs in steps, where it costs more than a pass or two. 87 of 90 sweeps answer at the first go of 60
(tests/bench); the bill counts what was really taken."""
BY_HAND = "HAND"
"""Stands where a rule's code does: a person wanted it tried."""
NO_LONGER = "no longer stands"
"""Reason of a refusal: the finding behind an accepted proposal has gone."""
NOTHING_SHOWN = 0.02
"""Relative gain, either way: by so much the arms of a net that learns nothing differ by luck."""
SAME_HORIZON = 2.0
"""Null arms count for another horizon up to this factor (trials.md: «pooled by phase and H»)."""


NUMBER = re.compile(r"\d+(\.\d+)?(e[+-]?\d+)?")
"""Whole, decimal and scientific."""


@dataclass(frozen=True)
class Attempt:
    """A fix that was tried or applied, and what came of it."""

    trial: str
    code: str
    fix: Fix
    how: How
    step: int
    phase: str
    outcome: Outcome | None = None
    """Nothing while it runs."""
    decided_step: int = 0
    decided_t: float = 0.0
    measured: Measured | None = None
    undone: bool = False
    arms: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    """Arm → what was measured, `steps` among the numbers."""

    @property
    def codes(self) -> tuple[str, ...]:
        """The findings whose fixes it is made of."""
        return (self.code, *self.fix.also)

    @property
    def lost(self) -> bool:
        """Whether it was tried and did not help, or helped and was taken back."""
        return self.outcome in LOST or self.undone

    @property
    def showed_nothing(self) -> bool:
        """Whether it neither helped nor harmed: what is wrong lies elsewhere, or there besides."""
        return self.lost and self.measured is not None and abs(self.measured.median) <= NOTHING_SHOWN

    @property
    def hopeless(self) -> bool:
        """Whether rounds were broken off, for steps took several times as long."""
        return self.how == "rounds" and self.measured is not None and self.measured.median <= HOPELESS_GAIN

    @property
    def stays(self) -> bool:
        """Whether it is in force."""
        return self.outcome in ("kept", "applied_untried") and not self.undone


class History:
    """Attempts, refusals, proposals, wishes and the bill."""

    def __init__(self) -> None:
        self.by_hand: list[tuple[Turned, ...]] = []
        """Turns that a person wants tried and that were neither tried nor refused yet, oldest first."""
        self.attempts: dict[str, Attempt] = {}
        self.refused: set[tuple[str, str, str]] = set()
        """Code, shape of the fix, reason: a refusal is written once."""
        self.proposals: dict[str, Proposed] = {}
        self.accepted: dict[tuple[str, str], str] = {}
        """(Code, shape of the fix) → proposal, for what a person wants tried."""
        self.vetoed: set[tuple[str, str]] = set()
        self._unwanted_together: list[Attempt] = []
        self.asked: dict[str, str] = {}
        """Probe → the code that asked for it."""
        self.severity: dict[str, Severity] = {}
        self.standing: set[str] = set()
        self.suspects: set[str] = set()
        """Knobs that were on trial when the trainer died."""
        self.frozen = False
        self.paused = False
        self.spent_s = 0.0
        self.spent_steps = 0
        self.probed = False
        """A probe of the training as it is now is on the bill."""
        self.proposed_count = 0
        self._steps_total = 1
        self._turned_back = 0
        self._begun_anew = ""
        """The fork whose arms began before the first step: its control is the run itself, trained once more."""

    @property
    def open(self) -> Attempt | None:
        """The attempt without a verdict; there is at most one."""
        return next((one for one in self.attempts.values() if one.outcome is None), None)

    @property
    def forked(self) -> bool:
        """Whether a fork was run, to whatever end; one that the trainer refused cost nothing."""
        return any(one.how == "fork" and one.outcome != "refused" for one in self.attempts.values())

    def phase(self, step: int) -> str:
        """Return the phase of the run that a step lies in; a rollback begins another one."""
        return f"{self._turned_back}.{sum(step >= share * self._steps_total for share in STAGES)}"

    def hear(self, event: Event) -> None:
        """Fold what the bill and the phase need of an event."""
        match event:
            case RunStarted():
                self._steps_total = event.steps_total
            case RolledBack(by="guard"):
                self._lose(event)
            case RolledBack():
                self._turned_back += 1
            case KnobsConfirmed() if OTHER_TRAINING & {change.knob for change in event.changes}:
                self.asked = {probe: code for probe, code in self.asked.items() if probe not in TRAINING_PROBES}
                self.probed = False
            case TrialBegan(from_start=True):
                self._begun_anew = event.trial
            case ArmScored() if event.arm != "control" or event.trial == self._begun_anew:
                self.spent_steps += event.steps
            case TrialEnded():
                self.spent_steps += event.swept_steps
            case Probed() if (code := self.asked.get(event.probe)) and self.severity.get(code) is not Severity.ERROR:
                self.probed = True
                self.spent_s += event.seconds
                self.spent_steps += len(event.result.get("rates") or ()) or PROBE_STEPS.get(event.probe, 0)
            case _:
                pass

    def _lose(self, event: RolledBack) -> None:
        """Charge the steps since a fix was kept that are given up with it."""
        self.spent_steps += max(event.from_step - event.step, 0)
        kept = self.attempts.get(event.trial)
        if kept is not None and kept.decided_t:
            self.spent_s += max(event.t - kept.decided_t, 0.0)

    def enter(self, entry: Entry) -> None:
        """Fold one entry of the ledger."""
        match entry:
            case Found():
                self.severity[entry.finding.code] = entry.finding.severity
                self.standing.add(entry.finding.code)
            case Cleared():
                self.standing.discard(entry.code)
            case Refused(code=code) if code == BY_HAND:
                self._answer_by_hand(entry.fix)
            case Refused():
                self.refused.add((entry.code, shape_of(entry.fix), reason_of(entry.why)))
                if reason_of(entry.why) == NO_LONGER:
                    self.accepted.pop((entry.code, shape_of(entry.fix)), None)
            case Proposed():
                self.proposals[entry.proposal] = entry
                self.proposed_count += 1
            case ProbeAsked():
                self.asked[entry.probe] = entry.code
            case Wished():
                self._wished(entry)
            case TrialStarted():
                self.attempts[entry.trial] = Attempt(
                    entry.trial, entry.code, entry.fix, entry.how, entry.step, self.phase(entry.step)
                )
                self.accepted.pop((entry.code, shape_of(entry.fix)), None)
                if entry.code == BY_HAND:
                    self._answer_by_hand(entry.fix)
            case TrialHeard() if entry.trial in self.attempts:
                attempt = self.attempts[entry.trial]
                arms = {**attempt.arms, entry.what: [*attempt.arms.get(entry.what, []), entry.numbers]}
                self.attempts[entry.trial] = replace(attempt, arms=arms)
            case Judged() if entry.trial in self.attempts:
                attempt = self.attempts[entry.trial]
                self.attempts[entry.trial] = replace(
                    attempt,
                    outcome=entry.outcome,
                    decided_step=entry.step,
                    decided_t=entry.t,
                    measured=entry.measured,
                )
                self.spent_s += self.charge_s(entry)
            case Undone() if entry.trial in self.attempts:
                self.attempts[entry.trial] = replace(self.attempts[entry.trial], undone=True)
            case TrainerExited() if entry.suspect:
                self.suspects |= set(entry.suspect.split(", "))
            case _:
                pass

    def charge_s(self, verdict: Judged) -> float:
        """Return what a verdict puts on the bill: a rescue is no trial, and a compression comes after the training."""
        attempt = self.attempts.get(verdict.trial)
        return 0.0 if attempt is None or attempt.how in ("rescue", "compression") else verdict.cost_s

    def tried(self, code: str, fix: Fix, phase: str) -> bool:
        """Tell whether this fix did not help in this phase, with whatever numbers, or was decided with these.

        What made steps several times as long will do so in every phase. What showed nothing together with the fix of
        another cause will show nothing without it; and the two are the same two, whichever is named first.
        """
        shape = shape_of(fix)
        tried = [one for one in self.attempts.values() if one.code == code]
        return any(
            one.hopeless or (one.phase == phase and (one.lost or one.fix.turns == fix.turns))
            for one in tried
            if shape_of(one.fix) == shape
        ) or any(
            (one.showed_nothing and set(fix.turns) < set(one.fix.turns))
            or (one.fix.deed is fix.deed and one.fix.also != () and _turned(fix) == _turned(one.fix))
            for one in self.attempts.values()
            if code in one.codes and one.phase == phase and one.lost
        )

    def was_refused(self, code: str, fix: Fix) -> bool:
        """Tell whether the trainer could not try this fix."""
        return any(
            one.code == code and one.outcome == "refused" and shape_of(one.fix) == shape_of(fix)
            for one in self.attempts.values()
        )

    def losses(self, code: str, phase: str) -> int:
        """Return how many fixes of this rule were tried in this phase and did not help."""
        return sum(one.lost for one in self.attempts.values() if one.code == code and one.phase == phase)

    def rescues(self) -> int:
        """Return how many rescues there were."""
        return sum(one.how == "rescue" and one.outcome != "refused" for one in self.attempts.values())

    def mended(self, codes: Iterable[str]) -> bool:
        """Tell whether a fix for one of these findings is in force."""
        wanted = set(codes)
        return any(one.stays and not wanted.isdisjoint(one.codes) for one in self.attempts.values())

    def rescued_since(self, step: int) -> bool:
        """Tell whether the run was rescued at or after a step."""
        return any(one.how == "rescue" and one.stays and one.step >= step for one in self.attempts.values())

    def last_kept_learning(self) -> Attempt | None:
        """Return the newest kept change of what is learned, by a fork or, of a larger batch, by rounds."""
        kept = [
            one
            for one in self.attempts.values()
            if one.how == "fork" or (one.how == "rounds" and one.fix.effect is Effect.CHANGES_LEARNING)
            if one.outcome == "kept" and not one.undone
        ]
        return kept[-1] if kept else None

    def null_pool(self, score: str, phase: str, steps: int) -> tuple[float, ...]:
        """Return the signed differences null - control of a score, of this phase and about this horizon."""
        pool: list[float] = []
        for one in self.attempts.values():
            for control in one.arms.get("control", [])[:1]:
                horizon = control.get("steps", 0.0)
                if one.phase != phase or not steps / SAME_HORIZON <= horizon <= steps * SAME_HORIZON:
                    continue
                differences = (null.get(score, nan) - control.get(score, nan) for null in one.arms.get("null", []))
                pool.extend(difference for difference in differences if isfinite(difference))
        return tuple(pool)

    def metric_noise(self, metric: str, kept: Attempt) -> float:
        """Return the spread of a metric between null arms, as known when a fix was kept; NaN where no two told it."""
        steps = int(kept.arms.get("control", [{}])[0].get("steps", 0))
        pool = self.null_pool(metric, kept.phase, steps)
        return sqrt(fmean(one * one for one in pool)) if len(pool) > 1 else nan

    def _wished(self, wish: Wished) -> None:
        match wish.wish:
            case "freeze":
                self.frozen = True
            case "thaw":
                self.frozen = False
            case "pause":
                self.paused = True
            case "resume":
                self.paused = False
            case "accept":
                for proposal in self.proposals_of(wish.target):
                    self.accepted[(proposal.code, shape_of(proposal.fix))] = proposal.proposal
            case "veto":
                for proposal in self.proposals_of(wish.target):
                    self.vetoed.add((proposal.code, shape_of(proposal.fix)))
                self._unwanted(wish.target)
            case "undo":
                self._unwanted(wish.target)
            case "try":
                self.by_hand.append(turns_of(wish))
            case _:
                pass

    def _answer_by_hand(self, fix: Fix) -> None:
        """Forget what a person wanted tried: it is being tried, or cannot be."""
        if fix.turns in self.by_hand:
            self.by_hand.remove(fix.turns)

    def _unwanted(self, target: str) -> None:
        """Remember that a person does not want what was tried or is in force: it is not tried again in this run."""
        for attempt in self.attempts.values():
            if target == attempt.trial or (target in attempt.codes and attempt.stays):
                self.vetoed.add((attempt.code, shape_of(attempt.fix)))
                if attempt.fix.also:
                    self._unwanted_together.append(attempt)

    def unwanted(self, code: str, fix: Fix) -> bool:
        """Tell whether a person does not want a fix: it was vetoed or taken back, or is a part of two that were."""
        return (code, shape_of(fix)) in self.vetoed or any(
            code in one.codes and _turned(fix) <= _turned(one.fix) for one in self._unwanted_together if fix.turns
        )

    def proposals_of(self, target: str) -> list[Proposed]:
        """Return the proposal of that id, or the first waiting one of that rule."""
        if target in self.proposals:
            return [self.proposals[target]]
        waiting = [one for one in self.proposals.values() if one.code == target and not self.answered(one)]
        return waiting[:1]

    def answered(self, proposal: Proposed) -> bool:
        """Tell whether a proposal was vetoed, or its fix tried or refused after it."""
        key = (proposal.code, shape_of(proposal.fix))
        tried = any(
            one.code == key[0] and shape_of(one.fix) == key[1] and one.step >= proposal.step
            for one in self.attempts.values()
        )
        return key in self.vetoed or tried


def turns_of(wish: Wished) -> tuple[Turned, ...]:
    """Return the turns of a wish, written as {"knob": NAME, "to": VALUE}."""
    return tuple(
        Turned(knob=str(turn["knob"]), to=turn["to"]) for turn in wish.turns if "knob" in turn and "to" in turn
    )


def shape_of(fix: Fix) -> str:
    """Return a fix's name without its numbers: `clip gradients at 2.2` and `… at 2.3` are one fix."""
    return NUMBER.sub("#", fix.name)


def _turned(fix: Fix) -> set[tuple[str, object]]:
    """Return what a fix turns, without its numbers."""
    return {(turn.knob, None if isinstance(turn.to, float) else turn.to) for turn in fix.turns}


def reason_of(why: str) -> str:
    """Return the reason that a refusal's text begins with."""
    return why.partition(":")[0]
