"""Obeying commands at a step boundary, each answered by events."""

from dataclasses import replace
from math import inf
from time import sleep

from trainer import fork, probes, rounds
from trainer.beat import Beats
from trainer.board import Board
from trainer.commands import (
    Alternate,
    Checkpoint,
    Command,
    Confirm,
    Fork,
    Pause,
    Probe,
    Resume,
    Revert,
    Rollback,
    Snapshot,
    Stop,
    Turn,
)
from trainer.data.feed import CacheRefused
from trainer.evaluate import Examiner
from trainer.fork import ForkRefused
from trainer.keeping import Keeper
from trainer.knobs import KnobError
from trainer.planned import Follower
from trainer.rounds import RoundsRefused
from trainer.snapshot import Ring, restore
from trainer.training import Training
from trainer.turning import check_turns, turn
from trainer.wire import KnobsConfirmed, KnobsTurned, RolledBack, SnapshotTaken

PAUSE_POLL_S = 0.02
"""While a run stands still."""


class Orders:
    """What the trainer was told, and what became of it."""

    def __init__(self, training: Training, beats: Beats, examiner: Examiner, ring: Ring, keeper: Keeper) -> None:
        self._training = training
        self._beats = beats
        self._examiner = examiner
        self._ring = ring
        self._keeper = keeper
        self.board = Board(training)
        self._plan = Follower(training, self.board, beats)

    def obey(self) -> bool:
        """Carry out what has come; return whether anything but training happened.

        In lockstep the driver's answer to all that was said is waited for first.
        """
        if self._training.lockstep:
            self._training.link.wait_until_heard(inf)
        commands = self._training.link.heard()
        self.board.expire()
        disturbed = self._plan.follow()
        while commands:
            first, rest = commands[0], commands[1:]
            commands = self._pause(rest) if isinstance(first, Pause) else self._carry_out(first) + rest
            disturbed = True
            if not commands:
                if self._training.lockstep:
                    self._training.link.wait_until_heard(inf)
                commands = self._training.link.heard()
        return disturbed

    def snapshot(self) -> None:
        """Take a snapshot that the run can be turned back to."""
        snapshot, seconds = self._ring.add(self._training)
        self._training.link.say(
            SnapshotTaken(**self._training.progress.where(), seconds=seconds, bytes=snapshot.held_bytes)
        )

    def _carry_out(self, command: Command) -> list[Command]:
        """Do one command; return commands that came while it was done."""
        match command:
            case Turn():
                self.board.turn(command)
            case Confirm():
                self.board.confirm(command)
            case Revert():
                self.board.revert(command)
            case Alternate():
                self._alternate(command)
            case Fork():
                return self._fork(command)
            case Rollback():
                self._roll_back(command)
            case Probe():
                self._probe(command)
            case Snapshot():
                self.snapshot()
            case Checkpoint():
                self._keeper.write_last()
            case Stop():
                self._training.ending = command.why
            case _:
                pass
        return []

    def _alternate(self, command: Alternate) -> None:
        try:
            rounds.run(self._training, command, self._beats)
        except (RoundsRefused, KnobError, CacheRefused) as refused:
            self.board.refuse("alternate", command.trial, str(refused))

    def _fork(self, command: Fork) -> list[Command]:
        self._training.clocks.stop()
        try:
            changes, commands = fork.run(self._training, command, self._examiner)
        except (ForkRefused, KnobError, CacheRefused) as refused:
            self.board.refuse("fork", command.trial, str(refused))
            return []
        finally:
            self._beats.resume()
        if changes:
            self.board.remember(command.trial, changes)
        return commands

    def _probe(self, command: Probe) -> None:
        self._training.clocks.stop()
        try:
            probes.run(self._training, command, self._ring.start)
        except Exception as failed:  # the user's model runs in there, on inputs that it may never have seen
            self.board.refuse("probe", command.trial, f"{command.probe}: {type(failed).__name__}: {failed}")
        finally:
            self._beats.resume()

    def _roll_back(self, command: Rollback) -> None:
        training = self._training
        try:
            check_turns(training, command.turns)
        except KnobError as refused:
            self.board.refuse("rollback", command.trial, str(refused))
            return
        self._beats.drop()
        self.board.revert_all("the run is rolled back")
        from_step, place, samples = training.progress.step, training.supply.place, training.progress.samples
        target = self._ring.at_or_before(command.to_step)
        best = training.progress
        restore(training, target, with_knobs=False)
        training.progress = replace(
            training.progress,
            best_metric=best.best_metric,
            best_loss=best.best_loss,
            best_step=best.best_step,
        )
        training.guard.forget()
        skipped = 0
        if target is not self._ring.start:
            training.supply.go_to(place)
            skipped = -(-(samples - target.progress.samples) // training.batch_size)
        training.link.say(
            RolledBack(
                **training.progress.where(),
                from_step=from_step,
                trial=command.trial,
                skipped_batches=skipped,
                epoch=training.supply.place.epoch,
                offset=training.supply.place.offset,
                rewarm_samples=command.rewarm_steps * training.batch_size,
            )
        )
        if command.turns:
            changes = turn(training, command.turns)
            self.board.remember(command.trial, changes)
            training.link.say(
                KnobsTurned(**training.progress.where(), changes=changes, trial=command.trial, probation=False)
            )
            training.link.say(KnobsConfirmed(**training.progress.where(), changes=changes, trial=command.trial))
        if command.rewarm_steps:
            training.progress.rewarm_since = training.progress.samples
            training.progress.rewarm_over = command.rewarm_steps * training.batch_size
        self._beats.resume()

    def _pause(self, commands: list[Command]) -> list[Command]:
        """Stand still until told to go on; whatever else comes is carried out meanwhile. Nobody there: go on."""
        training = self._training
        while not training.ending:
            while commands:
                first, commands = commands[0], commands[1:]
                if isinstance(first, Resume):
                    return commands
                if not isinstance(first, Pause):
                    commands = self._carry_out(first) + commands
            if not training.link.attached():
                return []
            sleep(PAUSE_POLL_S)
            commands = training.link.heard()
        return commands
