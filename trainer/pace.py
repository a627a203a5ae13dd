"""Steps that take far longer than the others, and what each of them met.

A step is slow beyond three spreads over the median, and beyond twice the median: short steps on a machine that is shared
vary by half. What it met is told by clocks that are read anyway: the collector's own callbacks, the wait for input, whether
the step was looked at, what came just before it, and the processor time of the training thread: where that is as ever, the
thread did not run.

Costs about half a microsecond a step.
"""

import gc
from collections import Counter
from time import perf_counter, thread_time
from typing import Any
from weakref import ref

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


class Collector:
    """Adds up the time that Python's garbage collector takes, for as long as anybody holds this."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._began = 0.0
        mine = ref(self)

        def hear(phase: str, _: dict[str, Any]) -> None:
            listener = mine()
            if listener is None:
                gc.callbacks.remove(hear)
            else:
                listener._hear(phase)

        gc.callbacks.append(hear)

    def _hear(self, phase: str) -> None:
        now = perf_counter()
        if phase == "start":
            self._began = now
        elif self._began:
            self.seconds += now - self._began


class Pace:
    """Watches the steps of one run."""

    def __init__(self, *, on_host: bool) -> None:
        self._collector = Collector()
        self._on_host = on_host
        """The thread's own time says what a step had to do; beside a device it only queues."""
        self._known: list[float] = []
        self._own: list[float] = []
        self._usual_s = self._usual_own_s = 0.0
        self._limit_s = float("inf")
        self._left = WARM_UP_STEPS
        self._before = ""
        self._marks = (0.0, 0.0, 0.0)
        self._slow: list[float] = []
        self._met: Counter[str] = Counter()
        self.resume()

    def resume(self, after: str = "") -> None:
        """Go on after something that is no step: `evaluation`, `checkpoint`, or anything else."""
        self._before = after or self._before
        self._marks = (self._collector.seconds, self._marks[1], thread_time())

    def renew(self) -> None:
        """Begin anew: from here on a step is another one."""
        self._known, self._own = [], []
        self._limit_s, self._left = float("inf"), WARM_UP_STEPS

    def step(self, seconds: float, waited_s: float, *, looked: bool) -> None:
        """Take in a step.

        Args:
            seconds: Wall time, the wait for input in it.
            waited_s: Seconds of all waits for input so far in this beat.
            looked: Its layers were looked at.
        """
        collected_before, waited_before, own_before = self._marks
        own_now = thread_time()
        self._marks = (self._collector.seconds, waited_s, own_now)
        before, self._before = self._before, ""
        if self._left:
            self._left -= 1
            return
        self._known.append(seconds)
        self._own.append(own_now - own_before)
        if seconds <= self._limit_s:
            return
        excess = seconds - self._usual_s
        self._slow.append(seconds)
        collected = self._collector.seconds - collected_before
        waited = waited_s - waited_before if waited_s >= waited_before else waited_s
        idle = excess - (own_now - own_before - self._usual_own_s)
        if collected >= MOST_OF_IT * excess:
            met = "collection"
        elif waited >= MOST_OF_IT * excess:
            met = "input"
        elif before or looked:
            met = before or "look"
        else:
            met = "waiting" if not self._on_host or idle >= MOST_OF_IT * excess else "work"
        self._met[met] += 1

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
        self._marks = (self._marks[0], 0.0, self._marks[2])
        self._learn()
        return told

    def _learn(self) -> None:
        self._known, self._own = self._known[-KNOWN_STEPS:], self._own[-KNOWN_STEPS:]
        if len(self._known) < WARM_UP_STEPS:
            return
        self._usual_s, self._usual_own_s = _median(self._known), _median(self._own)
        spread = NORMAL_MAD * _median([abs(one - self._usual_s) for one in self._known])
        self._limit_s = max(self._usual_s + SPREADS * spread, TIMES_USUAL * self._usual_s, self._usual_s + AT_ONCE_S)


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
