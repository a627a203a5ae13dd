"""The random fix: one admissible change, drawn at random, where the advisor made its first one.

It is what any advice has to beat (Weiss et al., «Repairing DNN architecture: are we there yet?», ICST 2023: random
search of equal cost is a serious baseline). It is applied for good and costs no trial.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from advisor.driving.orders import Orders, make_run
from tests.faults.case import Case
from trainer.commands import Command, Confirm, Finish, Rollback, Turn
from trainer.knobs import Knob, KnobValue
from trainer.link import MemoryLink
from trainer.run import run as run_trainer
from trainer.wire import BeatTaken, Event, RunEnded, RunStarted, TrainingEnded
from trainer.words import Turned

Mode = Literal["watch", "auto"]

START_OVER_SHARE = 0.5
"""Of the draws go back to the start, as the advisor's own rescues do; the others turn the knob where the run stands."""

DRAWS: dict[str, Callable[[random.Random, Knob], KnobValue]] = {
    "lr": lambda draw, knob: float(knob.value) * 10 ** draw.uniform(-2, 2),
    "optimizer": lambda draw, knob: draw.choice([one for one in knob.choices if one != knob.value]),
    "schedule": lambda draw, knob: draw.choice([one for one in knob.choices if one != knob.value]),
    "warmup": lambda draw, knob: draw.uniform(0.02, 0.2),
    "weight_decay": lambda draw, knob: draw.choice([one for one in (0.0, 1e-4, 1e-2) if one != knob.value]),
    "clip": lambda draw, knob: 10 ** draw.uniform(-1, 1),
    "batch_size": lambda draw, knob: max(int(knob.value) * 2 if draw.random() < 0.5 else int(knob.value) // 2, 1),
    "dropout": lambda draw, knob: draw.choice([one for one in (0.0, 0.2, 0.5) if one != knob.value]),
    "label_smoothing": lambda draw, knob: 0.1,
    "class_weights": lambda draw, knob: draw.choice([one for one in knob.choices if one != knob.value]),
    "augment": lambda draw, knob: not knob.value,
}
"""Knob → how another value of it is drawn."""


def run(case: Case, seed: int, at_step: int, folder: Path) -> tuple[RunEnded, list[Event]]:
    """Train the faulty side, with one random change at the first beat from a step on."""
    config = case.config("faulty", seed, "auto")
    made = make_run(folder, "random", Orders(config=config, mode="auto", lockstep=True))
    draw = random.Random(f"{case.name} {seed}")
    events: list[Event] = []
    waiting: list[Command] = []

    def hear(event: Event) -> list[Command]:
        nonlocal waiting
        events.append(event)
        match event:
            case RunStarted():
                waiting = change(draw, event.knobs, event.steps_total)
            case BeatTaken() if event.step >= at_step and waiting:
                commands, waiting = waiting, []
                return commands
            case TrainingEnded():
                return [Finish()]
            case _:
                pass
        return []

    return run_trainer(made.folder, MemoryLink(hear)), events


def change(draw: random.Random, knobs: tuple[Knob, ...], steps_total: int) -> list[Command]:
    """Return the commands of one change that this run admits."""
    knob = draw.choice([one for one in knobs if one.name in DRAWS and not one.unavailable])
    turns = (Turned(knob=knob.name, to=knob.check(DRAWS[knob.name](draw, knob))),)
    if draw.random() < START_OVER_SHARE:
        return [Rollback(trial="random", to_step=0, turns=turns)]
    return [Turn(trial="random", turns=turns, probation_steps=steps_total), Confirm(trial="random")]
