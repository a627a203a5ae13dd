"""Groups of facts about what surrounds the learning: time, machine, the data as surveyed, the network, the knobs.

What all groups have in common stands in `rules.facts`, which names them all.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from rules.vocabulary import Value


@dataclass(frozen=True)
class PhaseFacts:
    """Where the time of a step goes, in the steady state (warm-up, trials and evaluations left out)."""

    step_s: float
    """Median wall seconds of a step, the input wait in it."""
    step_p95_s: float
    shares: Mapping[str, float]
    """input_wait, to_device, forward, backward, optimizer, advisor, other; they sum to 1."""
    evaluation_share: float
    """Of the wall time so far."""
    checkpoint_share: float
    samples_per_s: float


@dataclass(frozen=True)
class LoaderFacts:
    """The input pipeline, where there is a per-item loader."""

    wait_share: float
    """Of a step's wall time."""
    wait_s: float
    """Per step."""
    fetch_s: float
    """Seconds to fetch one batch, in the process that does it."""
    workers: int
    prefetch: int
    cached: bool
    decoded_bytes: int
    """Memory that all decoded items of the training split would take."""


@dataclass(frozen=True)
class HostFacts:
    """The machine."""

    cores: int
    """That this process may use (affinity, cgroup)."""
    idle_cores: float
    memory_bytes: int
    memory_free_bytes: int
    shm_free_bytes: int = 0


@dataclass(frozen=True)
class DeviceFacts:
    """The device that trains."""

    type: str
    name: str
    amp_dtypes: tuple[str, ...]
    memory_bytes: int


@dataclass(frozen=True)
class UtilisationFacts:
    """What NVML saw over the last half minute; absent without an NVIDIA device."""

    busy_share: float
    memory_share: float
    power_w: float
    temperature_c: float
    throttled_share: float


@dataclass(frozen=True)
class MemoryFacts:
    """Memory of the device in use."""

    peak_bytes: int
    peak_share: float
    """Of the memory the device has."""
    reserved_bytes: int
    ran_out: int
    """Times that a step ran out of memory and was run again in smaller pieces."""
    micro_batch: int
    """Examples on the device at once now."""
    largest_batch: int = 0
    """Probe memory_model: the most examples that have run at once with a tenth of the memory to spare; 0 = not probed."""
    counted: bool = False
    """The probe has counted bytes on the host; no device has measured them."""


@dataclass(frozen=True)
class InputFacts:
    """The inputs as the model gets them, over a sample of the training split."""

    features: int
    constant_features: int
    missing_share: float
    mean_abs: float
    """Largest absolute mean of a feature."""
    std_low: float
    std_high: float
    abs_max: float
    unreadable: int = 0
    non_finite_share: float = 0.0
    """Examples with a value that is no number as the model gets it."""


@dataclass(frozen=True)
class ColumnFact:
    """One input column of a table."""

    name: str
    missing_share: float
    unique: int
    std: float
    correlation: float


@dataclass(frozen=True)
class TableFacts:
    """The columns of a table; absent for other inputs."""

    columns: tuple[ColumnFact, ...]
    examples: int


@dataclass(frozen=True)
class SplitFacts:
    """Duplicates within and overlap between the splits."""

    duplicate_share: float
    conflicting_share: float
    val_overlap_share: float
    test_overlap_share: float


@dataclass(frozen=True)
class ModelFacts:
    """The network."""

    parameters: int
    layers: int
    has_conv: bool
    has_norm: bool
    has_dropout: bool


@dataclass(frozen=True)
class KnobFacts:
    """The knobs: what they hold now, and which of them can be turned in this run."""

    values: Mapping[str, Value]
    turnable: frozenset[str]
    confirmed: frozenset[str] = frozenset()
    """Knobs that a kept fix (or the user) has turned in this run."""

    def number(self, name: str) -> float:
        """Return a numeric knob's value."""
        return float(self.values[name])

    def can(self, *names: str) -> bool:
        """Tell whether all these knobs can be turned here."""
        return all(name in self.turnable for name in names)
