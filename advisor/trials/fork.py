"""Fork: from one snapshot the same batches with and without a turn, and null arms for the noise, for learning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import isfinite, nan

from advisor.ledger import TrialHeard
from advisor.trials.judge import Arms, Verdict, judge_fork, judge_futile, lower_is_better
from advisor.trials.noise import LEAST_LEARNING_GAIN
from advisor.trials.scoring import plain_score, regularises
from advisor.trials.words import VETOED, Moved, Setting, over
from rules.vocabulary import Fix
from trainer.commands import Command, Decide, Fork
from trainer.wire import ArmScored, Event, TrialEnded


@dataclass(frozen=True)
class ForkTrial:
    """Waits for all arms, decides, and waits for the trainer to go on from the winner."""

    setting: Setting
    score: str
    steps: int
    nulls: int
    replicates: int
    pool: tuple[float, ...]
    """Differences null - control of the score, from earlier forks of this phase and about this horizon."""
    steps_per_epoch: int = 0
    from_start: bool = False
    """The arms begin before the first step."""
    own_rate: bool = False
    """A candidate that shows no gain at the run's rate gets another arm, at a rate of its own."""
    arms: tuple[ArmScored, ...] = field(default=())
    swept: bool = False
    """Such an arm was heard."""
    verdict: Verdict | None = None
    veto: bool = False

    def begin(self) -> tuple[Command, ...]:
        """Ask for the arms."""
        setting = self.setting
        return (
            Fork(
                trial=setting.trial,
                turns=setting.turns,
                steps=self.steps,
                nulls=self.nulls,
                replicates=self.replicates,
                score=self.score,
                less_is_better=lower_is_better(self.score, setting.metric, setting.higher_is_better),
                least_gain=LEAST_LEARNING_GAIN,
                from_start=self.from_start,
                own_rate=self.own_rate,
            ),
        )

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
        after = self._with(event)
        numbers = {"steps": float(event.steps), "seconds": event.seconds, "replicate": float(event.replicate)}
        numbers |= event.scores
        if event.diverged:
            numbers["diverged"] = 1.0
        if self.setting.lockstep:
            del numbers["seconds"]
        heard = TrialHeard(trial=self.setting.trial, what=event.arm, numbers=numbers)
        if len(after.arms) < 1 + after.nulls + after.replicates:
            return Moved(after, entries=(heard,))
        verdict = VETOED if self.veto else after.judged()
        decide = Decide(trial=self.setting.trial, arm="candidate" if verdict.keep else "control")
        return Moved(replace(after, verdict=verdict), (decide,), (heard,))

    def _with(self, event: ArmScored) -> ForkTrial:
        """Return the trial with one more arm; a second candidate on the same batches takes the place of the first."""
        same = [
            one for one in self.arms if (one.arm, one.replicate) == (event.arm, event.replicate) == ("candidate", 0)
        ]
        if not same:
            return replace(self, arms=(*self.arms, event))
        arms = tuple(one for one in self.arms if one not in same)
        return replace(self, arms=(*arms, event), replicates=1, swept=True)

    def judged(self, judge: Callable[[Fix, str, str, bool, Arms], Verdict] = judge_fork) -> Verdict:
        """Return the verdict on the arms heard so far."""
        streams: dict[int, dict[str, ArmScored]] = {}
        for one in self.arms:
            streams.setdefault(one.replicate, {})["with" if one.arm == "candidate" else "without"] = one
        own = streams.pop(0, {})
        if {"with", "without"} - set(own):
            return Verdict("undecided", "an arm is missing")
        control, candidate = own["without"], own["with"]
        score = self.score if self.score in control.scores else plain_score(self.score)

        def scored(one: ArmScored) -> float:
            return nan if one.diverged else one.scores.get(score, nan)

        nulls = [scored(one["without"]) - scored(control) for one in streams.values() if "without" in one]
        pairs = [(scored(one["without"]), scored(one["with"])) for one in streams.values() if len(one) > 1]
        verdict = judge(
            self.setting.fix,
            score,
            self.setting.metric,
            self.setting.higher_is_better,
            Arms(
                control=control.scores,
                candidate=candidate.scores,
                standard_errors=control.standard_errors,
                nulls=(*(self.pool if score == self.score else ()), *(one for one in nulls if isfinite(one))),
                further=tuple(pairs),
                steps=control.steps,
                candidate_steps=candidate.steps,
                rate_cut=self._cuts_rate or (self.swept and candidate.rate < control.rate),
                regularises=regularises(self.setting.fix, self.setting.old),
                epochs=control.steps / self.steps_per_epoch if self.steps_per_epoch else nan,
                one_example=control.one_example.get(plain_score(score), 0.0),
                examples=control.examples,
                control_diverged=control.diverged,
                candidate_diverged=candidate.diverged,
                guessing=self.setting.guessing,
            ),
        )
        if not self.swept:
            return verdict
        picked = f"with it a sweep picks lr {candidate.rate:.2g} in place of {control.rate:.2g}"
        return replace(verdict, why=f"{verdict.why}; {picked}")

    @property
    def _cuts_rate(self) -> bool:
        before = self.setting.old.get("lr", 0.0)
        return any(turn.knob == "lr" and float(turn.to) < float(before) for turn in self.setting.fix.turns)

    def _end(self, event: TrialEnded) -> Moved:
        verdict = self.verdict
        if verdict is None and event.why:
            verdict = VETOED if self.veto else self.judged(judge_futile)
        elif verdict is None:
            verdict = Verdict("undecided", "the fork ended early: not all arms were run")
        elif verdict.keep and event.went_on_from != "candidate":
            why = f"{verdict.why}; but the verdict came too late and the run went on without it"
            verdict = Verdict("undecided", why, verdict.measured)
        return over(self.setting, verdict, event.seconds)
