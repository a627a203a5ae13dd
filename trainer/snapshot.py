"""A snapshot: the whole state of a run at a step boundary, taken and put back exactly.

Model (parameters and buffers), optimizer, scaler, every random generator, the place in the order, knobs and counters.
What a batch is made of needs no state: its fetch is seeded by its ticket.
"""

import copy
import random
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
import torch

from trainer.knobs import KnobValue
from trainer.supply import Place
from trainer.training import Progress, Training
from trainer.turning import set_knobs, turn_optimizer


@dataclass
class Snapshot:
    """A state of the run. Tensors are copies; nothing that trains on touches them."""

    model: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    optimizer_name: str
    scaler: dict[str, Any]
    random: dict[str, Any]
    place: Place
    progress: Progress
    knobs: dict[str, KnobValue]

    @property
    def step(self) -> int:
        """Steps that were done in this state."""
        return self.progress.step

    @property
    def held_bytes(self) -> int:
        """Memory that the tensors take."""
        return sum(t.nbytes for t in _tensors((self.model, self.optimizer)))


def take(training: Training, *, on_host: bool = False) -> Snapshot:
    """Return the state of now.

    Args:
        training: The run, at a step boundary.
        on_host: Copy to host memory: for states that are kept; else they stay on the device, for trials.
    """
    return Snapshot(
        model=copied(training.model.state_dict(), on_host),
        optimizer=copied(training.optimizer.state_dict(), on_host),
        optimizer_name=str(training.knobs["optimizer"]),
        scaler=dict(training.precision.scaler.state_dict()),
        random=random_state(training),
        place=training.supply.place,
        progress=replace(training.progress),
        knobs=dict(training.knobs),
    )


def restore(training: Training, snapshot: Snapshot, *, with_knobs: bool = True) -> None:
    """Put a state back, to the bit; the snapshot can be used again.

    Without its knobs, the knobs of now stay: what was confirmed since then outlives a rollback.
    """
    if with_knobs:
        set_knobs(training, {name: value for name, value in snapshot.knobs.items() if training.knobs[name] != value})
    training.model.load_state_dict(snapshot.model)
    if str(training.knobs["optimizer"]) == snapshot.optimizer_name:
        training.optimizer.load_state_dict(copied(snapshot.optimizer, on_host=False))
    else:
        training.optimizer = training.make_optimizer()
    if not with_knobs and training.setup.optimizer is None:
        turn_optimizer(training)
    if snapshot.scaler:
        training.precision.scaler.load_state_dict(snapshot.scaler)
    training.model.zero_grad(set_to_none=True)
    training.supply.go_to(snapshot.place)
    training.progress = replace(snapshot.progress)
    set_random_state(training, snapshot.random)


def copied(value: Any, on_host: bool) -> Any:
    """Return a deep copy in which every tensor is a copy of its own."""
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True) if on_host else value.detach().clone()
    if isinstance(value, dict):
        return {key: copied(part, on_host) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(copied(part, on_host) for part in value)
    return copy.copy(value)


def random_state(training: Training) -> dict[str, Any]:
    """Return the state of every generator that the run draws from in the trainer's own process."""
    state: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": np.random.get_state(legacy=False),
        "torch": torch.get_rng_state(),
        "augmenter": training.augmenter.get_state(),
    }
    if training.device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(training.device)
    elif training.device.type == "mps":
        state["mps"] = torch.mps.get_rng_state()
    return state


def set_random_state(training: Training, state: dict[str, Any]) -> None:
    """Put every generator back."""
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"])
    training.augmenter.set_state(state["augmenter"])
    if "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], training.device)
    elif "mps" in state:
        torch.mps.set_rng_state(state["mps"])


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
        newest = self.steps()[-1]
        rested = perf_counter() - self._last_taken >= self._seconds_of_one / self.COST_SHARE
        return step - newest >= self._steps_between and rested

    def add(self, training: Training) -> tuple[Snapshot, float]:
        """Take a snapshot of now; return it and the seconds that it took."""
        begun = perf_counter()
        snapshot = take(training, on_host=True)
        self._newest = [*self._newest, snapshot][-self.KEPT :]
        self._last_taken = perf_counter()
        seconds = self._last_taken - begun
        self._seconds_of_one = 0.0 if training.lockstep else seconds
        return snapshot, seconds

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
