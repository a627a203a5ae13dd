"""The board: turns on probation. What is not confirmed in time turns back by itself.

So an advisor that dies leaves the run as it found it, or with what it had confirmed.
"""

from trainer.commands import Confirm, Revert, Turn
from trainer.data.feed import CacheRefused
from trainer.knobs import KnobError
from trainer.training import Probation, Training
from trainer.turning import turn, turn_back
from trainer.wire import CommandRefused, KnobsConfirmed, KnobsReverted, KnobsTurned
from trainer.words import Change


class Board:
    """Which turns stand on probation, and what each confirmed turn changed, so that it can be undone."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._on_probation = training.on_probation
        self._confirmed: dict[str, tuple[Change, ...]] = {}

    def turn(self, command: Turn) -> None:
        """Turn knobs on probation."""
        training = self._training
        try:
            changes = turn(training, command.turns)
        except KnobError as refused:
            self.refuse("turn", command.trial, str(refused))
            return
        until = training.progress.step + command.probation_steps
        self._on_probation.append(Probation(command.trial, changes, until))
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
                self.remember(command.trial, probation.changes)
                self._training.link.say(
                    KnobsConfirmed(**self._training.progress.where(), changes=probation.changes, trial=command.trial)
                )
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

    def stands(self, trial: str) -> bool:
        """Tell whether a confirmed turn of this trial can be taken back."""
        return trial in self._confirmed

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

    def _turn_back(self, changes: tuple[Change, ...], trial: str, why: str) -> None:
        try:
            done = turn_back(self._training, changes)
        except CacheRefused as refused:
            self.refuse("revert", trial, str(refused))
            return
        self._training.link.say(KnobsReverted(**self._training.progress.where(), changes=done, trial=trial, why=why))
