"""The signal of the fetches: how long a batch took to fetch since the loader last became another one, in thirds of that time."""

from advisor.signals.windows import median_of
from trainer.wire import BeatTaken

POINTS_MOST = 384
"""Beats kept; when there are more, neighbours are joined."""
POINTS_LEAST = 9
"""Beats behind three thirds: three each."""


class FetchSignal:
    """Keeps how long fetching a batch took, beat by beat, over all of the run."""

    def __init__(self) -> None:
        self._points: list[float] = []
        self._by = 1
        self._gathered: list[float] = []

    def push(self, beat: BeatTaken) -> None:
        """Take a beat; the steps of a trial may have another loader."""
        if beat.trial or not beat.fetching or not beat.fetching.seconds:
            return
        self._gathered.append(median_of(beat.fetching.seconds))
        if len(self._gathered) < self._by:
            return
        self._points.append(median_of(self._gathered))
        self._gathered = []
        if len(self._points) >= POINTS_MOST:
            self._points = [median_of(pair) for pair in zip(self._points[::2], self._points[1::2], strict=True)]
            self._by *= 2

    def begin_anew(self) -> None:
        """Forget all: from here on another batch is fetched."""
        self._points, self._gathered, self._by = [], [], 1

    def thirds(self) -> tuple[float, float]:
        """Return the median seconds of a fetch in the first third and in the last; NaN while there are few beats."""
        count = len(self._points)
        if count < POINTS_LEAST:
            return float("nan"), float("nan")
        return median_of(self._points[: count // 3]), median_of(self._points[-(count // 3) :])
