"""The wire: what the trainer says (events) and what it can be told (commands).

Events are past tense, commands imperative. Both are lines of JSON with a `kind`; readers skip fields they do not know,
obeyers refuse them. No torch is imported here: the advisor reads this file too.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from trainer.commands import Command
from trainer.knobs import Knob
from trainer.step_events import BeatTaken as BeatTaken
from trainer.step_events import LayersMeasured as LayersMeasured
from trainer.step_events import OutputsMeasured as OutputsMeasured
from trainer.step_events import WatchingMeasured as WatchingMeasured
from trainer.trial_events import AgreementMeasured as AgreementMeasured
from trainer.trial_events import ArmScored as ArmScored
from trainer.trial_events import StretchTaken as StretchTaken
from trainer.trial_events import TrialBegan as TrialBegan
from trainer.trial_events import TrialEnded as TrialEnded
from trainer.words import START as START
from trainer.words import Arm as Arm
from trainer.words import (
    Change,
    DeviceInfo,
    Drawn,
    EventWord,
    ModelInfo,
    Picture,
    ProbeName,
    Survey,
    TaskInfo,
)
from trainer.words import Split as Split


class WireError(Exception):
    """A line on the wire that is no command of ours; the text says why."""


class RunStarted(EventWord):
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
    anew_s: float = float("nan")
    """Seconds that a network built anew in this process costs; NaN where that takes a new process."""


class Surveyed(EventWord):
    """The data were looked at."""

    kind: Literal["surveyed"] = "surveyed"
    survey: Survey


class Evaluated(EventWord):
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
    wrong: tuple[int, ...] | None = None
    """Numbers, in the split, of the examples taken for another class; only of the test, where there are classes and few are."""


class LabelsSuspected(EventWord):
    """Training examples whose label the network, averaged over the epochs, does not believe."""

    kind: Literal["labels_suspected"] = "labels_suspected"
    noise_share: float
    """Estimated share of wrong labels, corrected by the baseline of clean data."""
    suspects: tuple[tuple[int, int, int, float], ...]
    """(index in the training split, given class, believed class, margin), worst first, at most 50."""
    identities: tuple[str, ...] = ()
    """What the user knows the suspects by: file names or row numbers, in the same order."""
    pictures: tuple[Picture, ...] = ()
    """The first of the suspects, in the same order, where inputs are pictures."""
    rows: tuple[dict[str, float | str], ...] = ()
    """The first of the suspects, in the same order, where inputs are rows of a table: value by column."""
    epochs: int


class KnobsTurned(EventWord):
    """Knobs have turned, as one transaction."""

    kind: Literal["knobs_turned"] = "knobs_turned"
    changes: tuple[Change, ...]
    trial: str = ""
    probation: bool
    by: str = "advisor"


class KnobsConfirmed(EventWord):
    """A turn on probation stays."""

    kind: Literal["knobs_confirmed"] = "knobs_confirmed"
    changes: tuple[Change, ...]
    trial: str = ""
    in_code: tuple[str, ...] = ()
    """What it comes to in the user's own code, a sentence each; empty where a line of the configuration is all."""


class KnobsReverted(EventWord):
    """A turn was taken back."""

    kind: Literal["knobs_reverted"] = "knobs_reverted"
    changes: tuple[Change, ...]
    trial: str = ""
    why: str


class CommandRefused(EventWord):
    """A command was not carried out; nothing has changed."""

    kind: Literal["command_refused"] = "command_refused"
    command: str
    trial: str = ""
    why: str


class SnapshotTaken(EventWord):
    """A state that the run can be turned back to."""

    kind: Literal["snapshot_taken"] = "snapshot_taken"
    seconds: float
    bytes: int


class RolledBack(EventWord):
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
    parts: tuple[Drawn, ...] = ()
    """How that epoch was drawn up to there."""
    rewarm_samples: int = 0


class Probed(EventWord):
    """A probe's answer; the run's state is as it was."""

    kind: Literal["probed"] = "probed"
    trial: str = ""
    probe: ProbeName
    seconds: float
    result: dict[str, Any]
    """lr_sweep, adaptive_sweep: pick (or null), spread, rates, losses, moved · single_batch_fit: first_loss, last_loss, accuracy ·
    cached_batch: step_s, examples · fetched_batch: fetch_s, alone_s, asleep_share, transform_share, collate_share · zeroed_input: loss, zeroed_loss · loss_at_init: loss, baseline_loss ·
    mode_switch: train_loss, eval_loss · memory_model: fixed_bytes, bytes_per_example, limit_bytes, largest_batch, peak_bytes,
    predicted_batch, tried, source (allocator, or counted where the device is the host) · throughput_screen: turns (knob →
    value of all settings that pay together, the batch as it is), gain, timed (knob, value, gain of each) · memory_holders: steps, growing, …"""


class GuardActed(EventWord):
    """The trainer's own guard skipped or clipped a step, or saw it stand out."""

    kind: Literal["guard_acted"] = "guard_acted"
    why: Literal["non_finite_loss", "non_finite_gradient", "loss_outlier", "gradient_outlier"]
    deed: Literal["skipped", "clipped", "saw"]
    """`saw`: the step was taken as it is, in watch mode, where the guard is off, or as an outlier that does no harm."""
    value: float


class MemoryRanOut(EventWord):
    """The device was out of memory; the batch was run again in smaller pieces, and nothing was lost."""

    kind: Literal["memory_ran_out"] = "memory_ran_out"
    micro_batch_before: int
    micro_batch_after: int


class MemoryRegained(EventWord):
    """After many clean steps the pieces of a batch have grown again; memory is predicted to suffice."""

    kind: Literal["memory_regained"] = "memory_regained"
    micro_batch_before: int
    micro_batch_after: int
    predicted_share: float
    """Predicted peak over the memory there is; NaN where it cannot be predicted."""


class CheckpointWritten(EventWord):
    """A checkpoint lies on disk."""

    kind: Literal["checkpoint_written"] = "checkpoint_written"
    name: str
    path: str
    seconds: float
    """That the training has waited for it."""
    behind_s: float = 0.0
    """That writing it took beside the training."""
    bytes: int


class TrainingEnded(EventWord):
    """The last step is done and the best model is judged; a finished model may still be compressed."""

    kind: Literal["training_ended"] = "training_ended"
    why: Literal["finished", "early_stop", "stopped", "hopeless"]
    best_step: int


class Compressed(EventWord):
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


class Told(EventWord):
    """Something a person may want to read."""

    kind: Literal["told"] = "told"
    level: Literal["info", "warning", "error"] = "info"
    text: str


class RunEnded(EventWord):
    """The trainer's last word."""

    kind: Literal["run_ended"] = "run_ended"
    why: Literal["finished", "early_stop", "stopped", "hopeless", "mistake", "failed"]
    text: str = ""
    seconds: float
    dropped: int = 0
    """Events that could not be written."""


Event = Annotated[
    RunStarted | Surveyed | BeatTaken | WatchingMeasured | LayersMeasured | OutputsMeasured | Evaluated | LabelsSuspected
    | KnobsTurned | KnobsConfirmed | KnobsReverted | CommandRefused | TrialBegan | AgreementMeasured | StretchTaken | ArmScored | TrialEnded
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
