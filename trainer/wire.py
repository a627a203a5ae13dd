"""The wire: what the trainer says (events) and what it can be told (commands).

Events are past tense, commands imperative. Both are lines of JSON with a `kind`; readers skip fields they do not know,
obeyers refuse them. No torch is imported here: the advisor reads this file too.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from trainer.commands import Command
from trainer.knobs import Knob
from trainer.words import START as START
from trainer.words import Arm as Arm
from trainer.words import Change, DeviceInfo, Layer, ModelInfo, ProbeName, Survey, TaskInfo, Word
from trainer.words import Split as Split


class WireError(Exception):
    """A line on the wire that is no command of ours; the text says why."""


class _Event(Word):
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
    trial: str = ""
    """The trial whose candidate was built anew: the start is part of it, not its end."""


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
    raw_loss: float = float("nan")
    """With averaged weights (knob `ema`): loss of the weights as trained, on the same pass; `loss` is the averaged ones'."""
    raw_metrics: dict[str, float] = Field(default_factory=dict)
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
    replicate: int = 0
    """Whose batches it trained on: 0 the control's, k those of the k-th null arm."""
    steps: int
    seconds: float
    scores: dict[str, float]
    """loss, the task's metrics, balanced_accuracy and rare_recall for classes, train_loss (as trained), gap (held-out
    loss less that of a sample of the training split), and tail_loss, tail_<metric>: by weights averaged over the last
    half."""
    standard_errors: dict[str, float]
    diverged: bool = False


class TrialEnded(_Event):
    """Rounds or fork are over; the run goes on from the arm `went_on_from`."""

    kind: Literal["trial_ended"] = "trial_ended"
    trial: str
    went_on_from: Arm
    seconds: float
    """What the trial cost: time that the run would not have spent without it."""
    set_up_s: float = 0.0
    """rounds: what it takes to bring the candidate up (loader, compiler): to be paid again when it is kept."""
    crowded_share: float = float("nan")
    """rounds: share of this machine's processors that other programs used meanwhile; NaN where nobody can tell."""
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
    by: Literal["rescue", "guard"] = "rescue"
    """The rescue ladder, or the guard over a fix that was kept."""
    epoch: int = 0
    offset: int = 0
    """Where the order goes on."""
    rewarm_samples: int = 0


class Probed(_Event):
    """A probe's answer; the run's state is as it was."""

    kind: Literal["probed"] = "probed"
    trial: str = ""
    probe: ProbeName
    seconds: float
    result: dict[str, Any]
    """lr_sweep: pick (or null), spread, rates, losses · single_batch_fit: first_loss, last_loss, accuracy ·
    cached_batch: step_s, examples · fetched_batch: fetch_s · zeroed_input: loss, zeroed_loss · loss_at_init: loss, baseline_loss ·
    mode_switch: train_loss, eval_loss · memory_model: fixed_bytes, bytes_per_example, limit_bytes, largest_batch, peak_bytes,
    predicted_batch, tried, source (allocator, or counted where the device is the host)."""


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


class MemoryRegained(_Event):
    """After many clean steps the pieces of a batch have grown again; memory is predicted to suffice."""

    kind: Literal["memory_regained"] = "memory_regained"
    micro_batch_before: int
    micro_batch_after: int
    predicted_share: float
    """Predicted peak over the memory there is; NaN where it cannot be predicted."""


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
    | SnapshotTaken | RolledBack | Probed | GuardActed | MemoryRanOut | MemoryRegained | CheckpointWritten | TrainingEnded | Compressed
    | Told | RunEnded,
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
