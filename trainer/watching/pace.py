"""Steps that take far longer than the others, and what each of them met.

A step is slow beyond three spreads over the median, and beyond twice the median: short steps on a machine that is shared
vary by half. What it met is told by the collector's own callbacks, the wait for input, what came just before it, and the
processor time of the training thread: where that is as ever, the thread did not run. Steps in which the trainer looked at
the layers are left out: what they take longer is its own doing.

Beside a device that works asynchronously the host only queues: a step is long there whenever the queue is full, which says
nothing. Only those that a collection, an input, an evaluation or a checkpoint explains are told.
"""

import gc
from collections import Counter
from time import perf_counter, thread_time
from typing import Any
from weakref import finalize, ref

from trainer.words import SlowSteps

TIMES_USUAL = 2.0
SPREADS = 3.0
NORMAL_MAD = 1.4826
"""The median absolute deviation of a normal distribution times this is its standard deviation."""
WARM_UP_STEPS = 20
"""First steps: kernels are chosen, caches fill."""
MOST_OF_IT = 0.5
"""Of a step's excess: by so much it is explained."""
KNOWN_STEPS = 64
"""Steps behind the usual one, the newest."""
AT_ONCE_S = 0.0002
"""Seconds: beneath, the clock of the system's own interrupts is what is measured."""
READ_EVERY_S = 0.002
"""Between two looks at the thread's own time, which cost 2 µs each where a system call is dear: a thousandth."""
READ_STEPS_MOST = 16
"""Steps between two looks: a slow one is told by the rest of the steps since the last look taking as long as usual."""


class Collector:
    """Adds up the time that Python's garbage collector takes, for as long as anybody holds this."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._began = 0.0
        mine = ref(self)

        def hear(phase: str, _: dict[str, Any]) -> None:
            listener = mine()
            if listener is not None:
                listener._hear(phase)

        gc.callbacks.append(hear)
        finalize(self, gc.callbacks.remove, hear).atexit = False

    def _hear(self, phase: str) -> None:
        now = perf_counter()
        if phase == "start":
            self._began = now
        elif self._began:
            self.seconds += now - self._began
            self._began = 0.0


class Pace:
    """Watches the steps of one run."""

    def __init__(self, *, on_host: bool) -> None:
        self._collector = Collector()
        self._on_host = on_host
        """Without a device that works asynchronously."""
        self._known: list[float] = []
        self._own: list[float] = []
        self._usual_s = self._usual_own_s = 0.0
        self._limit_s = float("inf")
        self._left = WARM_UP_STEPS
        self._before = ""
        self._collected_s = self._waited_s = self._own_at = 0.0
        self._unread = 0
        """Steps since the thread's own time was read."""
        self._read_every = READ_STEPS_MOST
        self._slow: list[float] = []
        self._met: Counter[str] = Counter()
        self.resume()

    def resume(self, after: str = "") -> None:
        """Go on after something that is no step: `evaluation`, `checkpoint`, or anything else."""
        self._before = after or self._before
        self._collected_s = self._collector.seconds
        self._own_at, self._unread = thread_time(), 0

    def renew(self) -> None:
        """Begin anew: from here on a step is another one."""
        self._known, self._own = [], []
        self._limit_s, self._left = float("inf"), WARM_UP_STEPS

    def step(self, seconds: float, waited_s: float, *, looked: bool) -> None:
        """Take in a step.

        Args:
            seconds: Wall time, the wait for input in it.
            waited_s: Seconds of all waits for input so far in this beat.
            looked: Its layers were looked at: it is left out.
        """
        if looked or self._left:
            self._left -= not looked
            self._waited_s = waited_s
            self.resume()
            self._before = ""
            return
        self._known.append(seconds)
        self._unread += 1
        if seconds > self._limit_s:
            self._tell(seconds, waited_s)
        elif self._unread >= self._read_every:
            steps = self._unread
            self._own.append(self._read_own() / steps)
        self._before = ""
        self._collected_s, self._waited_s = self._collector.seconds, waited_s

    def take(self) -> SlowSteps | None:
        """Return the slow steps since the last call, and learn from all what is usual; nothing where there were none."""
        told = None
        if self._slow:
            excess = sum(self._slow) - len(self._slow) * self._usual_s
            told = SlowSteps(
                count=len(self._slow),
                excess_s=excess,
                usual_s=self._usual_s,
                worst_s=max(self._slow),
                met=dict(self._met),
            )
        self._slow, self._met = [], Counter()
        self._waited_s = 0.0
        self._learn()
        return told

    def _tell(self, seconds: float, waited_s: float) -> None:
        """Find out what a slow step met, and keep it."""
        half = MOST_OF_IT * (seconds - self._usual_s)
        steps = self._unread
        own_s = self._read_own() - steps * self._usual_own_s
        if self._collector.seconds - self._collected_s >= half:
            met = "collection"
        elif waited_s - self._waited_s >= half:
            met = "input"
        elif self._before:
            met = self._before
        elif self._on_host:
            met = "work" if own_s >= half else "waiting"
        else:
            return
        self._slow.append(seconds)
        self._met[met] += 1

    def _read_own(self) -> float:
        """Return the processor time of this thread since it was last read, in seconds."""
        before, self._own_at = self._own_at, thread_time()
        self._unread = 0
        return self._own_at - before

    def _learn(self) -> None:
        self._known, self._own = self._known[-KNOWN_STEPS:], self._own[-KNOWN_STEPS:]
        if len(self._known) < WARM_UP_STEPS or not self._own:
            return
        self._usual_s, self._usual_own_s = _median(self._known), _median(self._own)
        spread = NORMAL_MAD * _median([abs(one - self._usual_s) for one in self._known])
        self._limit_s = max(self._usual_s + SPREADS * spread, TIMES_USUAL * self._usual_s, self._usual_s + AT_ONCE_S)
        self._read_every = min(max(round(READ_EVERY_S / max(self._usual_s, 1e-9)), 1), READ_STEPS_MOST)


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
