"""From a naive configuration to what this machine can do: auto mode beside the best of a grid run by hand.

python -m tests.bench.naive_start FOLDER            an advised run of some minutes, then all in turns: 9 minutes

Five convolutions on Fashion-MNIST (tests/bench/naive_task.py): batch 32, no workers, pictures transformed one by one, no mixed
precision, the default memory layout and threads. The speed of a shared machine drifts by a factor of two within minutes, so
the advised run, once it has settled, and the points of the grid have turns of some seconds: each is a process that stands
still while another has its turn.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from math import isfinite
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from advisor.driving.orders import Orders, make_run
from advisor.driving.wishes import send_wish
from advisor.ledger import Wished
from advisor.runs import Run
from tests.bench import naive_task
from tests.bench.advised import begin_on_its_own, events_of
from tests.bench.bad_starts import table
from trainer.config import parse
from trainer.wire import BeatTaken, Event, KnobsConfirmed, RunStarted

EPOCHS = 8
"""About five minutes of the naive configuration on two cores."""
HELD_EPOCHS = 200
"""Of the points of the grid, which are broken off."""
ROUNDS, TURN_S = 8, 4.0
FIFTH_S = 60.0
"""Of five minutes: what the advised run keeps is begun by then."""
REST_S = 15.0
"""Behind that, before it is measured."""
NAIVE = "naive"
GRID: tuple[dict[str, Any], ...] = (
    {},
    *({"batch_size": batch, "channels_last": True} for batch in (32, 64, 128, 256)),
    *({"batch_size": batch, "channels_last": True, "workers": 1} for batch in (64, 128)),
    {"batch_size": 128, "channels_last": True, "workers": 2},
    {"batch_size": 128},
    {"batch_size": 128, "channels_last": True, "threads": 1},
    {"batch_size": 128, "channels_last": True, "amp": "auto"},
)
"""The naive configuration, and what a person would try who knows all that can be turned: the layout paid at every batch,
workers and precision at none, in a grid of 21 points that were run one after the other."""


class Side:
    """A training in processes of its own that can be made to stand still."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.folder, self.process = folder, process

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all its processes."""
        first = psutil.Process(self.process.pid)
        for one in (first, *first.children(recursive=True)):
            one.send_signal(number)

    def pace(self, seconds: float) -> float:
        """Let it go on for so long, alone; return its examples a second in that time, not a number for too few beats.

        The beat in which it stood still before is left out.
        """
        begun = time.time()
        self.signal(signal.SIGCONT)
        time.sleep(seconds)
        self.signal(signal.SIGSTOP)
        beats = [one for one in self.beats() if begun < one.t < begun + seconds and not one.trial]
        if len(beats) < 2:
            return float("nan")
        return (beats[-1].samples - beats[0].samples) / (beats[-1].t - beats[0].t)

    def beats(self) -> list[BeatTaken]:
        """Return all its beats so far."""
        return [event for event in self.events() if isinstance(event, BeatTaken)]

    def events(self) -> list[Event]:
        """Return what it has said so far."""
        return events_of(self.folder)


def settings_text(train: dict[str, Any]) -> str:
    """Return the naive configuration with some settings changed."""
    train = {"epochs": HELD_EPOCHS, "batch_size": 32, "lr": 1e-3, **train}
    words = [f"{name} = {json.dumps(value)}" for name, value in train.items()]
    return "\n".join([f'[task]\nfactory = "{naive_task.__file__}:make_task"', "[train]", *words, ""])


@contextmanager
def by_hand(folder: Path, settings: dict[str, Any]) -> Iterator[Side]:
    """Train with these settings and without anybody beside, standing still at first."""
    raw = {"task": {"factory": f"{naive_task.__file__}:make_task"}}
    config = parse({**raw, "train": {"epochs": HELD_EPOCHS, "batch_size": 32, "lr": 1e-3, **settings}}, "grid")
    run = make_run(folder, "run", Orders(config=config, mode="watch", lockstep=False)).folder
    command = [sys.executable, "-m", "trainer", str(run)]
    yield from _kept(Side(run, subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)))


@contextmanager
def advised(folder: Path) -> Iterator[Side]:
    """Train from the naive configuration in auto mode without a screen."""
    yield from _kept(Side(folder, begin_on_its_own(folder, settings_text({"epochs": EPOCHS}), "auto", {})))


def _kept(side: Side) -> Iterator[Side]:
    try:
        while side.process.poll() is None and not any(isinstance(one, BeatTaken) for one in side.events()):
            time.sleep(0.2)
        yield side
    finally:
        side.signal(signal.SIGKILL)
        side.process.wait()


def settle(side: Side) -> None:
    """Let the advised run go on for its fifth; nothing more is tried from then on. Say what it kept, and when."""
    time.sleep(FIFTH_S)
    send_wish(Run(side.folder), Wished(t=time.time(), wish="freeze", viewer="bench"))
    time.sleep(REST_S)
    while side.beats()[-1].trial:
        time.sleep(1.0)
    events = side.events()
    began = next(event.t for event in events if isinstance(event, RunStarted))
    for at, turned in _turns(events):
        print(f"kept after {at - began:.0f} s: {turned}", flush=True)


def _turns(events: Sequence[Event]) -> list[tuple[float, dict[str, Any]]]:
    return [
        (event.t, {change.knob: change.new for change in event.changes})
        for event in events
        if isinstance(event, KnobsConfirmed)
    ]


def main(folder: Path) -> None:
    """Print what the advised run came to and when, and the speed of all of them in turns."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        sides = {"auto": stack.enter_context(advised(folder / "advised"))}
        settle(sides["auto"])
        sides["auto"].signal(signal.SIGSTOP)
        for at, settings in enumerate(GRID):
            name = str(settings or NAIVE)
            sides[name] = stack.enter_context(by_hand(folder / f"grid{at}", settings))
            sides[name].signal(signal.SIGSTOP)
        paces: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(ROUNDS):
            for name, side in sides.items():
                paces[name].append(side.pace(TURN_S))
    report(paces)


def report(paces: dict[str, list[float]]) -> None:
    """Print medians over the rounds, and ratios within a round."""
    rows = []
    for name, values in paces.items():
        known = [value for value in values if isfinite(value)]
        rows.append(
            [name, f"{median(known):.0f}", _ratio(values, paces[NAIVE]), _ratio(paces["auto"], values), len(known)]
        )
    table(("settings", "examples a second", "× naive (middle half)", "auto over this (middle half)", "rounds"), *rows)


def _ratio(above: list[float], below: list[float]) -> str:
    ratios = sorted(a / b for a, b in zip(above, below, strict=True) if isfinite(a) and isfinite(b))
    quarter = len(ratios) // 4
    return f"{median(ratios):.2f} ({ratios[quarter]:.2f} .. {ratios[-1 - quarter]:.2f})"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
