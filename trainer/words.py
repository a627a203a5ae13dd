"""What events and commands hold: turns and changes of knobs, and what is said of task, model, device, data and layers.

No torch is imported here: the advisor reads this file too.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from trainer.knobs import KnobValue

ProbeName = Literal[
    "lr_sweep",
    "single_batch_fit",
    "cached_batch",
    "fetched_batch",
    "zeroed_input",
    "loss_at_init",
    "mode_switch",
    "memory_model",
]

Arm = Literal["control", "candidate", "null"]
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
    in_memory: bool
    """Batches are sliced from tensors; there is no per-item loader."""
    source: str


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
    forward_flops: float = 0.0
    """Floating point operations of one forward pass of one example; 0 where nobody counted."""


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
    non_finite_share: float = 0.0
    """Training examples with a value that is no number as the model gets it: nothing has filled it."""
    input_mean: float
    """Absolute mean of the inputs as the model gets them, largest over the features."""
    input_std_low: float
    input_std_high: float
    """Least and greatest spread of a feature that is not constant, as the model gets them."""
    input_abs_max: float
    constant_features: int
    features: int
    neighbour_label_match: float
    """Share of neighbouring examples, in the order of the epoch, with the same label; ≈ Σp² when shuffled."""
    unreadable: int = 0
    """Items that could not be read and were left out."""
    columns: tuple[ColumnFacts, ...] = ()


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
    activation_std: float | None = None
