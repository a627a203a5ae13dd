"""Small real runs for the tests of the trainer: digits, in memory, with a driver that is a function."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from trainer.commands import Command, Finish
from trainer.config import Config, parse
from trainer.link import MemoryLink
from trainer.run import run
from trainer.setup import build
from trainer.training import Training
from trainer.turning import apply_first
from trainer.wire import BeatTaken, Event, RunEnded, TrainingEnded
from trainer.words import Turned

E = TypeVar("E")
Driver = Callable[[Event], list[Command]]


def config_of(source: str = "sklearn:digits", model: dict[str, Any] | None = None, **train: Any) -> Config:
    """A configuration with keyword defaults; everything else is as a user would leave it."""
    asked = {"epochs": 3, "lr": 1e-3, "batch_size": 64} | train
    return parse({"data": {"source": source}, "model": model or {}, "train": asked}, "test")


def training_of(folder: Path, config: Config | None = None, mode: str = "auto") -> tuple[Training, list[Event]]:
    """A run that stands before its first step, and the list that its events go to."""
    heard: list[Event] = []

    def hear(event: Event) -> list[Command]:
        heard.append(event)
        return []

    config = config or config_of()
    training = Training(build(config), config, folder, MemoryLink(hear), lockstep=True, mode=mode)
    apply_first(training)
    return training, heard


def run_with(
    folder: Path, config: Config, driver: Driver | None = None, **options: Any
) -> tuple[RunEnded, list[Event]]:
    """Train to the end; `driver` answers each event with commands."""
    folder.mkdir(exist_ok=True)
    (folder / "checkpoints").mkdir(exist_ok=True)
    mode = options.pop("mode", "auto")
    about = {"config": config.model_dump(mode="json"), "lockstep": True, "mode": mode}
    (folder / "run.json").write_text(json.dumps(about))
    heard: list[Event] = []

    def hear(event: Event) -> list[Command]:
        heard.append(event)
        commands = driver(event) if driver else []
        return [*commands, Finish()] if isinstance(event, TrainingEnded) else commands

    return run(folder, MemoryLink(hear), **options), heard


def of(heard: list[Event], kind: type[E]) -> list[E]:
    """The events of one kind."""
    return [event for event in heard if isinstance(event, kind)]


class Once:
    """A driver that says something once, at the first beat at or after a step."""

    def __init__(self, step: int, *commands: Command) -> None:
        self.step, self.commands = step, list(commands)

    def __call__(self, event: Event) -> list[Command]:
        if isinstance(event, BeatTaken) and event.step >= self.step and self.commands:
            said, self.commands = self.commands, []
            return said
        return []


def lr(to: float) -> tuple[Turned, ...]:
    return (Turned(knob="lr", to=to),)


def losses(heard: list[Event]) -> list[float]:
    return [loss for beat in of(heard, BeatTaken) for loss in beat.loss]
