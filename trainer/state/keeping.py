"""Keeping: the best model and the last state, in memory at once and on disk as often as that is cheap; early stopping."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from time import perf_counter

import torch

from trainer.evaluate import Examiner
from trainer.export import save_model
from trainer.state import checkpoint
from trainer.state.checkpoint import Beside
from trainer.state.snapshot import HalfAStep, copied, take
from trainer.training import Best, Progress, Training
from trainer.wire import CheckpointWritten, Evaluated, Told

COST_SHARE = 0.01
"""Checkpoints may cost 1 % of the run …"""

OFTENEST_S = 2.0
"""… and are never written more often than that."""

STALE_EVALUATIONS = 5
STALE_SHARE = 0.10
"""Early stopping waits for max(5 evaluations, 10 % of the run) without a gain (knobs.md)."""

LEAST_GAIN = 0.001
"""A gain under max(one standard error, 0.1 %) is none."""


class Keeper:
    """Keeps what must not be lost."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._folder = training.folder / "checkpoints"
        self._written_at = perf_counter()
        self._seconds_of_one = 0.0

    def remember(self, event: Evaluated) -> None:
        """Remember the model that was evaluated if it is the best so far."""
        progress = self._training.progress
        if event.best:
            metric = next(iter(event.metrics.values()))
            progress.best_metric, progress.best_loss, progress.best_step = metric, event.loss, event.step
            self._training.keep_best()

    def judge(self, event: Evaluated) -> None:
        """Take in an evaluation of the run's grid: remember the best model, and count those without a real gain."""
        self.remember(event)
        progress = self._training.progress
        metric = next(iter(event.metrics.values()))
        sign = 1 if self._training.setup.info.higher_is_better else -1
        error = event.standard_error if event.standard_error == event.standard_error else 0.0
        least = max(error, LEAST_GAIN * abs(metric))
        if progress.gained_metric != progress.gained_metric or sign * (metric - progress.gained_metric) > least:
            progress.gained_metric = metric
            progress.gained_samples = progress.samples
            progress.stale_evaluations = 0
        else:
            progress.stale_evaluations += 1

    def exhausted(self) -> bool:
        """Tell whether early stopping, where it is on, ends the run now."""
        progress = self._training.progress
        waited = progress.samples - progress.gained_samples
        return (
            bool(self._training.knobs["early_stop"])
            and progress.stale_evaluations >= STALE_EVALUATIONS
            and waited >= STALE_SHARE * progress.samples_total
        )

    def due(self) -> bool:
        """Tell whether the last state should be written now; not while one is being written."""
        if self._training.behind.busy:
            return False
        self._training.behind.settle()
        every = self._training.config.train.checkpoint_every
        progress = self._training.progress
        if every and progress.samples >= progress.next_checkpoint:
            return True
        waited = perf_counter() - self._written_at
        return waited >= max(OFTENEST_S, self._seconds_of_one / COST_SHARE)

    def write_last(self) -> None:
        """Write the last state (and, where asked for, a numbered one), and the best model if it is newer than on disk."""
        begun = perf_counter()
        self._training.behind.settle()
        for write in self._writes():
            self._try(write)
        self._charge(perf_counter() - begun)

    def write_due(self) -> None:
        """Write the same from a copy while the training goes on, where the knob says so: it waits for the copy alone."""
        training, begun = self._training, perf_counter()
        if not training.knobs["async_checkpoints"]:
            self.write_last()
            return
        training.behind.settle()
        writes = self._writes()
        waited_s = perf_counter() - begun
        done: list[CheckpointWritten | OSError] = []

        def tell(behind_s: float) -> None:
            for place, written in enumerate(done):
                cost = {"seconds": 0.0 if place else waited_s, "behind_s": 0.0 if place else behind_s}
                self._tell(written if isinstance(written, OSError) else written.model_copy(update=cost))
            self._seconds_of_one += behind_s

        training.behind.begin(lambda: done.extend(map(_attempted, writes)), tell)
        self._charge(waited_s)

    def _writes(self) -> list[Callable[[], CheckpointWritten]]:
        """Return what is to be written of now, each from copies; nothing is written yet."""
        training, progress = self._training, self._training.progress
        snapshot = take(training, on_host=True)
        labels = copied(training.labels.tensors(), on_host=True) if training.labels is not None else {}
        unconfirmed = tuple(change for turn in training.on_probation for change in turn.changes)
        beside = Beside(training.best.weights, labels, unconfirmed)
        writes: list[Callable[[], CheckpointWritten]] = [
            partial(checkpoint.write, self._folder, "last", snapshot, beside)
        ]
        every = training.config.train.checkpoint_every
        if every and progress.samples >= progress.next_checkpoint:
            if progress.next_checkpoint:
                writes.append(partial(checkpoint.write, self._folder, f"step-{progress.step}", snapshot, beside))
            progress.next_checkpoint = progress.samples + round(every * training.setup.source.train.examples)
        if training.best.weights and training.best.written_step != progress.best_step:
            writes.append(partial(_write_best, training, training.best, training.best.weights, replace(progress)))
        return writes

    def _charge(self, waited_s: float) -> None:
        self._seconds_of_one = waited_s
        self._written_at = perf_counter()
        self._training.seconds["checkpoint"] += waited_s

    def _try(self, write: Callable[[], CheckpointWritten]) -> None:
        self._tell(_attempted(write))

    def _tell(self, written: CheckpointWritten | OSError) -> None:
        """Tell what was written; a full disk is told and the run goes on."""
        training = self._training
        if isinstance(written, CheckpointWritten):
            training.link.say(written)
            return
        why = written.strerror or written
        text = f"a checkpoint could not be written ({why}): free some space; training goes on"
        training.link.say(Told(**training.progress.where(), level="warning", text=text))


def _attempted(write: Callable[[], CheckpointWritten]) -> CheckpointWritten | OSError:
    """Return what was written, or what the disk said."""
    try:
        return write()
    except OSError as failed:
        return failed


def _write_best(
    training: Training, best: Best, weights: dict[str, torch.Tensor], progress: Progress
) -> CheckpointWritten:
    """Write the best model for the user; where a better one has come meanwhile, that one is still to be written."""
    begun = perf_counter()
    path = save_model(training.folder, training.setup, weights, progress.best_step)
    if best.weights is weights:
        best.written_step = progress.best_step
    seconds = perf_counter() - begun
    return CheckpointWritten(
        **progress.where(), name="best", path=str(path), seconds=seconds, bytes=path.stat().st_size
    )


def save_before_failing(training: Training) -> None:
    """Write the state of the last step boundary after an exception in a step; say so where even that fails."""
    if training.progress.step == 0:
        return
    keeper = Keeper(training)
    try:
        keeper.write_last()
    except HalfAStep as torn:
        why = str(torn)
    except Exception as failed:  # a device that has failed gives nothing back, whatever is asked of it
        why = f"{type(failed).__name__}: {' '.join(str(failed).split())}"
    else:
        return
    text = f"the last state could not be saved ({why}): resume begins at the last checkpoint, where there is one"
    training.link.say(Told(**training.progress.where(), level="error", text=text))


def evaluation(training: Training, examiner: Examiner) -> Evaluated:
    """Evaluate the run where it stands and say when it is due again; nothing is told yet."""
    event = examiner.evaluate()
    training.progress.next_evaluation = training.next_evaluation()
    return event.model_copy(update={"best": is_better(training, event)})


def is_better(training: Training, event: Evaluated) -> bool:
    """Tell whether this is the best model so far, by the main metric; a NaN never is."""
    metric, best = next(iter(event.metrics.values())), training.progress.best_metric
    if metric != metric:
        return False
    sign = 1 if training.setup.info.higher_is_better else -1
    return best != best or sign * metric > sign * best
