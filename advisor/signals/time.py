"""The signals of time: where the time of steady steps goes, and which steps took far longer than the others."""

from collections import Counter, deque
from statistics import mean

from trainer.wire import BeatTaken

WARM_UP_STEPS = 20
"""First steps after a start or a reload: caches fill, workers start, kernels are chosen."""
TIMED_STEPS = 500
"""Steps behind the phases: long enough for a median, short enough to follow a change."""
TIMED_BEATS = 400
"""And at most so many beats."""
OTHER_TIME = 1.5
"""A beat that took this multiple of its steps' own time held something else as well."""
PACE_STEPS = 2000
"""Steps behind the slow ones: they are rare, and ten of them must be seen."""
MICROSECOND_S = 1e-6
"""The least time that is told apart from none."""
RECENT_WAITS = 9
"""The newest of what the steps wait for now and then: enough for a mean, few enough to follow a disk that has become faster."""


class TimeSignal:
    """Where the time of the steps goes, in the steady state."""

    def __init__(self) -> None:
        self.beats: deque[BeatTaken] = deque(maxlen=TIMED_BEATS)
        self._steps = 0
        self._from_step = WARM_UP_STEPS

    def push(self, beat: BeatTaken) -> None:
        """Take a beat, unless the steps are still warming up or part of a trial."""
        if beat.trial or beat.step - beat.steps < self._from_step or _holds_more_than_steps(beat):
            return
        if len(self.beats) == TIMED_BEATS:
            self._steps -= self.beats.popleft().steps
        self.beats.append(beat)
        self._steps += beat.steps
        while len(self.beats) > 1 and self._steps - self.beats[0].steps >= TIMED_STEPS:
            self._steps -= self.beats.popleft().steps

    def begin_anew(self, step: int) -> None:
        """Forget all times: from here on a step is another one."""
        self.beats.clear()
        self._steps = 0
        self._from_step = step + WARM_UP_STEPS

    @property
    def steps(self) -> int:
        """Steps behind the times."""
        return self._steps


def _holds_more_than_steps(beat: BeatTaken) -> bool:
    """Tell whether a beat's seconds hold an evaluation, a trial or a pause besides its steps."""
    return bool(beat.step_s) and beat.seconds > OTHER_TIME * beat.steps * mean(beat.step_s)


class PaceSignal:
    """Steps that took far longer than the others, of the last so many."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget all of them."""
        self._beats: deque[BeatTaken] = deque()
        self.steps = 0
        self.seconds = 0.0

    def push(self, beat: BeatTaken) -> None:
        """Take a beat that is no part of a trial."""
        if beat.trial:
            return
        self._beats.append(beat)
        self.steps += beat.steps
        self.seconds += beat.seconds
        while len(self._beats) > 1 and self.steps - self._beats[0].steps >= PACE_STEPS:
            old = self._beats.popleft()
            self.steps -= old.steps
            self.seconds -= old.seconds

    @property
    def slow(self) -> int:
        """How many there were."""
        return sum(beat.slow.count for beat in self._beats if beat.slow is not None)

    @property
    def excess_s(self) -> float:
        """Seconds that they took beyond the usual ones."""
        return sum(beat.slow.excess_s for beat in self._beats if beat.slow is not None)

    @property
    def worst_s(self) -> float:
        """The longest of them; 0 where there were none."""
        return max((beat.slow.worst_s for beat in self._beats if beat.slow is not None), default=0.0)

    @property
    def usual_s(self) -> float:
        """The usual step, as the newest of those beats has it; 0 where there were none."""
        return next((beat.slow.usual_s for beat in reversed(self._beats) if beat.slow is not None), 0.0)

    @property
    def met(self) -> dict[str, int]:
        """How many of them met what, most first."""
        counted: Counter[str] = Counter()
        for beat in self._beats:
            counted.update(beat.slow.met if beat.slow is not None else {})
        return dict(counted.most_common())


class WaitSignal:
    """What the steps wait for now and then: the share of the wall time that the newest of these waits took."""

    def __init__(self) -> None:
        self._newest: deque[tuple[float, float]] = deque(maxlen=RECENT_WAITS)
        """When each ended, and how long it was, in seconds of the run."""

    def push(self, end_s: float, seconds: float) -> None:
        """Take a wait that ended so many seconds into the run."""
        self._newest.append((end_s, seconds))

    def share(self, now_s: float) -> float:
        """Return their share of the time since the oldest of them ended; while they are few, of the whole run."""
        waits = list(self._newest)
        begin_s = 0.0
        if len(waits) == RECENT_WAITS:
            (begin_s, _), *waits = waits
        return min(sum(seconds for _, seconds in waits) / max(now_s - begin_s, MICROSECOND_S), 1.0)
