"""A batch on the device, whole or in pieces: moved there, cut, and its gradient accumulated.

The loss of every piece is divided by the examples of the whole window, never by its own: the gradient of a batch in
pieces is the gradient of the whole batch, the last short piece included.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from trainer.data.batch import Batch
from trainer.replicas.replicas import dealt
from trainer.stepping.compiling import OFF
from trainer.stepping.recomputing import recomputed
from trainer.training import Training

Seen = tuple[npt.NDArray[np.int64], torch.Tensor, torch.Tensor]
"""Indices, outputs and targets of a piece that was trained on: what the labels are judged by."""


def to_device(training: Training, batch: Batch) -> tuple[Any, torch.Tensor]:
    """Return inputs and targets on the device, in the memory layout of now."""
    return in_layout(training, batch.inputs), batch.targets.to(training.device, non_blocking=True)


def in_layout(training: Training, inputs: Any) -> Any:
    """Return inputs on the device, in the memory layout of now."""
    inputs = moved(inputs, training.device)
    if training.knobs["channels_last"] and isinstance(inputs, torch.Tensor) and inputs.dim() == 4:
        return inputs.contiguous(memory_format=torch.channels_last)
    return inputs


def moved(value: Any, device: torch.device) -> Any:
    """Return a structure of tensors on the device."""
    if isinstance(value, torch.Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, dict):
        return {key: moved(part, device) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(moved(part, device) for part in value)
    return value


def cut(value: Any, start: int, stop: int) -> Any:
    """Return the examples `start:stop` of a structure of tensors."""
    if isinstance(value, torch.Tensor):
        return value[start:stop]
    if isinstance(value, dict):
        return {key: cut(part, start, stop) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(cut(part, start, stop) for part in value)
    return value


def piece_size(training: Training, examples: int) -> int:
    """Return how many examples of a window of `examples` are on a device at once, at most."""
    processes = training.replicas.count(int(training.knobs["replicas"]))
    share = examples if examples < 2 * processes else -(-examples // processes)
    return min(int(training.knobs["micro_batch"]) or share, share)


def usual_piece(training: Training) -> int:
    """Return how many examples the first piece of a full batch has here: shares are even, and none need be the largest."""
    processes = training.replicas.count(int(training.knobs["replicas"]))
    start, stop = dealt(training.batch_size, piece_size(training, training.batch_size), processes)[0]
    return stop - start


def forward(training: Training, part: Any, examples: int, *, hooked: bool = False) -> torch.Tensor:
    """Return the outputs for a piece of a batch in training, as the knobs say: compiled, where its size is the usual one."""
    if training.knobs["activation_checkpointing"]:
        with recomputed(training.model):
            return training.model(part)  # type: ignore[no-any-return]
    mode = str(training.knobs["compile"])
    if mode != OFF and (hooked or examples != usual_piece(training)):
        mode = OFF
    return training.compiled(training.model, mode, part)


class Passes:
    """The forward and backward passes over the pieces of one batch: the gradient of its mean loss, in the parameters.

    Args:
        training: The run.
        inputs: Of the batch, on the device.
        targets: Of the batch, on the device.
        batch: What was fetched.
        hooked: Hooks look at the modules, which a compiled pass does not call.
    """

    def __init__(
        self, training: Training, inputs: Any, targets: torch.Tensor, batch: Batch, *, hooked: bool = False
    ) -> None:
        self.training, self.batch = training, batch
        self.examples = targets.shape[0]
        self._inputs, self._targets, self._hooked = inputs, targets, hooked
        shed = training.bare or "labels" in training.shed
        labels = None if shed else training.labels
        self.watched = training.watching and labels is not None and not labels.rests
        """Whether the outputs are kept, for the labels to be judged by."""
        self.total: torch.Tensor
        """The loss of what was run so far, a scalar on the device; there as soon as something was run."""
        self.seen: list[Seen] = []
        self.done: set[tuple[int, int]] = set()
        """Pieces that were run, or are part of the sum."""

    def piece(self, start: int, stop: int) -> tuple[Any, torch.Tensor]:
        """Return inputs and targets of a piece."""
        if stop - start == self.examples:
            return self._inputs, self._targets
        return cut(self._inputs, start, stop), self._targets[start:stop]

    def run(self, start: int, stop: int) -> None:
        """Run a piece; its loss is divided by the examples of the whole batch."""
        training = self.training
        part, wanted = self.piece(start, stop)
        with training.precision.context():
            outputs = forward(training, part, stop - start, hooked=self._hooked)
            loss = training.objective(outputs, wanted, normaliser=self.examples)
        training.clocks.mark("forward")
        training.precision.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        training.clocks.mark("backward")
        told = training.objective.told(loss, outputs, wanted, self.examples).to(training.device, torch.float32)
        self.total = self.total + told if self.done else told
        self.done.add((start, stop))
        if self.watched:
            self.see(start, stop, outputs.detach())

    def see(self, start: int, stop: int, outputs: torch.Tensor) -> None:
        """Keep what the network made of a piece."""
        indices, targets = self.batch.ticket.indices, self._targets
        if stop - start < self.examples:
            indices, targets = indices[start:stop], targets[start:stop]
        self.seen.append((indices, outputs, targets))
