"""What needs no control arm: an early stop, a free turn, and what no trial of ours can measure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from advisor.ledger import Measured, TrialHeard
from advisor.trials.judge import Verdict
from advisor.trials.judge_average import EVALUATIONS, Pair, judge_average, less_is_better
from advisor.trials.words import VETOED, Moved, Setting, over
from trainer.commands import Command, Confirm, Revert, Stop, Turn
from trainer.wire import Evaluated, Event, KnobsConfirmed, KnobsReverted, KnobsTurned, TrainingEnded

LEAST_PROBATION_STEPS = 200
"""As long as any turn waits for its confirmation."""


@dataclass(frozen=True)
class StopTrial:
    """Ends the run at its best; kept if the best is unchanged, the gain is the time saved."""

    setting: Setting
    best_step: int
    """Step of the best evaluation when the stop was asked for."""

    def begin(self) -> tuple[Command, ...]:
        """Ask for the end."""
        return (Stop(trial=self.setting.trial, why="early_stop"),)

    def vetoed(self) -> StopTrial:
        """Return the trial as it is: the trainer is stopping already."""
        return self

    def advance(self, event: Event) -> Moved:
        """Wait for the end of training."""
        if not isinstance(event, TrainingEnded):
            return Moved(self)
        saved, unit = (self.setting.eta_s, "seconds")
        if self.setting.lockstep:
            saved, unit = float(self.setting.steps_left), "steps"
        measured = Measured(median=saved, low=saved, high=saved, unit=unit)
        if event.best_step == self.best_step:
            why = f"the best model is that of step {event.best_step}, as before; {saved:.3g} {unit} saved"
            return over(self.setting, Verdict("kept", why, measured))
        why = f"stopped with {saved:.3g} {unit} to go, but a newer model, of step {event.best_step}, became the best"
        return over(self.setting, Verdict("applied_untried", why, measured))


@dataclass(frozen=True)
class AverageTrial:
    """Turns averaged weights on, on probation, and compares them with the weights as trained at the next evaluations."""

    setting: Setting
    evaluation_steps: int
    """Steps between two evaluations."""
    turned: bool = False
    pairs: tuple[Pair, ...] = ()
    cost_s: float = 0.0
    veto: bool = False

    def begin(self) -> tuple[Command, ...]:
        """Turn, on a probation that covers the evaluations and one more."""
        steps = max((EVALUATIONS + 1) * self.evaluation_steps, LEAST_PROBATION_STEPS)
        return (Turn(trial=self.setting.trial, turns=self.setting.turns, probation_steps=steps),)

    def vetoed(self) -> AverageTrial:
        """Return the trial so that it will not be kept."""
        return replace(self, veto=True)

    def advance(self, event: Event) -> Moved:
        """Take an evaluation that scored both."""
        match event:
            case KnobsTurned(trial=self.setting.trial):
                return Moved(replace(self, turned=True))
            case KnobsReverted(trial=self.setting.trial):
                return over(self.setting, Verdict("undecided", f"it was turned back: {event.why}"), self.cost_s)
            case Evaluated(split="val") if self.turned and event.raw_metrics:
                return self._evaluated(event)
            case _:
                return Moved(self)

    @property
    def score(self) -> str:
        """The score that the fix names."""
        return self.setting.metric if self.setting.fix.improves == "metric" else self.setting.fix.improves

    def _evaluated(self, event: Evaluated) -> Moved:
        pair = Pair({"loss": event.loss, **event.metrics}, {"loss": event.raw_loss, **event.raw_metrics})
        seconds = 0.0 if self.setting.lockstep else event.seconds / 2
        after = replace(self, pairs=(*self.pairs, pair), cost_s=self.cost_s + seconds)
        heard = (
            TrialHeard(trial=self.setting.trial, what="control", numbers=dict(pair.raw)),
            TrialHeard(trial=self.setting.trial, what="candidate", numbers=dict(pair.averaged)),
        )
        if len(after.pairs) < EVALUATIONS and not self.veto:
            return Moved(after, entries=heard)
        less = less_is_better(self.score, self.setting.metric, self.setting.higher_is_better)
        verdict = VETOED if self.veto else judge_average(after.pairs, self.score, less)
        trial = self.setting.trial
        command = Confirm(trial=trial) if verdict.keep else Revert(trial=trial, why=verdict.why)
        ended = over(self.setting, verdict, after.cost_s, (command,))
        return replace(ended, entries=(*heard, *ended.entries))


@dataclass(frozen=True)
class UntriedTurn:
    """Turns and confirms; no stretch or arm of ours can measure what it brings."""

    setting: Setting
    veto: bool = False

    def begin(self) -> tuple[Command, ...]:
        """Turn and confirm."""
        return (Turn(trial=self.setting.trial, turns=self.setting.turns), Confirm(trial=self.setting.trial))

    def vetoed(self) -> UntriedTurn:
        """Return the turn so that it is taken back."""
        return replace(self, veto=True)

    def advance(self, event: Event) -> Moved:
        """Wait until the turn stays."""
        if not (isinstance(event, KnobsConfirmed) and event.trial == self.setting.trial):
            return Moved(self)
        expected = self.setting.fix.expected
        hoped = f"; {expected:.0%} less {self.setting.fix.improves} is expected" if expected > 0 else ""
        why = f"applied, not tried: no stretch of steps shows {self.setting.fix.improves}{hoped}"
        return over(self.setting, Verdict("applied_untried", why))
