"""What being watched costs, measured while the run goes on: stretches of steps with and without the watching, in turns.

In a bare stretch nobody looks at layers, labels or outputs and no beat is told; losses and norms are gathered, the guard
acts, and the phases are clocked as ever (0.3 µs a mark). Pairs of stretches take a tenth of the run. On the CPU a step's
cost is told in the processor time of the training thread, for other programs do not show in it; on an accelerator in wall
time, for what overlaps with the device costs nothing.

Above 1 % the watching gives way, tier by tier: layers are looked at a quarter as often; labels are no longer watched when
they have been for a dozen epochs; beats come once a second. In lockstep nothing is measured and nothing gives way: what is
seen must not depend on time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import sqrt
from statistics import fmean, median, stdev
from time import perf_counter, thread_time

from trainer.training import Training
from trainer.wire import WatchingMeasured
from trainer.words import WatchTier

STRETCH_S = 0.2
STRETCH_STEPS_LEAST, STRETCH_STEPS_MOST = 2, 400
"""A stretch is short, for nothing is told in a bare one, and long beside a look at the clock."""

REST_STRETCHES = 18
"""Behind each pair: it takes a tenth of the run, and of what is watched a twentieth is not seen."""

TELL_PAIRS = 10
"""Told after so many pairs, and again after so many more: fewer say nothing."""

KEPT_PAIRS = 100
"""The newest ones: what watching costs changes with what is trained."""

TRIMMED_SHARE = 0.1
"""Of the pairs, at either end."""

SHARE_LIMIT = 0.01
"""Of a step: the bound that this project sets itself (monitoring.md)."""

LABEL_EPOCHS = 12
"""By then labels were judged three times (`trainer.labels`); later visits only sharpen the order of the suspects."""

TIERS: tuple[WatchTier, ...] = ("layers", "labels", "beats")
"""What gives way, in this order."""

Clock = Callable[[], float]
"""Seconds since whenever."""


class Cost:
    """Measures what watching costs, and lets it give way where that is too much.

    Args:
        training: The run.
        own: The clock that a cost is told by; left out: that of the device.
        wall: The clock on the wall.
    """

    def __init__(self, training: Training, own: Clock | None = None, wall: Clock = perf_counter) -> None:
        self._training = training
        self._clock = own or (thread_time if training.device.type == "cpu" else wall)
        self._wall = wall
        self._at = 0
        """The stretch of the cycle: 0 and 1 are a pair, the rest is rest."""
        self._bare_first = False
        self._left = STRETCH_STEPS_LEAST
        self._steps = STRETCH_STEPS_LEAST
        self._pair: dict[bool, tuple[float, float]] = {}
        self._costs: list[tuple[float, float]] = []
        """Of each pair: seconds that watching has added to a step, and wall seconds of a bare step."""
        self._told = 0
        self._begin()

    def step(self) -> None:
        """Move on by one step; at the end of a stretch the next one begins."""
        self._left -= 1
        if self._left <= 0 and not self._training.lockstep:
            self._end()
            self._begin()

    def spoil(self) -> None:
        """Forget the stretch at hand: something was asked for in it that is no step."""
        self._spoilt = True

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Let what is done inside count for no stretch: evaluations, snapshots and checkpoints are no watching."""
        own, wall = self._clock(), self._wall()
        try:
            yield
        finally:
            self._since += self._clock() - own
            self._wall_since += self._wall() - wall

    def _begin(self) -> None:
        self._left = self._steps * (REST_STRETCHES if self._at == 2 else 1)
        self._training.bare = self._at < 2 and (self._at == 0) is self._bare_first and not self._training.lockstep
        self._spoilt = False
        self._since, self._wall_since = self._clock(), self._wall()

    def _end(self) -> None:
        own, wall = self._clock() - self._since, self._wall() - self._wall_since
        steps = self._steps
        if self._at == 2:
            self._at, self._bare_first, self._pair = 0, not self._bare_first, {}
            each = wall / (steps * REST_STRETCHES)
            self._steps = min(max(round(STRETCH_S / max(each, 1e-6)), STRETCH_STEPS_LEAST), STRETCH_STEPS_MOST)
            return
        if not self._spoilt:
            self._pair[self._training.bare] = (own / steps, wall / steps)
        self._at += 1
        if self._at == 2 and len(self._pair) == 2:
            (watched_s, _), (bare_s, bare_wall_s) = self._pair[False], self._pair[True]
            self._costs = [*self._costs, (watched_s - bare_s, bare_wall_s)][-KEPT_PAIRS:]
            self._told += 1
            if self._told >= TELL_PAIRS:
                self._tell()

    def _tell(self) -> None:
        """Tell what it costs, and let a tier give way where it certainly is too much."""
        training = self._training
        self._told = 0
        share, error = cost_share(self._costs)
        shed: WatchTier | None = None
        if share - error > SHARE_LIMIT:
            labels = training.labels is not None and training.labels.epochs >= LABEL_EPOCHS
            there = [tier for tier in TIERS if tier not in training.shed and (tier != "labels" or labels)]
            shed = there[0] if there else None
        training.link.say(
            WatchingMeasured(
                **training.progress.where(),
                share=share,
                error=error,
                pairs=len(self._costs),
                shed=(*training.shed, *((shed,) if shed else ())),
            )
        )
        if shed is not None:
            training.shed = (*training.shed, shed)
            self._costs = []


def cost_share(costs: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the share of a step that watching costs, and two standard errors of it.

    A mean without the tenth at either end, for a stretch in which another program took the caches says nothing (Yuen, «The
    two-sample trimmed t for unequal population variances», Biometrika 1974).

    Args:
        costs: Of each pair of stretches, seconds added to a step and wall seconds of a bare one; two pairs at least.
    """
    added = sorted(one for one, _ in costs)
    cut = round(TRIMMED_SHARE * len(added))
    kept = added[cut : len(added) - cut]
    spread = stdev([*kept[:1] * cut, *kept, *kept[-1:] * cut]) * len(added) / len(kept)
    step_s = median(wall for _, wall in costs)
    return fmean(kept) / step_s, 2 * spread / sqrt(len(added)) / step_s
