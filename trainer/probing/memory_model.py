"""The probe `memory_model`: how much memory a step takes, by the examples on the device at once.

The peak of a step is close to a straight line, peak ≈ a + c·b: parameters, gradients and optimizer state do not grow with
the batch, activations do. Two small steps give the line, after a full step that has made the optimizer's state; the line
gives the largest batch; and that one is tried, for a prediction is no measurement. What comes back has really run.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from trainer.data.batch import Batch, close
from trainer.stepping.pieces import piece_size
from trainer.stepping.room import MemoryModel
from trainer.stepping.step import take_step
from trainer.training import Training

MARGIN_SHARE = 0.10
"""Of the memory stays free at the largest batch: shapes vary, and allocators round up (knobs.md)."""

LEAST_EXAMPLES = 2
"""Batch norm cannot train on one. The line comes from a quarter and a half of the examples that are at once on the
device now: they fit wherever the run itself fits."""

DATA_SHARE = 0.20
"""Of the training split: a larger batch is not worth asking for (knobs.md)."""

TIMES_MOST = 16
"""Times the batch of now: more is not asked for, so that the probe stays short."""

NEIGHBOURS = (1.0, 0.9, 0.75, 0.5)
"""Of the predicted batch: what is tried, largest first, until one has run."""


class MemoryUnknown(Exception):
    """No batch has run, so there is no verdict; the text says why."""


def memory_model(training: Training) -> dict[str, Any]:
    """Measure the line, predict the largest batch and try it; the model is kept for the pieces to grow by.

    Returns:
        `fixed_bytes`, `bytes_per_example`: a and c. `limit_bytes`: the memory that there is for this run.
        `largest_batch`: of those that have run with a tenth of the memory to spare. `tried`: steps that ran.
        `peak_bytes`: of the largest batch, measured. `source`: `allocator` (the device's own peak) or `counted` (what
        kernels have made; see `trainer.stepping.simulated`).

    Raises:
        MemoryUnknown: when no batch has run.
    """
    now = piece_size(training, training.batch_size)
    training.knobs["micro_batch"], training.knobs["replicas"] = 0, 1
    small = max(now // 4, LEAST_EXAMPLES)
    sizes = (small, small, max(now // 2, small + 1))
    limit_bytes, tried = training.room.limit_bytes(), 0
    peaks: dict[int, int] = {}
    for size in sizes:
        if (peak := _peak(training, size)) is None:
            break
        peaks[size], tried = peak, tried + 1
    if len(peaks) < 2:
        raise MemoryUnknown(f"of steps with {sizes[0]} and {sizes[-1]} examples {tried} have run: too few for a line")
    model = _line(peaks)
    room = (1 - MARGIN_SHARE) * limit_bytes
    most = min(TIMES_MOST * training.batch_size, max(int(DATA_SHARE * training.setup.source.train.examples), 1))
    predicted = min(int((room - model.fixed_bytes) / model.bytes_per_example), most)
    largest, peak_bytes = 0, 0
    for size in dict.fromkeys(int(share * predicted) for share in NEIGHBOURS if share * predicted >= 1):
        peak = _peak(training, size)
        if peak is not None:
            tried += 1
            if peak <= room:
                largest, peak_bytes = size, peak
                break
    if not largest:
        raise MemoryUnknown(
            f"no batch near the predicted {max(predicted, 0)} examples has run within {room / 2**20:.0f} MiB"
        )
    training.room.model = model
    return {
        "fixed_bytes": model.fixed_bytes,
        "bytes_per_example": model.bytes_per_example,
        "limit_bytes": limit_bytes,
        "largest_batch": largest,
        "peak_bytes": peak_bytes,
        "predicted_batch": predicted,
        "tried": tried,
        "source": "allocator" if training.device.type == "cuda" else "counted",
    }


def _line(peaks: dict[int, int]) -> MemoryModel:
    """Return the line through the two measured peaks; it does not fall, and holds at least a byte an example."""
    (small, low), (large, high) = sorted(peaks.items())
    slope = max((high - low) / (large - small), 1.0)
    return MemoryModel(fixed_bytes=max(low - slope * small, 0.0), bytes_per_example=slope)


def _peak(training: Training, size: int) -> int | None:
    """Return the peak of one whole step on `size` examples, in bytes; nothing when it does not fit."""
    batch = batch_of(training, size)
    try:
        with training.room.measuring():
            take_step(training, batch)
    except torch.OutOfMemoryError:
        return None
    return training.room.measured_bytes


def batch_of(training: Training, size: int) -> Batch:
    """Return one batch of `size` examples, from the place of now."""
    ahead = training.supply.tickets_ahead(2 * -(-size // training.batch_size) + 1)
    indices = np.concatenate([ticket.indices for ticket in ahead])[:size]
    batches = training.supply.feed.batches([replace(ahead[0], indices=indices)])
    try:
        return next(batches)
    finally:
        close(batches)
