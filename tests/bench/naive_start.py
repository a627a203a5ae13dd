"""From a naive configuration to what this machine can do: auto mode against the best of a grid run by hand.

python -m tests.bench.naive_start FOLDER            an advised run of some five minutes, and a grid before and behind it

Five convolutions on Fashion-MNIST (tests/bench/naive_task.py): batch 32, no workers, pictures transformed one by one, no mixed
precision, the default memory layout and threads.
"""

import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from advisor.driving.orders import Orders, make_run
from tests.bench import naive_task
from trainer.commands import Command, Stop
from trainer.config import parse
from trainer.link import MemoryLink
from trainer.run import run
from trainer.wire import BeatTaken, Event, KnobsConfirmed, RunStarted, TrainingEnded, read_event

EPOCHS = 6
"""About five minutes of the naive configuration on two cores."""
SETTLED_S, MEASURED_S = 2.5, 4.0
"""Of each point of the grid."""
WINDOW_S = 20.0
"""Over which the throughput of the advised run is taken."""
GRID: tuple[dict[str, Any], ...] = (
    {},
    *(
        {"batch_size": batch, "channels_last": layout, "workers": workers}
        for batch, layout, workers in itertools.product((32, 64, 128, 256), (False, True), (0, 1))
    ),
    *({"batch_size": batch, "channels_last": True, "workers": 2} for batch in (64, 128)),
    {"batch_size": 128, "channels_last": True, "workers": 1, "threads": 1},
    {"batch_size": 128, "channels_last": True, "workers": 1, "amp": "auto"},
)
"""The naive configuration, and what a person would try who knows all that can be turned."""


def naive(**train: Any) -> dict[str, Any]:
    """Return the configuration with some settings changed."""
    return {
        "task": {"factory": f"{naive_task.__file__}:make_task"},
        "train": {"epochs": EPOCHS, "batch_size": 32, "lr": 1e-3, **train},
    }


def by_hand(settings: dict[str, Any]) -> float:
    """Return examples a second of a run with these settings that nobody advises, behind its first seconds."""
    config = parse(naive(**{"epochs": 50, **settings}), "grid")
    beats: list[BeatTaken] = []
    began = time.perf_counter()

    def hear(event: Event) -> list[Command]:
        passed = time.perf_counter() - began
        if isinstance(event, BeatTaken) and passed > SETTLED_S:
            beats.append(event)
        over = isinstance(event, BeatTaken) and passed > SETTLED_S + MEASURED_S
        return [Stop(why="stopped")] if over else []

    with tempfile.TemporaryDirectory() as folder:
        run(
            make_run(Path(folder) / "run", "run", Orders(config=config, mode="watch", lockstep=False)).folder,
            MemoryLink(hear),
        )
    return _pace(beats)


def _pace(beats: list[BeatTaken]) -> float:
    """Return examples a second: median over beats, those of one batch size weighed by nothing else."""
    paces = []
    for before, beat in itertools.pairwise(beats):
        if beat.samples > before.samples and not beat.trial and beat.seconds > 0:
            paces.append((beat.samples - before.samples) / beat.seconds)
    return median(paces) if paces else float("nan")


def advised(folder: Path) -> list[Event]:
    """Run in auto mode without a screen; return what the trainer said."""
    config = folder / "naive.toml"
    train = naive()["train"]
    lines = [f'[task]\nfactory = "{naive_task.__file__}:make_task"', "[train]"]
    lines += [f"{name} = {value}" for name, value in train.items()]
    config.write_text("\n".join([*lines, '[advisor]\nmode = "auto"\n']))
    command = [
        sys.executable,
        "-P",
        "-m",
        "advisor",
        "train",
        str(config),
        "--headless",
        "--run-dir",
        str(folder / "run"),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found = (read_event(line) for line in (folder / "run" / "events.jsonl").open("rb"))
    return [event for event in found if event is not None]


def main(folder: str) -> None:
    """Print the grid, what the advised run came to and when, and the grid's best points again."""
    grid = {str(settings or "naive"): by_hand(settings) for settings in GRID}
    for name, pace in grid.items():
        print(f"{pace:8.0f} examples/s  {name}", flush=True)
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    heard = advised(place)
    report(heard)
    best = sorted(GRID, key=lambda one: grid[str(one or "naive")])[-3:]
    for settings in ({}, *best):
        print(f"{by_hand(settings):8.0f} examples/s  {settings or 'naive'}, again", flush=True)


def report(heard: list[Event]) -> None:
    """Print the throughput of the advised run over its time, and what was turned when."""
    began = next(event.t for event in heard if isinstance(event, RunStarted))
    ended = next(event.t for event in heard if isinstance(event, TrainingEnded))
    for event in heard:
        if isinstance(event, KnobsConfirmed):
            turned = {change.knob: change.new for change in event.changes}
            print(f"  {event.t - began:5.0f} s of {ended - began:.0f}: kept {turned}", flush=True)
    beats = [event for event in heard if isinstance(event, BeatTaken)]
    at = began
    while at < ended:
        window = [beat for beat in beats if at <= beat.t < at + WINDOW_S]
        print(f"  {at - began:5.0f} s {_pace(window):8.0f} examples/s", flush=True)
        at += WINDOW_S


if __name__ == "__main__":
    main(sys.argv[1])
