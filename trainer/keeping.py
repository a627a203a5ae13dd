"""Keeping: the best model and the last state, in memory at once and on disk as often as that is cheap; early stopping."""

from collections.abc import Callable
from time import perf_counter

from trainer import checkpoint
from trainer.checkpoint import Beside
from trainer.export import save_model
from trainer.snapshot import take
from trainer.training import Training
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
        self._gained_at_samples = training.progress.samples
        self._reference = float("nan")

    def judge(self, event: Evaluated) -> None:
        """Take in an evaluation: remember the best model, and count the evaluations without a real gain."""
        progress = self._training.progress
        metric = next(iter(event.metrics.values()))
        if event.best:
            progress.best_metric, progress.best_loss, progress.best_step = metric, event.loss, event.step
            self._training.keep_best()
        sign = 1 if self._training.setup.info.higher_is_better else -1
        error = event.standard_error if event.standard_error == event.standard_error else 0.0
        least = max(error, LEAST_GAIN * abs(metric))
        if self._reference != self._reference or sign * (metric - self._reference) > least:
            self._reference = metric
            self._gained_at_samples = progress.samples
            progress.stale_evaluations = 0
        else:
            progress.stale_evaluations += 1

    def exhausted(self) -> bool:
        """Tell whether early stopping, where it is on, ends the run now."""
        progress = self._training.progress
        waited = progress.samples - self._gained_at_samples
        return (
            bool(self._training.knobs["early_stop"])
            and progress.stale_evaluations >= STALE_EVALUATIONS
            and waited >= STALE_SHARE * progress.samples_total
        )

    def due(self) -> bool:
        """Tell whether the last state should be written now."""
        every = self._training.config.train.checkpoint_every
        progress = self._training.progress
        if every and progress.samples >= progress.next_checkpoint:
            return True
        waited = perf_counter() - self._written_at
        return waited >= max(OFTENEST_S, self._seconds_of_one / COST_SHARE)

    def write_last(self) -> None:
        """Write the last state (and, where asked for, a numbered one), and the best model if it is newer than on disk."""
        training, progress = self._training, self._training.progress
        begun = perf_counter()
        snapshot = take(training, on_host=True)
        snapshot.knobs.update(training.unconfirmed)
        labels = training.labels.tensors() if training.labels is not None else {}
        beside = Beside(training.best.weights, labels)
        self._try(lambda: checkpoint.write(self._folder, "last", snapshot, beside))
        every = training.config.train.checkpoint_every
        if every and progress.samples >= progress.next_checkpoint:
            if progress.next_checkpoint:
                self._try(lambda: checkpoint.write(self._folder, f"step-{progress.step}", snapshot, beside))
            progress.next_checkpoint = progress.samples + round(every * training.setup.source.train.examples)
        self.write_best()
        self._seconds_of_one = perf_counter() - begun
        self._written_at = perf_counter()
        training.seconds["checkpoint"] += self._seconds_of_one

    def write_best(self) -> None:
        """Write the best model for the user, if there is a newer one than on disk."""
        training = self._training
        if training.best.weights and training.best.written_step != training.progress.best_step:
            self._try(self._save_best)

    def _save_best(self) -> CheckpointWritten:
        training = self._training
        begun = perf_counter()
        path = save_model(training.folder, training.setup, training.best.weights, training.progress.best_step)
        training.best.written_step = training.progress.best_step
        return CheckpointWritten(name="best", path=str(path), seconds=perf_counter() - begun, bytes=path.stat().st_size)

    def _try(self, write: Callable[[], CheckpointWritten]) -> None:
        """Write; a full disk is told and the run goes on."""
        training = self._training
        where = training.progress.where()
        try:
            training.link.say(write().model_copy(update=where))
        except OSError as failed:
            text = f"a checkpoint could not be written ({failed.strerror or failed}): free some space; training goes on"
            training.link.say(Told(**where, level="warning", text=text))


def is_better(training: Training, event: Evaluated) -> bool:
    """Tell whether this is the best model so far, by the main metric; a NaN never is."""
    metric, best = next(iter(event.metrics.values())), training.progress.best_metric
    if metric != metric:
        return False
    sign = 1 if training.setup.info.higher_is_better else -1
    return best != best or sign * metric > sign * best
