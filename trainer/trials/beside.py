"""Another network beside the run's: built anew in this process, it takes the place of the run's own and gives it back.

A knob that changes the network itself cannot turn in place: the user's objects must come back untouched. So the network is
made once more, by the task's own factory and under the run's seed, operated, and given the state that it is to begin at. Data,
loader, generators and counters stay; of the run's own network nothing is written to until it is put back, with a state of it
that a snapshot holds to the bit. That costs what the factory takes, where a new process costs seconds: torch, the data and
the device are there already.

A new process is left to what needs one (`trainer.trials.restart`): where two networks do not fit into memory at once, or the factory
gives the same object however often it is called.
"""

from dataclasses import replace
from typing import Any

from trainer.config import Config
from trainer.setup import Setup, build_again
from trainer.state.snapshot import Snapshot, restore, take
from trainer.stepping.memory import free_bytes, free_host_bytes
from trainer.surgery.in_code import stay
from trainer.surgery.surgery import OWN
from trainer.training import Training
from trainer.trials.restart import names_of, take_over
from trainer.turning import apply_first
from trainer.words import Change

PARTS = (
    "setup", "model", "objective", "unavailable", "optimizer", "knobs", "best", "averaged", "has_buffers",
    "buffer_copies",
)  # fmt: skip
"""Attributes of a training that belong to its network."""

STATES_HELD = 6
"""Two networks and four states: where the fork began, where the candidate began, and the ends of both."""

COPIES_HELD = 3
"""A network's state: its weights, and two moments at most."""

MEMORY_SHARE = 0.25
"""Of the free memory, as for every fork: what two networks may hold together."""


def room_for(training: Training) -> bool:
    """Tell whether a second network fits beside the run's, and a user's data a second time while it is made."""
    model = sum(one.nbytes for one in (*training.model.parameters(), *training.model.buffers()))
    data = training.setup.source.train.tensors if training.config.task.factory else None
    held = sum(one.nbytes for one in data or ())
    return (
        STATES_HELD * COPIES_HELD * model <= MEMORY_SHARE * free_bytes(training.device)
        and held <= MEMORY_SHARE * free_host_bytes()
    )


def before_the_run(training: Training, first: Snapshot) -> Snapshot:
    """Return the state before step 0 under the knobs of now: what was confirmed since then outlives a new start."""
    return replace(first, knobs=dict(training.knobs))


class Another:
    """A second network of a run, with the state that it begins at.

    Args:
        training: Stands at a step boundary; afterwards it holds its own network, in any state: restore one.
        changes: What turns.
        begin: The state that the other network begins at, of the run's own network.
        first: The state before step 0, of the run's own network.
        fresh: `begin` is `first`: its optimizer begins anew, too.

    Raises:
        SetupError: when the network cannot be built so.
        SharedModel: when the factory gives no second one.
    """

    def __init__(
        self, training: Training, changes: tuple[Change, ...], begin: Snapshot, first: Snapshot, *, fresh: bool = False
    ) -> None:
        self._training = training
        self.changes = changes
        self._own = _held(training)
        names = () if fresh else names_of(training)
        values = {change.knob: change.new for change in changes}
        rest = {knob: value for knob, value in values.items() if knob not in OWN}
        first = replace(first, knobs={**training.knobs, **rest})
        begin = replace(begin, knobs={**begin.knobs, **rest})
        setup = build_again(_with_surgery(training, values), training.setup)
        try:
            self._install(setup, values)
            take_over(training, first, ())
            self.first = take(training, on_host=True)
            """Before step 0, of this network."""
            take_over(training, begin, names)
            self.begin = take(training)
            self._other = _held(training)
        finally:
            self.leave()

    def enter(self) -> None:
        """Let it take the run's place, at the state that it begins at."""
        _put(self._training, self._other)
        restore(self._training, self.begin)

    def leave(self) -> None:
        """Give the run its own network back, in whatever state it was left."""
        _put(self._training, self._own)

    def _install(self, setup: Setup, values: dict[str, Any]) -> None:
        training = self._training
        training.knobs = training.knobs | values
        training.install(setup)
        apply_first(training)


def exchange(training: Training, changes: tuple[Change, ...], first: Snapshot) -> Snapshot:
    """Put a network with these changes in the place of the run's, for good; return its state before step 0.

    Args:
        training: Stands at a step boundary.
        changes: What turns.
        first: The state before step 0, of the run's own network.

    Raises:
        SetupError: when the network cannot be built so; nothing has changed then.
        SharedModel: when the factory gives no second one; nothing has changed either.
    """
    start = take(training)
    try:
        other = Another(training, changes, start, first)
    except BaseException:
        restore(training, start)
        raise
    other.enter()
    return other.first


def say_won(training: Training, trial: str, changes: tuple[Change, ...]) -> None:
    """Say that a candidate's changes stay."""
    if not OWN.keys().isdisjoint(change.knob for change in changes):
        training.guard.forget()
    stay(training, trial, changes)


def _with_surgery(training: Training, values: dict[str, Any]) -> Config:
    own = {knob: training.knobs[knob] for knob in OWN} | values
    return training.config.model_copy(update={"train": training.config.train.model_copy(update=own)})


def _held(training: Training) -> dict[str, Any]:
    return {name: getattr(training, name) for name in PARTS}


def _put(training: Training, held: dict[str, Any]) -> None:
    for name, value in held.items():
        setattr(training, name, value)
