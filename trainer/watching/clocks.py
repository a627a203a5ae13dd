"""Where the time of a step goes, without ever synchronising the device.

Host clocks everywhere; on a CUDA device the phases that only queue work there are measured by pooled event pairs that
are read when they are done, and dropped rather than waited for.
"""

from collections import deque
from time import perf_counter

import torch

PHASES = ("input_wait", "to_device", "forward", "backward", "optimizer", "advisor", "other")
"""The parts that a beat reports; `other` is what is left of the wall time."""

QUEUED = frozenset({"to_device", "forward", "backward", "optimizer"})
"""Parts whose host time says nothing on a device that works asynchronously."""

PENDING_MOST = 256
"""Event pairs that may wait to be read; beyond that the oldest are dropped."""


class Clocks:
    """Stop watches of the phases of a step, read and cleared at every beat."""

    def __init__(self, device: torch.device) -> None:
        self._on_device = device.type == "cuda"
        self._pool: list[torch.cuda.Event] = []
        self._pending: deque[tuple[str, torch.cuda.Event, torch.cuda.Event]] = deque()
        self._last_event: torch.cuda.Event | None = None
        self._mark = perf_counter()
        self._since = self._mark
        self._stopped = False
        self._seconds: dict[str, float] = dict.fromkeys(PHASES, 0.0)

    def start(self) -> None:
        """Begin to count from now; what has passed since the last mark belongs to no phase."""
        self._stopped = False
        self._mark = perf_counter()
        if self._on_device:
            self._last_event = self._record()

    def stop(self) -> None:
        """Stand still until `skip`: the steps of a fork's arms and of probes are no part of the run's time."""
        self.mark("advisor")
        self._stopped = True

    def mark(self, phase: str) -> None:
        """Count what has passed since the last mark as `phase`."""
        if self._stopped:
            return
        now = perf_counter()
        if self._on_device and phase in QUEUED:
            event = self._record()
            if self._last_event is not None:
                self._pending.append((phase, self._last_event, event))
            self._last_event = event
        else:
            self._seconds[phase] += now - self._mark
            if self._on_device and phase == "input_wait":
                self._last_event = self._record()
        self._mark = now

    def so_far_s(self, phase: str) -> float:
        """Return the seconds of a phase since the last `take`, by the host's clock."""
        return self._seconds[phase]

    def take(self) -> tuple[float, dict[str, float]]:
        """Return the wall seconds since the last call and the seconds of each phase in them."""
        self.mark("advisor")
        self._resolve()
        now = self._mark
        wall, self._since = now - self._since, now
        seconds = self._seconds
        self._seconds = dict.fromkeys(PHASES, 0.0)
        seconds["other"] += max(wall - sum(seconds.values()), 0.0)
        return wall, seconds

    def skip(self) -> None:
        """Forget what has passed: an evaluation or a trial is counted elsewhere."""
        now = perf_counter()
        self._since += now - self._mark
        self.start()

    def _record(self) -> torch.cuda.Event:
        event = self._pool.pop() if self._pool else torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def _resolve(self) -> None:
        while self._pending:
            phase, first, last = self._pending[0]
            if not last.query():  # type: ignore[no-untyped-call]
                if len(self._pending) <= PENDING_MOST:
                    return
            else:
                self._seconds[phase] += first.elapsed_time(last) / 1000
            self._pending.popleft()
            self._pool.append(first)
