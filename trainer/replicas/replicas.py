"""Replicas: the batch of each step dealt out to several processes, the trainer being one of them.

The others are followers (`trainer.replicas.follower`): they hold no state that a run would miss. At the first share of a step
they get the weights, with every share its examples, and in the end their gradients are added to the trainer's. So whatever
turns, rolls back, forks or operates the run goes on as with one process, and a follower can be let go between any two steps,
or in the middle of one: what it had is run again here.

What follows from that, for the user: the factory of a task of their own is called once in each process; a network or loss
that counts its own calls in Python, or draws its shape by chance, is not the same in all of them.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import torch

from trainer.replicas.wire import hear, open_group, say

START_S = 300.0
"""A follower loads torch, calls the user's factory and finds its device within this time, on a busy machine too."""

PATIENCE_S = 60.0
"""A share is waited for so long, …"""

PATIENCE_TIMES = 10.0
"""… or so many times as long as the trainer's own share took: then the follower hangs, and is let go."""

COMPILING_S = 900.0
"""… or so long, where the first pass may be compiled."""

IDLE_S = 30.0
"""Followers that nobody has needed for so long are let go: between the stretches of rounds they are needed again sooner."""

FAREWELL_S = 5.0
"""A follower that was told to end does so within this time."""


class FollowersLost(Exception):
    """A follower has died, hangs, or cannot do what it is asked; the text says which."""


@dataclass
class Follower:
    """One follower, as the trainer sees it."""

    rank: int
    process: subprocess.Popen[bytes]
    control: Connection
    unanswered: int = 0
    """Words that it still has to answer."""

    def say(self, word: dict[str, Any], *, answers: bool = True) -> None:
        """Say a word.

        Raises:
            FollowersLost: when it is gone.
        """
        try:
            say(self.control, word)
        except OSError:
            raise FollowersLost(self._gone()) from None
        self.unanswered += answers

    def answer(self, patience_s: float) -> dict[str, Any]:
        """Return its next answer.

        Raises:
            FollowersLost: when it is gone, or does not answer in time.
            torch.OutOfMemoryError: when its device is full; it is ready for the next word.
        """
        try:
            if not self.control.poll(patience_s):
                raise FollowersLost(f"follower {self.rank} has not answered for {patience_s:.0f} s")
            word = hear(self.control)
        except (EOFError, OSError):
            raise FollowersLost(self._gone()) from None
        self.unanswered -= 1
        if "full" in word:
            raise torch.OutOfMemoryError(f"follower {self.rank}: {word['full']}")
        if "failed" in word:
            raise FollowersLost(f"follower {self.rank}: {word['failed']}")
        return word

    def _gone(self) -> str:
        try:
            code = self.process.wait(FAREWELL_S)
        except subprocess.TimeoutExpired:
            return f"follower {self.rank} does not listen any more"
        return f"follower {self.rank} has ended (exit code {code})"

    def end(self, *, at_once: bool) -> None:
        """Let it go; it is gone when this returns."""
        if at_once:
            self.process.kill()
        else:
            try:
                say(self.control, {"do": "end"})
                self.process.wait(FAREWELL_S)
            except (OSError, subprocess.TimeoutExpired):
                self.process.kill()
        self.process.wait()
        self.control.close()
        if self.process.stdin is not None:
            self.process.stdin.close()


@dataclass
class Team:
    """The followers of a run, joined to one group with the trainer."""

    followers: list[Follower]
    meetings: TemporaryDirectory[str]
    group: Any = None
    built_for: object = None
    """The set-up whose network they have built."""
    settings: dict[str, Any] = field(default_factory=dict)
    """What they were told last."""
    used_at: float = 0.0
    under_way: list[Any] = field(default_factory=list)
    """What is being sent: it holds the memory that it is sent from."""

    @property
    def size(self) -> int:
        """Processes, the trainer among them."""
        return len(self.followers) + 1

    def all_answer(self, patience_s: float) -> dict[int, dict[str, Any]]:
        """Wait until everybody has answered; return the answers by rank, of those that had one to give.

        Raises:
            FollowersLost: when somebody cannot.
            torch.OutOfMemoryError: when somebody's device is full; all have answered then.
        """
        last: dict[int, dict[str, Any]] = {}
        full: list[str] = []
        for follower in self.followers:
            while follower.unanswered:
                try:
                    last[follower.rank] = follower.answer(patience_s)
                except torch.OutOfMemoryError as ended:
                    full.append(str(ended))
        if full:
            raise torch.OutOfMemoryError(full[0])
        return last

    def settle(self, patience_s: float) -> None:
        """Wait for what is left of a batch that broke off; its answers count no more.

        Raises:
            FollowersLost: when somebody does not answer.
        """
        with suppress(torch.OutOfMemoryError):
            self.all_answer(patience_s)

    def build(self, word: dict[str, Any], setup: object) -> None:
        """Let everybody build the network of a set-up.

        Raises:
            FollowersLost: when it cannot be built there.
        """
        for follower in self.followers:
            follower.say(word)
        self.all_answer(START_S)
        self.built_for, self.settings = setup, {}

    def join(self, device: torch.device, patience_s: float) -> None:
        """Open the group.

        Raises:
            FollowersLost: when somebody does not come.
        """
        meeting = Path(self.meetings.name) / "meeting"
        for follower in self.followers:
            word = {"do": "join", "meeting": str(meeting), "size": self.size, "patience_s": 2 * patience_s}
            follower.say(word | {"rank": follower.rank})
        try:
            self.group = open_group(device, meeting, 0, self.size, patience_s)
        except RuntimeError as failed:
            raise FollowersLost(f"the processes do not find each other: {_first_line(failed)}") from None
        self.all_answer(patience_s)

    def end(self, *, at_once: bool) -> None:
        """Let everybody go."""
        for follower in self.followers:
            follower.end(at_once=at_once)
        self.group = None  # behind the processes: what still hangs in it fails now
        self.meetings.cleanup()


class Replicas:
    """The followers that a run has, if any.

    Args:
        device: That the trainer trains on.
        simulated: Its memory is a simulated one.
    """

    def __init__(self, device: torch.device, *, simulated: bool = False) -> None:
        self.device = device
        self.alone = "a simulated device counts what the kernels of one process make" if simulated else why_not(device)
        """Why there can be one process only; empty where there can be more."""
        self.most = 1 if self.alone else most_replicas(device)
        """Processes that this machine has a device for."""
        self.lost = ""
        """Why followers were let go; there are none in this run any more then."""
        self.untold = 0
        """Processes that the knob named until they became fewer, while nobody was told; 0 = there is nothing to tell."""
        self.patience_s = PATIENCE_S
        self._team: Team | None = None

    @property
    def processes(self) -> tuple[int, ...]:
        """Process numbers of the followers that are there."""
        return tuple(follower.process.pid for follower in self._team.followers) if self._team else ()

    def count(self, wanted: int) -> int:
        """Return how many processes train where the knob wants so many."""
        return 1 if self.lost else max(min(wanted, self.most), 1)

    def team(self, size: int, setup: object, blueprint: Callable[[], dict[str, Any]]) -> Team:
        """Return the followers of now, started or built anew where they have to be.

        Args:
            size: Processes, the trainer among them.
            setup: The run's: as long as it is the same object, the network is.
            blueprint: Says how network and loss are built.

        Raises:
            FollowersLost: when that fails; let them go then.
        """
        if self._team is not None and self._team.size != size:
            self.close()
        fresh = self._team is None
        if self._team is None:
            try:
                self._team = Team([], TemporaryDirectory(prefix="replicas-", ignore_cleanup_errors=True))
                for rank in range(1, size):
                    self._team.followers.append(_started(rank, self.device))
            except OSError as refused:  # no process, descriptor or disk is left for it
                raise FollowersLost(f"a follower cannot be started: {refused}") from None
        if self._team.built_for is not setup:
            self._team.build(blueprint(), setup)
        if fresh:
            self._team.join(self.device, self.patience_s)
        self._team.used_at = perf_counter()
        return self._team

    def rest(self) -> None:
        """Let followers go that were not needed for a while."""
        if self._team is not None and perf_counter() - self._team.used_at > IDLE_S:
            self.close()

    def give_up(self, why: str) -> None:
        """Let all followers go at once, and take no others."""
        self.lost = why
        self.close(at_once=True)

    def close(self, *, at_once: bool = False) -> None:
        """Let all followers go."""
        team, self._team = self._team, None
        if team is not None:
            team.end(at_once=at_once)


def why_not(device: torch.device) -> str:
    """Say why a run on this device cannot have more than one process; empty where it can."""
    if not torch.distributed.is_available():
        return "this torch has no torch.distributed in it"
    if device.type not in ("cpu", "cuda"):
        return f"several processes are not tried on {device.type}"
    if device.type == "cuda" and not torch.distributed.is_nccl_available():
        return "this torch has no NCCL in it"
    if device.type == "cpu" and not torch.distributed.is_gloo_available():
        return "this torch has no gloo in it"
    if (there := most_replicas(device)) < 2:
        one = {0: "none", 1: "one"}.get(there, str(there))
        return f"each process needs a {'GPU' if device.type == 'cuda' else 'core'} of its own, and there is {one}"
    return ""


def most_replicas(device: torch.device) -> int:
    """Return how many processes this machine has a device for: GPUs that are visible, or cores that may be used."""
    if device.type == "cuda":
        return torch.cuda.device_count()
    if device.type != "cpu":
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def visible_to(rank: int, device: torch.device, wanted: str | None) -> str:
    """Return what CUDA_VISIBLE_DEVICES shows to a follower: one device, never the trainer's.

    Args:
        rank: Of the follower, from 1.
        device: Of the trainer.
        wanted: CUDA_VISIBLE_DEVICES of the trainer; nothing where it is not set.
    """
    own = device.index if device.index is not None else torch.cuda.current_device()
    names = wanted.split(",") if wanted else [str(at) for at in range(torch.cuda.device_count())]
    return [name.strip() for at, name in enumerate(names) if at != own][rank - 1]


def dealt(examples: int, most: int, processes: int) -> list[tuple[int, int]]:
    """Return the shares of a batch as (start, stop), as even as can be, a multiple of `processes` in number.

    Even, for a share of one example is no batch to a batch norm. A batch of fewer than two examples for each process is not
    dealt out: it is one share.

    Args:
        examples: Of the batch.
        most: Of a share.
        processes: That take turns: share k goes to process k modulo `processes`.
    """
    if processes == 1 or examples < 2 * processes:
        return [(start, min(start + most, examples)) for start in range(0, examples, most)]
    shares = processes * -(-examples // (processes * most))
    bounds = [examples * at // shares for at in range(shares + 1)]
    return [(start, stop) for start, stop in pairwise(bounds) if stop > start]


def _started(rank: int, device: torch.device) -> Follower:
    ours, theirs = Pipe()
    root = str(Path(__file__).resolve().parents[2])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))}
    if device.type == "cuda":
        environment["CUDA_VISIBLE_DEVICES"] = visible_to(rank, device, os.environ.get("CUDA_VISIBLE_DEVICES"))
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "trainer.replicas.follower", str(theirs.fileno()), device.type],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        pass_fds=(theirs.fileno(),),
        env=environment,
        start_new_session=True,
    )
    theirs.close()
    return Follower(rank, process, ours)


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
