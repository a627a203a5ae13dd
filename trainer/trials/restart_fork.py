"""A fork whose candidate is built anew: control and null arms in one process, the candidate in the next."""

import copy
import time
from collections.abc import Iterator
from contextlib import contextmanager

from trainer.commands import Command, Fork
from trainer.evaluate import Examiner
from trainer.link import Link
from trainer.state import checkpoint
from trainer.state.checkpoint import Beside
from trainer.state.keeping import Keeper
from trainer.state.snapshot import Ring, restore, take
from trainer.stepping.recovery import NO_ROOM, given_up
from trainer.training import Training
from trainer.trials.arms import run_arm, stream_of
from trainer.trials.beside import say_won
from trainer.trials.fork import ForkRefused, await_verdict, make_room, say_begun
from trainer.trials.meanwhile import Meanwhile
from trainer.trials.restart import TRIAL, Order, names_of
from trainer.turning import changes_of
from trainer.wire import CommandRefused, TrialEnded


def control_arms(training: Training, command: Fork, examiner: Examiner, ring: Ring, keeper: Keeper) -> Order:
    """Run all arms but the candidate's; the run stands at the control's end then, with what was evaluated on the way there.

    Return how it is to be built anew.

    Raises:
        ForkRefused: when memory, disk or what is left of the run is too small.
        KnobError: when the turn cannot be made.
    """
    changes = changes_of(training, command.turns)
    training.supply.check_repeatable()
    if command.from_start:
        raise ForkRefused("a network that begins anew is tried beside the run's own, and the two do not fit here")
    if command.steps > training.steps_total - training.progress.step:
        raise ForkRefused(f"{command.steps} steps do not fit into what is left of the run")
    began_t, start = time.time(), take(training)
    make_room(training, start, ring)
    try:
        checkpoint.write(training.folder / "checkpoints", TRIAL, start, Beside({}, {}))
    except OSError as full:
        raise ForkRefused(f"the state to go back to could not be written ({full.strerror or full})") from None
    say_begun(training, command)
    meantime = Meanwhile(training, examiner, keeper, due=True)
    try:
        with unwatched(training):
            own = stream_of(training, 0, command.steps)
            with meantime.evaluating() as after_step:
                control = run_arm(
                    training, command.trial, examiner, "control", own, keep_end=True, after_step=after_step
                )
            for number in range(1, 1 + command.nulls):
                restore(training, start)
                other = stream_of(training, number, command.steps)
                run_arm(training, command.trial, examiner, "null", other, keep_end=False)
    except NO_ROOM as full:
        raise ForkRefused(given_up(training, full, lambda: restore(training, start))) from None
    except Exception:
        restore(training, start)
        raise
    assert control.end is not None
    restore(training, control.end)
    evaluation_s = meantime.take_over()
    return Order(
        why="fork",
        trial=command.trial,
        changes=changes,
        fork=command,
        parameters=names_of(training),
        began_t=began_t,
        useful_s=control.scored.seconds + evaluation_s,
        evaluated=meantime.evaluated,
    )


def candidate(training: Training, order: Order, examiner: Examiner) -> tuple[bool, list[Command]]:
    """Run the candidate's arm on the control's batches and wait for the verdict; say what becomes of the trial.

    Args:
        training: Built anew, in the state in which the fork began.
        order: What the process before has left.
        examiner: Of this training.

    Returns:
        Whether the candidate has won, and other commands that came meanwhile.
    """
    command, ready_t = order.fork, time.time()
    assert command is not None
    start = take(training)
    with unwatched(training):
        arm = run_arm(
            training, command.trial, examiner, "candidate", stream_of(training, 0, command.steps), keep_end=True
        )
        for number in range(1, command.replicates):
            restore(training, start)
            other = stream_of(training, number, command.steps)
            run_arm(training, command.trial, examiner, "candidate", other, keep_end=False)
    assert arm.end is not None
    restore(training, arm.end)
    winner, meanwhile = await_verdict(training, command)
    won = winner == "candidate" and not arm.scored.diverged and not training.ending
    where, passed_s = training.progress.where(), time.time() - order.began_t
    if won:
        say_won(training, order.trial, order.changes)
    way_back_s = 0.0 if won else ready_t - order.left_t
    training.link.say(
        TrialEnded(
            **where,
            trial=order.trial,
            went_on_from="candidate" if won else "control",
            seconds=passed_s + way_back_s - (arm.scored.seconds if won else order.useful_s),
        )
    )
    if not won:
        _tell_evaluated(training.link, order)
    return won, meanwhile


def give_up(link: Link, order: Order, why: str) -> Order:
    """Say that the run cannot be built as it was to be; return the order to go on as if nothing had been tried."""
    where = {"step": order.step, "samples": order.samples}
    if order.why == "fork":
        seconds = max(time.time() - order.began_t - order.useful_s, 0.0)
        link.say(TrialEnded(**where, trial=order.trial, went_on_from="control", seconds=seconds, why=why))
        _tell_evaluated(link, order)
    else:
        link.say(CommandRefused(**where, command=order.why, trial=order.trial, why=why))
    return order.back()


def _tell_evaluated(link: Link, order: Order) -> None:
    """Tell how the control was evaluated: the run goes on from its end."""
    for event in order.evaluated:
        link.say(event)


@contextmanager
def unwatched(training: Training) -> Iterator[None]:
    """Keep what happens in the block out of the run's history; the guard knows afterwards what it knew before."""
    guard = copy.deepcopy(training.guard)
    training.watching = False
    try:
        yield
    finally:
        training.guard = guard
        training.watching = True
