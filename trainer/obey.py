"""Obeying commands at a step boundary, each answered by events."""

import traceback
from dataclasses import replace
from time import sleep, time
from typing import Literal, NoReturn

import torch

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
from trainer.data.own_state import put_back
from trainer.evaluate import Examiner
from trainer.knobs import KnobError
from trainer.probing import probes
from trainer.setup import SetupError, SharedModel
from trainer.start import announce
from trainer.state.keeping import Keeper
from trainer.state.snapshot import Ring, restore
from trainer.state.snapshot import Snapshot as State
from trainer.stepping.recovery import UpdateTorn
from trainer.surgery.in_code import stay
from trainer.training import Training
from trainer.trials import beside, fork, restart, restart_fork, rounds
from trainer.trials.board import Board
from trainer.trials.fork import ForkRefused
from trainer.trials.planned import Follower
from trainer.trials.restart import Gathered, Order, StartAnew
from trainer.trials.rounds import RoundsRefused
from trainer.turning import check_turns, turn
from trainer.watching.beat import Beats
from trainer.watching.labels import LabelWatch
from trainer.wire import KnobsReverted, RolledBack, SnapshotTaken, Told

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
        self._before: tuple[str, State] | None = None
        """The newest kept fork, and the control's end at its verdict."""
        self.board = Board(training, self._build_anew)
        self._pending: list[Command] = []
        """Heard, and not carried out yet."""
        self._plan = Follower(training, self.board, beats)

    def obey(self) -> bool:
        """Carry out what has come, as soon as the driver has heard all that it has to; return whether anything but training happened."""
        disturbed = self._training.tempo.wait()
        self._pending += self._training.link.heard()
        self.board.expire()
        disturbed |= self._plan.follow()
        while self._pending:
            first = self._pending.pop(0)
            if isinstance(first, Pause):
                self._pause()
            else:
                self._carry_out(first)
            disturbed = True
            if not self._pending:
                self._training.tempo.wait()
                self._pending += self._training.link.heard()
        return disturbed

    def go_on(self, order: Order | None) -> None:
        """Go on where the process before has left off; nothing where there was none.

        Raises:
            StartAnew: when a candidate has lost.
        """
        if order is None:
            return
        gathered = order.gathered
        self._beats.go_on(
            gathered.losses, gathered.grad_norms, gathered.step_s, gathered.fetch_s, gathered.skipped, gathered.clipped
        )
        self.board.go_on(gathered.confirmed, gathered.probation)
        self._pending = list(order.pending)
        match order.why:
            case "fork":
                self._try_candidate(order)
            case "turn" | "revert":
                self._tell_built(order)
            case "back":
                self._ring.go_on(restart.kept_states(self._training.folder, gathered.ring))
        restart.clear(self._training.folder)
        self._beats.resume()

    def snapshot(self) -> None:
        """Take a snapshot that the run can be turned back to."""
        snapshot, seconds = self._ring.add(self._training)
        self._training.link.say(
            SnapshotTaken(**self._training.progress.where(), seconds=seconds, bytes=snapshot.held_bytes)
        )

    def fall_back(self) -> None:
        """Go back to the newest state: memory ran out in the middle of an update, which is neither done nor undone."""
        training = self._training
        training.room.tidy()
        text = "memory ran out in the middle of an update: the run goes back to its newest state and on from there"
        training.link.say(Told(**training.progress.where(), level="warning", text=text))
        self._roll_back(Rollback(to_step=training.progress.step))

    def _carry_out(self, command: Command) -> None:
        """Do one command; others that come while it is done are kept."""
        match command:
            case Turn():
                self.board.turn(command)
            case Confirm():
                self.board.confirm(command)
                if self.board.operates(command.trial):
                    self._keeper.write_last()
            case Revert():
                self._revert(command)
            case Alternate():
                self._alternate(command)
            case Fork():
                self._fork(command)
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

    def _alternate(self, command: Alternate) -> None:
        try:
            rounds.run(self._training, command, rounds.Besides(self._beats, self._examiner, self._keeper))
        except (RoundsRefused, KnobError, CacheRefused, torch.OutOfMemoryError) as refused:
            self.board.refuse("alternate", command.trial, str(refused))
        except UpdateTorn:
            self.fall_back()

    def _fork(self, command: Fork) -> None:
        self._training.clocks.stop()
        try:
            if restart.needed(turned.knob for turned in command.turns) and not beside.room_for(self._training):
                self._fork_anew(command)
                return
            forked = fork.run(self._training, command, self._examiner, self._ring, self._keeper)
        except SharedModel as shared:
            self._fork_elsewhere(command, shared)
            return
        except (ForkRefused, KnobError, CacheRefused, torch.OutOfMemoryError) as refused:
            self.board.refuse("fork", command.trial, str(refused))
            return
        finally:
            self._beats.resume()
        if forked.changes:
            self.board.remember(command.trial, forked.changes)
            self._before = (command.trial, forked.before) if forked.before is not None else None
            if self.board.operates(command.trial):
                self._keeper.write_last()
        self._pending = forked.meanwhile + self._pending

    def _revert(self, command: Revert) -> None:
        """Take a turn back, and where it was asked for and can be had, the steps since its verdict too."""
        if not command.back or not self.board.stands(command.trial):
            self.board.revert(command)
            return
        if self._before is None or self._before[0] != command.trial:
            why = f"{command.why}; only the turn is taken back, for the state of before is no longer held"
            self.board.revert(command.model_copy(update={"why": why}))
            return
        before = self._before[1]
        self._beats.drop()
        why = f"{command.why}; the run goes back to step {before.step}, as it was without it"
        self.board.revert(command.model_copy(update={"why": why}))
        self._go_back(before, command.trial, "guard")
        self._beats.resume()

    def _go_back(self, target: State, trial: str, by: Literal["rescue", "guard"], rewarm_samples: int = 0) -> None:
        """Put an earlier state back under the knobs of now and say so.

        A rescue skips the batches that were seen since, and judges the labels anew: a net that was lost believes none.
        """
        training = self._training
        progress, place, remembered = training.progress, training.supply.place, training.supply.remembered()
        restore(training, target, with_knobs=False)
        training.progress = replace(
            training.progress,
            best_metric=progress.best_metric,
            best_loss=progress.best_loss,
            best_step=progress.best_step,
        )
        training.guard.forget()
        self._ring.at_or_before(target.step)
        if self._before is not None and self._before[1].step >= target.step:
            self._before = None
        skipped = 0
        if by == "rescue":
            training.labels = LabelWatch.for_setup(training.setup, training.device)
        if by == "rescue" and target is not self._ring.start:
            training.supply.go_to(place)
            put_back(remembered)
            skipped = -(-(progress.samples - target.progress.samples) // training.batch_size)
        training.link.say(
            RolledBack(
                **training.progress.where(),
                from_step=progress.step,
                trial=trial,
                skipped_batches=skipped,
                by=by,
                epoch=training.supply.place.epoch,
                offset=training.supply.place.offset,
                parts=training.supply.place.parts,
                rewarm_samples=rewarm_samples,
            )
        )

    def _fork_elsewhere(self, command: Fork, shared: SharedModel) -> None:
        if not self._training.link.own_process:
            self.board.refuse("fork", command.trial, f"{shared}: return a new one at each call")
            return
        try:
            self._fork_anew(command)
        except (ForkRefused, KnobError) as refused:
            self.board.refuse("fork", command.trial, str(refused))

    def _fork_anew(self, command: Fork) -> None:
        order = restart_fork.control_arms(self._training, command, self._examiner, self._ring, self._keeper)
        try:
            self._start_anew(order)
        except KnobError as failed:
            restart_fork.give_up(self._training.link, order, str(failed))

    def _try_candidate(self, order: Order) -> None:
        """Run the candidate of a fork; go on from it, or start anew from the control's end."""
        training = self._training
        training.clocks.stop()
        try:
            won, commands = restart_fork.candidate(training, order, self._examiner)
            back = order.back(*commands, *([Stop(why="stopped")] if training.ending else []))
        except Exception as failed:  # the user's model runs in there, changed as its author has never seen it
            traceback.print_exc()
            text = " ".join(str(failed).split())
            won, commands = False, []
            back = restart_fork.give_up(training.link, order, f"{type(failed).__name__}: {text}")
        if not won:
            self._close()
            raise StartAnew(back)
        self.board.remember(order.trial, order.changes)
        self._pending += commands
        self._keeper.write_last()

    def _build_anew(self, order: Order) -> None:
        """Put another network in the place of the run's, in this process where that can be done.

        Raises:
            StartAnew: where it takes a new process.
            KnobError: when it cannot be built, or what the next process needs cannot be written; nothing has changed.
        """
        training = self._training
        if not beside.room_for(training):
            self._start_anew(order)
        try:
            first = beside.exchange(training, order.changes, self._ring.start)
        except SharedModel as shared:
            if not training.link.own_process:
                raise KnobError(f"{shared}: return a new one at each call") from None
            self._start_anew(order)
        except SetupError as unfit:
            raise KnobError(str(unfit)) from None
        else:
            self._ring.go_on((first,))
            announce(training, resumed=True, trial=order.trial)
            self._tell_built(order)
            self._beats.resume()

    def _tell_built(self, order: Order) -> None:
        """Say what a network that was built anew outside of a trial stands for."""
        training = self._training
        training.guard.forget()
        if order.why == "turn":
            self.board.put_on_probation(order.trial, order.changes, order.probation_steps, order.by)
            return
        where = training.progress.where()
        training.link.say(KnobsReverted(**where, changes=order.changes, trial=order.trial, why=order.text))
        self._keeper.write_last()

    def _start_anew(self, order: Order) -> NoReturn:
        """Write all that the next process needs, and leave this one.

        Raises:
            StartAnew: always, but for the next.
            KnobError: when it cannot be written; nothing has changed then.
        """
        training, progress = self._training, self._training.progress
        self._keeper.write_last()
        try:
            ring = restart.keep_states(training.folder, self._ring.states)
        except OSError as full:
            raise KnobError(f"the run cannot be built anew: its states could not be written ({full})") from None
        if restart.written_step(training.folder) != progress.step:
            raise KnobError("the run cannot be built anew: its last state could not be written")
        losses, grad_norms, step_s, fetch_s, skipped, clipped = self._beats.known()
        confirmed, probation = self.board.known()
        gathered = Gathered(
            losses=losses,
            grad_norms=grad_norms,
            step_s=step_s,
            fetch_s=fetch_s,
            skipped=skipped,
            clipped=clipped,
            confirmed=confirmed,
            probation=probation,
            ring=ring,
        )
        held = {"gathered": gathered, "pending": (*self._pending, *training.link.heard()), "left_t": time()}
        held |= progress.where()
        self._close()
        raise StartAnew(order.model_copy(update=held))

    def _close(self) -> None:
        """Let go of workers: a process that takes the place of this one would not know them."""
        self._training.supply.close()
        self._examiner.close()

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
        rewarm_samples = command.rewarm_steps * training.batch_size
        target = self._ring.at_or_before(command.to_step)
        self._go_back(target, command.trial, "rescue", rewarm_samples)
        if command.turns:
            changes = turn(training, command.turns)
            self.board.remember(command.trial, changes)
            stay(training, command.trial, changes)
        if command.rewarm_steps:
            training.progress.rewarm_since = training.progress.samples
            training.progress.rewarm_over = command.rewarm_steps * training.batch_size
        self._beats.resume()

    def _pause(self) -> None:
        """Stand still until told to go on; whatever else comes is carried out meanwhile. Nobody there: go on."""
        training = self._training
        while not training.ending:
            while self._pending:
                first = self._pending.pop(0)
                if isinstance(first, Resume):
                    return
                if not isinstance(first, Pause):
                    self._carry_out(first)
            if not training.link.attached():
                return
            sleep(PAUSE_POLL_S)
            self._pending += training.link.heard()
