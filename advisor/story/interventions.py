"""The fixes of a run as the ledger tells of them: proposed, refused, being tried, judged, undone."""

from dataclasses import replace
from typing import Any, Literal

from advisor import ledger
from advisor.report.words import plainly
from advisor.story.told import InterventionState, ProposalState
from rules.vocabulary import Fix, Value
from trainer import wire
from trainer.knobs import KnobValue

INTERVENTIONS_KEPT = 500
"""A run with more is read in its ledger; of what is dropped, refusals go first."""
HEARD_KEPT = 64
"""Measurements kept of one trial: six rounds and a handful of arms, with room for doubled stretches."""


class Interventions:
    """Folds the entries about fixes, and the trainer's events about their trials."""

    def __init__(self) -> None:
        self.all: list[InterventionState] = []
        self.proposals: dict[str, ProposalState] = {}
        self.answered: set[str] = set()
        """Findings for which a fix was kept or applied since the run was last turned back."""

    def find(self, trial: str) -> InterventionState | None:
        """Return the intervention with this trial id."""
        return next((one for one in reversed(self.all) if trial and one.trial == trial), None)

    def hear(
        self, event: wire.TrialBegan | wire.StretchTaken | wire.ArmScored | wire.TrialEnded | wire.KnobsConfirmed
    ) -> None:
        """Take in what the trainer says of a trial."""
        known = self.find(event.trial)
        if known is None:
            return
        match event:
            case wire.TrialBegan():
                self._change(known, steps_planned=event.steps)
            case wire.StretchTaken():
                self._change(known, stretches=known.stretches + 1)
            case wire.ArmScored():
                self._change(known, arms=(*known.arms, event.arm))
            case wire.TrialEnded():
                self._change(known, trial_s=event.seconds)
            case wire.KnobsConfirmed():
                old = {change.knob: change.old for change in event.changes}
                new = {change.knob: change.new for change in event.changes}
                self._change(known, in_code=event.in_code, old=old | known.old, new=known.new | new)

    def propose(self, entry: ledger.Proposed) -> None:
        """A fix waits for a person."""
        self.proposals[entry.proposal] = ProposalState(
            entry.proposal, entry.code, entry.fix, entry.how, entry.expected_cost_s, entry.step
        )

    def answer(self, target: str, state: Literal["accepted", "vetoed"]) -> None:
        """A person has answered a proposal, named by its id or its code."""
        for key, one in self.proposals.items():
            if target in (key, one.code) and one.state == "waiting":
                self.proposals[key] = replace(one, state=state)

    def refuse(self, entry: ledger.Refused, knobs: dict[str, KnobValue]) -> None:
        """A fix was not tried; the newest word on it counts. `knobs` is what the knobs hold now."""
        self._settle(entry.code, entry.fix, "lapsed", entry.why)
        new = _turns(entry.fix)
        self._keep(
            InterventionState(
                trial="",
                code=entry.code,
                fix=entry.fix,
                how="untried",
                old={knob: knobs[knob] for knob in new if knob in knobs},
                new=new,
                step=entry.step,
                t=entry.t,
                outcome="refused",
                why=entry.why,
            )
        )

    def start(self, entry: ledger.TrialStarted) -> None:
        """A fix is being tried."""
        self._settle(entry.code, entry.fix, "tried", "")
        self._keep(
            InterventionState(
                trial=entry.trial,
                code=entry.code,
                fix=entry.fix,
                how=entry.how,
                old=entry.old,
                new=_turns(entry.fix),
                step=entry.step,
                t=entry.t,
                expected_cost_s=entry.expected_cost_s,
            )
        )

    def note(self, entry: ledger.TrialHeard) -> None:
        """A trial has measured something."""
        if known := self.find(entry.trial):
            self._change(known, heard=(*known.heard, entry)[-HEARD_KEPT:])

    def judge(self, entry: ledger.Judged) -> InterventionState | None:
        """A verdict was given; return the intervention with it."""
        known = self.find(entry.trial)
        if known is None:
            return None
        self.answered |= {*known.codes} if entry.outcome in ("kept", "applied_untried") else set()
        return self._change(
            known,
            outcome=entry.outcome,
            measured=entry.measured,
            why=plainly(entry.why),
            cost_s=entry.cost_s,
            ended_step=entry.step,
        )

    def undo(self, trial: str, why: str) -> None:
        """A kept fix was taken back."""
        if known := self.find(trial):
            self._change(known, undone=why)

    def _change(self, known: InterventionState, **fields: Any) -> InterventionState:
        changed = replace(known, **fields)
        self.all[self.all.index(known)] = changed
        return changed

    def _keep(self, intervention: InterventionState) -> None:
        self.all[:] = [one for one in self.all if not _older_refusal(one, intervention)]
        self.all.append(intervention)
        if len(self.all) > INTERVENTIONS_KEPT:
            del self.all[next((at for at, one in enumerate(self.all) if one.outcome == "refused"), 0)]

    def _settle(self, code: str, fix: Fix, state: Literal["tried", "lapsed"], why: str) -> None:
        for key, one in self.proposals.items():
            if one.code == code and one.fix.name == fix.name and one.state in ("waiting", "accepted"):
                self.proposals[key] = replace(one, state=state, why=why)


def _older_refusal(one: InterventionState, newer: InterventionState) -> bool:
    return one.outcome == "refused" and one.code == newer.code and one.fix.name == newer.fix.name


def _turns(fix: Fix) -> dict[str, Value]:
    return {turn.knob: turn.to for turn in fix.turns}
