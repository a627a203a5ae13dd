"""A trainer of which nothing is heard any more: for how long, and in which line it stands.

It is asked for its stack once it has been silent for twenty usual steps, ten seconds, and three times its longest silence
so far, whichever is longest. A trainer that is about something that takes its time (an evaluation, a checkpoint, a trial, a
compilation) is given five minutes; so is one that cannot be asked (macOS; a user's own handler on the signal). One that waits
for the advisor does not stand still.
"""

import os
import re
import sysconfig
from collections.abc import Callable
from pathlib import Path

import psutil

from advisor.sensors.sample import StallSample
from trainer import standing
from trainer.standing import FILE, NUMBER, takes

TIMES_USUAL = 20.0
"""Usual steps (rules.md)."""
LEAST_S = 10.0
"""Seconds: less is a disk that is busy."""
TIMES_LONGEST = 3.0
"""The longest silence so far: what was once slow, an evaluation say, may be so again."""
LONG_WORK_S = 300.0
"""For what is known to take its time."""
AWAY_S = 5.0
"""Between two looks of this sensor: it did not run itself, and cannot say who was silent."""
ANSWER_S = 3.0
"""For the trainer to write its stack; the signal is answered within milliseconds where it is answered."""
TOLD_AGAIN = 2.0
"""Times as long as when it was last told."""

DOING = {
    "link.py": "", "obey.py": "", "operated.py": "",
    "evaluate.py": "evaluates", "checkpoint.py": "writes a checkpoint", "keeping.py": "writes a checkpoint",
    "survey.py": "looks through the data", "probes.py": "answers a probe", "profile.py": "takes a profile",
    "rounds.py": "is in a trial", "fork.py": "is in a trial", "tryout.py": "is in a trial", "finish.py": "finishes the model", "compiling.py": "compiles",
    "feed.py": "waits for its next batch", "supply.py": "waits for its next batch", "fetch.py": "waits for its next batch",
    "step.py": "takes a step",
}  # fmt: skip
"""By file of the trainer: what it is about. Empty: it waits for the advisor."""
AT_ONCE = frozenset({"takes a step", "waits for its next batch"})
"""What cannot take long."""
FRAME = re.compile(r'^  File "(.*)", line (\d+) in (.*)$')
STOPPED = {
    psutil.STATUS_STOPPED: "was stopped by a signal",
    psutil.STATUS_DISK_SLEEP: "waits for a disk or a network file system",
}
"""By state of a process that answers no signal."""
OURS = f"{Path(standing.__file__).parent}{os.sep}"
"""The trainer's own files."""
LIBRARIES = (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))


class StallSensor:
    """Watches the silence of one trainer."""

    def __init__(self, folder: Path) -> None:
        self._stack = folder / FILE
        self._pid = 0
        self._begin(0.0)

    def _begin(self, now: float) -> None:
        self._heard_at = self._looked_at = now
        self._longest_s = 0.0
        self._hear_again()

    def _hear_again(self) -> None:
        self._asked_at = self._told_s = 0.0
        self._from_byte = self._size = 0

    def hear(self, now: float) -> None:
        """Note that the trainer has said something; `now` in seconds of a clock that only rises."""
        self._longest_s = max(self._longest_s, now - self._heard_at)
        self._heard_at = now
        self._hear_again()

    def look(self, now: float, pid: int, usual_s: Callable[[], float]) -> StallSample | None:
        """Return what is wrong, when there is something new to tell.

        Args:
            now: As in `hear`.
            pid: The trainer's; another one begins anew.
            usual_s: Returns the seconds of a step, 0 before there is one: then nothing is told. Asked only in a long silence.
        """
        away, self._looked_at = now - self._looked_at > AWAY_S, now
        if pid != self._pid or away:
            self._pid = pid
            self._begin(now)
            return None
        silent_s = now - self._heard_at
        if silent_s < max(LEAST_S, TIMES_LONGEST * self._longest_s, TOLD_AGAIN * self._told_s):
            return None
        step_s = usual_s()
        if not step_s:
            self._begin(now)
            return None
        if silent_s < TIMES_USUAL * step_s:
            return None
        if not self._asked_at:
            if self._ask():
                self._asked_at = now
                return None
            return self._told(silent_s, step_s, (), self._state("")) if silent_s >= LONG_WORK_S else None
        frames = self._answer()
        if not frames and now - self._asked_at < ANSWER_S:
            return None
        self._asked_at = 0.0
        if not frames:
            return self._told(silent_s, step_s, (), self._state("does not answer"))
        _, doing = read_stack(frames)
        if not doing or (doing not in AT_ONCE and silent_s < LONG_WORK_S):
            self._told_s = silent_s / TOLD_AGAIN + 1.0  # ask again in a while
            return None
        return self._told(silent_s, step_s, frames, doing)

    def _told(self, silent_s: float, step_s: float, frames: tuple[str, ...], doing: str) -> StallSample:
        self._told_s = silent_s
        where = read_stack(frames)[0] if frames else ""
        return StallSample(silent_s=silent_s, usual_s=step_s, where=where, doing=doing, stack=frames)

    def _ask(self) -> bool:
        """Send the signal, to a process that has said that it takes it: any other would die of it."""
        try:
            self._from_byte = self._size = self._stack.stat().st_size
            if not takes(self._pid, NUMBER):
                return False
            os.kill(self._pid, NUMBER)
        except OSError:
            return False
        return True

    def _answer(self) -> tuple[str, ...]:
        """Return the frames of the main thread, innermost first, once the whole answer is there: it is no longer growing."""
        try:
            with self._stack.open("rb") as file:
                file.seek(self._from_byte)
                written = file.read()
        except OSError:
            return ()
        before, self._size = self._size, self._from_byte + len(written)
        if not written or before != self._size:
            return ()
        return frames_of(written.decode("utf-8", "replace"))

    def _state(self, otherwise: str) -> str:
        try:
            return STOPPED.get(psutil.Process(self._pid).status(), otherwise)
        except psutil.Error:
            return otherwise


def frames_of(text: str) -> tuple[str, ...]:
    """Return the frames of the main thread, innermost first, of what `faulthandler` has written.

    The system lets the main thread answer wherever it can; else that thread is the last of the list.
    """
    _, _, answered = text.partition("Current thread")
    lines = (answered or text.rpartition("Thread 0x")[2]).splitlines()[1:]
    ends = next((place for place, line in enumerate(lines) if not FRAME.match(line)), len(lines))
    return tuple(line.strip() for line in lines[:ends])


def read_stack(frames: tuple[str, ...]) -> tuple[str, str]:
    """Return the innermost line of the user's own code, and what the trainer is about.

    Args:
        frames: As `faulthandler` writes them, innermost first.
    """
    known = [match.groups() for frame in frames if (match := FRAME.match(f"  {frame}"))]
    ours = [one for one in known if one[0].startswith(OURS)]
    theirs = [one for one in known if not one[0].startswith((OURS, "<", *LIBRARIES))]
    file, line, name = next(iter(theirs or ours or known), ("", "", ""))
    told = [DOING[Path(path).name] for path, _, _ in ours if Path(path).name in DOING]
    slow = [one for one in told if one not in AT_ONCE]
    return f"{Path(file).name}:{line} ({name})" if file else "", next(iter(slow or told), "takes a step")
