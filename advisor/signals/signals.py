"""The signals: what the trainer said and the sensors saw, folded into bounded windows.

A fold, not a history: its memory does not grow with the run, and folding the same lines again gives the same state.
"""

from collections import deque
from math import ceil, isfinite, nan
from typing import Any

from advisor.sensors.sample import DeviceSample, HostSample, NeighbourSample, Sample, StallSample
from advisor.signals.fetch import FetchSignal
from advisor.signals.learning import EvaluationSignal, GradientSignal, LayerSignal, LossSignal, RateSignal
from advisor.signals.memory import MemorySignal
from advisor.signals.stream import StreamSignal
from advisor.signals.time import PaceSignal, TimeSignal, WaitSignal
from advisor.signals.windows import median_of, spread_over_steps
from trainer.knobs import Knob, KnobValue
from trainer.wire import (
    BeatTaken,
    CheckpointWritten,
    Evaluated,
    Event,
    GuardActed,
    KnobsConfirmed,
    KnobsReverted,
    KnobsTurned,
    LabelsSuspected,
    LayersMeasured,
    MemoryRanOut,
    MemoryRegained,
    OutputsMeasured,
    Probed,
    RolledBack,
    RunEnded,
    RunStarted,
    SnapshotTaken,
    Surveyed,
    TrainingEnded,
    TrialBegan,
    TrialEnded,
)
from trainer.words import Change, Survey

SNAPSHOTS_HELD = 3
"""The trainer's ring (trials.md)."""
DEVICE_WINDOW_S = 30.0
"""Seconds of device samples behind utilisation."""
HOST_SAMPLES = 5
"""Samples behind the idle cores: one a second."""
LOSS_SHAPING = frozenset(
    {"loss", "class_weights", "logit_adjustment", "focal", "label_smoothing", "augment", "augment_strength", "dropout",
     "standardise", "shuffle", "sampler"}
)  # fmt: skip
"""Knobs after whose turn the training loss means something else."""
OTHER_NETWORK = frozenset({"activation", "init", "norm", "residual", "output"})
"""Knobs after whose turn the layers are others."""
OTHER_TRAINING = OTHER_NETWORK | {
    "optimizer", "momentum", "weight_decay", "clip", "batch_size", "standardise", "scale_targets", "label_smoothing", "dropout",
    "loss",
}  # fmt: skip
"""Knobs after whose turn the probes that train would answer otherwise."""
TRAINING_PROBES = frozenset({"lr_sweep", "adaptive_sweep", "single_batch_fit"})
"""Their answers are forgotten then, and may be asked for anew."""
REDRAWN = frozenset({"shuffle", "sampler"})
"""Knobs after whose turn other examples stand side by side."""
CACHE_SHAPING = frozenset({"workers", "cache", "augment"})
"""Knobs after whose turn whatever keeps items begins anew."""
STREAM_SHAPING = REDRAWN | {"augment", "augment_strength", "standardise"}
"""Knobs after whose turn something else goes into the net."""
TIME_SHAPING = frozenset(
    {
        "batch_size",
        "micro_batch",
        "replicas",
        "amp",
        "tf32",
        "augment",
        "workers",
        "prefetch",
        "cache",
        "channels_last",
        "compile",
        "activation_checkpointing",
        "threads",
    }
)
"""Knobs after whose turn a step takes another time."""
MEMORY_SHAPING = TIME_SHAPING | OTHER_NETWORK | {"optimizer", "momentum", "ema"}
"""Knobs after whose turn the run holds more or less."""
FETCH_SHAPING = frozenset({"batch_size", "cache"})
"""Knobs after whose turn a fetch takes another time."""
STEP_SHAPING = TIME_SHAPING - {"workers", "prefetch", "cache"}
"""Of these, knobs after whose turn a step that does not wait takes another time, too."""


class Signals:
    """All signals of one run."""

    def __init__(self) -> None:
        self.started: RunStarted | None = None
        self.survey: Survey | None = None
        self.labels: LabelsSuspected | None = None
        self.beat: BeatTaken | None = None
        self.step = 0
        self.epoch = 0.0
        self.samples = 0
        self.t = 0.0
        self.knobs: dict[str, Knob] = {}
        self.confirmed: set[str] = set()
        self.last_turn_step = 0
        self.loss = LossSignal(1)
        self.gradients = GradientSignal()
        self.rate = RateSignal()
        self._begun_anew = ""
        """The trial whose arms begin before the first step."""
        self.validation = EvaluationSignal("", True)
        self.layers = LayerSignal()
        self.outputs: OutputsMeasured | None = None
        self.first_outputs: OutputsMeasured | None = None
        self.stream = StreamSignal()
        self.times = TimeSignal()
        self.memory = MemorySignal()
        self.pace = PaceSignal()
        self.stall: StallSample | None = None
        self.fetches = FetchSignal()
        self.likenesses: deque[tuple[float, int]] = deque(maxlen=50)
        """Of the newest beats: how alike neighbours of a batch are, of classes or of numbers; the pairs behind it."""
        self.redrawn = False
        """The order was turned since the survey."""
        self.evaluation_s = 0.0
        self.checkpoints = WaitSignal()
        self.ran_out = 0
        self.peak_bytes = 0
        self.probes: dict[str, dict[str, Any]] = {}
        self.rollbacks = 0
        self.last_rollback_step = 0
        self.rung_lr = nan
        self.snapshots: list[int] = [0]
        self.ended: TrainingEnded | None = None
        self.over = False
        self.host: deque[HostSample] = deque(maxlen=HOST_SAMPLES)
        self.devices: deque[tuple[float, DeviceSample]] = deque()
        self.neighbours: deque[tuple[float, tuple[NeighbourSample, ...]]] = deque()
        self._began_t = 0.0
        self._elapsed_before_s = 0.0

    @property
    def elapsed_s(self) -> float:
        """Wall seconds that the trainer has run, over all its starts."""
        return self._elapsed_before_s + (max(self.t - self._began_t, 0.0) if self.started else 0.0)

    @property
    def eta_s(self) -> float:
        """Seconds that the steps still to go will take."""
        left = self.started.steps_total - self.step if self.started and not self.ended else 0
        return max(left, 0) * self.step_s

    @property
    def step_s(self) -> float:
        """Median wall seconds of a step lately; 0 before the first beat."""
        beats = self.times.beats or ([self.beat] if self.beat else [])
        steps = median_of(step_s for beat in beats for step_s in beat.step_s)
        return steps if steps == steps else 0.0

    def hear(self, event: Event) -> None:
        """Fold one event."""
        if isinstance(event, RunStarted):
            self._start(event)
        self.t = max(self.t, event.t)
        stood, self.stall = self.stall is not None, None
        match event:
            case BeatTaken():
                self._beat(event)
            case Surveyed():
                self.survey = event.survey
            case LayersMeasured():
                self.layers.push(event)
                self.stream.push(event)
            case OutputsMeasured():
                self._look(event)
            case Evaluated():
                self.evaluation_s += event.seconds
                if event.split == "val":
                    self.validation.push(event)
            case LabelsSuspected():
                self.labels = event
            case KnobsTurned():
                self._turn(event.changes, event.step)
                if not event.probation:
                    self._confirm(event.changes, event.step)
            case KnobsConfirmed():
                self._confirm(event.changes, event.step)
            case KnobsReverted():
                self._turn(event.changes, event.step)
                self.confirmed -= {change.knob for change in event.changes}
            case GuardActed(why="loss_outlier" | "gradient_outlier"):
                self.loss.outlier(event.step)
            case GuardActed():
                self.loss.left_out(event.step)
            case MemoryRanOut():
                self.ran_out += 1
                self.memory.begin_anew()
                self._hold("micro_batch", event.micro_batch_after)
                self.times.begin_anew(event.step)
            case MemoryRegained():
                self._hold("micro_batch", event.micro_batch_after)
                self.times.begin_anew(event.step)
            case SnapshotTaken():
                self.snapshots = [0, *[at for at in self.snapshots if at][-(SNAPSHOTS_HELD - 1) :], event.step]
            case CheckpointWritten():
                self.checkpoints.push(self.elapsed_s, event.seconds)
            case Probed():
                self.probes[event.probe] = event.result
            case RolledBack():
                self._roll_back(event)
            case TrialBegan(from_start=True):
                self._begun_anew = event.trial
            case TrialEnded(went_on_from="candidate") if event.trial == self._begun_anew:
                self._forget_branch()
            case TrainingEnded():
                self.ended = event
            case RunEnded():
                self.over = True
            case _:
                pass
        if stood:  # the time it stood still is no time of a step
            for signal in (self.fetches, self.pace):
                signal.begin_anew()
            self.times.begin_anew(self.step)

    def sense(self, sample: Sample) -> None:
        """Fold what the sensors saw."""
        if sample.host is not None:
            self.host.append(sample.host)
            self.memory.sense(sample.t, sample.host)
        self.stall = sample.stall or self.stall
        index = self.started.device.index if self.started else 0
        self.devices.extend((sample.t, device) for device in sample.devices if device.index == index)
        while self.devices and self.devices[0][0] < sample.t - DEVICE_WINDOW_S:
            self.devices.popleft()
        if sample.neighbours:
            self.neighbours.append((sample.t, sample.neighbours))
        while self.neighbours and self.neighbours[0][0] < sample.t - DEVICE_WINDOW_S:
            self.neighbours.popleft()

    def _start(self, event: RunStarted) -> None:
        """Begin, or go on after a resume: what came after the checkpoint never happened."""
        if self.started is not None:
            self._elapsed_before_s = self.elapsed_s
            if (
                not event.trial
            ):  # a candidate may begin anywhere; whether the run goes on from there, it says when it has won
                self._cut(event.step)
            self.times.begin_anew(event.step)
        else:
            self.loss = LossSignal(event.steps_total)
            self.validation = EvaluationSignal(event.task.metric, event.task.higher_is_better)
            self.times = TimeSignal()
            self.stream = StreamSignal(event.steps_total, event.task.train_examples)
        if not event.trial:
            self.snapshots = [0]
        self.ended, self.over = None, False
        self.pace.begin_anew()
        self.memory.start(event.samples / max(event.task.train_examples, 1))
        self.loss.steps_total = event.steps_total
        self.started = event
        self._began_t = self.t = event.t
        self.step, self.samples = event.step, event.samples
        self.knobs = {knob.name: knob for knob in event.knobs}

    def _beat(self, beat: BeatTaken) -> None:
        norms = dict(enumerate(beat.grad_norm))
        bin_steps = max(1, round(beat.steps / len(beat.loss))) if beat.loss else 1
        same_bins = len(beat.grad_norm) == len(beat.loss)
        for place, (step, loss) in enumerate(spread_over_steps(beat.step, beat.steps, beat.loss)):
            self.loss.push(step, loss, norms.get(place, 0.0) if same_bins else 0.0, bin_steps)
        for step, norm in spread_over_steps(beat.step, beat.steps, beat.grad_norm):
            self.gradients.push(step, norm)
        self.gradients.clipped(beat.step, beat.steps, beat.clipped)
        self.rate.push(beat.step, beat.steps, beat.lr_set, beat.lr)
        self.times.push(beat)
        self.memory.hear(beat)
        self.pace.push(beat)
        self.fetches.push(beat)
        alike = beat.label_runs if beat.label_runs >= 0 else beat.target_runs
        if alike is not None:
            held = self.knobs.get("batch_size")
            whole = int(held.value) if held is not None else 1
            self.likenesses.append((alike, beat.run_pairs or max(whole - 1, 1)))
        self.peak_bytes = max(self.peak_bytes, beat.peak_bytes)
        self.beat = beat
        self.step, self.epoch, self.samples = beat.step, beat.epoch, beat.samples

    def _look(self, event: OutputsMeasured) -> None:
        """Keep the newest look, and the one before anything was learned; what a loss is does not change between looks."""
        before = self.outputs.outputs if self.outputs is not None else None
        if before is not None and before.loss_kind and not event.outputs.loss_kind:
            known = {"loss_kind": before.loss_kind, "loss_factor": before.loss_factor}
            event = event.model_copy(update={"outputs": event.outputs.model_copy(update=known)})
        self.outputs = event
        if event.step == 0:
            self.first_outputs = event

    def _turn(self, changes: tuple[Change, ...], step: int) -> None:
        turned = {change.knob for change in changes if change.old != change.new}
        for change in changes:
            if change.knob == "batch_size":
                self._count_anew(step, float(change.old), float(change.new))
            self._hold(change.knob, change.new)
        if turned & LOSS_SHAPING:
            self.loss.begin_anew(step)
        if "loss" in turned:
            self.validation.begin_anew()
        if turned & REDRAWN:
            self.likenesses.clear()
            self.redrawn = True
        if turned & STREAM_SHAPING:
            self.stream.begin_anew(step, self.samples)
        if turned & TIME_SHAPING:
            self.times.begin_anew(step)
            self.pace.begin_anew()
        if turned & MEMORY_SHAPING:
            self.memory.begin_anew(first_pass=bool(turned & CACHE_SHAPING))
        if turned & FETCH_SHAPING:
            self.fetches.begin_anew()

    def _count_anew(self, step: int, before: float, after: float) -> None:
        """Count the steps of the run anew, after another batch size: what is left are so many examples."""
        if self.started is None or after <= 0:
            return
        left = (self.started.steps_total - step) * before / after
        per_epoch = self.started.steps_per_epoch * before / after
        counted = {"steps_total": step + ceil(left), "steps_per_epoch": ceil(per_epoch)}
        self.started = self.started.model_copy(update=counted)
        self.loss.steps_total = self.started.steps_total

    def _hold(self, name: str, value: KnobValue) -> None:
        if name in self.knobs:
            self.knobs[name] = self.knobs[name].model_copy(update={"value": value})

    def _confirm(self, changes: tuple[Change, ...], step: int) -> None:
        names = {change.knob for change in changes}
        self.confirmed |= names
        if names & OTHER_TRAINING:
            self.probes = {probe: answer for probe, answer in self.probes.items() if probe not in TRAINING_PROBES}
        if names & STEP_SHAPING:
            self.probes.pop("cached_batch", None)
        if names & OTHER_NETWORK:
            self.layers.cut(0)
        if any(name in self.knobs and self.knobs[name].effect == "changes_learning" for name in names):
            self.last_turn_step = step

    def _roll_back(self, event: RolledBack) -> None:
        lr = self.knobs["lr"].value if "lr" in self.knobs else nan
        if event.by == "rescue":
            self.rung_lr = float(lr) if isinstance(lr, int | float) and isfinite(lr) else nan
            self.rollbacks += 1
            self.last_rollback_step = event.step
        self._cut(event.step)
        self.last_turn_step = event.step

    def _forget_branch(self) -> None:
        """Forget what was seen of a run whose place another one has taken that began anew: it never was like that."""
        step = self.step
        self._cut(0)
        self.loss.begun_unseen = True
        self.step, self.labels = step, None

    def _cut(self, step: int) -> None:
        for signal in (self.loss, self.gradients, self.validation, self.layers, self.stream):
            signal.cut(step)
        self.rate.forget()
        self.snapshots = [at for at in self.snapshots if at <= step] or [0]
        self.step = step
