"""What all trials share: what is tried, and what a step of a trial brings."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Protocol

from advisor.ledger import Entry, How, Judged
from advisor.trials.judge import Verdict
from rules.vocabulary import Fix, Value
from trainer.commands import Command
from trainer.wire import Event
from trainer.words import Turned


@dataclass(frozen=True)
class Setting:
    """What every trial knows of the run it began in."""

    trial: str
    code: str
    fix: Fix
    how: How
    step: int
    t: float
    step_s: float
    eta_s: float
    steps_left: int
    metric: str
    higher_is_better: bool
    old: dict[str, Value]
    """What the knobs held before."""
    lockstep: bool = False
    guessing: float = nan
    """Main metric of the best constant predictor; NaN where nobody knows."""

    @property
    def turns(self) -> tuple[Turned, ...]:
        """The fix's turns in the words of the wire."""
        return tuple(Turned(knob=turn.knob, to=turn.to) for turn in self.fix.turns)


class Trial(Protocol):
    """A trial in progress: a frozen value that an event turns into the next one."""

    @property
    def setting(self) -> Setting:
        """What is tried."""
        ...

    def begin(self) -> tuple[Command, ...]:
        """Return what the trainer is told first."""
        ...

    def advance(self, event: Event) -> Moved:
        """Return what this event makes of the trial."""
        ...

    def vetoed(self) -> Trial:
        """Return the trial so that it will not be kept, whatever it measures."""
        ...


@dataclass(frozen=True)
class Moved:
    """What an event has made of a trial: the trial as it is now (nothing: it is over), what to tell, what to write."""

    trial: Trial | None
    commands: tuple[Command, ...] = ()
    entries: tuple[Entry, ...] = ()


def over(setting: Setting, verdict: Verdict, cost_s: float = 0.0, commands: tuple[Command, ...] = ()) -> Moved:
    """Return the end of a trial: its verdict in the ledger."""
    judged = Judged(
        trial=setting.trial,
        code=setting.code,
        outcome=verdict.outcome,
        why=verdict.why,
        measured=verdict.measured,
        cost_s=cost_s,
    )
    return Moved(None, commands, (judged,))


VETOED = Verdict("undecided", "vetoed by a person while it ran")
"""What becomes of a trial that nobody wants any more."""
