"""Starting anew: a knob that changes the network itself turns by checkpoint, stop, start where it needs a new process.

Mostly it needs none: `trainer.trials.beside` builds the other network in this one. Here is what both share (the state that fits
into another network), and the way of a new process: a fork runs its control and null arms first and writes the control's
end as `last`. Then the run is built anew with the knob turned, and the candidate goes on from the state in which the fork
began. When it wins, the run goes on from there. When it loses, nobody answers, or anything fails, the run is built anew from
`last`, as if nothing had been tried; and whatever kills the candidate's process, a resume comes up from `last`, too.

**What is fair.** Where there is something to lose, both arms begin at one state: the same step, batches, random numbers, rate
and counters, and every weight and optimizer state that fits by name and shape. What does not fit is fresh: a norm at its
identity scale, all weights where they are drawn anew (`init`). A fresh part stands against a trained control, and is so at a
disadvantage, which is the disadvantage that the run would really have from here on: the question is whether it is better off
with the turn *now*, not whether it should have been begun with it.

A net that has learned nothing has nothing to lose: both arms begin before step 0 (`Fork.from_start`) and train up to the step
of now, the control as the run did, so that the run goes on in its place whichever wins. That is tried only beside the run's
own network, in one process (`trainer.trials.beside`).

Measured once, one seed, processor, by the forerunner of `tests/bench/surgery_start.py`, which has not been run to its end: 22
turns at 10 % and 40 % of a run of digits, forks of 40 steps, held against what the whole rest of the run came to. From the
state of now 21 verdicts were right and none kept what did harm; from two beginnings (both arms fresh) 16 were right and 6 kept
what did harm. (A net that stays dead either way ends in a tie, which falls now here, now there.)
"""

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from trainer.commands import Command, Fork
from trainer.config import Config
from trainer.knobs import SPECS, KnobValue
from trainer.state import checkpoint
from trainer.state.checkpoint import Beside
from trainer.state.snapshot import Snapshot, restore, tensors_of
from trainer.stepping.optim import parameters_of
from trainer.surgery.surgery import OWN
from trainer.training import Training
from trainer.turning import set_knobs
from trainer.wire import Evaluated
from trainer.words import Change, Word

ORDER = "restart.json"
"""In the run's folder, between the end of one process and the beginning of the next."""

TRIAL = "trial"
"""Name of the checkpoint of the state in which a fork began."""


class Gathered(Word):
    """What a training has gathered besides its checkpoint: it outlives a start, so that the run goes on exactly."""

    losses: tuple[float, ...] = ()
    """Steps since the last beat."""
    grad_norms: tuple[float, ...] = ()
    step_s: tuple[float, ...] = ()
    fetch_s: float = 0.0
    skipped: int = 0
    clipped: int = 0
    confirmed: dict[str, tuple[Change, ...]] = Field(default_factory=dict)
    """Trial → what it has changed for good, so that it can be undone."""
    probation: tuple[tuple[str, tuple[Change, ...], int], ...] = ()
    """Trial, changes, and the step until which they must be confirmed."""
    ring: tuple[str, ...] = ()
    """Names of the checkpoints that hold the states which the run can be turned back to, the start first."""


class Order(Word):
    """How the run is to be built anew."""

    why: Literal["fork", "turn", "revert", "back"]
    """fork: to run a candidate · turn, revert: knobs turn outside of a trial · back: as it was."""
    trial: str = ""
    changes: tuple[Change, ...] = ()
    fork: Fork | None = None
    probation_steps: int = 0
    by: str = "advisor"
    text: str = ""
    """revert: why."""
    parameters: tuple[str, ...] = ()
    """Names of the parameters in the order of the optimizer's state."""
    gathered: Gathered = Gathered()
    pending: tuple[Command, ...] = ()
    """Commands that have come and are not carried out yet."""
    step: int = 0
    samples: int = 0
    """Where the run stood when the process before left off."""
    heard_bytes: int = 0
    """Of control.jsonl."""
    began_t: float = 0.0
    """Unix time at which the trial began."""
    useful_s: float = 0.0
    """Seconds of the control arm: they are lost only where the candidate wins."""
    evaluated: tuple[Evaluated, ...] = ()
    """How the control was evaluated on its way: told where the run goes on from its end."""
    left_t: float = 0.0
    """Unix time at which the process before has ended."""

    def back(self, *more: Command) -> "Order":
        """Return the order to go on as if nothing had been tried."""
        return Order(
            why="back",
            trial=self.trial,
            gathered=self.gathered,
            step=self.step,
            samples=self.samples,
            pending=(*self.pending, *more),
            left_t=time.time(),
        )


class StartAnew(Exception):
    """The run is to be built anew; all that the order speaks of lies on disk."""

    def __init__(self, order: Order) -> None:
        super().__init__(f"the run is built anew: {order.why}")
        self.order = order


def needed(names: Any) -> bool:
    """Tell whether one of these knobs turns only at a restart."""
    return any(name in SPECS and SPECS[name].turns == "restart" for name in names)


def config_of(config: Config, folder: Path, by_hand: Mapping[str, Any], order: Order | None, *, resume: bool) -> Config:
    """Return the configuration that the model is built by.

    What the user asks for by hand goes before what is turned now, and that before what the last checkpoint remembers.
    """
    values: dict[str, Any] = {}
    last = folder / "checkpoints" / "last.json"
    if resume and last.exists():
        state = json.loads(last.read_text(encoding="utf-8"))
        held = state["knobs"]
        if order is None:
            held |= {change["knob"]: change["old"] for change in reversed(state["unconfirmed"])}
        values = {knob: held[knob] for knob in OWN if knob in held}
    if order is not None:
        values |= {change.knob: change.new for change in order.changes if change.knob in OWN}
    values |= {knob: by_hand[f"train.{knob}"] for knob in OWN if f"train.{knob}" in by_hand}
    return config.model_copy(update={"train": config.train.model_copy(update=values)})


def written_step(folder: Path) -> int:
    """Return the step of the last checkpoint; -1 where there is none."""
    try:
        return int(json.loads((folder / "checkpoints" / "last.json").read_text(encoding="utf-8"))["progress"]["step"])
    except FileNotFoundError:
        return -1


def names_of(training: Training) -> tuple[str, ...]:
    """Return the names of the optimizer's parameters, in the order of its state."""
    names = {id(parameter): name for name, parameter in training.model.named_parameters()}
    return tuple(names.get(id(parameter), "") for parameter in parameters_of(training.optimizer))


def fits(training: Training, snapshot: Snapshot) -> bool:
    """Tell whether a state is one of the very network that the run has now."""
    return all(snapshot.knobs.get(knob, own) == training.knobs[knob] for knob, own in OWN.items())


def take_over(training: Training, snapshot: Snapshot, parameters: tuple[str, ...]) -> None:
    """Go on from a state of another network: what fits by name and shape is taken, the rest stays as it was built.

    Random state, place and counters are exact. The best model so far is of the other network: it is counted anew.

    Args:
        training: Newly built; its knobs of surgery are those of now.
        snapshot: The state to go on from.
        parameters: Names of the parameters of its optimizer, in their order; empty: its optimizer begins anew.
    """
    now = {knob: training.knobs[knob] for knob in OWN}
    redrawn = now["init"] not in (OWN["init"], snapshot.knobs.get("init", OWN["init"]))
    rest: dict[str, KnobValue] = {
        name: value for name, value in snapshot.knobs.items() if name not in OWN and training.knobs[name] != value
    }
    set_knobs(training, rest)
    model = tensors_of(training)
    shapes = {name: value.shape for name, value in snapshot.model.items()}
    kept = (
        {}
        if redrawn
        else {name: snapshot.model[name] for name, value in model.items() if shapes.get(name) == value.shape}
    )
    optimizer = training.optimizer.state_dict()
    places = {name: place for place, name in enumerate(parameters) if name in kept}
    for place, name in enumerate(names_of(training)):
        old = snapshot.optimizer["state"].get(places.get(name, -1))
        if old is not None:
            optimizer["state"][place] = old
    progress = replace(
        snapshot.progress, best_metric=float("nan"), best_loss=float("nan"), best_step=0, stale_evaluations=0
    )
    fitted = replace(
        snapshot,
        model={**model, **kept},
        averaged=None,
        optimizer=optimizer,
        optimizer_name=str(training.knobs["optimizer"]),
        progress=progress,
        knobs=dict(training.knobs),
    )
    restore(training, fitted)
    training.best.weights, training.best.written_step = {}, -1


# ---------------------------------------------------------------- from one process to the next


def keep_states(folder: Path, states: tuple[Snapshot, ...]) -> tuple[str, ...]:
    """Write the states that the run can be turned back to; return their names.

    Raises:
        OSError: when the disk is full.
    """
    names = tuple(f"ring-{number}" for number in range(len(states)))
    for name, state in zip(names, states, strict=True):
        checkpoint.write(folder / "checkpoints", name, state, Beside({}, {}))
    return names


def kept_states(folder: Path, names: tuple[str, ...]) -> tuple[Snapshot, ...]:
    """Return those states again.

    Raises:
        CheckpointError: when one cannot be read.
    """
    return tuple(checkpoint.read(folder / "checkpoints", name)[0] for name in names)


def clear(folder: Path) -> None:
    """Remove what only a start in the middle of a trial needs."""
    for pattern in (f"{TRIAL}.json", f"{TRIAL}-*.safetensors", "ring-*.json", "ring-*.safetensors"):
        for path in (folder / "checkpoints").glob(pattern):
            path.unlink(missing_ok=True)
    (folder / ORDER).unlink(missing_ok=True)


def read(folder: Path) -> Order | None:
    """Return the order of a process that is to go on where another left off, and take it away: it holds but once."""
    path = folder / ORDER
    try:
        order = Order.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    path.unlink(missing_ok=True)
    return order


def replace_process(folder: Path, order: Order) -> None:
    """Let a fresh process of the same number take the place of this one; return only if the system refuses.

    A new process image has neither leaked memory nor a device's context of this one. The run's supervisor sees the same
    child live on.
    """
    partial = folder / f".{ORDER}.partial"
    try:
        partial.write_text(order.model_dump_json(), encoding="utf-8")
        partial.replace(folder / ORDER)
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor in os.listdir("/dev/fd"):
            if int(descriptor) > 2:
                _close_at_exec(int(descriptor))
        os.execv(sys.executable, [sys.executable, "-P", "-m", "trainer", str(folder), "--resume", "--restart"])
    except OSError as refused:
        print(f"trainer: no new process ({refused}): the run is built anew in this one", file=sys.stderr)
        (folder / ORDER).unlink(missing_ok=True)


def _close_at_exec(descriptor: int) -> None:
    try:
        os.set_inheritable(descriptor, False)
    except OSError:
        return
