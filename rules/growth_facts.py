"""Groups of facts about memory over time: what grows, how evenly, how long it can, and what holds it."""

from dataclasses import dataclass
from math import inf, nan


@dataclass(frozen=True)
class Growth:
    """One memory that was watched step by step, since the run had warmed up."""

    of: str
    """device, host (the trainer's own process) or workers (the loader's)."""
    bytes_per_step: float
    """Median slope over all pairs of points (Theil-Sen)."""
    grown_bytes: float
    """Over the steps looked at, by that slope."""
    steps: int
    """Looked at."""
    ordered: bool
    """It rose in every sixth of these steps, and lately as fast as at first."""
    limit_bytes: float
    """All there is of this memory, for this process."""
    free_bytes: float
    """NaN where nobody can say."""
    pass_steps_left: float = 0.0
    """Steps to the end of the first pass over the data, in which caches fill; 0 where that is over."""
    step_s: float = nan
    """Wall seconds of a step, evaluations and all."""

    @property
    def steps_left(self) -> float:
        """Steps until it is full, if it goes on like this."""
        return self.free_bytes / self.bytes_per_step if self.bytes_per_step > 0 else inf

    @property
    def seconds_left(self) -> float:
        """Seconds until then."""
        return self.steps_left * self.step_s


@dataclass(frozen=True)
class Holder:
    """A container in the trainer's process that grows with every step, or holds very much."""

    where: str
    """The name by which the code knows it: `LossWithMemory.history`, `losses in train.py`."""
    kind: str
    """list, dict, …"""
    length: int
    added: int
    """Over the steps of the probe."""
    holds: str
    """Type of most of what is in it."""
    graphs: int
    """Tensors in it that hold the graph they were computed by."""
    tensor_bytes: int


@dataclass(frozen=True)
class GrowthFacts:
    """Memory of device, trainer and workers, each once enough steps were seen."""

    growths: tuple[Growth, ...]
    holders: tuple[Holder, ...] = ()
    """Probe memory_holders: those that grow, worst first; empty where none was found, or nobody asked."""
    graphs_added: float = nan
    """Probe memory_holders: tensors with a graph that stayed alive, a step; NaN where nobody asked."""


@dataclass(frozen=True)
class AllocatorFacts:
    """The allocator of an accelerator; absent on a host."""

    reserved_bytes: int
    """That it has taken from the device."""
    needed_bytes: int
    """The most that tensors have ever needed of it at once, in this run."""
    memory_bytes: int
    """Of the device."""
