"""The driver's lease: a lock on one file says that a run has a driver, and the file's text says which.

Only the lock decides; pid, start time and heartbeat are there to be shown.
"""

import fcntl
import json
import os
import time
from typing import Any

from advisor.runs import Run
from trainer.journal import is_held

HEARTBEAT_S = 2.0
"""A person who looks sees a driver that is at most so old; the write costs some 10 µs."""

TAKING_TRIES = 5
TAKING_PAUSE_S = 0.02
"""Whoever asks whether the lease is held locks it for some microseconds: one refusal is no proof of a driver."""


class LeaseHeld(Exception):
    """Another driver drives this run; the text says which and how to join it."""


class Lease:
    """The right to drive a run, for as long as this object is open and the process lives."""

    def __init__(self, run: Run) -> None:
        self._beaten_at = 0.0
        self._started = time.time()
        self._file = os.open(run.lease, os.O_RDWR | os.O_CREAT, 0o600)
        for left in reversed(range(TAKING_TRIES)):
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if not left:
                    os.close(self._file)
                    pid = read_lease(run).get("pid", "unknown")
                    raise LeaseHeld(
                        f"{run.folder} already has a driver (pid {pid}): join it with `advisor watch {run.folder}`"
                    ) from None
                time.sleep(TAKING_PAUSE_S)
        self.beat(self._started)

    def beat(self, now: float) -> None:
        """Write the heartbeat, every two seconds at most. A full disk costs nothing but the display."""
        if now - self._beaten_at < HEARTBEAT_S:
            return
        self._beaten_at = now
        text = json.dumps({"pid": os.getpid(), "started": self._started, "heartbeat": now}).encode()
        try:
            os.pwrite(self._file, text, 0)
            os.ftruncate(self._file, len(text))
        except OSError:
            return

    def release(self) -> None:
        """Let the run go."""
        os.close(self._file)


def is_driven(run: Run) -> bool:
    """Tell whether a driver holds the lease of this run."""
    return is_held(run.lease)


def read_lease(run: Run) -> dict[str, Any]:
    """Return what the last driver wrote of itself: pid, started, heartbeat; empty where there was none."""
    try:
        told = json.loads(run.lease.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
