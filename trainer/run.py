"""A run from its directory: read what is asked, build it, train it, and say how it ended. Nothing escapes from here."""

import json
import sys
import traceback
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from trainer import checkpoint
from trainer.checkpoint import CheckpointError
from trainer.config import Config, ConfigError, parse
from trainer.data.feed import CacheRefused, FetchError
from trainer.device import DeviceError
from trainer.knobs import SPECS, KnobError
from trainer.link import Link
from trainer.loop import train
from trainer.optim import UserOptimizerError
from trainer.planned import read_plan
from trainer.profile import profile
from trainer.setup import SetupError, build
from trainer.snapshot import restore
from trainer.step import MemoryExhausted
from trainer.training import Training
from trainer.turning import apply_first, turn, turn_optimizer
from trainer.wire import RunEnded
from trainer.words import Turned

EXIT_CODES = {"finished": 0, "early_stop": 0, "stopped": 0, "hopeless": 3, "mistake": 2, "failed": 3}
"""How the trainer's process ends; «stopped» by a signal is told by the signal's own code."""

MISTAKES = (
    ConfigError,
    SetupError,
    DeviceError,
    UserOptimizerError,
    CheckpointError,
    MemoryExhausted,
    CacheRefused,
    FetchError,
    KnobError,
)
"""What a user can mend; the text says how."""


class RunFiles:
    """What a run directory asks for."""

    def __init__(self, folder: Path) -> None:
        about = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        again = folder / "resume.json"
        if again.exists():
            about |= json.loads(again.read_text(encoding="utf-8"))
        self.config: Config = parse(about["config"], str(folder / "run.json"))
        self.lockstep = bool(about.get("lockstep", False))
        self.mode = str(about.get("mode", "watch"))
        self.by_hand: dict[str, Any] = about.get("set", {})
        """`section.key` → value that the user set for the resumed run, or that was confirmed before a crash: it goes before
        what the checkpoint remembers."""


def run(folder: Path, link: Link, *, resume: bool = False, only_profile: bool = False) -> RunEnded:
    """Train the run that lies in `folder`; return its last words, which the link has heard too."""
    begun = perf_counter()
    training: list[Training] = []
    try:
        return _run(folder, link, training, resume=resume, only_profile=only_profile)
    except MISTAKES as mistake:
        words = RunEnded(why="mistake", text=_one_line(mistake), seconds=perf_counter() - begun)
    except Exception as failed:
        traceback.print_exc()
        words = RunEnded(
            why="failed", text=f"{type(failed).__name__}: {_one_line(failed)}", seconds=perf_counter() - begun
        )
    if training:
        progress = training[0].progress
        words = words.model_copy(update=progress.where())
    link.say(words)
    return words


def _run(folder: Path, link: Link, made: list[Training], *, resume: bool, only_profile: bool) -> RunEnded:
    files = RunFiles(folder)
    config = files.config
    if config.train.deterministic:
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = False
    training = Training(build(config), config, folder, link, lockstep=files.lockstep, mode=files.mode)
    made.append(training)
    read_plan(training)
    if only_profile:
        return profile(training)
    if resume and (folder / "checkpoints" / "last.json").exists():
        _resume(training, folder, files.by_hand)
    elif resume:
        resume = False
        _turn_by_hand(training, files.by_hand)
    current.append(training)
    try:
        return train(training, resumed=resume)
    finally:
        current.clear()


current: list[Training] = []
"""The training in progress: what a signal handler stops."""


def _resume(training: Training, folder: Path, by_hand: dict[str, Any]) -> None:
    """Go on from the last checkpoint, exactly; the user may ask for more epochs and other knobs than before.

    Raises:
        KnobError: when a knob cannot take what the user asks for.
    """
    snapshot, beside = checkpoint.read(folder / "checkpoints", "last")
    wanted = training.progress.samples_total
    apply_first(training)
    restore(training, snapshot)
    if training.setup.optimizer is None:
        turn_optimizer(training)
    training.progress.samples_total = wanted
    training.best.weights = beside.best
    if training.labels is not None and beside.labels:
        training.labels.restore(beside.labels)
    _turn_by_hand(training, by_hand)


def _turn_by_hand(training: Training, by_hand: dict[str, Any]) -> None:
    asked = {key.removeprefix("train."): value for key, value in by_hand.items() if key.startswith("train.")}
    turn(training, [Turned(knob=name, to=value) for name, value in asked.items() if name in SPECS])


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def main(arguments: list[str]) -> int:
    """Run the trainer's process: `python -P -m trainer RUN [--resume] [--profile]`."""
    from trainer.journal import JournalHeld
    from trainer.link import FileLink
    from trainer.signals import stop_on_signals, stopped_by

    folder = Path(arguments[0])
    try:
        link = FileLink(folder)
    except JournalHeld as held:
        print(f"trainer: {held}", file=sys.stderr)
        return 2
    stop_on_signals(current)
    words = run(folder, link, resume="--resume" in arguments, only_profile="--profile" in arguments)
    return stopped_by() or EXIT_CODES[words.why]
