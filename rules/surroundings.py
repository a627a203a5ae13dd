"""Groups of facts about what surrounds the learning: time, machine, the data as surveyed, the network, the knobs.

What all groups have in common stands in `rules.facts`, which names them all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan

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
    """Of the wall time since some checkpoints ago."""
    samples_per_s: float
    flops: float = nan
    """Operations a second that the network needs for these examples; NaN where nobody has counted a pass."""
    mfu: float = nan
    """Share of what the device can do at most in the type in use (MFU); NaN where nobody knows that."""


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
    batch_bytes: int = 0
    """Memory of one batch of inputs."""


@dataclass(frozen=True)
class FetchFacts:
    """How long fetching a batch takes, in the process that does it; where items are fetched one by one."""

    median_s: float
    p95_s: float
    first_s: float = nan
    """Median of the first third of the time since the loader became what it is; NaN while it is short."""
    last_s: float = nan
    """Of the last third."""
    store: str = ""
    """File system that the items lie on (ext4, nfs4, …); empty where their place is not known."""


@dataclass(frozen=True)
class FetcherFacts:
    """What whoever fetches does meanwhile, as the kernel counts it; absent where it does not (outside Linux, some sandboxes).

    Work, queue and sleep sum to about 1 for one thread.
    """

    own_share: float
    """Of a fetch: its thread has a core."""
    queued_share: float
    """It is ready to run, and other threads have the cores."""
    asleep_share: float
    """It waits for something else: a disk, a network, a lock."""
    others_share: float
    """Cores that other threads of its process keep busy meanwhile."""
    read_bytes: float
    """A batch: asked of files, whether or not they lie in memory."""
    disk_bytes: float
    """A batch: from storage."""
    read_calls: float
    """A batch."""


@dataclass(frozen=True)
class HostFacts:
    """The machine."""

    cores: int
    """That this process may use (affinity, cgroup)."""
    idle_cores: float
    memory_bytes: int
    memory_free_bytes: int
    shm_free_bytes: int = 0
    others_cores: float = nan
    """Cores that other programs keep busy; NaN where nobody knows."""
    io_stall_share: float = nan
    """Of the last 10 s: everybody waited for a disk; NaN where the kernel does not tell (many containers)."""


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
class CoolingFacts:
    """What holds the clock of the device back, over the last minutes; absent where NVML tells neither reasons nor clocks."""

    samples: int
    heat_share: float
    """Of the samples: slowed down for heat, or by the hardware to protect itself; NaN where no reasons are told."""
    brake_share: float
    """Likewise by the power supply."""
    capped_share: float
    """At the power cap: usual for a big device under full load."""
    temperature_c: float
    """Median; NaN where it is not told."""
    clock_share: float
    """Median clock over the highest the device knows, while it computes; NaN where that is not told."""
    power_limit_w: float = nan


@dataclass(frozen=True)
class HeldBackFacts:
    """What holds the processor back; absent where the kernel counts neither heat nor a quota."""

    hot_share: float = nan
    """Of the last half minute: the hottest core slowed down; NaN where nothing counts it."""
    quota_share: float = nan
    """Of the periods of a container's quota of processor time: it was used up; NaN without a quota."""
    cores: float = nan
    """That the container grants."""


@dataclass(frozen=True)
class NeighbourFacts:
    """The devices of the run's kind that it sees and does not train on; absent where there are none."""

    devices: int
    """That the run sees, the one it trains on among them."""
    idle: int
    """Of the others: nobody computed there or held memory in any look of the last half minute."""
    looks: int


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
    told: bool = False
    """What a step takes is told by the device; of a host only the size of the process is known."""


@dataclass(frozen=True)
class StreamCheck:
    """What went into the net at one step."""

    step: int
    mean: float
    """Of the values that enter the first weights, in the usual example: the median over the batch."""
    std: float
    broken_share: float
    """Values that are not a number."""
    alike: bool
    """All examples of the batch entered as the same values."""
    agreement: float
    """With a linear model of the first examples: accuracy, or correlation with the target; NaN where there is none."""
    examples: int = 0
    """Examples behind the agreement; 0 = not told."""


@dataclass(frozen=True)
class StreamFacts:
    """The batches as they enter the net: how they were at first, and how they are."""

    first: tuple[StreamCheck, ...]
    """Of the first epoch (or tenth of the run), oldest first, at most 40."""
    later: tuple[StreamCheck, ...]
    """Since then, the last 20; empty while the first ones are gathered."""


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
    outlying_share: float = 0.0
    """Examples with an input so far out that it would stand for the spread of its feature; std_* leave it out."""
    reach: float = nan
    """How far the furthest input lies from its feature's median, in the distance within which 98 % lie; NaN = not known."""
    unreadable: int = 0
    broken_share: float = 0.0
    """Examples with an input value or a target that is not a number, as model and loss get them."""
    association: float = nan
    """How much closer inputs and targets go together than shuffled ones, in spreads of shuffled ones; NaN = not looked at."""
    association_examples: int = 0
    """Examples behind it."""
    linear_agreement: float = nan
    """Accuracy of a linear model of the first examples, each told by a fit to the others, or its correlation with the target; NaN =
    not known."""


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
class ClassFacts:
    """Classes of a classification, in the training split."""

    counts: tuple[int, ...]
    recalls: tuple[float, ...] = ()
    """On the validation split at the last evaluation; empty before the first."""

    @property
    def ratio(self) -> float:
        """Largest class over smallest class that is not empty."""
        filled = [count for count in self.counts if count > 0]
        return max(filled) / min(filled)


@dataclass(frozen=True)
class LabelFacts:
    """What the training has told about the labels; absent before three epochs."""

    noise_share: float
    suspects: int
    epochs: int


@dataclass(frozen=True)
class SplitFacts:
    """Duplicates within and overlap between the splits, as surveyed; and as the loader deals them, once it was looked at."""

    duplicate_share: float
    conflicting_share: float
    val_overlap_share: float
    test_overlap_share: float
    asked: int = 0
    """Different examples that the last watched batches were to hold; 0 where data lie in memory, and before a look."""
    distinct: int = 0
    """Different inputs that they held."""


@dataclass(frozen=True)
class ModelFacts:
    """The network."""

    parameters: int
    layers: int
    has_conv: bool
    has_norm: bool
    has_dropout: bool
    frozen: int = 0
    """Parameters that are not trainable."""
    frozen_as_drawn: int = 0
    """Of these, in weights that cannot be told from a random draw."""
    evaluation_difference: float = nan
    """How far two passes over one batch in evaluation mode lie apart, relative; NaN where nobody tried."""
    left_training: int = 0
    """Dropout and batch norm modules that stay in training mode when the net is evaluated."""
    gradient_added: float = nan
    """What is added to a gradient whenever it is taken again, over the first: 0, or 1 where the first is still in the second;
    NaN where nobody could tell."""
    blocks: tuple[str, ...] = ()
    """Repeated blocks whose activations can be computed again in the backward pass, from input to output."""
    straight: tuple[str, ...] = ()
    """Linear layers whose output another linear layer takes with nothing bent between."""


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
