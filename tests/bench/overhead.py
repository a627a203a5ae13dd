"""What a step of the trainer costs beside one of a loop written by hand: bare, watched, and with a driver.

    OMP_NUM_THREADS=1 .venv/bin/python -m tests.bench.overhead [mlp|wide|cnn] [STEPS OF THE RUN] [ROUNDS]

All forms train the same net in one process and take turns in stretches of about 0.1 s, so that a busy minute falls on all
of them. Every round gives one ratio a form; told are their median and its 95 % interval by the binomial distribution, of
wall time and of processor time. Where other programs compute meanwhile, processor time is the one to trust: what another
process takes from a wall clock is no cost of ours. A driver is a process of its own; its processor time is told apart.

The bare trainer is the same loop that never looks at layers, labels, outputs and norms and tells no beat; it steps, clocks
its phases, gathers losses, listens, and keeps its states as ever. Watched beside bare is what watching costs.

A form that waits for its turn is not to feel the wait: the trainer's clocks stand still meanwhile.
"""

import itertools
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import psutil
import torch
from scipy.stats import binom
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from advisor.driving.orders import Orders, make_run
from advisor.ledger import TrainerStarted
from trainer.commands import Command, Resume, Stop
from trainer.config import Config, parse
from trainer.journal import JournalWriter
from trainer.link import FileLink, Link
from trainer.loop import train
from trainer.run import run
from trainer.setup import Setup, build
from trainer.start import pid_started
from trainer.stepping.heap import keep_freed_memory
from trainer.stepping.norms import NormWatch
from trainer.training import Training
from trainer.wire import Event, write

FASHION = "idx:/usr/share/datasets/fashion-mnist"
CASES: dict[str, dict[str, Any]] = {
    "mlp": {
        "data": {"source": "sklearn:digits"},
        "model": {"name": "mlp"},
        "train": {"batch_size": 64},
    },
    "wide": {
        "data": {"source": "sklearn:digits"},
        "model": {"name": "mlp", "hidden": (256, 128)},
        "train": {"batch_size": 128},
    },
    "cnn": {
        "data": {"source": FASHION, "limit": 12000},
        "model": {"name": "cnn", "width": 16},
        "train": {"batch_size": 64},
    },
}
STRETCH_S = 0.1
"""Of each form in a round: short beside the busy spells of other programs, long beside a switch of threads."""
ROUNDS = 60
RUN_STEPS = 60_000
"""Of the run of which the first steps are measured: beats and looks come as often as in such a run."""
SETTLED_STEPS = 600
"""Of each form first: the norms of the first 400 steps are all taken (`trainer.stepping.norms`)."""
RATE = 1e-3

Step = Callable[[], None]


@dataclass
class Form:
    """One way to train: in a thread of its own, that runs only while it has the turn."""

    name: str
    train: Callable[["Form"], object]
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    done: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    stretch: int = 0
    """Steps of a turn."""
    over: bool = False
    away_s: float = 0.0
    """Wall seconds that others had the turn: what the form's own clocks do not count."""
    wall_s: list[float] = field(default_factory=list)
    processor_s: list[float] = field(default_factory=list)

    def start(self) -> threading.Thread:
        """Start the thread; it waits for its first turn."""
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        self.turn.acquire()
        _here.away_s = self.away_s
        self.train(self)
        self.done.release()

    def wait(self) -> bool:
        """Give the turn back, wait for the next one, and tell whether there will be any."""
        left = perf_counter()
        self.done.release()
        self.turn.acquire()
        self.away_s += perf_counter() - left
        _here.away_s = self.away_s
        return not self.over

    def give(self, steps: int) -> float:
        """Let it train for so many steps, and return the wall seconds a step."""
        self.stretch = steps
        begun, worked = perf_counter(), process_time()
        self.turn.release()
        self.done.acquire()
        self.wall_s.append((perf_counter() - begun) / steps)
        self.processor_s.append((process_time() - worked) / steps)
        return self.wall_s[-1]

    def ratios(self, base: "Form", rounds: int, *, wall: bool = False) -> list[float]:
        """Return the seconds a step over those of another form, of each of the last rounds."""
        mine, others = (form.wall_s if wall else form.processor_s for form in (self, base))
        return [a / b for a, b in zip(mine[-rounds:], others[-rounds:], strict=True)]


@dataclass
class Here:
    """What the form that has the turn takes off its clock."""

    away_s: float = 0.0


_here = Here()


def own_clock() -> float:
    """Return the clock of the form that runs: it stands while others have the turn."""
    return perf_counter() - _here.away_s


class Turns:
    """The link of a trainer that has to give its turn back at step boundaries."""

    own_process = False

    def __init__(self, form: Form, inner: Link) -> None:
        self._form, self._inner, self._taken = form, inner, 0

    @property
    def dropped(self) -> int:
        """Events that could not be written."""
        return self._inner.dropped

    def say(self, event: Event) -> None:
        """Let an event be known."""
        self._inner.say(event)

    def attached(self) -> bool:
        """Tell whether a driver is there."""
        return self._inner.attached()

    def wait_until_heard(self, seconds: float) -> bool:
        """Wait for the driver."""
        return self._inner.wait_until_heard(seconds)

    def heard(self) -> list[Command]:
        """Return what was heard; every so many steps others have their turn first."""
        self._taken += 1
        if self._form.over or self._taken <= self._form.stretch:
            return self._inner.heard()
        self._taken = 0  # behind a command the trainer listens once more before it steps
        if not self._form.wait():
            return [Stop(why="stopped")]
        return [Resume(), *self._inner.heard()]


def by_hand(setup: Setup, config: Config) -> Iterator[None]:
    """Train as one would by hand where speed matters: tensors in memory, a fused optimizer, no number read back."""
    model, size = setup.model, config.train.batch_size
    assert setup.source.train.tensors is not None
    inputs, targets = setup.source.train.tensors
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.05, fused=True)
    losses: list[torch.Tensor] = []
    model.train()
    while True:
        for rows in torch.randperm(len(targets)).split(size):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(inputs[rows]), targets[rows])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.detach())
            yield
        losses.clear()


def with_loader(setup: Setup, config: Config) -> Iterator[None]:
    """Train as the tutorials do: a DataLoader, the optimizer as it comes, the loss added up each step."""
    model = setup.model
    assert setup.source.train.tensors is not None
    batches = DataLoader(TensorDataset(*setup.source.train.tensors), batch_size=config.train.batch_size, shuffle=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.05)
    loss_of = nn.CrossEntropyLoss()
    total = 0.0
    model.train()
    while True:
        for inputs, targets in batches:
            optimizer.zero_grad()
            loss = loss_of(model(inputs), targets)
            loss.backward()
            optimizer.step()
            total += loss.item()
            yield


def hand(make: Callable[[Setup, Config], Iterator[None]], config: Config) -> Callable[[Form], None]:
    """Return what trains by hand in turns."""

    def train(form: Form) -> None:
        steps = make(build(config), config)
        going = True
        while going:
            for _ in itertools.islice(steps, form.stretch):
                pass
            going = form.wait()

    return train


def trainer(folder: Path) -> Callable[[Form], object]:
    """Return what trains with the trainer, in turns."""
    return lambda form: run(folder, Turns(form, FileLink(folder)))


class NoNorms(NormWatch):
    """Takes no norm of its own accord."""

    def due(self, *, needed: bool) -> bool:
        """Tell whether something hangs on the norm of the step at hand."""
        return needed


class Bare(Training):
    """A run that is never looked at."""

    @property
    def bare(self) -> bool:
        """Always: what is set is let go."""
        return True

    @bare.setter
    def bare(self, value: bool) -> None: ...


def bare_trainer(folder: Path, config: Config) -> Callable[[Form], None]:
    """Return what trains with the trainer, in turns, and is not looked at."""

    def go(form: Form) -> None:
        training = Bare(build(config), config, folder, Turns(form, FileLink(folder)), lockstep=False, mode="watch")
        training.norms = NoNorms()
        keep_freed_memory(training.device)
        train(training)

    return go


def interval(values: list[float]) -> tuple[float, float, float]:
    """Return the median and a 95 % interval of it, by order."""
    ordered = sorted(values)
    low = int(binom.ppf(0.025, len(ordered), 0.5))
    return median(ordered), ordered[max(low - 1, 0)], ordered[min(len(ordered) - low, len(ordered) - 1)]


def told(values: list[float]) -> str:
    """Return a median with its interval."""
    return "{:.3f} ({:.3f} .. {:.3f})".format(*interval(values))


def case(name: str, run_steps: int) -> Config:
    """Return the configuration of a case, for a run of so many steps."""
    raw = CASES[name]
    first = parse({**raw, "train": {**raw["train"], "epochs": 1}}, "the bench")
    steps = -(-build(first).source.train.examples // first.train.batch_size)
    epochs = run_steps / steps
    more = {"epochs": epochs, "lr": RATE, "threads": 1, "eval_every": epochs}
    return parse({**raw, "train": {**raw["train"], **more}, "advisor": {"mode": "watch"}}, "the bench")


def main(name: str, run_steps: int, rounds: int) -> None:
    """Run all forms in turns and print the table."""
    config = case(name, run_steps)
    with tempfile.TemporaryDirectory() as scratch:
        folders = {form: Path(scratch) / form for form in ("bare", "watched", "driven")}
        for folder in folders.values():
            made = make_run(folder, folder.name, Orders(config=config, mode="watch", lockstep=False))
            with closing(JournalWriter(made.ledger)) as ledger:  # so that a driver takes this process for the trainer
                ledger.append(write(TrainerStarted(pid=os.getpid(), pid_started=pid_started(), restart=0)))
        forms = [
            Form("by hand, in memory", hand(by_hand, config)),
            Form("by hand, DataLoader", hand(with_loader, config)),
            Form("trainer, bare", bare_trainer(folders["bare"], config)),
            Form("trainer, watched", trainer(folders["watched"])),
            Form("trainer, watched, with a driver", trainer(folders["driven"])),
        ]
        for module in [one for key, one in sys.modules.items() if key.startswith("trainer.")]:
            if getattr(module, "perf_counter", None) is perf_counter:
                module.perf_counter = own_clock  # type: ignore[attr-defined]
        threads = [form.start() for form in forms]
        for form in forms:
            form.give(3)
        command = [sys.executable, "-P", "-m", "advisor.driving.driver", str(folders["driven"])]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as driver:
            for form in forms:
                form.give(50)
            steps = max(3, round(STRETCH_S / forms[0].processor_s[-1]))
            for form in forms:
                form.give(min(SETTLED_STEPS, 5 * steps))
            for number in range(rounds + 3):
                for form in forms if number % 2 else reversed(forms):
                    form.give(steps)
            driver_s = sum(psutil.Process(driver.pid).cpu_times()[:2])
            driver.kill()  # asked to end, it would wait for its trainer, which is this process
            for form, thread in zip(forms, threads, strict=True):
                form.over = True
                form.give(1)
                thread.join()
    print(f"\n{name}: {rounds} rounds of {steps} steps each, of a run of {run_steps}.\n")
    print(
        "| form | ms a step (processor) | × by hand, processor (95 %) | × by hand, wall (95 %) | × bare, processor (95 %) |"
    )
    print("| --- | --- | --- | --- | --- |")
    hand_form, bare_form = forms[0], next(form for form in forms if form.name == "trainer, bare")
    for form in forms:
        middle = 1000 * median(form.processor_s[-rounds:])
        wall = told(form.ratios(hand_form, rounds, wall=True))
        beside = " | ".join([told(form.ratios(hand_form, rounds)), wall, told(form.ratios(bare_form, rounds))])
        print(f"| {form.name} | {middle:.3f} | {beside} |")
    print(f"\nThe driver took {driver_s:.1f} s of processor time in its own process, its start included.")


if __name__ == "__main__":
    arguments = sys.argv[1:] + ["mlp", str(RUN_STEPS), str(ROUNDS)][len(sys.argv) - 1 :]
    main(arguments[0], int(arguments[1]), int(arguments[2]))
