"""What events and commands hold: turns and changes of knobs, and what is said of task, model, device, data and layers.

No torch is imported here: the advisor reads this file too.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from trainer.config import Sampler
from trainer.knobs import KnobValue

SCORED_AT_ONCE = 512
"""Examples of one forward pass without gradients: large enough to be fast, small enough for small devices. Of the training split
an evaluation looks at no more than these besides: enough to see a gap of 5 points."""

ProbeName = Literal[
    "lr_sweep",
    "adaptive_sweep",
    "single_batch_fit",
    "cached_batch",
    "fetched_batch",
    "zeroed_input",
    "loss_at_init",
    "mode_switch",
    "memory_model",
    "throughput_screen",
    "memory_holders",
]

LossKind = Literal[
    "",
    "cross_entropy",
    "cross_entropy_of_softmax",
    "cross_entropy_of_marks",
    "log_likelihood",
    "likelihood",
    "likelihood_of_softmax",
    "binary_cross_entropy",
    "binary_cross_entropy_of_probabilities",
    "squared",
    "squared_of_softmax",
    "absolute",
    "absolute_of_softmax",
]
"""Losses as functions of the outputs z as they are: of softmax(z) where it says so; `log_likelihood` is -log z of the right
class, `likelihood` is -z of it. Classes are held against as rows of 0 and 1; `cross_entropy_of_marks` against rows that do not
sum to 1, of which several may be 1 or none."""

Arm = Literal["control", "candidate", "null"]
WatchTier = Literal["layers", "labels", "beats"]
"""What of the watching can give way: looks at the layers, at the labels, and beats."""
Split = Literal["train", "val", "test"]
START = 0
"""The step of the snapshot that is always kept: the state before the first step."""


class Word(BaseModel):
    """NaN and infinity are written as strings: a NaN loss is the one number that must never be lost."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings", extra="ignore")


class EventWord(Word):
    """What every event says: when, and where the run stood."""

    t: float = 0.0
    """Unix time in seconds, set by the link."""
    step: int = 0
    """Optimizer steps taken, in the run that counts (a rollback turns it back)."""
    samples: int = 0
    """Examples behind those steps."""


class Turned(Word):
    """One knob and the value that it is to have."""

    knob: str
    to: KnobValue


class Change(Word):
    """One knob that has turned."""

    knob: str
    old: KnobValue
    new: KnobValue


class Drawn(Word):
    """How a part of an epoch is drawn: the knobs `shuffle` and `sampler`, as they were then."""

    since: int = 0
    """Examples of the epoch that lie before the part."""
    shuffle: bool = True
    sampler: Sampler = "none"

    def at(self, since: int) -> "Drawn":
        """Return a part that is drawn alike and begins elsewhere."""
        return self.model_copy(update={"since": since})


class Fetching(Word):
    """What fetching the batches of a beat has cost, where items are fetched one by one. Means a batch, NaN = not counted."""

    batches: int
    seconds: tuple[float, ...]
    """By the wall clock, in the process that fetched: all, or 16 that divide them evenly, least first."""
    counted: int = 0
    """Batches behind the means below; of short fetches only some."""
    counted_s: float = float("nan")
    """Wall seconds of those."""
    busy_s: float = float("nan")
    """On cores, of all threads of the process."""
    own_s: float = float("nan")
    """On a core, of the thread that fetched."""
    queued_s: float = float("nan")
    """Ready to run, while other threads had the cores. The rest of the wall time is sleep."""
    read_bytes: float = float("nan")
    """Asked of files, whether or not they lay in memory."""
    disk_bytes: float = float("nan")
    """That came from storage."""
    read_calls: float = float("nan")


class TaskInfo(Word):
    """What is learned, and from how much."""

    kind: Literal["classification", "regression", "multilabel"]
    classes: tuple[str, ...] = ()
    inputs: Literal["image", "table", "other"]
    input_shape: tuple[int, ...]
    """One example, without the batch."""
    train_examples: int
    val_examples: int
    test_examples: int
    metric: str
    """The user's main metric on the validation split: accuracy, r2, …"""
    higher_is_better: bool
    baseline_metric: float
    """The metric of the best constant predictor, on the validation split."""
    baseline_loss: float
    """The loss of the best constant predictor on the validation split: ln C for balanced classes. For named models on
    a number to predict the loss is the mean squared error over the training variance: about 1."""
    baseline_train_loss: float = float("nan")
    """The same on the training split; lower where its classes are unbalanced."""
    best_constant_metric: float = float("nan")
    """The most that a constant gets by the metric: for F1 that may be another one than the constant of least loss."""
    baseline_standard_loss: float = float("nan")
    """Of that predictor by the standard loss, on the training split, where the task brings its own (knob `loss`)."""
    order_matters: bool = False
    """The task says that the order of its training examples matters: it is not shuffled."""
    in_memory: bool
    """Batches are sliced from tensors; there is no per-item loader."""
    source: str
    store: str = ""
    """File system that the items lie on (ext4, nfs4, …), where they are read one by one and their place is known."""


class ModelInfo(Word):
    """The network, as numbers."""

    name: str
    parameters: int
    trainable: int
    layers: tuple[str, ...]
    """Names of the modules with weights, from input to output."""
    has_conv: bool
    has_norm: bool
    has_dropout: bool
    frozen_as_drawn: int = 0
    """Parameters in frozen weights that cannot be told from a random draw."""
    straight: tuple[str, ...] = ()
    """Linear layers whose output another linear layer takes with nothing bent between."""
    forward_flops: float = 0.0
    """Floating point operations of one forward pass of one example; 0 where nobody counted."""
    blocks: tuple[str, ...] = ()
    """Names of the repeated blocks whose activations can be computed again in the backward pass, from input to output."""
    evaluation_difference: float = float("nan")
    """How far two passes over one batch in evaluation mode lie apart, relative, before the first step; NaN = not tried."""
    left_training: int = 0
    """Dropout and batch norm modules that stay in training mode when the model is put into evaluation mode."""
    gradient_added: float = float("nan")
    """What is added to the gradient of a few examples whenever it is taken again, over the first: 0, or 1 where the first is
    still in the second. NaN where it changes in another way, or nobody tried."""


class DeviceInfo(Word):
    """The device that trains."""

    type: str
    name: str
    memory_bytes: int
    """Memory of an accelerator, or of the host where there is none."""
    amp_dtypes: tuple[str, ...]
    """Mixed precision types that work here, best first; that they pay is a matter for a trial."""
    threads: int
    index: int = 0
    memory_counted: bool = False
    """What a step takes of the memory is known: the allocator tells it, or the device is simulated."""


class ColumnFacts(Word):
    """One input column of a table."""

    name: str
    missing_share: float
    unique: int
    mean: float
    std: float
    correlation: float
    """With the target, absolute, 0 to 1."""


class Survey(Word):
    """What the data look like, before step 0. `sampled` of `examples` were looked at."""

    examples: int
    sampled: int
    seconds: float
    class_counts: tuple[int, ...] = ()
    duplicate_share: float
    """Of the training split: examples that equal an earlier one."""
    conflicting_share: float
    """Of the training split: examples that equal another with a different label."""
    val_overlap_share: float
    """Of the validation split: examples that are in the training split too."""
    test_overlap_share: float
    missing_share: float
    """Input values that were missing (NaN, empty) before they were filled."""
    broken_share: float = 0.0
    """Training examples with an input value or a target that is not a number, as model and loss get them."""
    label_association: float = float("nan")
    """How much closer inputs and targets of the training split go together than shuffled ones, in standard deviations of
    shuffled ones; ≈ 0 = not at all. NaN where nobody could look."""
    label_association_examples: int = 0
    """Training examples behind it."""
    input_mean: float
    """Absolute mean of the inputs as the model gets them, largest over the features."""
    input_std_low: float
    input_std_high: float
    """Least and greatest spread of a feature that is not constant, as the model gets them, without a few values far out."""
    input_abs_max: float
    input_outlying_share: float = 0.0
    """Training examples with an input so far out that it stands for the spread of its feature; they are left out of it above."""
    input_reach: float = float("nan")
    """How far the furthest input lies from its feature's median, in the distance within which 98 % of the feature lie."""
    constant_features: int
    features: int
    neighbour_label_match: float
    """Share of neighbouring examples, in the order of the epoch, with the same label; ≈ Σp² when shuffled."""
    neighbour_likeness: float = float("nan")
    """How alike neighbouring examples are where numbers are predicted: ≈ 0 when shuffled, 1 when sorted; else NaN."""
    unreadable: int = 0
    """Items that could not be read and were left out."""
    columns: tuple[ColumnFacts, ...] = ()


class Held(Word):
    """Memory that is held between two steps; what was there for a while within a step is not in it."""

    device_bytes: int = 0
    """Allocated on the device; 0 where the device is the host."""
    host_bytes: int = 0
    """Of the trainer's process alone: resident and private, so neither mapped files nor pages that the system only keeps
    for later. 0 where the system does not tell."""


class SlowSteps(Word):
    """Steps of a beat that took far longer than the others: over three spreads beyond the median, and over twice it."""

    count: int
    excess_s: float
    """Seconds that they took beyond the usual ones, all together."""
    usual_s: float
    """Median of the steps before."""
    worst_s: float
    met: dict[str, int]
    """How many of them met what: `collection` (Python's garbage), `evaluation`, `checkpoint`, `input`, `waiting` (the
    thread did not run), `work` (it had more to do)."""


class Picture(Word):
    """A small picture of one example."""

    width: int
    height: int
    """In pixels."""
    channels: int
    """1 = grey, 3 = red, green, blue."""
    pixels: str
    """Bytes [height, width, channels] in base64."""


class Layer(Word):
    """One layer with weights, at one step."""

    name: str
    kind: str
    grad_norm: float
    weight_norm: float
    update_ratio: float
    """Norm of the last update over norm of the weights."""
    dead_share: float | None = None
    """ReLU-like only: units active on under 1 % of the batch's examples."""
    saturated_share: float | None = None
    """tanh and sigmoid only: pre-activations beyond ±5."""
    weight_std: float | None = None
    """Spread of the weights before this step's update."""
    fan_in: int = 0
    """Inputs of one unit; 0 where that means nothing (an embedding)."""
    fan_out: int = 0
    """Outputs that one input goes to; likewise."""
    units: int = 0
    twin_share: float | None = None
    """Share of the units whose weights and bias are those of another unit, or within a per cent of them."""
    activation_std: float | None = None
    input_share: float | None = None
    """Embeddings and a linear first layer: the share of its inputs that this step's gradient comes down to; 1 = all alike."""


class Outputs(Word):
    """What the model returns, the targets it is to meet, and what the loss makes of the two, on one batch.

    NaN where a question cannot be asked: the loss raises, or all targets of the batch are alike.
    """

    examples: int
    """That were looked at: those of the batch, at most 64."""
    output_shape: tuple[int, ...]
    """Of one example."""
    target_shape: tuple[int, ...]
    behind: tuple[str, ...] = ()
    """What bends the outputs behind the last layer with weights, by the names that torch gives: relu, softmax."""
    low: float
    high: float
    """Least and greatest output."""
    rms: float
    """Root mean square of the outputs."""
    spread: float
    """Standard deviation between examples, averaged over the units; 0 = the outputs do not depend on the inputs."""
    zero_share: float
    """Outputs that are 0 to the bit, of examples that have others."""
    sums_to_one: bool
    """Every row lies in [0, 1] and sums to 1."""
    reach_low: float
    reach_high: float
    """What the outputs cannot leave, whatever the weights; infinite where nothing holds them."""
    target_mean: float = float("nan")
    target_std: float = float("nan")
    target_low: float = float("nan")
    target_high: float = float("nan")
    """Of numbers to predict, over the training split where its targets are known, else over the batch."""
    loss: float
    """The plain loss of these outputs."""
    loss_kind: LossKind = ""
    """The standard loss that the task's is a multiple of; empty where none of those that are known."""
    loss_factor: float = float("nan")
    """The task's loss over that one: -1 = its sign is wrong."""
    floor_share: float = float("nan")
    """Loss of the best outputs within reach over that of a constant within reach: 0 = the task can be learned."""
    sum_factor: float = float("nan")
    """Loss of the batch over the mean loss of its halves: 1 = a mean over the examples, 2 = a sum."""
    pairing_share: float = float("nan")
    """Change of the loss of perfect outputs when the targets are dealt out anew: 0 = it does not know which is whose."""
    target_use_share: float = float("nan")
    """Change of that loss when all examples are given one target: 0 = the targets are not used."""
    order_share: float = float("nan")
    """Change of the loss when outputs and targets change places together; it should be 0."""


class Stream(Word):
    """What went into the net at one step, and whether it goes with its targets as it did."""

    mean: float
    """Of the values that enter the first module with weights of its own, in the usual example: the median over the batch."""
    std: float
    broken_share: float
    """Values that are not a number."""
    alike: bool
    """All examples of the batch enter as the same values."""
    agreement: float | None = None
    """With a linear model of the first examples: accuracy, or correlation with the target. Nothing before there is one."""
    left_out: float | None = None
    """How each of those first examples agrees with a fit to the others: what the model says of examples that it has not seen."""
    asked: int = 0
    """Different examples that the last watched batches were to hold; 0 where the data lie in memory."""
    distinct: int = 0
    """Different inputs that they held."""
    examples: int = 0
    """Examples that this was seen on, which may be the first piece of a batch; 0 = not told."""
