"""The end of a run: the last evaluation, the best model on the test split, and what is still wanted of it."""

from dataclasses import dataclass
from time import perf_counter, sleep

import torch

from trainer.commands import Command, Compress, Decide, Finish
from trainer.compressing import compress
from trainer.evaluate import Examiner
from trainer.state.keeping import Keeper, is_better
from trainer.training import Training
from trainer.trials.planned import read_plan
from trainer.watching.beat import Beats
from trainer.wire import Arm, Evaluated, Told, TrainingEnded, TrialBegan, TrialEnded

WAIT_FIRST_S = 5.0
"""A driver that is there says within this time what it still wants; one in lockstep is waited for."""

LOOK_S = 0.2
"""… looked up at now and then, for the driver may be gone."""

WAIT_VERDICT_S = 30.0
"""… and judges a compressed model within that."""


def finish(training: Training, examiner: Examiner, keeper: Keeper, beats: Beats) -> None:
    """Evaluate for the last time, save, judge the best model on the test split, and obey what is still asked."""
    beats.resume()
    last = _evaluate(training, examiner)
    keeper.remember(last)
    keeper.write_last()
    best = training.best_model()
    tested = examiner.test(best)
    if tested is not None:
        training.seconds["evaluation"] += tested.seconds
        training.link.say(tested.model_copy(update={"step": training.progress.best_step}))
    _tell_labels(training)
    compress.clear(training.folder)
    _copy_as_planned(training)
    training.link.say(
        TrainingEnded(
            **training.progress.where(),
            why=training.ending or "finished",
            best_step=training.progress.best_step,
        )
    )
    _serve(training)


def _evaluate(training: Training, examiner: Examiner) -> Evaluated:
    event = examiner.evaluate(final=True)
    training.seconds["evaluation"] += event.seconds
    event = event.model_copy(update={"best": is_better(training, event)})
    training.link.say(event)
    return event


def _tell_labels(training: Training) -> None:
    if training.labels is not None and (suspected := training.labels.suspects()) is not None:
        training.link.say(suspected.model_copy(update=training.progress.where()))


@dataclass(frozen=True)
class _Copy:
    """A compressed copy that waits for its verdict."""

    trial: str
    made: compress.Compression
    seconds: float

    def settle(self, training: Training, arm: Arm) -> None:
        """Keep or delete it, and tell which."""
        if arm == "candidate":
            self.made.keep()
        else:
            self.made.discard()
        _end(training, self.trial, arm, self.seconds)


def _serve(training: Training) -> None:
    """Compress the finished model as asked, until the driver wants nothing more or is not there."""
    begun, patience = perf_counter(), float("inf") if training.lockstep else WAIT_FIRST_S
    waiting: _Copy | None = None
    finished = False
    while not finished and training.link.attached() and perf_counter() - begun < patience:
        training.link.wait_until_heard(patience if training.lockstep else LOOK_S)
        commands = training.link.heard()
        for command in commands:
            finished = finished or isinstance(command, Finish)
            if not finished:
                waiting = _serve_one(training, command, waiting)
            begun, patience = perf_counter(), float("inf") if training.lockstep else WAIT_VERDICT_S
        finished = finished or (training.lockstep and not commands)
        sleep(0.005)
    if waiting is not None:
        waiting.settle(training, "control")  # nobody said that it is to stay


def _serve_one(training: Training, command: Command, waiting: _Copy | None) -> _Copy | None:
    match command:
        case Compress():
            if waiting is not None:
                waiting.settle(training, "control")
            return _compress(training, command)
        case Decide() if waiting is not None and command.trial == waiting.trial:
            waiting.settle(training, command.arm)
            return None
        case _:
            return waiting


def _copy_as_planned(training: Training) -> None:
    """Make the compressed copies that the run of the plan had kept."""
    plan = read_plan(training)
    for wanted in plan.copies if plan is not None else ():
        if (made := _compress(training, Compress(trial=wanted.trial, method=wanted.method))) is not None:
            made.settle(training, "candidate")


def _compress(training: Training, command: Compress) -> _Copy | None:
    where = training.progress.where()
    begun = perf_counter()
    training.link.say(TrialBegan(**where, trial=command.trial, how="compression", steps=0))
    try:
        made = compress.run(training, command)
    except (compress.CompressError, torch.OutOfMemoryError) as refused:
        training.link.say(Told(**where, level="info", text=f"{command.method}: {refused}"))
        _end(training, command.trial, "control", perf_counter() - begun, "it could not be compressed")
        return None
    copy = _Copy(command.trial, made, perf_counter() - begun)
    training.link.say(made.event.model_copy(update=where))
    return copy


def _end(training: Training, trial: str, arm: Arm, seconds: float, why: str = "") -> None:
    where = training.progress.where()
    training.link.say(TrialEnded(**where, trial=trial, went_on_from=arm, seconds=seconds, why=why))
