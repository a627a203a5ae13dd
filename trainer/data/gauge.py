"""What a fetch costs the thread that makes it: time on a core, ready and waiting for one, asleep, and what it reads.

The kernel counts all of it, thread by thread (its clocks, `/proc/thread-self/schedstat`, `/proc/self/io`); where it does not,
only the wall time is known and nothing is guessed from it.
"""

import os
import threading
from dataclasses import dataclass
from math import nan
from time import perf_counter, process_time, thread_time

SCHEDULED = "/proc/thread-self/schedstat"
"""Nanoseconds on a core (as of the last tick: the thread's clock knows better), and nanoseconds ready to run without one."""
READ = "/proc/self/io"
PAUSE_S = 0.003
"""Reading the counters twice takes 20 to 30 µs: after it they are left alone for a hundred times as long."""
NANOSECOND_S = 1e-9


@dataclass(frozen=True)
class FetchCost:
    """What one fetch has cost. NaN where nobody counted."""

    seconds: float
    """By the wall clock."""
    busy_s: float = nan
    """On cores, of all threads of the process."""
    own_s: float = nan
    """On a core, of the thread that fetched."""
    queued_s: float = nan
    """Ready to run, while other threads had the cores."""
    read_bytes: float = nan
    """Asked of files, whether or not they lay in memory."""
    disk_bytes: float = nan
    """That came from storage."""
    read_calls: float = nan


@dataclass(frozen=True)
class _Counted:
    busy_s: float
    own_s: float
    queued_s: float
    read_bytes: int
    disk_bytes: int
    read_calls: int


class Gauge:
    """Measures one fetch at a time, in whichever process it is called."""

    def __init__(self) -> None:
        self._before: _Counted | None = None
        self._begun = self._read_from = 0.0

    def begin(self) -> None:
        """Begin a fetch."""
        self._before = _COUNTERS.read() if perf_counter() >= self._read_from else None
        self._begun = perf_counter()

    def end(self) -> FetchCost:
        """Return what the fetch has cost since it began; of short ones only now and then more than the seconds."""
        seconds = perf_counter() - self._begun
        if self._before is None:
            return FetchCost(seconds)
        before, after = self._before, _COUNTERS.read()
        self._read_from = perf_counter() + PAUSE_S
        if after is None:
            return FetchCost(seconds)
        return FetchCost(
            seconds,
            busy_s=after.busy_s - before.busy_s,
            own_s=after.own_s - before.own_s,
            queued_s=after.queued_s - before.queued_s,
            read_bytes=after.read_bytes - before.read_bytes,
            disk_bytes=after.disk_bytes - before.disk_bytes,
            read_calls=after.read_calls - before.read_calls,
        )


class _Counters:
    """The kernel's counters of this thread, kept open; a forked process and another thread open their own."""

    def __init__(self) -> None:
        self._thread = 0
        self._files: tuple[int, int] | None = None

    def read(self) -> _Counted | None:
        """Return the counters of now; nothing where the kernel keeps none."""
        thread = threading.get_native_id()
        if thread != self._thread:
            self._thread = thread
            self._open()
        if self._files is None:
            return None
        try:
            _, queued_ns, *_ = os.pread(self._files[0], 256, 0).split()
            words = os.pread(self._files[1], 512, 0).split()
        except OSError:
            return None
        told = dict(zip(words[::2], words[1::2], strict=False))
        return _Counted(
            process_time(),
            thread_time(),
            int(queued_ns) * NANOSECOND_S,
            int(told.get(b"rchar:", 0)),
            int(told.get(b"read_bytes:", 0)),
            int(told.get(b"syscr:", 0)),
        )

    def _open(self) -> None:
        for file in self._files or ():
            os.close(file)
        self._files = None
        try:
            scheduled = os.open(SCHEDULED, os.O_RDONLY)
        except OSError:
            return
        try:
            self._files = (scheduled, os.open(READ, os.O_RDONLY))
        except OSError:
            os.close(scheduled)
            return
        if not os.pread(scheduled, 256, 0).split()[:1] > [b"0"]:  # a kernel that has the file and does not count
            for file in self._files:
                os.close(file)
            self._files = None


_COUNTERS = _Counters()
