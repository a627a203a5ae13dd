"""A snapshot: the whole state of a run at a step boundary, taken and put back exactly.

Model (parameters and all buffers), averaged weights, a loss with a state of its own, optimizer, scaler, every random
generator, the place in the order, the guard, knobs and counters. What a batch is made of needs no state: its fetch is
seeded by its ticket. In the middle of a batch it is the state at that batch's beginning.
"""

import copy
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

import torch
from torch import nn

from trainer.data.own_state import OwnState, put_back
from trainer.knobs import KnobValue
from trainer.stepping.ema import Averaged, AveragedState
from trainer.stepping.guard import GuardState
from trainer.stepping.optim import lay_out_moments
from trainer.stepping.window import random_state as random_state
from trainer.stepping.window import set_random_state as set_random_state
from trainer.stepping.window import written_out
from trainer.supply import Place
from trainer.surgery import mixing
from trainer.training import Progress, Training
from trainer.turning import set_knobs, turn_optimizer


class HalfAStep(Exception):
    """The weights are in the middle of a step: neither the state before it nor the one behind it can be had."""


@dataclass
class Snapshot:
    """A state of the run. Tensors are copies; nothing that trains on touches them."""

    model: dict[str, torch.Tensor]
    """Parameters and buffers by name, those too that the model's state dict leaves out."""
    averaged: AveragedState | None
    objective: dict[str, torch.Tensor]
    """Of a loss that is a module."""
    optimizer: dict[str, Any]
    optimizer_name: str
    scaler: dict[str, Any]
    random: dict[str, Any]
    place: Place
    guard: GuardState
    progress: Progress
    knobs: dict[str, KnobValue]
    remembered: OwnState = field(default_factory=OwnState)
    """What the data set remembers of what it has dealt; nothing in a state that was read from disk."""

    @property
    def step(self) -> int:
        """Steps that were done in this state."""
        return self.progress.step

    @property
    def held_bytes(self) -> int:
        """Memory that the tensors take."""
        return sum(t.nbytes for t in _tensors((self.model, self.optimizer, self.objective))) + (
            sum(t.nbytes for t in self.averaged.weights.values()) if self.averaged else 0
        )


def take(training: Training, *, on_host: bool = False) -> Snapshot:
    """Return the state of now; while a batch is being trained on, the state at its beginning.

    Args:
        training: The run.
        on_host: Copy to host memory: for states that are kept; else they stay on the device, for trials.

    Raises:
        HalfAStep: while, or after an exception because, the weights are being changed.
    """
    window, averaged = training.window, training.averaged
    if window is not None and window.updating:
        raise HalfAStep(f"step {training.progress.step + 1} broke off while it changed the weights")
    return Snapshot(
        model=copied(tensors_of(training), on_host),
        averaged=AveragedState(copied(averaged.weights, on_host), averaged.samples) if averaged else None,
        objective=copied(_objective(training).state_dict(), on_host),
        optimizer=copied(training.optimizer.state_dict(), on_host),
        optimizer_name=str(training.knobs["optimizer"]),
        scaler=dict(training.precision.scaler.state_dict()),
        random=random_state(training) | (written_out(window.random) if window else {}),
        place=window.place if window else training.supply.place,
        guard=training.guard.state(),
        progress=replace(training.progress),
        knobs=dict(training.knobs),
        remembered=training.supply.remembered(),
    )


def on_host(snapshot: Snapshot) -> Snapshot:
    """Return a state with its tensors in host memory."""
    return replace(snapshot, model=copied(snapshot.model, True), optimizer=copied(snapshot.optimizer, True))


def restore(training: Training, snapshot: Snapshot, *, with_knobs: bool = True) -> None:
    """Put a state back, to the bit; the snapshot can be used again.

    Without its knobs, the knobs of now stay: what was confirmed since then outlives a rollback.
    """
    if with_knobs:
        set_knobs(training, {name: value for name, value in snapshot.knobs.items() if training.knobs[name] != value})
    training.window = None
    _load(training.model, snapshot.model)
    _objective(training).load_state_dict(snapshot.objective)
    if str(training.knobs["optimizer"]) == snapshot.optimizer_name:
        training.optimizer.load_state_dict(copied(snapshot.optimizer, on_host=False))
    else:
        training.optimizer = training.make_optimizer()
    lay_out_moments(training.optimizer)
    if not with_knobs and training.setup.optimizer is None:
        turn_optimizer(training)
    if training.averaged is not None and snapshot.averaged is not None:
        training.averaged.restore(snapshot.averaged)
    elif training.averaged is not None:
        training.averaged = Averaged(training.model)
    if snapshot.scaler:
        training.precision.scaler.load_state_dict(snapshot.scaler)
    training.model.zero_grad(set_to_none=True)
    training.supply.go_to(snapshot.place)
    put_back(snapshot.remembered)
    training.guard.restore(snapshot.guard)
    training.progress = replace(snapshot.progress)
    set_random_state(training, snapshot.random)


def _objective(training: Training) -> nn.Module:
    """Return the loss as a module; an empty one where it has no state."""
    loss = training.objective.user_loss
    return loss if isinstance(loss, nn.Module) else nn.Module()


def tensors_of(training: Training) -> dict[str, torch.Tensor]:
    """Return the model's state dict and all its buffers, these as they were before the batch that is being trained on."""
    model, window = training.model, training.window
    before = dict(zip(map(id, model.buffers()), window.buffers, strict=True)) if window and window.buffers else {}
    buffers = {name: before.get(id(one), one) for name, one in model.named_buffers(remove_duplicate=False)}
    return {**model.state_dict(), **buffers}


def _load(model: nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    known = model.state_dict().keys()
    there = mixing.own_tensors(model) | {name: tensor for name, tensor in tensors.items() if name in known}
    model.load_state_dict(there)
    for name, buffer in model.named_buffers(remove_duplicate=False):
        if name not in known:
            buffer.data = tensors[name].to(buffer.device, copy=True)


def copied(value: Any, on_host: bool) -> Any:
    """Return a deep copy in which every tensor is a copy of its own."""
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True) if on_host else value.detach().clone()
    if isinstance(value, dict):
        return {key: copied(part, on_host) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(copied(part, on_host) for part in value)
    return copy.copy(value)


class Ring:
    """The states that the run can be turned back to: the one before step 0, always, and the newest few."""

    KEPT = 3
    """Snapshots besides the start (trials.md)."""

    COST_SHARE = 0.01
    """A snapshot is taken as often as keeps its cost under 1 % of the run; in lockstep by steps alone."""

    LEAST_STEPS = 100
    """Steps between two snapshots, at least; in a short run a tenth of it."""

    def __init__(self, start: Snapshot, steps_total: int) -> None:
        self.start = start
        self._newest: list[Snapshot] = []
        self._steps_between = min(self.LEAST_STEPS, max(steps_total // 10, 10))
        self._seconds_of_one = 0.0
        self._last_taken = perf_counter()

    @property
    def states(self) -> tuple[Snapshot, ...]:
        """All states, oldest first."""
        return (self.start, *self._newest)

    def go_on(self, states: tuple[Snapshot, ...]) -> None:
        """Go on with the states of another ring."""
        self.start, *self._newest = states

    def steps(self) -> tuple[int, ...]:
        """Return the steps of all states, oldest first."""
        return (self.start.step, *(snapshot.step for snapshot in self._newest))

    def due(self, step: int) -> bool:
        """Tell whether it is time for the next snapshot."""
        newest = self._newest[-1] if self._newest else self.start
        if step - newest.step < self._steps_between:
            return False
        return perf_counter() - self._last_taken >= self._seconds_of_one / self.COST_SHARE

    def add(self, training: Training) -> tuple[Snapshot, float]:
        """Take a snapshot of now; return it and the seconds that it took."""
        begun = perf_counter()
        snapshot = take(training, on_host=True)
        self._newest = [*self._newest, snapshot][-self.KEPT :]
        self._last_taken = perf_counter()
        seconds = self._last_taken - begun
        self._seconds_of_one = 0.0 if training.lockstep else seconds
        return snapshot, seconds

    def shrink(self) -> None:
        """Give up all but the newest state, and the start."""
        self._newest = self._newest[-1:]

    def at_or_before(self, step: int) -> Snapshot:
        """Return the newest state that is not younger than `step`, and forget the younger ones."""
        self._newest = [snapshot for snapshot in self._newest if snapshot.step <= step]
        return self._newest[-1] if self._newest else self.start


def _tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        return [tensor for part in value.values() for tensor in _tensors(part)]
    if isinstance(value, list | tuple):
        return [tensor for part in value for tensor in _tensors(part)]
    return []
