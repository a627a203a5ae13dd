"""The start of a run: what is there to train, on what, with which knobs; and what the data look like."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from math import nan

import torch

from trainer.knobs import KnobError
from trainer.probing.tried_twice import tried_twice
from trainer.stepping.accumulate import tell_fewer
from trainer.training import Training
from trainer.trials.beside import room_for
from trainer.turning import apply_first, check_recomputed, check_replicas
from trainer.watching.survey import survey
from trainer.wire import KnobsTurned, RunStarted, Surveyed, Told
from trainer.words import Change

SURVEY_MOST_S = 10.0
SURVEY_SHARE = 0.05
"""The survey takes at most 10 s or 5 % of the run, where that can be told."""

SURVEY_LEAST_S = 0.5

STEP_GUESS_S = 0.001
"""Before the first step nobody knows how long one takes; a millisecond is a small net's."""


def announce(training: Training, *, resumed: bool, trial: str = "") -> None:
    """Say that the run begins, and what its data look like (unless it is resumed: it was said).

    Args:
        training: Before its first step, or its next.
        resumed: It goes on from a checkpoint.
        trial: It was built anew for this trial.
    """
    apply_first(training)
    if not training.progress.next_evaluation:
        training.progress.next_evaluation = training.next_evaluation()
    training.link.say(
        RunStarted(
            **training.progress.where(),
            pid=os.getpid(),
            pid_started=pid_started(),
            task=training.setup.info,
            model=training.setup.model_info.model_copy(update=tried_twice(training)),
            device=training.device_info,
            knobs=training.catalogue(),
            steps_total=training.steps_total,
            samples_total=training.progress.samples_total,
            epochs=training.config.train.epochs,
            steps_per_epoch=training.steps_per_epoch,
            seed=training.config.train.seed,
            lockstep=training.lockstep,
            resumed=resumed,
            trial=trial,
            anew_s=training.setup.made_s if room_for(training) else nan,
            versions=versions(),
        )
    )
    _deal_out(training)
    _compute_again(training)
    if resumed:
        return
    guess = training.steps_total * STEP_GUESS_S
    limit = min(max(SURVEY_SHARE * guess, SURVEY_LEAST_S), SURVEY_MOST_S)
    found = survey(training.setup.source, training.supply.order, limit)
    training.link.say(Surveyed(survey=found))
    if found.unreadable:
        text = f"{found.unreadable} items could not be read and are left out: look at them, or remove them"
        training.link.say(Told(level="warning", text=text))


def _deal_out(training: Training) -> None:
    """Start the followers that the configuration asks for; a run that they cannot serve goes on in one process."""
    wanted = int(training.knobs["replicas"])
    training.knobs["replicas"] = 1
    possible = training.replicas.count(wanted)
    try:
        check_replicas(training, {"replicas": possible})
        training.knobs["replicas"] = possible
    except KnobError as refused:
        training.replicas.give_up(str(refused))
        training.unavailable["replicas"] = str(refused)
    training.share_threads()
    if int(training.knobs["replicas"]) < wanted:
        training.replicas.untold = wanted
        tell_fewer(training)


def _compute_again(training: Training) -> None:
    """Let a run go on without activation checkpointing where its model cannot have it."""
    wanted = {"activation_checkpointing": training.knobs["activation_checkpointing"]}
    try:
        check_recomputed(training, wanted)
    except KnobError as refused:
        training.knobs["activation_checkpointing"] = False
        training.unavailable["activation_checkpointing"] = str(refused)
        where, change = training.progress.where(), Change(knob="activation_checkpointing", old=True, new=False)
        training.link.say(KnobsTurned(**where, changes=(change,), probation=False, by="trainer"))
        training.link.say(Told(**where, level="warning", text=f"{refused}: the run goes on without it"))


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    found = {"python": platform.python_version(), "torch": torch.__version__}
    for name in ("numpy", "scikit-learn", "torchvision", "training-advisor"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def pid_started() -> float:
    """Return when this process was started, in Unix seconds: with its number it names the process for good."""
    import psutil

    return float(psutil.Process().create_time())
