"""The board: turns on probation. What is not confirmed in time turns back by itself.

So an advisor that dies leaves the run as it found it, or with what it had confirmed.
"""

from collections.abc import Callable

from trainer.commands import Confirm, Revert, Turn
from trainer.data.feed import CacheRefused
from trainer.knobs import KnobError
from trainer.surgery.in_code import confirm
from trainer.training import Probation, Training
from trainer.trials.restart import Order, names_of, needed
from trainer.turning import changes_of, turn, turn_back, undo
from trainer.wire import CommandRefused, KnobsReverted, KnobsTurned
from trainer.words import Change


class Board:
    """Which turns stand on probation, and what each confirmed turn changed, so that it can be undone."""

    def __init__(self, training: Training, build_anew: Callable[[Order], None]) -> None:
        self._training = training
        self._on_probation = training.on_probation
        self._build_anew = build_anew
        """What has turned the network itself is taken back by building it anew."""
        self._confirmed: dict[str, tuple[Change, ...]] = {}

    def turn(self, command: Turn) -> None:
        """Turn knobs on probation."""
        training = self._training
        if self._stands(command):
            return  # a driver that took over does not know whether it was told
        try:
            if needed(turned.knob for turned in command.turns):
                changes = changes_of(training, command.turns)
                self._build_anew(
                    Order(
                        why="turn",
                        trial=command.trial,
                        changes=changes,
                        probation_steps=command.probation_steps,
                        by=command.by,
                        parameters=names_of(training),
                    )
                )
                return
            changes = turn(training, command.turns)
        except KnobError as refused:
            self.refuse("turn", command.trial, str(refused))
            return
        self.put_on_probation(command.trial, changes, command.probation_steps, command.by)

    def put_on_probation(self, trial: str, changes: tuple[Change, ...], steps: int, by: str) -> None:
        """Say what has turned; it turns back after so many steps unless it is confirmed."""
        progress = self._training.progress
        self._on_probation.append(Probation(trial, changes, progress.step + steps))
        self._training.link.say(KnobsTurned(**progress.where(), changes=changes, trial=trial, probation=True, by=by))

    def known(self) -> tuple[dict[str, tuple[Change, ...]], tuple[tuple[str, tuple[Change, ...], int], ...]]:
        """Return what was confirmed and what is on probation, for a board that goes on from here."""
        return dict(self._confirmed), tuple((one.trial, one.changes, one.until_step) for one in self._on_probation)

    def go_on(
        self,
        confirmed: dict[str, tuple[Change, ...]],
        probation: tuple[tuple[str, tuple[Change, ...], int], ...],
    ) -> None:
        """Go on from what another board has known."""
        self._confirmed = dict(confirmed)
        self._on_probation[:] = [Probation(*one) for one in probation]

    def confirm(self, command: Confirm) -> None:
        """Let a turn stay."""
        for probation in self._on_probation:
            if probation.trial == command.trial:
                self._on_probation.remove(probation)
                self.remember(command.trial, probation.changes)
                confirm(self._training, command.trial, probation.changes)
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

    def stands(self, trial: str) -> bool:
        """Tell whether a confirmed turn of this trial can be taken back."""
        return trial in self._confirmed

    def operates(self, trial: str) -> bool:
        """Tell whether a confirmed turn has changed the network itself."""
        return needed(change.knob for change in self._confirmed.get(trial, ()))

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

    def _turn_back(self, changes: tuple[Change, ...], trial: str, why: str) -> None:
        if needed(change.knob for change in changes):
            self._build_back(changes, trial, why)
            return
        try:
            done = turn_back(self._training, changes)
        except CacheRefused as refused:
            self.refuse("revert", trial, str(refused))
            return
        self._training.link.say(KnobsReverted(**self._training.progress.where(), changes=done, trial=trial, why=why))

    def _build_back(self, changes: tuple[Change, ...], trial: str, why: str) -> None:
        """Take back what has changed the network itself: it is built anew without it."""
        try:
            back = changes_of(self._training, undo(changes))
            names = names_of(self._training)
            self._build_anew(Order(why="revert", trial=trial, changes=back, text=why, parameters=names))
        except KnobError as refused:
            self.refuse("revert", trial, str(refused))
