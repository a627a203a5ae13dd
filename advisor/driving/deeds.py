"""What was decided, and what the trainer says it has done of it: what a dead driver or a dead trainer has left undone.

A trainer that is started again goes on from a checkpoint and remembers no trial: what it was told and had no time to do
is told once more, and a turn that it has forgotten is taken back by turning it the other way.
"""

from collections.abc import Iterable, Mapping

from advisor.deciding.history import Attempt
from trainer.commands import Command, Confirm, Revert, Turn
from trainer.knobs import Knob
from trainer.wire import CommandRefused, Event, KnobsConfirmed, KnobsReverted
from trainer.words import Change, Turned

BACK = "back"
"""Ends the name under which a forgotten turn is taken back: it is no part of the trial that it undoes."""


class Deeds:
    """Folds the trainer's answers."""

    def __init__(self) -> None:
        self._answered: set[tuple[str, str]] = set()
        """(trial, command) of what the trainer says it has done, or refused to do."""
        self._stands: dict[str, tuple[Change, ...]] = {}
        """Trial → what it has turned for good."""
        self._told_again: set[str] = set()

    def hear(self, event: Event) -> None:
        """Take in an event."""
        match event:
            case KnobsConfirmed():
                self._answered.add((event.trial, "turn"))
                self._stands[event.trial] = event.changes
            case KnobsReverted():
                self._answered.add((event.trial, "revert"))
                self._stands.pop(event.trial, None)
            case CommandRefused():
                self._answered.add((event.trial, event.command))

    def outstanding(self, attempt: Attempt) -> list[Command]:
        """Return again what was decided and is not done, for the trainer that lives on. Twice told does no harm."""
        trial = attempt.trial
        if attempt.undone and (trial, "revert") not in self._answered:
            return [Revert(trial=trial, why="it was taken back before the driver died")]
        return self._turn(attempt) if attempt.how in ("rounds", "untried") else []

    def lost(self, attempts: Iterable[Attempt]) -> tuple[list[Command], list[Attempt]]:
        """Return what a trainer that was just started again is told, and what is given up, for it dies before it has turned.

        The winner of a fork is among the first, and so is a rescue that has turned back and not turned its knobs yet: the state is
        gone with the trainer that held it, what it turns is not.
        """
        commands: list[Command] = []
        given_up: list[Attempt] = []
        for attempt in attempts:
            turns = self._turn(attempt) if attempt.how in ("rounds", "untried", "fork", "free", "rescue") else []
            if turns and attempt.trial in self._told_again:
                given_up.append(attempt)
                continue
            self._told_again |= {attempt.trial} if turns else set()
            commands += turns or self.outstanding(attempt)
        return commands, given_up

    def forgotten(self, attempt: Attempt, knobs: Mapping[str, Knob]) -> list[Command]:
        """Return what takes a turn back that a trainer, started again since, does not remember.

        Args:
            attempt: It was taken back, and the trainer has refused to.
            knobs: What they hold now. One that was turned to something else since is left alone.
        """
        stood = self._stands.pop(attempt.trial, ()) if attempt.undone else ()
        turns = tuple(
            Turned(knob=one.knob, to=one.old)
            for one in stood
            if one.knob in knobs and knobs[one.knob].value == one.new != one.old
        )
        name = f"{attempt.trial}-{BACK}"
        return [Turn(trial=name, turns=turns), Confirm(trial=name)] if turns else []

    def _turn(self, attempt: Attempt) -> list[Command]:
        trial, fix = attempt.trial, attempt.fix
        if not attempt.stays or (trial, "turn") in self._answered or not fix.turns:
            return []
        return [
            Turn(trial=trial, turns=tuple(Turned(knob=turn.knob, to=turn.to) for turn in fix.turns)),
            Confirm(trial=trial),
        ]
