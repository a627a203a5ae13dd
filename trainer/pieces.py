"""A batch on the device, whole or in pieces: moved there, cut, and its gradient accumulated.

The loss of every piece is divided by the examples of the whole window, never by its own: the gradient of a batch in
pieces is the gradient of the whole batch, the last short piece included.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from trainer.compiling import OFF
from trainer.data.batch import Batch
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
    """Return how many examples of a window of `examples` are on the device at once."""
    return min(int(training.knobs["micro_batch"]) or examples, examples)


def forward(training: Training, part: Any, examples: int, *, hooked: bool = False) -> torch.Tensor:
    """Return the outputs for a piece of a batch in training; compiled, where the knob says so and its size is the usual one."""
    usual = not hooked and examples == piece_size(training, training.batch_size)
    return training.compiled(training.model, str(training.knobs["compile"]) if usual else OFF, part)


def accumulate(
    training: Training, inputs: Any, targets: torch.Tensor, batch: Batch, *, hooked: bool = False
) -> tuple[torch.Tensor, list[Seen]]:
    """Leave the gradient of the mean loss over the whole batch in the parameters.

    Args:
        training: The run.
        inputs: Of the batch, on the device.
        targets: Of the batch, on the device.
        batch: What was fetched.
        hooked: Hooks look at the modules, which a compiled pass does not call.

    Returns:
        That loss, a scalar on the device, and what the net made of each piece where the labels are watched.
    """
    examples = len(targets)
    size = piece_size(training, examples)
    watched = training.watching and training.labels is not None
    total, seen = torch.zeros((), device=training.device), []
    for start in range(0, examples, size):
        whole = size >= examples
        part = inputs if whole else cut(inputs, start, start + size)
        wanted = targets if whole else targets[start : start + size]
        with training.precision.context():
            outputs = forward(training, part, len(wanted), hooked=hooked)
            loss = training.objective(outputs, wanted, normaliser=examples)
        training.clocks.mark("forward")
        training.precision.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        training.clocks.mark("backward")
        total += training.objective.told(loss, outputs, wanted, examples)
        if watched:
            seen.append((batch.ticket.indices[start : start + size], outputs.detach(), wanted))
    return total, seen
