"""A fork: control, candidate and null arms from one snapshot, scored on the same held-out examples.

Control and candidate train on the same next batches with the same random state; a null arm is a control on other
batches: what it differs by is noise. Further candidates train on the batches of the null arms, so that the turn is
measured several times, each time with everything else alike. The run then goes on from the arm that the driver names,
so only the other arms' work is lost; without a word from the driver it goes on from the control, as if nothing had
been tried.

Arms can also begin before the first step, for what suits no weights that were trained without it: they train up to the step
of now, so that the run goes on in its place whichever wins. The control is then the run itself, trained once more only to be
scored like the others.

A turn that needs another network (`trainer.trials.beside`) is tried alike: that network takes the run's place for the candidate's
arms, and the run's own one comes back after each.

What begins with another network or other inputs may need another rate than the run's (`trainer.trials.own_rate`): where that is asked
for, a candidate without a gain gets a second arm, at the rate that a sweep of it picks.
"""

import copy
from contextlib import nullcontext
from dataclasses import dataclass, replace
from math import isfinite, isnan, nan
from time import perf_counter, sleep

from trainer.commands import Command, Decide, Fork
from trainer.data.feed import CacheRefused
from trainer.evaluate import Examiner
from trainer.knobs import KnobError
from trainer.setup import SetupError
from trainer.start import announce
from trainer.state.keeping import Keeper
from trainer.state.snapshot import Ring, Snapshot, on_host, restore, take
from trainer.stepping.memory import free_bytes, free_host_bytes
from trainer.stepping.recovery import NO_ROOM, given_up
from trainer.training import Training
from trainer.trials.arms import SPEED_KNOBS, ArmEnd, Pace, Stream, no_step, run_arm, stream_of
from trainer.trials.beside import Another, before_the_run, say_won
from trainer.trials.meanwhile import Meanwhile
from trainer.trials.own_rate import own_rate
from trainer.trials.restart import needed
from trainer.turning import changes_of, check_turns, set_knobs, turn
from trainer.watching.labels import LabelWatch
from trainer.wire import Arm, ArmScored, TrialBegan, TrialEnded
from trainer.words import Change

MEMORY_SHARE = 0.25
"""A fork is refused when the states that it holds would take more than this share of the free memory."""

STATES_HELD = 3
"""The snapshot, the control's end and the candidate's end."""

WAIT_S = 1.0
"""So long the trainer waits for a verdict; in lockstep as long as the driver lives."""

FUTILE = "the first pair of arms shows no gain worth keeping"
"""Why a fork ends before all its arms have run."""

LOOK_S = 0.05
"""… looking up now and then, for the driver may be gone."""


class ForkRefused(Exception):
    """The fork cannot be made; the text says why. Nothing has changed."""


@dataclass(frozen=True)
class Forked:
    """What a fork has led to."""

    changes: tuple[Change, ...]
    """What was turned for good; nothing when the control won."""
    before: Snapshot | None
    """The control's end, on the host, when the candidate won and there is room: where the guard can go back to."""
    meanwhile: list[Command]
    """Other commands that came while the fork ran."""


def run(training: Training, command: Fork, examiner: Examiner, ring: Ring, keeper: Keeper) -> Forked:
    """Run the arms of a command, wait for the verdict and go on from the winner.

    Raises:
        ForkRefused: when memory or what is left of the run is too small, or an arm fails.
        KnobError: when the turn cannot be made, or the data set does not deal the same examples again.
        SharedModel: when it needs another network, and a new process to build it in; nothing has changed then.
    """
    check_turns(training, command.turns, restart=True)
    training.supply.check_repeatable()
    if not 1 <= command.replicates <= 1 + command.nulls:
        raise ForkRefused(f"{command.replicates} candidates need as many controls, and there are {1 + command.nulls}")
    here, start = take(training), None
    if command.from_start:
        start = ring.start
        if start.step or not training.progress.step:
            raise ForkRefused("the state before the first step is not held, or is the state of now")
        command = command.model_copy(update={"steps": training.progress.step})
    elif command.steps > training.steps_total - training.progress.step:
        raise ForkRefused(f"{command.steps} steps do not fit into what is left of the run")
    begun, guard = perf_counter(), copy.deepcopy(training.guard)
    make_room(training, here, ring)
    other = _other_network(training, command, here, ring)
    meantime = Meanwhile(training, examiner, keeper, due=start is None)
    say_begun(training, command)
    training.watching = False

    def put_back() -> None:
        if other is not None:
            other.leave()
        restore(training, here)

    try:
        arms = _run_arms(training, command, examiner, here, ring.start, other, meantime)
    except NO_ROOM as full:
        raise ForkRefused(given_up(training, full, put_back)) from None
    except (KnobError, CacheRefused):
        put_back()
        raise
    except Exception as failed:  # the user's model and data run in there: what is wrong without the turn shows again
        put_back()
        raise ForkRefused(f"an arm failed ({type(failed).__name__}: {' '.join(str(failed).split())})") from failed
    finally:
        training.guard = guard
        training.watching = True
    control, candidate, changes = arms.control, arms.candidate, arms.changes
    assert control.end is not None
    if other is not None:
        other.leave()
    if start is not None:
        control = replace(control, end=here)  # what the run has done by itself
    restore(training, control.end or here)
    lost = futile(command, control.scored, candidate.scored)
    winner, meanwhile = ("control", []) if lost else await_verdict(training, command)
    before = None
    if candidate.end is None or candidate.scored.diverged:
        winner = "control"
    if winner == "candidate" and candidate.end is not None:
        before = _keep(control.end or here) if other is None else None
        if other is not None:
            other.enter()
            ring.go_on((other.first,))
        restore(training, candidate.end)
        if start is not None:
            _begin_anew(training, here, ring, same_network=other is None)
        if other is not None:
            announce(training, resumed=True, trial=command.trial)
        say_won(training, command.trial, changes)
    useful = candidate.scored.seconds if winner == "candidate" else control.scored.seconds
    if winner == "control":
        useful += meantime.take_over()
    if start is not None:
        useful = 0.0  # the control was trained once more, and a candidate that wins takes the place of what was trained
    training.link.say(
        TrialEnded(
            **training.progress.where(),
            trial=command.trial,
            went_on_from=winner,
            seconds=perf_counter() - begun - useful,
            swept_steps=arms.swept_steps,
            why=FUTILE if lost else "",
        )
    )
    if winner != "candidate":
        meantime.tell()
        return Forked((), None, meanwhile)
    return Forked(changes, before, meanwhile)


def _other_network(training: Training, command: Fork, start: Snapshot, ring: Ring) -> Another | None:
    """Return the network that the candidate needs, if it needs another one; the run stands at `start` again."""
    if not needed(turned.knob for turned in command.turns):
        return None
    changes = changes_of(training, command.turns)
    try:
        begin = before_the_run(training, ring.start) if command.from_start else start
        return Another(training, changes, begin, ring.start, fresh=command.from_start)
    except SetupError as unfit:
        raise ForkRefused(str(unfit)) from None
    except NO_ROOM as full:
        raise ForkRefused(given_up(training, full, lambda: None)) from None
    finally:
        restore(training, start)


def _begin_anew(training: Training, here: Snapshot, ring: Ring, *, same_network: bool) -> None:
    """Go on in the place of a run that has begun otherwise: what is due next stays, and of the same network the best model."""
    progress = here.progress
    due = {"next_evaluation": progress.next_evaluation, "next_checkpoint": progress.next_checkpoint}
    training.progress = replace(training.progress, **due)
    if same_network:
        best = (progress.best_metric, progress.best_loss, progress.best_step)
        training.progress.best_metric, training.progress.best_loss, training.progress.best_step = best
    ring.at_or_before(0)
    training.labels = LabelWatch.for_setup(training.setup, training.device)
    training.guard.forget()


def futile(command: Fork, control: ArmScored, candidate: ArmScored) -> bool:
    """Tell whether the first pair of arms shows no gain worth keeping: a control that is not finite is worse than any end."""
    before, after = (one.scores.get(command.score, nan) for one in (control, candidate))
    if not command.score or candidate.diverged:
        return bool(command.score)
    if control.diverged or not isfinite(before):
        return False
    gain = (before - after) if command.less_is_better else (after - before)
    return not gain > command.least_gain * abs(before)


def make_room(training: Training, start: Snapshot, ring: Ring) -> None:
    """See that the states of a fork fit: the ring gives up all but its newest one where they share the memory.

    Raises:
        ForkRefused: when they would take over a quarter of what is free all the same.
    """
    needed = start.held_bytes * STATES_HELD
    if needed > free_bytes(training.device) * MEMORY_SHARE and training.device.type == "cpu":
        ring.shrink()
    if needed > free_bytes(training.device) * MEMORY_SHARE:
        raise ForkRefused(f"three states of {start.held_bytes >> 20} MiB are over a quarter of the free memory")


def _keep(end: Snapshot) -> Snapshot | None:
    """Return a state on the host, or nothing where it would take over a quarter of the free memory there."""
    return on_host(end) if end.held_bytes <= free_host_bytes() * MEMORY_SHARE else None


@dataclass(frozen=True)
class _Arms:
    """Control and candidate of the run's own stream, and what was turned."""

    control: ArmEnd
    candidate: ArmEnd
    changes: tuple[Change, ...]
    swept_steps: int


def _run_arms(
    training: Training,
    command: Fork,
    examiner: Examiner,
    here: Snapshot,
    first: Snapshot,
    other: Another | None,
    meantime: Meanwhile,
) -> _Arms:
    """Run all arms, stream by stream.

    Args:
        training: The run.
        command: What the arms are.
        examiner: Scores them.
        here: The state of now.
        first: The state before the first step: arms that begin there do so under the knobs of now.
        other: The network that the candidate needs, if it needs another one.
        meantime: Evaluates the control where the run is due to be.
    """
    timed = not training.lockstep and not SPEED_KNOBS.isdisjoint(turned.knob for turned in command.turns)
    ends: dict[Arm, ArmEnd] = {}
    changes: tuple[Change, ...] = ()
    rate, swept_steps, replicates = nan, 0, command.replicates

    def begin(*, from_start: bool = command.from_start) -> None:
        if other is not None:
            other.leave()
        restore(training, here)
        if from_start:
            restore(training, first, with_knobs=False)

    def begin_turned() -> tuple[Change, ...]:
        if other is not None:
            other.enter()
            made = other.changes
        else:
            begin()
            made = turn(training, command.turns)
        if isnan(rate):
            return made
        before = float(training.knobs["lr"])
        set_knobs(training, {"lr": rate})
        return (*made, Change(knob="lr", old=before, new=rate))

    def begin_first() -> None:
        if other is not None:
            other.enter()
            restore(training, other.first)
        else:
            begin(from_start=True)
            turn(training, command.turns)

    def run_candidate(stream: Stream, beside: Pace | None) -> None:
        nonlocal changes
        turned = begin_turned()
        own = stream.number == 0
        end = run_arm(training, command.trial, examiner, "candidate", stream, keep_end=own, beside=beside, timed=timed)
        if own:
            ends["candidate"], changes = end, turned

    for number in range(1 + command.nulls):
        begin()
        stream = stream_of(training, number, command.steps)
        own = number == 0
        name: Arm = "control" if own else "null"
        with meantime.evaluating() if own else nullcontext(no_step) as after_step:
            ends[name] = run_arm(
                training, command.trial, examiner, name, stream, keep_end=own, timed=timed, after_step=after_step
            )
        if number >= replicates:
            continue
        beside = ends[name].pace if timed else None
        run_candidate(stream, beside)
        if not own or not futile(command, ends["control"].scored, ends["candidate"].scored):
            continue
        if command.own_rate and not first.step:
            rate, swept_steps = own_rate(training, begin_first)
        if isnan(rate):
            break
        replicates = 1
        run_candidate(stream, beside)
        if futile(command, ends["control"].scored, ends["candidate"].scored):
            break
    return _Arms(ends["control"], ends["candidate"], changes, swept_steps)


def say_begun(training: Training, command: Fork) -> None:
    """Say that the arms begin, and how many steps they all take."""
    training.link.say(
        TrialBegan(
            **training.progress.where(),
            trial=command.trial,
            how="fork",
            steps=command.steps * (1 + command.replicates + command.nulls),
            from_start=command.from_start,
        )
    )


def await_verdict(training: Training, command: Fork) -> tuple[Arm, list[Command]]:
    """Wait for the driver's word; return the arm to go on from and the other commands that came."""
    begun = perf_counter()
    others: list[Command] = []
    patience = float("inf") if training.lockstep else WAIT_S
    while True:
        training.link.wait_until_heard(patience if training.lockstep else LOOK_S)
        for heard in training.link.heard():
            if isinstance(heard, Decide) and heard.trial == command.trial:
                return heard.arm, others
            others.append(heard)
        if perf_counter() - begun > patience or not training.link.attached() or training.lockstep:
            return "control", others
        sleep(0.002)
