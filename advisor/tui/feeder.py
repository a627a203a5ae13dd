"""A worker thread that reads a run's files into a scene, live or as a replay; the screens pull from it."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from advisor.runs import Run
from advisor.tui.care import Care
from advisor.tui.scene import Scene
from advisor.tui.sources import Stream, Tail, first_t, last_t

HOLD_RECORDS = 50
"""Records taken in while the scene is held: some milliseconds, so that a key never waits long for its turn."""
LIVE_CHUNK_S = 0.02
FIRST_CHUNK_S = 0.10
"""After so long a stretch of reading the thread rests for as long as it worked (screens.md 8)."""
TIMES_KEPT = 1000
"""Records that a replay steps back over without playing the recording again."""
REST_S = 0.05
"""Between two looks at files that have not grown."""
KEY_S = 0.15
"""So long after a key the thread rests: what the key does then has the interpreter to itself."""


class Playback:
    """The clock of a replay: where it stands in the recording's own time."""

    def __init__(self, first_t: float, last_t: float, speed: float) -> None:
        self.first_t = first_t
        self.last_t = last_t
        self.speed = speed
        self.paused = False
        self._t = first_t
        self._at = time.monotonic()

    @property
    def now_t(self) -> float:
        """Unix time of the recording that is shown now."""
        passed = 0.0 if self.paused else (time.monotonic() - self._at) * self.speed
        return min(self._t + passed, self.last_t)

    @property
    def share(self) -> float:
        """How much of the recording has been played, 0 to 1."""
        return (self.now_t - self.first_t) / max(self.last_t - self.first_t, 1e-9)

    def seek(self, t: float) -> None:
        """Go to a moment of the recording."""
        self._t, self._at = min(max(t, self.first_t), self.last_t), time.monotonic()

    def turn(self, *, speed: float | None = None, paused: bool | None = None) -> None:
        """Change the speed, or stop and go on; the place in the recording stays."""
        self.seek(self.now_t)
        self.speed = speed if speed is not None else self.speed
        self.paused = paused if paused is not None else self.paused


class Feeder(threading.Thread):
    """Tails the files of a run. Whoever looks holds the scene for a moment."""

    def __init__(self, run: Run, replay: float | None = None, clock: Callable[[], float] = time.time) -> None:
        super().__init__(name="feeder", daemon=True)
        self.run_files = run
        self._clock = clock
        self.playback: Playback | None = None
        if replay is not None:
            begin, end = first_t(run.events), last_t(run.events)
            self.playback = Playback(begin, max(begin, end), replay)
        self.trainer_log = Tail(run.trainer_log)
        self.driver_log = Tail(run.driver_log)
        self.caught_up = threading.Event()
        """Set as soon as everything that was there has been read."""
        self.care = Care(run)
        """Whether somebody drives the run; looked at only where it is followed as it goes."""
        self.failure: BaseException | None = None
        """What ended the thread, if anything did: the screen says so instead of standing still."""
        self._scene = Scene()
        self._stream = Stream(run)
        self._taken: deque[float] = deque(maxlen=TIMES_KEPT)
        """When the newest records were written, each time once."""
        self._lock = threading.Lock()
        self._rewind = threading.Event()
        self._key_at = float("-inf")
        self._rested_for = self._key_at
        """The key after which the thread has rested: one that is held down does not keep it from reading."""
        self._over = threading.Event()

    @contextmanager
    def scene(self) -> Iterator[Scene]:
        """Hold the scene while it is read."""
        with self._lock:
            yield self._scene

    def seek(self, share: float) -> None:
        """Go to a place in a replay, 0 to 1; backwards means folding the recording again from its start."""
        if self.playback is None:
            return
        back = share < self.playback.share
        self.playback.seek(self.playback.first_t + share * (self.playback.last_t - self.playback.first_t))
        if back:
            self._rewind.set()

    def step(self, direction: int) -> None:
        """Stop a replay and go to its next record, or to the one before."""
        if self.playback is None:
            return
        self.playback.turn(paused=True)
        with self._lock:
            times = sorted({*self._taken, *(one for one in (self._stream.next_t(),) if one is not None)})
        here = self.playback.now_t
        later, earlier = [t for t in times if t > here], [t for t in times if t < self._taken_t]
        if direction > 0 and later:
            self.playback.seek(later[0])
        elif direction < 0 and earlier:
            self.playback.seek(earlier[-1])
            self._rewind.set()

    @property
    def _taken_t(self) -> float:
        return self._taken[-1] if self._taken else float("-inf")

    def now_t(self) -> float:
        """Return the time that the screen shows: Unix time now, or the replay's."""
        return self.playback.now_t if self.playback else self._clock()

    def give_way(self) -> None:
        """Rest for a moment: a key was pressed."""
        self._key_at = time.monotonic()

    def close(self) -> None:
        """End the thread."""
        self._over.set()
        if self.is_alive():
            self.join(timeout=2)

    def run(self) -> None:
        """Read until closed."""
        try:
            while not self._over.is_set():
                began = time.monotonic()
                if self.playback is None:
                    self.care.look()
                more = self.read_chunk(LIVE_CHUNK_S if self.caught_up.is_set() else FIRST_CHUNK_S)
                if not more:
                    self.caught_up.set()
                self._over.wait(max(time.monotonic() - began if more else REST_S, self._key_rest_s()))
        except Exception as failed:  # a thread's border: shown on the screen, the run is not touched
            self.failure = failed

    def _key_rest_s(self) -> float:
        if self._key_at == self._rested_for:
            return 0.0
        self._rested_for = self._key_at
        return max(self._key_at + KEY_S - time.monotonic(), 0.0)

    def read_chunk(self, chunk_s: float) -> bool:
        """Read for at most `chunk_s` and tell whether there may be more."""
        if self._rewind.is_set():
            self._rewind.clear()
            with self._lock:
                self._scene = Scene()
                self._taken.clear()
                self._stream = Stream(self.run_files)
        self._stream.wake()
        with self._lock:
            self.trainer_log.read()
            self.driver_log.read()
        end = time.monotonic() + chunk_s
        until_t = self.playback.now_t if self.playback else float("inf")
        while time.monotonic() < end and not self._rewind.is_set():
            with self._lock:
                for _ in range(HOLD_RECORDS):
                    record = self._stream.next(until_t)
                    if record is None:
                        return False
                    self._scene.take(record)
                    if record.t > self._taken_t:
                        self._taken.append(record.t)
        return True
