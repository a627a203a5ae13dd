"""The wire: what the trainer says (events) and what it can be told (commands).

Events are past tense, commands imperative. Both are lines of JSON with a `kind`; readers skip fields they do not know,
obeyers refuse them. No torch is imported here: the advisor reads this file too.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from trainer.knobs import Knob, KnobValue

Arm = Literal["control", "candidate", "null"]
Split = Literal["train", "val", "test"]
ProbeName = Literal[
    "lr_sweep", "single_batch_fit", "cached_batch", "fetched_batch", "zeroed_input", "loss_at_init", "mode_switch"
]
START = 0
"""The step of the snapshot that is always kept: the state before the first step."""


class WireError(Exception):
    """A line on the wire that is no command of ours; the text says why."""


class _Word(BaseModel):
    """NaN and infinity are written as strings: a NaN loss is the one number that must never be lost."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings", extra="ignore")


# ---------------------------------------------------------------- what events hold


class Turned(_Word):
    """One knob and the value that it is to have."""

    knob: str
    to: KnobValue


class Change(_Word):
    """One knob that has turned."""

    knob: str
    old: KnobValue
    new: KnobValue


class TaskInfo(_Word):
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


class ModelInfo(_Word):
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


class DeviceInfo(_Word):
    """The device that trains."""

    type: str
    name: str
    memory_bytes: int
    """Memory of an accelerator, or of the host where there is none."""
    amp_dtypes: tuple[str, ...]
    """Mixed precision types that work here, best first; that they pay is a matter for a trial."""
    threads: int
    index: int = 0


class ColumnFacts(_Word):
    """One input column of a table."""

    name: str
    missing_share: float
    unique: int
    mean: float
    std: float
    correlation: float
    """With the target, absolute, 0 to 1."""


class Survey(_Word):
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


class Layer(_Word):
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


# ---------------------------------------------------------------- events


class _Event(_Word):
    t: float = 0.0
    """Unix time in seconds, set by the link."""
    step: int = 0
    """Optimizer steps taken, in the run that counts (a rollback turns it back)."""
    samples: int = 0
    """Examples behind those steps."""


class RunStarted(_Event):
    """The trainer is ready to take its first step (or its next, after a resume)."""

    kind: Literal["run_started"] = "run_started"
    pid: int
    pid_started: float
    task: TaskInfo
    model: ModelInfo
    device: DeviceInfo
    knobs: tuple[Knob, ...]
    steps_total: int
    samples_total: int
    epochs: float
    steps_per_epoch: int
    seed: int
    lockstep: bool
    resumed: bool
    versions: dict[str, str]


class Surveyed(_Event):
    """The data were looked at."""

    kind: Literal["surveyed"] = "surveyed"
    survey: Survey


class BeatTaken(_Event):
    """A beat: what happened since the last one. `step` is the last step in it."""

    kind: Literal["beat_taken"] = "beat_taken"
    steps: int
    seconds: float
    epoch: float
    lr: float
    loss: tuple[float, ...]
    """Loss of each step (of bins, when there were more than 64)."""
    grad_norm: tuple[float, ...]
    phases: dict[str, float]
    """Seconds by part: input_wait, to_device, forward, backward, optimizer, advisor, other."""
    step_s: tuple[float, ...] = ()
    """Wall seconds of each step, the input wait in it (of bins likewise)."""
    loader_cpu_s: float = 0.0
    """Seconds that fetching one batch takes, in the process that does it; 0 where nobody measured."""
    skipped: int = 0
    """Steps that the guard skipped: non-finite, or an outlier."""
    clipped: int = 0
    peak_bytes: int = 0
    """Device memory at its peak since the last beat (host: resident size of the trainer)."""
    reserved_bytes: int = 0
    eta_s: float = 0.0
    trial: str = ""
    """The trial whose rounds these steps were part of: their timing says nothing about the steady state."""
    label_runs: float = -1.0
    """Share of neighbours in the drawn batches with the same label; -1 where there are no classes."""


class LayersMeasured(_Event):
    """Per-layer norms and activity at one step."""

    kind: Literal["layers_measured"] = "layers_measured"
    layers: tuple[Layer, ...]
    first_rows_identical: bool = False
    """All units of the first layer have the same weights: they can never learn different things."""
    unchanged: tuple[str, ...] = ()
    """Trainable tensors with a gradient that a step left as they were."""


class Evaluated(_Event):
    """One pass over a split, without augmentation and dropout, by the user's own loss (no weights, no smoothing)."""

    kind: Literal["evaluated"] = "evaluated"
    split: Split
    epoch: float
    loss: float
    metrics: dict[str, float]
    standard_error: float
    """Of the main metric."""
    recalls: tuple[float, ...] = ()
    seconds: float
    examples: int
    train_loss: float = float("nan")
    """The same loss over a fixed sample of the training split of at most the same size."""
    train_metrics: dict[str, float] = Field(default_factory=dict)
    best: bool = False
    final: bool = False
    confusion: tuple[tuple[int, ...], ...] = ()
    """Rows are true classes; only in a final evaluation."""


class LabelsSuspected(_Event):
    """Training examples whose label the network, averaged over the epochs, does not believe."""

    kind: Literal["labels_suspected"] = "labels_suspected"
    noise_share: float
    """Estimated share of wrong labels, corrected by the baseline of clean data."""
    suspects: tuple[tuple[int, int, int, float], ...]
    """(index in the training split, given class, believed class, margin), worst first, at most 50."""
    identities: tuple[str, ...] = ()
    """What the user knows the suspects by: file names or row numbers, in the same order."""
    epochs: int


class KnobsTurned(_Event):
    """Knobs have turned, as one transaction."""

    kind: Literal["knobs_turned"] = "knobs_turned"
    changes: tuple[Change, ...]
    trial: str = ""
    probation: bool
    by: str = "advisor"


class KnobsConfirmed(_Event):
    """A turn on probation stays."""

    kind: Literal["knobs_confirmed"] = "knobs_confirmed"
    changes: tuple[Change, ...]
    trial: str = ""


class KnobsReverted(_Event):
    """A turn was taken back."""

    kind: Literal["knobs_reverted"] = "knobs_reverted"
    changes: tuple[Change, ...]
    trial: str = ""
    why: str


class CommandRefused(_Event):
    """A command was not carried out; nothing has changed."""

    kind: Literal["command_refused"] = "command_refused"
    command: str
    trial: str = ""
    why: str


class TrialBegan(_Event):
    """The trainer has begun the rounds or the fork that it was asked for."""

    kind: Literal["trial_began"] = "trial_began"
    trial: str
    how: Literal["rounds", "fork", "compression"]
    steps: int


class AgreementMeasured(_Event):
    """Both arms on the same weights and batches, without a step."""

    kind: Literal["agreement_measured"] = "agreement_measured"
    trial: str
    passes: int
    loss_difference: float
    """Mean absolute difference of the losses over max(loss, 0.05)."""
    gradient_cosine: float
    """Least cosine of the whole gradients."""


class StretchTaken(_Event):
    """One stretch of a round."""

    kind: Literal["stretch_taken"] = "stretch_taken"
    trial: str
    round: int
    arm: Arm
    steps: int
    timed_samples: int
    timed_s: float
    """Wall seconds of the timed part, the data wait in it."""


class ArmScored(_Event):
    """One arm of a fork has run and was scored on the fixed probe set."""

    kind: Literal["arm_scored"] = "arm_scored"
    trial: str
    arm: Arm
    steps: int
    seconds: float
    scores: dict[str, float]
    """loss, the task's metrics, balanced_accuracy and rare_recall for classes, train_loss, and tail_loss,
    tail_<metric>: the same by weights averaged over the last half."""
    standard_errors: dict[str, float]
    diverged: bool = False


class TrialEnded(_Event):
    """Rounds or fork are over; the run goes on from the arm `went_on_from`."""

    kind: Literal["trial_ended"] = "trial_ended"
    trial: str
    went_on_from: Arm
    seconds: float
    """What the trial cost: time that the run would not have spent without it."""
    why: str = ""


class SnapshotTaken(_Event):
    """A state that the run can be turned back to."""

    kind: Literal["snapshot_taken"] = "snapshot_taken"
    seconds: float
    bytes: int


class RolledBack(_Event):
    """The run was turned back; `step` is where it stands now."""

    kind: Literal["rolled_back"] = "rolled_back"
    from_step: int
    trial: str = ""
    skipped_batches: int


class Probed(_Event):
    """A probe's answer; the run's state is as it was."""

    kind: Literal["probed"] = "probed"
    trial: str = ""
    probe: ProbeName
    seconds: float
    result: dict[str, Any]
    """lr_sweep: pick (or null), spread, rates, losses · single_batch_fit: first_loss, last_loss, accuracy ·
    cached_batch: step_s, examples · fetched_batch: fetch_s · zeroed_input: loss, zeroed_loss · loss_at_init: loss, baseline_loss ·
    mode_switch: train_loss, eval_loss."""


class GuardActed(_Event):
    """The trainer's own guard skipped or clipped a step."""

    kind: Literal["guard_acted"] = "guard_acted"
    why: Literal["non_finite_loss", "non_finite_gradient", "loss_outlier", "gradient_outlier"]
    deed: Literal["skipped", "clipped", "saw"]
    """`saw` in watch mode, where the guard is off."""
    value: float


class MemoryRanOut(_Event):
    """The device was out of memory; the batch was run again in smaller pieces, and nothing was lost."""

    kind: Literal["memory_ran_out"] = "memory_ran_out"
    micro_batch_before: int
    micro_batch_after: int


class CheckpointWritten(_Event):
    """A checkpoint lies on disk."""

    kind: Literal["checkpoint_written"] = "checkpoint_written"
    name: str
    path: str
    seconds: float
    bytes: int


class TrainingEnded(_Event):
    """The last step is done and the best model is judged; a finished model may still be compressed."""

    kind: Literal["training_ended"] = "training_ended"
    why: Literal["finished", "early_stop", "stopped", "hopeless"]
    best_step: int


class Compressed(_Event):
    """A compressed copy of the best model, scored beside it. Latency is the median over interleaved passes."""

    kind: Literal["compressed"] = "compressed"
    trial: str
    method: str
    path: str
    bytes_before: int
    bytes_after: int
    latency_before_s: float
    latency_after_s: float
    metric_before: float
    metric_after: float
    test_before: float | None = None
    test_after: float | None = None
    standard_error: float
    """Of the difference of the metric, paired over the examples."""
    note: str = ""


class Told(_Event):
    """Something a person may want to read."""

    kind: Literal["told"] = "told"
    level: Literal["info", "warning", "error"] = "info"
    text: str


class RunEnded(_Event):
    """The trainer's last word."""

    kind: Literal["run_ended"] = "run_ended"
    why: Literal["finished", "early_stop", "stopped", "hopeless", "mistake", "failed"]
    text: str = ""
    seconds: float
    dropped: int = 0
    """Events that could not be written."""


Event = Annotated[
    RunStarted | Surveyed | BeatTaken | LayersMeasured | Evaluated | LabelsSuspected | KnobsTurned | KnobsConfirmed
    | KnobsReverted | CommandRefused | TrialBegan | AgreementMeasured | StretchTaken | ArmScored | TrialEnded
    | SnapshotTaken | RolledBack | Probed | GuardActed | MemoryRanOut | CheckpointWritten | TrainingEnded | Compressed
    | Told | RunEnded,
    Field(discriminator="kind"),
]  # fmt: skip


# ---------------------------------------------------------------- commands


class _Command(_Word):
    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings", extra="forbid")

    trial: str = ""


class Turn(_Command):
    """Turn knobs on probation: they turn back by themselves after `probation_steps` unless confirmed."""

    kind: Literal["turn"] = "turn"
    turns: tuple[Turned, ...]
    probation_steps: int = 200
    by: str = "advisor"


class Confirm(_Command):
    """The turn of this trial stays."""

    kind: Literal["confirm"] = "confirm"


class Revert(_Command):
    """Take the turn of this trial back, also after it was confirmed."""

    kind: Literal["revert"] = "revert"
    why: str


class Alternate(_Command):
    """Run rounds with and without the turns (throughput); afterwards the knobs are as before."""

    kind: Literal["alternate"] = "alternate"
    turns: tuple[Turned, ...]
    rounds: int = 6
    stretch_steps: int = 20
    stretch_s: float = 0.25
    agreement_passes: int = 0
    """Other rounding: so many passes of both arms on the same weights first; 0 = no agreement check."""


class Fork(_Command):
    """Run control, candidate and null arms of `steps` from one snapshot, then wait for `Decide` (learning)."""

    kind: Literal["fork"] = "fork"
    turns: tuple[Turned, ...]
    steps: int
    nulls: int = 1


class Decide(_Command):
    """Carry on from this arm; for a compression: keep the file (candidate) or delete it (control)."""

    kind: Literal["decide"] = "decide"
    arm: Literal["control", "candidate"]


class Snapshot(_Command):
    """Take a snapshot now."""

    kind: Literal["snapshot"] = "snapshot"


class Rollback(_Command):
    """Go back to the newest snapshot at or before `to_step` (0 = the start) and turn knobs there, confirmed."""

    kind: Literal["rollback"] = "rollback"
    to_step: int
    turns: tuple[Turned, ...] = ()
    rewarm_steps: int = 0
    """Raise the rate linearly over so many steps after the rollback."""


class Probe(_Command):
    """Run a probe on a snapshot and answer with `Probed`."""

    kind: Literal["probe"] = "probe"
    probe: ProbeName
    from_start: bool = False
    """On the state before the first step instead of now."""


class Compress(_Command):
    """Compress the finished model by this method and score it; then wait for `Decide`."""

    kind: Literal["compress"] = "compress"
    method: Literal["int8", "prune"]
    amount: float = 0.3
    """prune: the least share of weights that goes; more go as long as the metric bears it."""


class Checkpoint(_Command):
    """Write the last state to disk now."""

    kind: Literal["checkpoint"] = "checkpoint"


class Pause(_Command):
    """Stand still at the next step boundary."""

    kind: Literal["pause"] = "pause"


class Resume(_Command):
    """Go on after a pause."""

    kind: Literal["resume"] = "resume"


class Stop(_Command):
    """End the run: checkpoint, evaluate, say goodbye."""

    kind: Literal["stop"] = "stop"
    why: Literal["stopped", "early_stop", "hopeless"] = "stopped"


class Answer(_Command):
    """The driver has heard all events up to this count: what a trainer in lockstep, or one that keeps pace, waits for."""

    kind: Literal["answer"] = "answer"
    heard: int


class Finish(_Command):
    """Nothing more is wanted of a run whose training has ended."""

    kind: Literal["finish"] = "finish"


Command = Annotated[
    Turn | Confirm | Revert | Alternate | Fork | Decide | Snapshot | Rollback | Probe | Compress | Checkpoint | Pause
    | Resume | Stop | Answer | Finish,
    Field(discriminator="kind"),
]  # fmt: skip

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)
_COMMAND: TypeAdapter[Command] = TypeAdapter(Command)


def write(word: BaseModel) -> str:
    """Return a word as one line of JSON, without its newline."""
    return word.model_dump_json()


def read_event(line: str | bytes) -> Event | None:
    """Return the event of a line, or nothing for a kind or form that this version does not know."""
    try:
        return _EVENT.validate_json(line)
    except ValidationError:
        return None


def read_command(line: str | bytes) -> Command:
    """Return the command of a line.

    Raises:
        WireError: when the line is no command, or has fields that no command has.
    """
    try:
        return _COMMAND.validate_json(line)
    except ValidationError as invalid:
        raise WireError(f"not a command: {invalid.errors(include_url=False)[0]['msg']}") from None
