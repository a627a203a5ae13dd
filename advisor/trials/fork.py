"""Fork: from one snapshot the same batches with and without a turn, and null arms for the noise, for learning."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import isfinite

from advisor.judge import Arms, Verdict, judge_fork
from advisor.ledger import TrialHeard
from advisor.trials.words import VETOED, Moved, Setting, over
from trainer.commands import Command, Decide, Fork
from trainer.wire import ArmScored, Event, TrialEnded


@dataclass(frozen=True)
class ForkTrial:
    """Waits for all arms, decides, and waits for the trainer to go on from the winner."""

    setting: Setting
    score: str
    steps: int
    nulls: int
    pool: tuple[float, ...]
    """Differences null - control of the score, from earlier forks of this phase and about this horizon."""
    arms: tuple[ArmScored, ...] = field(default=())
    verdict: Verdict | None = None
    veto: bool = False

    def begin(self) -> tuple[Command, ...]:
        """Ask for the arms."""
        return (Fork(trial=self.setting.trial, turns=self.setting.turns, steps=self.steps, nulls=self.nulls),)

    def vetoed(self) -> ForkTrial:
        """Return the trial so that it will not be kept."""
        return replace(self, veto=True)

    def advance(self, event: Event) -> Moved:
        """Take an arm or the end."""
        match event:
            case ArmScored(trial=self.setting.trial):
                return self._arm(event)
            case TrialEnded(trial=self.setting.trial):
                return self._end(event)
            case _:
                return Moved(self)

    def _arm(self, event: ArmScored) -> Moved:
        after = replace(self, arms=(*self.arms, event))
        numbers = {"steps": float(event.steps), "seconds": event.seconds, **event.scores}
        if event.diverged:
            numbers["diverged"] = 1.0
        if self.setting.lockstep:
            del numbers["seconds"]
        heard = TrialHeard(trial=self.setting.trial, what=event.arm, numbers=numbers)
        if len(after.arms) < 2 + self.nulls:
            return Moved(after, entries=(heard,))
        verdict = VETOED if self.veto else after.judged()
        decide = Decide(trial=self.setting.trial, arm="candidate" if verdict.keep else "control")
        return Moved(replace(after, verdict=verdict), (decide,), (heard,))

    def judged(self) -> Verdict:
        """Return the verdict on the arms heard so far."""
        by_name = {one.arm: one for one in self.arms}
        control, candidate = by_name.get("control"), by_name.get("candidate")
        if control is None or candidate is None:
            return Verdict("undecided", "an arm is missing")
        score = self.score if self.score in control.scores else self.score.removeprefix("tail_")
        before = control.scores.get(score, float("nan"))
        own = [
            one.scores.get(score, float("nan")) - before for one in self.arms if one.arm == "null" and not one.diverged
        ]
        pool = self.pool if score == self.score else ()
        return judge_fork(
            self.setting.fix,
            score,
            self.setting.metric,
            self.setting.higher_is_better,
            Arms(
                control=control.scores,
                candidate=candidate.scores,
                standard_errors=control.standard_errors,
                nulls=(*pool, *(one for one in own if isfinite(one))),
                steps=control.steps,
                rate_cut=self._cuts_rate,
                control_diverged=control.diverged,
                candidate_diverged=candidate.diverged,
            ),
        )

    @property
    def _cuts_rate(self) -> bool:
        before = self.setting.old.get("lr", 0.0)
        return any(turn.knob == "lr" and float(turn.to) < float(before) for turn in self.setting.fix.turns)

    def _end(self, event: TrialEnded) -> Moved:
        verdict = self.verdict
        if verdict is None:
            verdict = Verdict("undecided", f"the fork ended early: {event.why or 'not all arms were run'}")
        elif verdict.keep and event.went_on_from != "candidate":
            why = f"{verdict.why}; but the verdict came too late and the run went on without it"
            verdict = Verdict("undecided", why, verdict.measured)
        return over(self.setting, verdict, event.seconds)
