"""The training loss of a log as facts: the same meaning as `advisor.signals.learning`, from rows that stand for many steps.

A log holds every tenth step, a mean over fifty, or one number an epoch. A row stands for the steps since the row before.
"""

from collections import deque
from itertools import pairwise
from math import ceil, inf, isfinite, isnan, nan

from advisor.logs.curve import Point
from advisor.signals.learning import (
    ABOVE_BEST,
    ABOVE_BEST_FLOOR_SHARE,
    CURVE_POINTS,
    EARLY_SHARE,
    EARLY_STEPS,
    SMOOTHING_SHARE,
    SMOOTHING_STEPS,
)
from advisor.signals.windows import NORMAL_MAD, median_of
from rules.facts import LossFacts

LEAST_SMOOTHED_ROWS = 3
"""Rows whose median is taken at the least, where a row may be one batch: one bad batch is not the loss."""
SMOOTHED_ROWS = 10
"""Rows that smooth single batches as well as in a run of ours, where the log has enough of them …"""
SMOOTHED_SHARE = 0.05
"""… that they are no more than this share of it: a smoothed loss that is late sees nothing early."""
MOST_SMOOTHED_ROWS = 512
NOISE_ROWS = 20
"""Rows behind the spread of the loss."""
FALL_SPREADS = 1.25
"""Spreads of the difference of two smoothed losses (a median of n varies 1.25 times as much as a mean): with some rows behind
each, a smaller fall is the luck of the batches."""
SETTLING_SHARE = 0.1
"""Of the rows so far: where a throw by the first steps comes down again, which is no learning."""
LEAST_FALL_ROWS = 6
"""Rows after that without which nobody can say whether a loss falls."""
MOST_LOST_ROWS = 512
"""Lost rows that are remembered: more than 500 steps hold, where a row is a step."""

TROUBLE_OVER_ROWS = 10
"""So many finite rows in a row end a trouble; the next that is no number is a new onset."""


class LossRows:
    """Follows the training loss row by row."""

    def __init__(
        self, steps_total: float, row_steps: float, rows: int, untrained: float, *, row_is_epoch: bool
    ) -> None:
        """Begin.

        Args:
            steps_total: Steps of the whole run.
            row_steps: Steps that a row usually stands for.
            rows: Rows with a loss in the whole log.
            untrained: Loss of guessing; infinite where nobody knows it. The first row of a log stands for the steps up
                to it, which may have thrown the net: where it lies higher, this is what the training began at.
            row_is_epoch: A row is the mean of an epoch: it needs no smoothing.
        """
        span = max(SMOOTHING_STEPS, SMOOTHING_SHARE * steps_total)
        enough = max(LEAST_SMOOTHED_ROWS, min(SMOOTHED_ROWS, int(SMOOTHED_SHARE * rows)))
        least = 1 if row_is_epoch else enough
        self.window: deque[float] = deque(maxlen=min(max(ceil(span / row_steps), least), MOST_SMOOTHED_ROWS))
        self._needed = (self.window.maxlen or 1) // 2 + 1
        self._recent: deque[float] = deque(maxlen=max(NOISE_ROWS, self.window.maxlen or 1))
        self._steps_total = steps_total
        self._row_steps = row_steps
        self.first = nan
        """The first loss that is a number."""
        self._untrained = untrained
        self.best, self.best_step = inf, 0
        self._highest_early = nan
        self.lost_at = 0
        """Step of the newest row that was lost."""
        self.above_best_steps = 0.0
        self.non_finite_steps = 0.0
        self.onset = 0
        self._lost: deque[tuple[float, float]] = deque(maxlen=MOST_LOST_ROWS)
        """Step and lost steps of the newest rows that were lost."""
        self._in_a_row = 0.0
        self.lost_now = False
        """The newest row has a loss or gradient that is no number."""
        self._finite_rows = 0
        self._last_step = 0.0
        self.taken = 0
        """Rows so far that hold a loss that is a number."""
        self._smoothed: list[tuple[int, float]] = []

    def push(self, point: Point, *, gradient_lost: bool) -> None:
        """Take a row; `gradient_lost` when the norm of its gradient is no number."""
        steps = max(point.at - self._last_step, 0.0) if self._last_step else self._row_steps
        self._last_step = point.at
        lost = point.non_finite or (1 if gradient_lost else 0)
        self.lost_now = lost > 0
        if lost:
            self.lost_at = int(point.at)
            self.non_finite_steps += steps * lost / point.rows
            self._lost.append((point.at, steps * lost / point.rows))
            self._in_a_row = self._in_a_row + steps if lost == point.rows else steps * lost / point.rows
            if not self.onset or self._finite_rows >= TROUBLE_OVER_ROWS:
                self.onset = int(point.non_finite_at if point.non_finite else point.at)
            self._finite_rows = 0
        else:
            self._finite_rows += 1
            self._in_a_row = 0.0
        if isfinite(point.value):
            self.taken += 1
            self.first = point.value if isnan(self.first) else self.first
            self.window.append(point.value)
            self._recent.append(point.value)
            if point.at <= max(EARLY_STEPS, EARLY_SHARE * self._steps_total):
                self._highest_early = max(point.value, -inf if isnan(self._highest_early) else self._highest_early)
        elif lost == point.rows:
            self.above_best_steps = 0.0
            return
        if len(self.window) >= self._needed:
            self._follow(int(point.at), steps)

    @property
    def known(self) -> bool:
        """Whether there is enough to speak of a smoothed loss, or already something that is no number."""
        return len(self.window) >= self._needed or self.non_finite_steps > 0

    @property
    def now(self) -> float:
        """The smoothed loss; infinite where no loss was finite."""
        return median_of(self.window) if self.window else inf

    @property
    def at_start(self) -> float:
        """The loss before anything was learned, as far as the log tells; NaN before the first row."""
        return min(self.first, self._untrained) if self._row_steps > 1 else self.first

    @property
    def stands(self) -> bool:
        """Whether the loss has neither fallen nor risen since its first rows, as far as its spread lets anyone see."""
        settled = self._settled()
        third = len(settled) // 3
        if len(settled) < LEAST_FALL_ROWS or not isfinite(self.now):
            return False
        noise = self._noise()
        change = abs(median_of(settled[:third]) - median_of(settled[-third:]))
        return change <= noise / third**0.5 and abs(self.now - median_of(settled)) <= noise

    def _settled(self) -> list[float]:
        """Return the smoothed loss since its first rows."""
        losses = [loss for _, loss in self._smoothed]
        return losses[ceil(SETTLING_SHARE * len(losses)) :]

    def facts(self) -> LossFacts:
        """Return what rules may know of it."""
        stands = self.stands
        now = median_of(self._settled()) if stands else self.now  # few rows of single batches jitter by some per cent
        return LossFacts(
            at_start=self.at_start,
            now=now,
            best=self.best,
            best_step=self.best_step,
            fall_share=0.0 if stands else self._fall_share(now),
            noise_share=self._noise() / abs(now) if now and isfinite(now) else 0.0,
            above_best_steps=round(self.above_best_steps),
            non_finite_steps=ceil(self.non_finite_steps),
            non_finite_in_a_row=ceil(self._in_a_row),
            non_finite_in_50=self._lost_within(50),
            non_finite_in_500=self._lost_within(500),
            non_finite_onset=self.onset,
            curve=tuple(self._smoothed[-CURVE_POINTS:]),
            highest_early=self._highest_early if isfinite(self._untrained) else nan,
            non_finite_last=self.lost_at,
        )

    def _lost_within(self, span_steps: int) -> int:
        """Return how many of the last steps were lost."""
        return ceil(sum(min(steps, span_steps) for at, steps in self._lost if at > self._last_step - span_steps))

    def _noise(self) -> float:
        """Return the spread of one row around the trend: of the differences of neighbours, over the root of 2."""
        values = list(self._recent)
        changes = [after - before for before, after in pairwise(values)]
        middle = median_of(changes)
        return NORMAL_MAD * median_of(abs(change - middle) for change in changes) / 2**0.5 if len(changes) > 1 else 0.0

    def _fall_share(self, now: float) -> float:
        if not self._smoothed or not isfinite(now):
            return 0.0
        until = max(self._last_step - self._steps_total / 10, self._smoothed[0][0])
        past = [loss for step, loss in self._smoothed if step <= until]
        if len(past) == len(self._smoothed) > 1:
            past = past[:-1]
        if not past or not past[-1]:
            return 0.0
        blur = FALL_SPREADS * self._noise() * (2 / len(self.window)) ** 0.5
        fall = past[-1] - now
        return fall / abs(past[-1]) if abs(fall) > blur else 0.0

    def _follow(self, step: int, steps: float) -> None:
        now = self.now
        if now < self.best:
            self.best, self.best_step = now, step
        limit = self.best + max((ABOVE_BEST - 1) * abs(self.best), ABOVE_BEST_FLOOR_SHARE * abs(self.at_start))
        self.above_best_steps = self.above_best_steps + steps if now > limit else 0.0
        if not self._smoothed or step - self._smoothed[-1][0] >= self._steps_total / CURVE_POINTS:
            self._smoothed.append((step, now))
