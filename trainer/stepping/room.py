"""The room on the device: how much memory there is, what a step takes of it, and which sizes did not fit.

On CUDA the allocator says so; on a host nothing does, unless `train.memory_limit` simulates a small device there.
"""

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from trainer.stepping.memory import free_bytes, peak_bytes
from trainer.stepping.simulated import SimulatedMemory
from trainer.words import DeviceInfo

RETRIES_IN_A_ROW = 2
"""Batches in a row in which the allocator had to give everything back and ask again: that is out of memory in slow
motion (knobs.md)."""


@dataclass(frozen=True)
class MemoryModel:
    """The peak of a step, as a straight line over the examples on the device at once."""

    fixed_bytes: float
    bytes_per_example: float

    def peak_bytes(self, examples: int) -> float:
        """Return the predicted peak of a step with so many examples at once."""
        return self.fixed_bytes + self.bytes_per_example * examples


class Room:
    """What one run knows about the memory of its device.

    Args:
        device: that trains.
        limit_mib: MiB of the simulated device; 0 = none is simulated. On an accelerator real memory rules.
    """

    def __init__(self, device: torch.device, limit_mib: float) -> None:
        self._device = device
        self._own_memory = device.type != "cpu"
        simulates = limit_mib > 0 and not self._own_memory
        self.simulated = SimulatedMemory(round(limit_mib * 2**20)) if simulates else None
        self.model: MemoryModel | None = None
        """What the probe `memory_model` has measured, for the knobs of then."""
        self.as_set: int | None = None
        """`micro_batch` before memory first ran out; nothing while it has its own value."""
        self.micro_batch = 0
        """What it was made then: any other value was set by somebody since."""
        self.evaluation_size = 0
        """Examples of one forward pass without gradients; 0 = as many as come."""
        self.ran_out: Counter[int] = Counter()
        """Times that memory ran out with so many examples at once."""
        self.clean_steps = 0
        """Steps since then."""
        self.settled: tuple[int, int] = (0, -1)
        """The optimizer, and how many tensors it held a state for, after its last whole update."""
        self.measured_bytes = 0
        """The peak of what was measured last."""
        self._retries = self._growing = 0
        self._highest_bytes = 0
        """On a simulated device, since it was last asked."""

    @property
    def may_run_out(self) -> bool:
        """Whether memory can run out here in a way that can be caught."""
        return self._own_memory or self.simulated is not None

    def described(self, device: DeviceInfo) -> DeviceInfo:
        """Return what is said of a device, with its memory as this run can count it."""
        if self.simulated is None:
            return device.model_copy(update={"memory_counted": device.type == "cuda"})
        return device.model_copy(update={"memory_counted": True, "memory_bytes": self.simulated.limit_bytes})

    def counting(self, *resident: Any) -> AbstractContextManager[None]:
        """Return the context in which a simulated device counts; on any other nothing happens."""
        return nullcontext() if self.simulated is None else self.simulated.counting(*resident)

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Measure the peak of the step that is taken inside: the allocator's own on CUDA, else counted bytes."""
        real = self._device.type == "cuda"
        before, self.simulated = self.simulated, self.simulated or (None if real else SimulatedMemory())
        if real:
            torch.cuda.reset_peak_memory_stats(self._device)
        try:
            yield
        finally:
            self.measured_bytes = self.peak_bytes()
            self.simulated = before

    def begin_step(self) -> None:
        """Begin a new peak on a simulated device; on CUDA the beats do, and each of them holds whole steps."""
        if self.simulated is not None:
            self._highest_bytes = max(self._highest_bytes, self.simulated.peak_bytes)
            self.simulated.reset_peak()

    def begin_stretch(self) -> None:
        """Begin a new peak of several steps: see `highest_bytes`."""
        self.highest_bytes()

    def highest_bytes(self) -> int:
        """Return the peak since this was last asked, or `begin_stretch`; on a host that nobody counts, of the process.

        On a simulated device the step before that counts, too.
        """
        if self.simulated is None:
            return peak_bytes(self._device)
        highest, self._highest_bytes = max(self._highest_bytes, self.simulated.peak_bytes), 0
        return highest

    def peak_bytes(self) -> int:
        """Return a peak that the last step is part of; 0 where nobody counts."""
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device)
        return self.simulated.peak_bytes if self.simulated else 0

    def resident_bytes(self) -> int:
        """Return what is held between two steps; 0 where nobody counts."""
        if self._device.type == "cuda":
            return torch.cuda.memory_allocated(self._device)
        return self.simulated.held_bytes if self.simulated else 0

    def limit_bytes(self) -> int:
        """Return the memory that this run can have: what is free and what it holds, within its share of the device."""
        if self._device.type == "cuda":
            share = torch.cuda.get_per_process_memory_fraction(self._device)
            total = torch.cuda.get_device_properties(self._device).total_memory
            mine = free_bytes(self._device) + torch.cuda.memory_reserved(self._device)
            return min(round(share * total), mine)
        if self.simulated is not None and self.simulated.limit_bytes:
            return self.simulated.limit_bytes
        return free_bytes(self._device)

    def predicted_bytes(self, size: int, larger: int) -> float:
        """Return the predicted peak of a step with `larger` examples at once; NaN where nobody counts.

        Without a measured model, what the last step of `size` added to what is held grows with the examples.
        """
        if self.model is not None:
            return self.model.peak_bytes(larger)
        peak, held = self.peak_bytes(), self.resident_bytes()
        return held + (peak - held) * larger / size if peak else float("nan")

    def squeezed(self) -> bool:
        """Tell whether the allocator's retries have grown in each of the last batches; call it once a batch."""
        if self._device.type != "cuda":
            return False
        retries = int(torch.cuda.memory_stats_as_nested_dict(self._device).get("num_alloc_retries", 0))
        self._growing = self._growing + 1 if retries > self._retries else 0
        self._retries = retries
        return self._growing >= RETRIES_IN_A_ROW

    def tidy(self) -> None:
        """Give back what nobody holds any more."""
        self._growing = 0
        gc.collect()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        elif self._device.type == "mps":
            torch.mps.empty_cache()
