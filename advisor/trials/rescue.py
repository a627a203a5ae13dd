"""Rescue: applied, not tried; what is shown is whether the run recovered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from statistics import median

from advisor.ledger import Measured
from advisor.trials.judge import Verdict
from advisor.trials.words import Moved, Setting, over
from rules.vocabulary import Deed
from trainer.commands import Command, Confirm, Rollback, Stop, Turn
from trainer.wire import START, BeatTaken, Event, GuardActed, KnobsConfirmed, RolledBack, TrainingEnded

BEFORE_ONSET_STEPS = 50
"""A state so far before the trouble began is believed to be sound (trials.md, «Rescue ladder»)."""
RECOVERY_STEPS = 50
"""So many finite steps after a rescue show that the run goes again."""
RECOVERY_SHARE = 0.05
"""Of the steps left, where that is fewer: a short run shows it sooner."""
LEAST_RECOVERY_STEPS = 20
"""But never fewer: one smoothing window."""
REWARM_STEPS = 100
"""The second time, the rate comes back slowly (trials.md, «Rescue ladder»)."""


@dataclass(frozen=True)
class RescueTrial:
    """Waits for the deed to be done, then for enough finite steps, or for the trouble to come back."""

    setting: Setting
    onset: int
    loss_before: float
    """Smoothed loss when the trouble was seen; often not finite."""
    again: bool = False
    """The run was rescued before."""
    done: bool = False
    """The trainer has done it."""
    lost_steps: int = 0
    losses: tuple[float, ...] = ()
    steps: int = 0

    def begin(self) -> tuple[Command, ...]:
        """Roll back, start over, turn, or stop."""
        trial, turns = self.setting.trial, self.setting.turns
        slows = any(turn.knob == "lr" for turn in turns)
        rewarm_steps = REWARM_STEPS if self.again and slows else 0
        match self.setting.fix.deed:
            case Deed.STOP:
                return (Stop(trial=trial, why="hopeless"),)
            case Deed.START_OVER:
                return (Rollback(trial=trial, to_step=START, turns=turns, rewarm_steps=rewarm_steps),)
            case Deed.ROLLBACK:
                to_step = max(self.onset - BEFORE_ONSET_STEPS, START)
                return (Rollback(trial=trial, to_step=to_step, turns=turns, rewarm_steps=rewarm_steps),)
            case _:
                return (Turn(trial=trial, turns=turns), Confirm(trial=trial))

    def vetoed(self) -> RescueTrial:
        """Return the rescue as it is: what is done cannot be vetoed, only undone."""
        return self

    def advance(self, event: Event) -> Moved:
        """Take the deed, then the beats after it."""
        match event:
            case TrainingEnded() if self.setting.fix.deed is Deed.STOP:
                return over(
                    self.setting, Verdict("applied_untried", "the run was stopped: no knob would have ended it")
                )
            case TrainingEnded():
                return over(
                    self.setting, Verdict("applied_untried", f"the run ended {self.steps} steps after it"), self.cost_s
                )
            case RolledBack():
                return Moved(replace(self, done=True, lost_steps=max(event.from_step - event.step, 0)))
            case KnobsConfirmed(trial=self.setting.trial):
                return Moved(replace(self, done=True))
            case GuardActed(why="non_finite_loss" | "non_finite_gradient") if self.done:
                return self._failed(f"not finite again after {self.steps} steps")
            case BeatTaken() if self.done:
                return self._beat(event)
            case _:
                return Moved(self)

    @property
    def cost_s(self) -> float:
        """Seconds for the steps that were lost."""
        return self.lost_steps * self.setting.step_s

    def _beat(self, beat: BeatTaken) -> Moved:
        if not all(map(isfinite, beat.loss)):
            return self._failed(f"not finite again after {self.steps} steps")
        after = replace(self, losses=(*self.losses, *beat.loss)[-RECOVERY_STEPS:], steps=self.steps + beat.steps)
        if after.steps < self._enough or not after.losses:
            return Moved(after)
        now = median(after.losses)
        if isfinite(self.loss_before) and self.loss_before > 0:
            gain = (self.loss_before - now) / self.loss_before
            measured = Measured(median=gain, low=gain, high=gain, unit="relative loss")
            return over(self.setting, Verdict("applied_untried", after.told(now), measured), self.cost_s)
        return over(self.setting, Verdict("applied_untried", after.told(now)), self.cost_s)

    def told(self, now: float) -> str:
        """Return what the rescue has brought, in words."""
        return f"smoothed loss {now:.4g} after {self.steps} steps; it was {self.loss_before:.4g}; {self.lost_steps} steps lost"

    @property
    def _enough(self) -> int:
        return max(min(RECOVERY_STEPS, int(RECOVERY_SHARE * self.setting.steps_left)), LEAST_RECOVERY_STEPS)

    def _failed(self, why: str) -> Moved:
        return over(self.setting, Verdict("applied_untried", f"it did not recover: {why}"), self.cost_s)
