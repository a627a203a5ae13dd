"""Supervision of the smallest honest kind: one child, three restarts in ten minutes, then stop and say so."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from advisor.ledger import DriverStarted, RunClosed, TrainerStarted
from advisor.runs import Run

RESTARTS = 3
"""A fault that three fresh starts do not cure is not a passing one."""
RESTARTS_WITHIN_S = 600.0
"""Older exits are forgotten: a run of a week may meet a passing fault each day."""
SAME_START_S = 2.0
"""Two readings of a process's start time differ by less (clock ticks); a reused pid differs by more."""
LAST_LINES = 12
"""Of trainer.log, kept with an exit: a traceback's end."""
LOG_TAIL_BYTES = 16_384
"""The end of the log that is read for them."""

TRAINER = ("-P", "-m", "trainer")
"""What follows the interpreter in the trainer's command line; the run's folder comes next."""

MISTAKE_CODE = 2
"""What the trainer exits with when the user has to mend something."""

NICE = 10
"""Whoever only looks on gives way to the training."""


@dataclass(frozen=True)
class Exit:
    """How a trainer ended."""

    at: float
    """Unix time in seconds."""
    code: int | None
    """Exit code, negative for a signal; nothing for a process that was not our child."""
    why: str
    """Its own last word (`RunEnded.why`); empty when it died without one."""
    text: str
    """What it said to that, or the last line of its log."""
    step: int


@dataclass(frozen=True)
class Sentence:
    """What is to be done after an exit."""

    what: Literal["done", "again", "give_up"]
    why: str
    from_checkpoint: bool = False


def sentence(exits: tuple[Exit, ...], *, checkpointed: bool) -> Sentence:
    """Decide what follows on the newest of these exits (oldest first).

    A mistake of the user's, a stop and an end are final. A crash is answered by a restart from the last checkpoint,
    or from the beginning where there is none; not when it fails a second time in the same way at the same step.
    """
    last = exits[-1]
    if last.why in ("finished", "early_stop", "stopped", "hopeless", "mistake"):
        return Sentence("done", last.why)
    if last.code == MISTAKE_CODE:
        return Sentence("done", "mistake")
    how = describe(last)
    crashes = [one for one in exits if one.at > last.at - RESTARTS_WITHIN_S]
    if any((one.step, one.text) == (last.step, last.text) for one in crashes[:-1]):
        return Sentence("give_up", f"{how} twice in the same way at step {last.step}: {last.text or 'no word'}")
    if len(crashes) > RESTARTS:
        minutes = RESTARTS_WITHIN_S / 60
        return Sentence(
            "give_up", f"{how} after {RESTARTS} restarts in {minutes:.0f} minutes: {last.text or 'no word'}"
        )
    return Sentence("again", f"{how} at step {last.step}: {last.text or 'no word'}", from_checkpoint=checkpointed)


def describe(exit_: Exit) -> str:
    """Say in words how a trainer ended."""
    if exit_.code is None:
        return "the trainer is gone"
    if exit_.code < 0:
        try:
            name = signal.Signals(-exit_.code).name
        except ValueError:
            name = f"signal {-exit_.code}"
        killer = " (out of memory?)" if name == "SIGKILL" else ""
        return f"the trainer was killed by {name}{killer}"
    return f"the trainer failed with code {exit_.code}"


class Trainer:
    """The trainer's process: our own child, or one that an earlier driver has left alive."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._child: subprocess.Popen[bytes] | None = None
        self._found: psutil.Process | None = None
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="starter")
        # A child inherits the niceness of the thread that starts it: this one is made before the driver gives way.
        self._starter.submit(os.getpid).result()

    @property
    def pid(self) -> int:
        """Process id; 0 before there is one."""
        if self._child is not None:
            return self._child.pid
        return self._found.pid if self._found is not None else 0

    @property
    def started_at(self) -> float:
        """Start time of the process, Unix seconds; 0 where it is gone already."""
        try:
            return float(psutil.Process(self.pid).create_time()) if self.pid else 0.0
        except psutil.Error:
            return 0.0

    def start(self, *, resume: bool = False, profile: bool = False) -> None:
        """Start `python -P -m trainer RUN` in a session of its own, its output in trainer.log."""
        command = [sys.executable, *TRAINER, str(self._run.folder)]
        command += ["--resume"] * resume + ["--profile"] * profile
        self._found = None
        self._child = self._starter.submit(start_detached, command, self._run.trainer_log).result()

    def adopt(self, process: psutil.Process) -> bool:
        """Take over a trainer that somebody else started; return whether it is alive."""
        self._found = process
        return self.alive()

    def alive(self) -> bool:
        """Tell whether the process still runs."""
        if self._child is not None:
            return self._child.poll() is None
        if self._found is None:
            return False
        try:
            return self._found.is_running() and self._found.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    @property
    def code(self) -> int | None:
        """Exit code of a child that has ended; nothing for one that was found."""
        return self._child.poll() if self._child is not None else None

    def ask_to_end(self) -> None:
        """Send SIGTERM: the trainer writes a checkpoint and says goodbye."""
        self._signal(signal.SIGTERM, group=False)

    def kill(self) -> None:
        """End the trainer and its workers at once."""
        self._signal(signal.SIGKILL, group=True)

    def _signal(self, number: signal.Signals, *, group: bool) -> None:
        if not self.alive():
            return
        try:
            if group and os.getpgid(self.pid) == self.pid:
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)
        except ProcessLookupError:
            return

    def sweep(self) -> None:
        """End what a trainer that has ended left of its session: workers hold its files, and no one waits for them."""
        for process in psutil.process_iter():
            with suppress(OSError, psutil.Error):
                if self.pid and process.pid != self.pid and os.getsid(process.pid) == self.pid:
                    process.kill()

    def last_lines(self) -> tuple[str, ...]:
        """Return the end of trainer.log."""
        return log_tail(self._run.trainer_log)


def find_process(pid: int, started: float) -> psutil.Process | None:
    """Return a process if it is alive and the one that is meant.

    Args:
        pid: Its process id.
        started: Its start time, Unix seconds: the pid alone may be somebody else's by now.
    """
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) < SAME_START_S
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def trainer_of(run: Run) -> psutil.Process | None:
    """Return the trainer of a run if it is alive, whoever started it, and whether or not that was written down."""
    starts: list[TrainerStarted] = []
    closed = False
    for entry in run.read_ledger():
        if isinstance(entry, TrainerStarted):
            starts.append(entry)
        closed = isinstance(entry, RunClosed) or (closed and not isinstance(entry, DriverStarted))
    noted = find_process(starts[-1].pid, starts[-1].pid_started) if starts else None
    return noted if noted is not None or closed else _search(run)


def _search(run: Run) -> psutil.Process | None:
    """Look through all processes for the trainer of a run: its driver may have died before it wrote it down."""
    for process in psutil.process_iter():
        with suppress(OSError, psutil.Error):
            command = process.cmdline()[1 : len(TRAINER) + 2]
            if command == [*TRAINER, str(run.folder)] and os.getsid(process.pid) == process.pid:
                return process
    return None


def start_detached(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own whose output goes to a file: never a pipe, which dies with its reader."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=environment,
        )


def give_way() -> None:
    """Lower the priority of the calling process (on Linux: of its main thread and the threads it starts from now on)."""
    os.nice(NICE)


def log_tail(log: Path) -> tuple[str, ...]:
    """Return the last lines of a log, blank ones left out."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - LOG_TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ()
    return tuple(line for line in text.splitlines() if line.strip())[-LAST_LINES:]
