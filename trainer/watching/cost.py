"""What being watched costs, measured while the run goes on: stretches of steps with and without the watching, in turns.

In a bare stretch nobody looks at layers, labels or outputs and no beat is told; losses and norms are gathered, the guard
acts, and the phases are clocked as ever (0.3 µs a mark). Pairs of stretches take a tenth of the run, at random distances,
for looks come at a fixed one. Few pairs hold a look, so what a look adds is read off all watched stretches (those with more
looks last longer), and each pair is counted as if it had held as many looks a step as the run.

On the CPU a step's cost is told in the processor time of the training thread, for other programs do not show in it; on an
accelerator in wall time, for what overlaps with the device costs nothing.

Above 1 % the watching gives way, tier by tier: layers are looked at a quarter as often; labels are no longer watched when
they have been for a dozen epochs; beats come once a second. In lockstep nothing is measured and nothing gives way: what is
seen must not depend on time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import hypot, sqrt
from random import Random
from statistics import fmean, median, stdev
from time import perf_counter, thread_time

from trainer.training import Training
from trainer.wire import WatchingMeasured
from trainer.words import WatchTier

STRETCH_S = 0.2
STRETCH_STEPS_LEAST, STRETCH_STEPS_MOST = 2, 400
"""A stretch is short, for nothing is told in a bare one, and long beside a look at the clock."""

REST_STRETCHES = (12, 24)
"""Behind each pair, drawn anew: pairs take a tenth of the run, and of what is watched a twentieth is not seen."""

TELL_PAIRS = 10
"""Told after so many pairs, and again after so many more: fewer say nothing."""

KEPT_PAIRS = 100
"""The newest ones: what watching costs changes with what is trained."""

STRETCH_DRAWN = (0.8, 1.25)
"""Times that, drawn anew for each cycle: stretches of one length could all hold the same number of looks."""

SLOPES_LEAST = 5
"""Cycles in which stretches held unequal numbers of looks; of fewer the cost of a look cannot be told."""

TRIMMED_SHARE = 0.1
"""Of the pairs, and of the slopes, at either end."""

SHARE_LIMIT = 0.01
"""Of a step: the bound that this project sets itself (monitoring.md)."""

SURE_ERRORS = 1.5
"""Times the error that is told, so three standard errors: it is asked again and again whether it is too much."""

LABEL_EPOCHS = 12
"""By then labels were judged three times (`trainer.watching.labels`); later visits only sharpen the order of the suspects."""

TIERS: tuple[WatchTier, ...] = ("layers", "labels", "beats")
"""What gives way, in this order."""

Clock = Callable[[], float]
"""Seconds since whenever."""


@dataclass(frozen=True)
class Stretch:
    """What a step of a stretch took, in the mean."""

    own_s: float
    wall_s: float
    looks: float
    """Looks a step."""


@dataclass(frozen=True)
class Pair:
    """What two stretches tell of watching."""

    added_s: float
    """To a step."""
    step_s: float
    """Wall seconds of a bare step."""
    looks: float = 0.0
    """A step of the watched stretch."""


@dataclass(frozen=True)
class Slope:
    """What a look adds, as the watched stretches of one cycle tell it."""

    look_s: float
    weight: float
    """Sum of squares by which their looks differ."""


@dataclass(frozen=True)
class Estimate:
    """A value, and two standard errors of it."""

    value: float = 0.0
    error: float = 0.0


NOTHING = Estimate()


class Cost:
    """Measures what watching costs, and lets it give way where that is too much.

    Args:
        training: The run.
        own: The clock that a cost is told by; left out: that of the device.
        wall: The clock on the wall.
        draws: Draws the distances between pairs; left out: one of its own, so that the run's generators stay as they are.
    """

    def __init__(
        self,
        training: Training,
        own: Clock | None = None,
        wall: Clock = perf_counter,
        draws: Random | None = None,
    ) -> None:
        self._training = training
        self._clock = own or (thread_time if training.device.type == "cpu" else wall)
        self._wall = wall
        self._draws = draws or Random(0)
        self._bare_first = True
        self._steps = STRETCH_STEPS_LEAST
        self._told = 0
        self._forget()
        self._begin_cycle()

    def step(self, *, looked: bool = False) -> None:
        """Move on by one step, which was looked at or not; at the end of a stretch the next one begins."""
        if self._training.lockstep:
            return
        self._looked += looked
        self._left -= 1
        if self._left <= 0:
            self._end()

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

    def _forget(self) -> None:
        self._pairs: list[Pair] = []
        self._slopes: list[Slope] = []
        self._looks = self._watched = self._cycles = 0
        """Looks, watched steps that they were among, and the cycles of these."""

    def _begin_cycle(self) -> None:
        self._at = 0
        """The stretch of the cycle: 0 and 1 are a pair, the rest is rest."""
        self._last = 1 + self._draws.randint(*REST_STRETCHES)
        self._bare_first = not self._bare_first
        self._pair: dict[bool, Stretch] = {}
        self._rest: list[Stretch] = []
        self._begin()

    def _begin(self) -> None:
        self._left, self._looked = self._steps, 0
        self._training.bare = self._at < 2 and (self._at == 0) is self._bare_first and not self._training.lockstep
        self._spoilt = False
        self._since, self._wall_since = self._clock(), self._wall()

    def _end(self) -> None:
        own, wall, steps = self._clock() - self._since, self._wall() - self._wall_since, self._steps
        if not self._training.bare:
            self._looks += self._looked
            self._watched += steps
        if not self._spoilt:
            stretch = Stretch(own / steps, wall / steps, self._looked / steps)
            if self._at < 2:
                self._pair[self._training.bare] = stretch
            else:
                self._rest.append(stretch)
        self._at += 1
        if self._at <= self._last:
            self._begin()
        else:
            self._end_cycle()
            self._begin_cycle()

    def _end_cycle(self) -> None:
        self._cycles += 1  # between two bare stretches there is half a look more or less than in the long run
        if len(self._pair) == 2:
            watched, bare = self._pair[False], self._pair[True]
            pair = Pair(watched.own_s - bare.own_s, bare.wall_s, watched.looks)
            self._pairs = [*self._pairs, pair][-KEPT_PAIRS:]
            self._told += 1
        if (slope := slope_of(self._rest)) is not None:
            self._slopes = [*self._slopes, slope][-KEPT_PAIRS:]
        if self._told >= TELL_PAIRS and (not self._slopes or len(self._slopes) >= SLOPES_LEAST):
            self._tell()
        if self._rest:
            each = fmean(one.wall_s for one in self._rest)
            steps = round(STRETCH_S / max(each, 1e-6) * self._draws.uniform(*STRETCH_DRAWN))
            self._steps = min(max(steps, STRETCH_STEPS_LEAST), STRETCH_STEPS_MOST)

    def _tell(self) -> None:
        """Tell what it costs, and let a tier give way where it certainly is too much."""
        training = self._training
        self._told = 0
        rate = Estimate(self._looks / self._watched, sqrt(self._cycles) / self._watched if self._looks else 0.0)
        measured = cost_share(self._pairs, look_seconds(self._slopes), rate)
        shed: WatchTier | None = None
        if measured.value - SURE_ERRORS * measured.error > SHARE_LIMIT:
            labels = training.labels is not None and training.labels.epochs >= LABEL_EPOCHS
            there = [tier for tier in TIERS if tier not in training.shed and (tier != "labels" or labels)]
            shed = there[0] if there else None
        training.link.say(
            WatchingMeasured(
                **training.progress.where(),
                share=measured.value,
                error=measured.error,
                pairs=len(self._pairs),
                shed=(*training.shed, *((shed,) if shed else ())),
            )
        )
        if shed is not None:
            training.shed = (*training.shed, shed)
            self._forget()


def slope_of(stretches: list[Stretch]) -> Slope | None:
    """Return by how much a step lasts longer for each look, by least squares; nothing where looks do not differ."""
    if not stretches:
        return None
    looks, own_s = fmean(one.looks for one in stretches), fmean(one.own_s for one in stretches)
    weight = sum((one.looks - looks) ** 2 for one in stretches)
    if weight <= 1e-12:
        return None
    return Slope(sum((one.looks - looks) * (one.own_s - own_s) for one in stretches) / weight, weight)


def look_seconds(slopes: list[Slope]) -> Estimate:
    """Return the seconds that a look adds: the weighted mean of the slopes, without the tenth at either end."""
    if len(slopes) < 2:
        return NOTHING
    ranked = sorted(slopes, key=lambda one: one.look_s)
    cut = round(TRIMMED_SHARE * len(ranked))
    kept = ranked[cut : len(ranked) - cut]
    weights = sum(one.weight for one in kept)
    value = sum(one.weight * one.look_s for one in kept) / weights
    spread = sqrt(sum((one.weight * (one.look_s - value)) ** 2 for one in kept)) / weights
    return Estimate(value, 2 * spread * sqrt(len(slopes) / (len(kept) - 1)))


def cost_share(pairs: list[Pair], look_s: Estimate = NOTHING, rate: Estimate = NOTHING) -> Estimate:
    """Return the share of a step that watching costs.

    A mean without the tenth at either end, for a stretch in which another program took the caches says nothing (Yuen, «The
    two-sample trimmed t for unequal population variances», Biometrika 1974). Looks do not fall victim to that: each pair is
    first brought to the run's looks a step.

    Args:
        pairs: Two at least.
        look_s: Seconds that a look adds.
        rate: Looks a watched step of the run.
    """
    added = sorted(one.added_s + look_s.value * (rate.value - one.looks) for one in pairs)
    cut = round(TRIMMED_SHARE * len(added))
    kept = added[cut : len(added) - cut]
    spread = stdev([*kept[:1] * cut, *kept, *kept[-1:] * cut]) * len(added) / len(kept)
    step_s = median(one.step_s for one in pairs)
    error = hypot(
        2 * spread / sqrt(len(added)),
        look_s.error * (rate.value - fmean(one.looks for one in pairs)),
        look_s.value * rate.error,
    )
    return Estimate(fmean(kept) / step_s, error / step_s)
