"""What needs no control arm: an early stop, a free turn, and what no trial of ours can measure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from advisor.judge import Verdict
from advisor.ledger import Measured
from advisor.trials.words import Moved, Setting, over
from trainer.commands import Command, Confirm, Stop, Turn
from trainer.wire import Event, KnobsConfirmed, TrainingEnded


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
