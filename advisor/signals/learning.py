"""What training says about learning: bounded windows of loss, gradient, evaluations and layers.

Each signal can be cut at a step: after a rollback, what lies behind that step never happened.
"""

from collections import deque
from math import inf, isfinite, isnan, nan

from advisor.signals.windows import StepWindow, median_of, quantile_of
from rules.facts import Evaluation
from trainer.wire import Evaluated, LayersMeasured

SMOOTHING_STEPS = 20
"""The shortest window that smooths a batch loss: below it the median follows single batches."""
SMOOTHING_SHARE = 0.01
"""Of the run: a long run is smoothed over a hundredth of it, so that a curve has a hundred points."""
LEAST_VALUES = 10
"""Finite losses before a smoothed loss is believed."""
ABOVE_BEST = 1.5
"""Divergence: the smoothed loss over this multiple of its least (trials.md, rescue ladder)."""
ABOVE_BEST_FLOOR_SHARE = 0.02
"""Of the loss at the start: a converged loss near zero may double without anything being wrong."""
TROUBLE_OVER_STEPS = 100
"""So many finite steps in a row end a trouble; the next non-finite step is a new onset."""
OUTLIER_WINDOW_STEPS = 50
"""Three outliers within this make the rescue ladder act (trials.md)."""
CURVE_POINTS = 100
"""Points of the smoothed curve over the whole run."""
EARLY_STEPS = 20
EARLY_SHARE = 0.10
"""The first steps, or this share of the run: what a rate that is too high does, it does there."""
MOST_INCIDENTS = 2000
"""Non-finite beats and outliers that are remembered one by one."""
MOST_LEFT_OUT = 256
"""Non-finite steps told by the guard since the last beats: a beat of more is lost anyway."""
SAME_RATE_SHARE = 1e-3
"""Rates that differ by less are the same: floats of another width."""
FIRST_NORMS = 20
LEAST_SOUND_NORMS = 10
"""Norms before an onset that make a percentile."""
RECENT_NORMS = 50
MANY_NORMS = 500
"""Gradient norms behind `at_start`, `now` and `p90` (rules.facts.GradientFacts)."""
MOST_EVALUATIONS = 400
"""Evaluations that are kept; beyond it the older half is thinned, without the best ones."""
LAYER_CHECKS = 3
"""Medians over so many layer measurements (rules.md)."""


class LossSignal:
    """The training loss as steps go by."""

    def __init__(self, steps_total: int) -> None:
        self.steps_total = steps_total
        self.window = StepWindow(max(SMOOTHING_STEPS, int(SMOOTHING_SHARE * steps_total)))
        self.at_start = nan
        self.begun_unseen = False
        """The first steps of this branch were those of an arm, whose losses nobody tells: `at_start` is of a later one."""
        self.highest_early = nan
        """Of single steps."""
        self.best, self.best_step = inf, 0
        self.above_best_steps = 0
        self.curve: list[tuple[int, float]] = []
        self.onset = 0
        self._since_step = 0
        """Smoothing began anew here: the loss of before means something else, or never happened."""
        self._last_step = 0
        self._last_non_finite = -TROUBLE_OVER_STEPS
        self._non_finite: deque[tuple[int, int]] = deque(maxlen=MOST_INCIDENTS)
        self._outliers: deque[int] = deque(maxlen=MOST_INCIDENTS)
        self._left_out: deque[int] = deque(maxlen=MOST_LEFT_OUT)
        self.non_finite_in_a_row = 0
        """Up to the last step."""

    def push(self, step: int, loss: float, gradient_norm: float, steps: int) -> None:
        """Take the loss of a step, or of a bin of `steps` steps."""
        if self.at_start != self.at_start and isfinite(loss):
            self.at_start = loss
        if isfinite(loss) and step <= max(EARLY_STEPS, EARLY_SHARE * self.steps_total):
            self.highest_early = loss if isnan(self.highest_early) else max(self.highest_early, loss)
        if not (isfinite(loss) and isfinite(gradient_norm)):
            if step - self._last_non_finite >= TROUBLE_OVER_STEPS or not self.onset:
                self.onset = step
            self._last_non_finite = step
            exact = sum(step - steps < at <= step for at in self._left_out) or steps
            self._non_finite.append((step, exact))
            self.non_finite_in_a_row = self.non_finite_in_a_row + steps if exact >= steps else 0
        elif self.onset and step - self._last_non_finite >= TROUBLE_OVER_STEPS:
            self.onset = 0
        if isfinite(loss) and isfinite(gradient_norm):
            self.non_finite_in_a_row = 0
        self.window.push(step, loss)
        self._last_step = step
        self._follow(step, steps)

    def left_out(self, step: int) -> None:
        """Take a non-finite step that the trainer's guard saw: in a bin of many steps, a beat does not say how many."""
        self._left_out.append(step)

    def outlier(self, step: int) -> None:
        """Take an outlier that the trainer's guard saw."""
        self._outliers.append(step)

    def cut(self, step: int) -> None:
        """Forget everything after `step`."""
        self.window.cut(step)
        self.curve = [point for point in self.curve if point[0] <= step]
        self.best, self.best_step = min(((loss, at) for at, loss in self._own_curve()), default=(inf, 0))
        self.above_best_steps, self.onset = 0, 0
        self._last_step = step
        self._last_non_finite = -TROUBLE_OVER_STEPS
        self._non_finite = deque((one for one in self._non_finite if one[0] <= step), maxlen=MOST_INCIDENTS)
        self._outliers = deque((one for one in self._outliers if one <= step), maxlen=MOST_INCIDENTS)
        self._left_out.clear()
        self.non_finite_in_a_row = 0
        if step == 0:
            self.at_start = self.highest_early = nan
            self.begun_unseen = False

    def begin_anew(self, step: int) -> None:
        """Smooth from here on: a turn has changed what the loss means (weights, smoothing, augmentation)."""
        self.window = StepWindow(self.window.span_steps)
        self.best, self.best_step = inf, 0
        self.above_best_steps = 0
        self._since_step = step

    @property
    def now(self) -> float:
        """The smoothed loss; infinite where no loss was finite."""
        return self.window.median if len(self.window) else inf

    @property
    def known(self) -> bool:
        """Whether there is enough to speak of a smoothed loss, or already something non-finite."""
        return len(self.window) >= LEAST_VALUES or self.non_finite_steps > 0

    @property
    def noise_share(self) -> float:
        """Spread around the smoothed loss, relative to it."""
        return self.window.spread / abs(self.now) if len(self.window) and self.now else 0.0

    @property
    def fall_share(self) -> float:
        """Relative fall of the smoothed loss over the last tenth of the run, or what there is."""
        past = [
            loss
            for step, loss in self._own_curve()
            if step <= max(self._last_step - self.steps_total / 10, self._first())
        ]
        if not past or not past[-1] or not isfinite(self.now):
            return 0.0
        return (past[-1] - self.now) / abs(past[-1])

    @property
    def non_finite_steps(self) -> int:
        """So far, in the branch that counts."""
        return sum(steps for _, steps in self._non_finite)

    @property
    def non_finite_last(self) -> int:
        """Step of the last that was not finite, in the branch that counts; 0 = there was none."""
        return self._non_finite[-1][0] if self._non_finite else 0

    def non_finite_within(self, span_steps: int) -> int:
        """Steps among the last `span_steps` that were not finite."""
        return sum(steps for at, steps in self._non_finite if at > self._last_step - span_steps)

    def outliers_in_50(self) -> int:
        """Outliers within the last 50 steps."""
        return sum(step > self._last_step - OUTLIER_WINDOW_STEPS for step in self._outliers)

    def _own_curve(self) -> list[tuple[int, float]]:
        return [point for point in self.curve if point[0] >= self._since_step]

    def _first(self) -> int:
        own = self._own_curve()
        return own[0][0] if own else 0

    def _follow(self, step: int, steps: int) -> None:
        if len(self.window) < LEAST_VALUES:
            return
        now = self.window.median
        if now < self.best:
            self.best, self.best_step = now, step
        floor = ABOVE_BEST_FLOOR_SHARE * abs(self.at_start)
        limit = self.best + max((ABOVE_BEST - 1) * abs(self.best), floor)
        self.above_best_steps = self.above_best_steps + steps if now > limit else 0
        if not self.curve or step - self.curve[-1][0] >= self.steps_total / CURVE_POINTS:
            self.curve.append((step, now))


class GradientSignal:
    """The norm of the whole gradient."""

    def __init__(self) -> None:
        self.first: list[float] = []
        self.norms: deque[tuple[int, float]] = deque(maxlen=MANY_NORMS)
        self._clipped: deque[tuple[int, int, int]] = deque(maxlen=RECENT_NORMS)
        self._all: deque[float] = deque(maxlen=MANY_NORMS)
        """Of whatever branch: a rollback forgets the steps, not how large a gradient is."""

    def push(self, step: int, norm: float) -> None:
        """Take the norm of a step."""
        if isfinite(norm):
            self.norms.append((step, norm))
            self._all.append(norm)
            if len(self.first) < FIRST_NORMS:
                self.first.append(norm)

    def clipped(self, step: int, steps: int, count: int) -> None:
        """Take how many of a beat's steps were clipped."""
        self._clipped.append((step, steps, count))

    def cut(self, step: int) -> None:
        """Forget everything after `step`."""
        self.norms = deque((one for one in self.norms if one[0] <= step), maxlen=MANY_NORMS)
        self._clipped.clear()
        if step == 0:
            self.first = []

    def recent(self) -> list[float]:
        """Return the last 50 norms."""
        return [norm for _, norm in self.norms][-RECENT_NORMS:]

    @property
    def at_start(self) -> float:
        """Median of the first 20."""
        return median_of(self.first)

    @property
    def p90(self) -> float:
        """Ninetieth percentile of the last 500."""
        return quantile_of((norm for _, norm in self.norms), 0.9)

    def p90_before(self, step: int) -> float:
        """Return the ninetieth percentile of the norms up to a step; of all there are where too few lie before it."""
        sound = [norm for at, norm in self.norms if at <= step]
        return quantile_of(sound if len(sound) >= LEAST_SOUND_NORMS else self._all, 0.9)

    @property
    def p90_of_all(self) -> float:
        """Ninetieth percentile of the last 500 of whatever branch; NaN before the first."""
        return quantile_of(self._all, 0.9)

    @property
    def clipped_share(self) -> float:
        """Of about the last 50 steps."""
        steps = clipped = 0
        for _, beat_steps, count in reversed(self._clipped):
            steps, clipped = steps + beat_steps, clipped + count
            if steps >= RECENT_NORMS:
                break
        return clipped / steps if steps else 0.0


class EvaluationSignal:
    """The evaluations on the validation split, in the branch that counts."""

    def __init__(self, metric: str, higher_is_better: bool) -> None:
        self.metric = metric
        self.higher_is_better = higher_is_better
        self.evaluations: list[Evaluation] = []
        self.recalls: tuple[float, ...] = ()
        self.last_seconds = 0.0
        self.best_step = 0
        """Of the model that the trainer holds for the best."""

    def push(self, event: Evaluated) -> None:
        """Take an evaluation; a final one counts only where it is newer than the others."""
        self.best_step = event.step if event.best else self.best_step
        if event.final and self.evaluations and event.step <= self.evaluations[-1].step:
            return
        self.recalls = event.recalls or self.recalls
        self.last_seconds = event.seconds
        self.evaluations.append(
            Evaluation(
                step=event.step,
                loss=event.loss,
                metric=event.metrics.get(self.metric, nan),
                standard_error=event.standard_error,
                train_loss=event.train_loss,
                train_metric=event.train_metrics.get(self.metric, nan),
            )
        )
        if len(self.evaluations) > MOST_EVALUATIONS:
            half = len(self.evaluations) // 2
            best = max(self.evaluations, key=self.goodness)
            older = [one for place, one in enumerate(self.evaluations[:half]) if place % 2 == 0 or one is best]
            self.evaluations = older + self.evaluations[half:]

    def begin_anew(self) -> None:
        """Forget all evaluations: from here on their loss means something else."""
        self.evaluations = []

    def goodness(self, evaluation: Evaluation) -> float:
        """Return the metric so that more is better; a NaN is worst."""
        value = evaluation.metric if self.higher_is_better else -evaluation.metric
        return value if value == value else -inf

    def improving(self) -> bool:
        """Tell whether the newest evaluation is the best of all, or there are fewer than two."""
        if len(self.evaluations) < 2:
            return True
        return self.goodness(self.evaluations[-1]) >= max(self.goodness(one) for one in self.evaluations[:-1])

    def cut(self, step: int) -> None:
        """Forget everything after `step`."""
        self.evaluations = [one for one in self.evaluations if one.step <= step]
        if not self.evaluations:
            self.recalls = ()


class LayerSignal:
    """The last measurements of the layers."""

    def __init__(self) -> None:
        self.checks: deque[LayersMeasured] = deque(maxlen=LAYER_CHECKS)
        self.first: LayersMeasured | None = None
        """Of the first step."""
        self.walked = nan
        """Way of the weights so far, in lengths of theirs, in the middle layer; NaN before the first look."""
        self._walked_to = 0
        self._strides: dict[str, float] = {}

    def push(self, event: LayersMeasured) -> None:
        """Take a measurement."""
        self.checks.append(event)
        self._walk(event)
        if event.step == 1:
            self.first = event

    def cut(self, step: int) -> None:
        """Forget everything after `step`."""
        self.checks = deque((one for one in self.checks if one.step <= step), maxlen=LAYER_CHECKS)
        if step < self._walked_to:
            self.walked *= step / self._walked_to
            self._walked_to = step
        if step == 0:
            self.first, self.walked, self._strides = None, nan, {}

    def _walk(self, event: LayersMeasured) -> None:
        """Add the steps since the last look, as long as the one looked at.

        Of a layer that no gradient comes to any more, as long as the one before: what has killed it was in between. One
        to which none came then either is not among those whose middle is taken.
        """
        known = [one for one in event.layers if isfinite(one.update_ratio)]
        strides = {
            one.name: one.update_ratio if one.grad_norm > 0 else self._strides.get(one.name, 0.0) for one in known
        }
        if strides:
            way = median_of([each for each in strides.values() if each] or [0.0])
            way *= max(event.step - self._walked_to, 1)
            self.walked = way if isnan(self.walked) else self.walked + way
        self._strides = {one.name: one.update_ratio for one in known}
        self._walked_to = event.step


class RateSignal:
    """The rate that the trainer set for its steps, beside the one that the optimizer held after them."""

    def __init__(self) -> None:
        self.set = self.held = nan
        self.apart_since = 0
        self.jump = self._factor = 1.0

    def push(self, step: int, steps: int, wanted: float, held: float) -> None:
        """Take the rates of a beat's last step; a trainer of before told no rate that it set (0)."""
        if not wanted > 0:
            return
        factor = held / wanted
        self.jump = max(self.jump, factor / self._factor) if self._factor > 0 else self.jump
        self.set, self.held, self._factor = wanted, held, factor
        apart = abs(held - wanted) > SAME_RATE_SHARE * wanted
        self.apart_since = (self.apart_since or step - steps + 1) if apart else 0

    def forget(self) -> None:
        """Forget both: after a rollback the next beat tells whether they differ."""
        self.set = self.held = nan
        self.apart_since = 0
        self.jump = self._factor = 1.0
