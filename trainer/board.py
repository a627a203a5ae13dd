"""The board: turns on probation. What is not confirmed in time turns back by itself.

So an advisor that dies leaves the run as it found it, or with what it had confirmed.
"""

from dataclasses import dataclass

from trainer.commands import Confirm, Revert, Turn
from trainer.data.feed import CacheRefused
from trainer.knobs import KnobError
from trainer.training import Training
from trainer.turning import turn, turn_back
from trainer.wire import CommandRefused, KnobsConfirmed, KnobsReverted, KnobsTurned
from trainer.words import Change


@dataclass
class _Probation:
    trial: str
    changes: tuple[Change, ...]
    until_step: int


class Board:
    """Which turns stand on probation, and what each confirmed turn changed, so that it can be undone."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._on_probation: list[_Probation] = []
        self._confirmed: dict[str, tuple[Change, ...]] = {}

    def turn(self, command: Turn) -> None:
        """Turn knobs on probation."""
        training = self._training
        if self._stands(command):
            return  # a driver that took over does not know whether it was told
        try:
            changes = turn(training, command.turns)
        except KnobError as refused:
            self.refuse("turn", command.trial, str(refused))
            return
        until = training.progress.step + command.probation_steps
        self._on_probation.append(_Probation(command.trial, changes, until))
        self._note_unconfirmed()
        training.link.say(
            KnobsTurned(
                **self._training.progress.where(), changes=changes, trial=command.trial, probation=True, by=command.by
            )
        )

    def confirm(self, command: Confirm) -> None:
        """Let a turn stay."""
        for probation in self._on_probation:
            if probation.trial == command.trial:
                self._on_probation.remove(probation)
                self._note_unconfirmed()
                self.remember(command.trial, probation.changes)
                self._training.link.say(
                    KnobsConfirmed(**self._training.progress.where(), changes=probation.changes, trial=command.trial)
                )
                return
        if command.trial in self._confirmed:
            return
        self.refuse("confirm", command.trial, "nothing of this trial is on probation")

    def revert(self, command: Revert) -> None:
        """Take a turn back, on probation or confirmed."""
        for probation in self._on_probation:
            if probation.trial == command.trial:
                self._on_probation.remove(probation)
                self._turn_back(probation.changes, command.trial, command.why)
                return
        if command.trial in self._confirmed:
            self._turn_back(self._confirmed.pop(command.trial), command.trial, command.why)
            return
        self.refuse("revert", command.trial, "nothing of this trial stands")

    def remember(self, trial: str, changes: tuple[Change, ...]) -> None:
        """Keep the undo record of a confirmed turn."""
        self._confirmed[trial] = changes

    def expire(self) -> None:
        """Turn back what was not confirmed in time."""
        for probation in [p for p in self._on_probation if self._training.progress.step >= p.until_step]:
            self._on_probation.remove(probation)
            self._turn_back(probation.changes, probation.trial, "nobody confirmed it in time")

    def revert_all(self, why: str) -> None:
        """Turn back everything on probation: at the end of a run, and when the driver is gone."""
        while self._on_probation:
            probation = self._on_probation.pop()
            self._turn_back(probation.changes, probation.trial, why)

    def refuse(self, command: str, trial: str, why: str) -> None:
        """Say that a command was not carried out."""
        self._training.link.say(
            CommandRefused(**self._training.progress.where(), command=command, trial=trial, why=why)
        )

    def _stands(self, command: Turn) -> bool:
        known = command.trial in self._confirmed or command.trial in {one.trial for one in self._on_probation}
        return known and all(self._training.knobs.get(turned.knob) == turned.to for turned in command.turns)

    def _note_unconfirmed(self) -> None:
        """Keep what the knobs would hold if nobody came to confirm: a run that dies now is taken up with that."""
        oldest_last = (change for one in reversed(self._on_probation) for change in one.changes)
        self._training.unconfirmed = {change.knob: change.old for change in oldest_last}

    def _turn_back(self, changes: tuple[Change, ...], trial: str, why: str) -> None:
        self._note_unconfirmed()
        try:
            done = turn_back(self._training, changes)
        except CacheRefused as refused:
            self.refuse("revert", trial, str(refused))
            return
        self._training.link.say(KnobsReverted(**self._training.progress.where(), changes=done, trial=trial, why=why))
