"""The signal of memory over time: readings of device, trainer and workers by the steps that the process has taken."""

from dataclasses import dataclass, replace

from advisor.sensors.sample import HostSample
from trainer.wire import BeatTaken

POINTS_MOST = 256
"""Points of one series; when they are full, neighbours are joined and points come half as often."""
SETTLING_STEPS = 20
"""After a start or a turn: the allocator takes what a step needs."""


@dataclass(frozen=True)
class Reading:
    """The least reading of a stretch of steps: what was there all the time."""

    step: int
    """Steps that this process has taken, at its end; a run that is turned back takes further ones."""
    t: float
    """Unix time in seconds."""
    epoch: float
    """Passes over the data, of the steps this process has taken."""
    held_bytes: int


class MemorySeries:
    """Bounded readings of one memory."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self._span = 0.0
        """Least steps between two readings."""

    def push(self, reading: Reading) -> None:
        """Add a reading; one that comes too soon is joined to the last."""
        last = self.readings[-1] if self.readings else None
        if last is not None and len(self.readings) > 1 and reading.step - self.readings[-2].step < self._span:
            self.readings[-1] = _joined(last, reading)
            return
        self.readings.append(reading)
        if len(self.readings) >= POINTS_MOST:
            pairs = zip(self.readings[::2], self.readings[1::2], strict=True)
            self.readings = [_joined(first, second) for first, second in pairs]
            self._span = (self.readings[-1].step - self.readings[0].step) / (len(self.readings) - 1)


def _joined(first: Reading, second: Reading) -> Reading:
    return replace(second, held_bytes=min(first.held_bytes, second.held_bytes))


class MemorySignal:
    """What is held between steps, of each memory."""

    def __init__(self) -> None:
        self.steps = 0
        """Taken in beats, whatever branch they belong to: memory does not go back with a run."""
        self.pass_began = 0.0
        """Epoch at which the newest pass began in which caches fill."""
        self._epoch = 0.0
        self._settled = SETTLING_STEPS
        self.series: dict[str, MemorySeries] = {}

    def begin_anew(self, *, first_pass: bool = False) -> None:
        """Forget what was read: from here on the process holds something else.

        Args:
            first_pass: Caches are empty again.
        """
        self.series = {}
        self._settled = self.steps + SETTLING_STEPS
        if first_pass:
            self.pass_began = self._epoch

    def start(self, epoch: float) -> None:
        """Begin with another process."""
        self._epoch = epoch
        self.begin_anew(first_pass=True)

    def hear(self, beat: BeatTaken) -> None:
        """Take what a beat tells; in rounds both arms hold something."""
        self.steps += beat.steps
        self._epoch = beat.epoch
        if beat.trial or beat.held is None:
            return
        self._push("device", beat.t, beat.held.device_bytes)
        self._push("host", beat.t, beat.held.host_bytes)

    def sense(self, t: float, sample: HostSample) -> None:
        """Take what the host sensor saw of the workers."""
        self._push("workers", t, sample.workers_bytes)

    def _push(self, name: str, t: float, held_bytes: int) -> None:
        if held_bytes > 0 and self.steps >= self._settled:
            self.series.setdefault(name, MemorySeries()).push(Reading(self.steps, t, self._epoch, held_bytes))
