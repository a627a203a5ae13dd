"""A run from its directory: read what is asked, build it, train it, and say how it ended. Nothing escapes from here."""

import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from trainer.config import Config, ConfigError, parse
from trainer.data.feed import CacheRefused, FetchError
from trainer.device import DeviceError
from trainer.knobs import SPECS, KnobError
from trainer.link import Link
from trainer.loop import train
from trainer.probing.profile import profile
from trainer.setup import SetupError, build
from trainer.state import checkpoint
from trainer.state.checkpoint import CheckpointError
from trainer.state.keeping import save_before_failing
from trainer.state.snapshot import restore
from trainer.stepping.heap import keep_freed_memory
from trainer.stepping.optim import UserOptimizerError
from trainer.stepping.recovery import MemoryExhausted
from trainer.surgery.surgery import OWN
from trainer.training import Training
from trainer.trials.planned import check_plan
from trainer.trials.restart import TRIAL, Order, StartAnew, clear, config_of, fits, read, replace_process, take_over
from trainer.trials.restart_fork import give_up
from trainer.turning import apply_first, turn, turn_back
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
    """Train the run that lies in `folder`, built anew as often as it must be; return its last words, which were said."""
    ended = run_once(folder, link, resume=resume, only_profile=only_profile)
    while isinstance(ended, Order):
        ended = run_once(folder, link, resume=True, order=ended)
    return ended


def run_once(
    folder: Path,
    link: Link,
    *,
    resume: bool = False,
    only_profile: bool = False,
    order: Order | None = None,
    ready: Callable[[], None] = lambda: None,
) -> RunEnded | Order:
    """Train until the end, or until the run has to be built anew; return its last words, or how to build it.

    Args:
        folder: The run's.
        link: It hears the last words, too.
        resume: Go on from the last checkpoint, where there is one.
        only_profile: Take a profile, do not train.
        order: How the run is built anew, for the process that goes on from another.
        ready: Called once all is built, the user's own code loaded.
    """
    begun = perf_counter()
    training: list[Training] = []
    undecided = [order] if order is not None and order.why != "back" else []  # until the network is built
    try:
        return _run(
            folder, link, training, undecided, resume=resume, only_profile=only_profile, order=order, ready=ready
        )
    except StartAnew as anew:
        return anew.order
    except MISTAKES as mistake:
        if undecided:
            return give_up(link, undecided[0], _one_line(mistake))
        words = RunEnded(why="mistake", text=_one_line(mistake), seconds=perf_counter() - begun)
    except Exception as failed:
        traceback.print_exc()
        text = f"{type(failed).__name__}: {_one_line(failed)}"
        if undecided:
            return give_up(link, undecided[0], text)
        words = RunEnded(why="failed", text=text, seconds=perf_counter() - begun)
    if training:
        save_before_failing(training[0])
        words = words.model_copy(update=training[0].progress.where())
    link.say(words)
    return words


def _run(
    folder: Path,
    link: Link,
    made: list[Training],
    undecided: list[Order],
    *,
    resume: bool,
    only_profile: bool,
    order: Order | None,
    ready: Callable[[], None],
) -> RunEnded:
    files = RunFiles(folder)
    config = config_of(files.config, folder, {} if order else files.by_hand, order, resume=resume)
    if config.train.deterministic:
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = False
    training = Training(build(config), config, folder, link, lockstep=files.lockstep, mode=files.mode)
    made.append(training)
    keep_freed_memory(training.device)
    try:
        check_plan(training)
        if only_profile:
            return profile(training)
        if resume and (folder / "checkpoints" / "last.json").exists():
            _resume(training, folder, files.by_hand, order)
        elif resume:
            resume = False
            _turn_by_hand(training, files.by_hand)
        if order is None:
            clear(folder)
        undecided.clear()
        current.append(training)
        ready()
        return train(training, resumed=resume, order=order)
    finally:
        current.clear()
        training.replicas.close()


current: list[Training] = []
"""The training in progress: what a signal handler stops."""


def _resume(training: Training, folder: Path, by_hand: dict[str, Any], order: Order | None) -> None:
    """Go on from the last checkpoint, exactly; the user may ask for more epochs and other knobs than before.

    A candidate goes on from the state in which its fork began; a network that was changed takes over what fits.

    Raises:
        KnobError: when a knob cannot take what the user asks for.
    """
    snapshot, beside = checkpoint.read(folder / "checkpoints", "last")
    if order is not None and order.why == "fork":
        snapshot, _ = checkpoint.read(folder / "checkpoints", TRIAL)
    wanted = training.progress.samples_total
    apply_first(training)
    if fits(training, snapshot):
        restore(training, snapshot)
        training.best.weights = beside.best
    else:
        take_over(training, snapshot, order.parameters if order else ())
    training.progress.samples_total = wanted
    if training.labels is not None and beside.labels:
        training.labels.restore(beside.labels)
    if order is not None:
        return
    for change in reversed(beside.unconfirmed):
        if change.knob not in OWN:
            turn_back(training, (change,))
    _turn_by_hand(training, by_hand)


def _turn_by_hand(training: Training, by_hand: dict[str, Any]) -> None:
    asked = {key.removeprefix("train."): value for key, value in by_hand.items() if key.startswith("train.")}
    turn(training, [Turned(knob=name, to=value) for name, value in asked.items() if name in SPECS and name not in OWN])


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def main(arguments: list[str]) -> int:
    """Run the trainer's process: `python -P -m trainer RUN [--resume] [--profile]`."""
    from trainer.journal import JournalHeld
    from trainer.link import FileLink
    from trainer.signals import stop_on_signals, stopped_by
    from trainer.standing import tell_where_it_stands

    folder = Path(arguments[0])
    order = read(folder) if "--restart" in arguments else None
    try:
        link = FileLink(folder, order.heard_bytes if order else None)
    except JournalHeld as held:
        print(f"trainer: {held}", file=sys.stderr)
        return 2
    stop_on_signals(current)

    def ready() -> None:
        tell_where_it_stands(folder)

    resume, only_profile = "--resume" in arguments, "--profile" in arguments
    ended = run_once(folder, link, resume=resume, only_profile=only_profile, order=order, ready=ready)
    while isinstance(ended, Order):
        replace_process(folder, ended.model_copy(update={"heard_bytes": link.heard_bytes}))
        ended = run_once(folder, link, resume=True, order=ended, ready=ready)
    return stopped_by() or EXIT_CODES[ended.why]
