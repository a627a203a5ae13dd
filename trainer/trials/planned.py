"""Following a plan at step boundaries: what a former run kept is done again at the same samples.

With the same configuration, seed and lockstep a plan ends in the former run's weights, to the bit: a trial leaves no trace
but its verdict. That is why a fork's stretch is trained here as its arm was: the guard neither learns on it nor forgets,
and no evaluation comes in between.
"""

import copy

from trainer.knobs import KnobError
from trainer.state.snapshot import restore, take
from trainer.stepping.step import take_step
from trainer.supply import Place
from trainer.surgery.in_code import stay
from trainer.training import Training
from trainer.trials.board import Board
from trainer.trials.plan import PLAN_FILE, Deed, Plan, PlannedArm, PlannedRescue, PlannedStop, PlannedTurn
from trainer.turning import LEARNING, check_turns, turn
from trainer.watching.beat import Beats
from trainer.words import Change


def read_plan(training: Training) -> Plan | None:
    """Return the plan in the run's directory, if there is one, and set the guard as it was there."""
    file = training.folder / PLAN_FILE
    if not file.exists():
        return None
    plan = Plan.model_validate_json(file.read_bytes())
    training.guard.active = plan.guard
    return plan


def check_plan(training: Training) -> None:
    """Check the turns of the plan in the run's directory, each under the knobs that those before it leave.

    Args:
        training: Stands before its first step, with the knobs of its configuration.

    Raises:
        KnobError: when one of them cannot be turned in this run.
    """
    plan, held = read_plan(training), dict(training.knobs)
    try:
        for turns in plan.turned() if plan else ():
            training.knobs.update(check_turns(training, turns))
    except KnobError as refused:
        raise KnobError(f"the plan of {plan.of if plan else ''} does not fit this run: {refused}") from None
    finally:
        training.knobs.update(held)


class Follower:
    """Does what a plan says when its samples are reached."""

    def __init__(self, training: Training, board: Board, beats: Beats) -> None:
        self._training = training
        self._board = board
        self._beats = beats
        plan = read_plan(training)
        done = training.progress.samples
        self._deeds = [deed for deed in plan.deeds if deed.samples >= done] if plan is not None else []

    def follow(self) -> bool:
        """Do what is due; return whether there was anything."""
        training, disturbed = self._training, False
        while self._deeds and training.progress.samples >= self._deeds[0].samples and not training.ending:
            try:
                self._do(self._deeds.pop(0))
            except KnobError as refused:
                self._board.refuse("plan", "", str(refused))
            disturbed = True
        return disturbed

    def _do(self, deed: Deed) -> None:
        match deed:
            case PlannedTurn():
                self._tell(deed.trial, turn(self._training, deed.turns))
            case PlannedArm():
                self._train(deed)
            case PlannedRescue():
                self._go_on_as_rescued(deed)
            case PlannedStop():
                self._training.ending = deed.why

    def _train(self, deed: PlannedArm) -> None:
        """Train a fork's stretch; its steps are told in a beat of their own."""
        training = self._training
        guard = copy.deepcopy(training.guard)
        changes = turn(training, deed.turns)
        self._tell(deed.trial, changes)
        beats, until, batch = Beats(training), min(deed.until, training.progress.samples_total), None
        while training.progress.samples < until:
            batch = training.supply.take()
            beats.step(take_step(training, batch), batch)
        beats.flush(batch)
        training.guard = guard
        if not LEARNING.isdisjoint(change.knob for change in changes):
            guard.forget()

    def _go_on_as_rescued(self, deed: PlannedRescue) -> None:
        """Do what a rollback does behind its restored state: the knobs of later, other batches, the turns."""
        training = self._training
        self._beats.drop()
        here = take(training)
        held = turn(training, deed.held)
        restore(training, here, with_knobs=False)
        training.guard.forget()
        training.supply.go_to(Place(deed.epoch, deed.offset, deed.parts))
        self._tell(deed.trial, (*held, *turn(training, deed.turns)))
        if deed.rewarm_samples:
            training.progress.rewarm_since = training.progress.samples
            training.progress.rewarm_over = deed.rewarm_samples

    def _tell(self, trial: str, changes: tuple[Change, ...]) -> None:
        if not changes:
            return
        self._board.remember(trial, changes)
        stay(self._training, trial, changes, by="plan")
