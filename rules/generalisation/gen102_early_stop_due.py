"""The run has had its best and goes on.

## What it does
Looks for a metric, and a validation loss, that have gained nothing beyond noise for five evaluations and two fifths of
the run (three tenths where the validation loss rises, twice that where the metric swings), counted anew from every change of
what is learned, with the rate decayed at least once where a schedule decays it.

## Why it matters
The best model is kept already; what follows costs time and buys nothing.

## What to do
Stop, and take the best.

## Fix safety
Free: the best checkpoint is unchanged. The gain is the time that is left.

## When to ignore it
You expect a late second descent (small algorithmic tasks, very large nets), or you stop by your own rule.

## References
- Prechelt, «Early Stopping – But When?», 1998
"""

from itertools import pairwise
from math import sqrt
from statistics import fmean, median, pvariance

from rules.facts import Evaluation, KnobFacts, LossFacts, RunFacts, TaskFacts, ValidationFacts
from rules.learning import at_chance, skill
from rules.vocabulary import Deed, Effect, Evidence, Finding, Fix, Severity, rule

PATIENCE_EVALUATIONS = 5
"""Evaluations without a gain: with fewer, one in ten runs stops too soon."""
PATIENCE_SHARE = 0.40
"""Of the run without a gain. Of 215 sound runs of the fault bench (2026-11-23, one seed) a patience of .2 stopped 32, and 17 of
them would have gained more than a point on the validation split; .3 stopped 8 (2 of them), .4 stopped 4 (none)."""
RISING_PATIENCE_SHARE = 0.30
"""The same where the validation loss rises meanwhile: it stopped 4 of those runs, none too soon."""
RISE_LIMIT = 0.01
"""Relative rise of the validation loss from the former to the latter half of twice the patience in evaluations."""
RISE_SPREADS = 2.0
"""The same in spreads of the difference of the halves."""
GAIN_LIMIT = 0.001
"""Relative: a tenth of a per cent of the metric is nothing, however sure."""
LOSS_GAIN_LIMIT = 0.01
"""Relative gain of the validation loss: while it falls, the metric may follow."""
DECAYED_PROGRESS = 0.6
"""Of the run: by then every schedule that decays has cut its rate by a half at least."""
LIVE_CHANGE_EVALUATIONS = 2
"""Evaluations after a turn of what is learned: it needs time to show."""
WORTH_SHARE = 0.05
"""Of the run still to come: with less there is nothing to save."""
LEARNED_SKILL = 0.02
"""On the way to perfection: a run that learned nothing has no best to keep."""
LEARNED_ERRORS = 2.0
"""Standard errors above a constant predictor: less is luck."""
CREEP_ERRORS = 0.2
"""Standard errors by which the later half of the evaluations without a gain lies above the earlier one: from one evaluation
to the next the same examples are judged, so that the metric moves by far less than its error."""
CREEP_SPREADS = 2.0
"""The same in spreads of the difference of the halves: for a metric that jumps about."""
SWING_ERRORS = 2.0
"""Standard errors: a metric that usually changes by more from one evaluation to the next swings; where it stands, five
evaluations do not tell."""
SWINGING_PATIENCE = 2
"""Times the patience, for such a metric."""


@rule("GEN102")
def early_stop_due(
    run: RunFacts, task: TaskFacts, loss: LossFacts, validation: ValidationFacts, knobs: KnobFacts
) -> Finding | None:
    """Find a run that could stop at its best."""
    best, last = validation.best, validation.last
    bar = max(best.standard_error, GAIN_LIMIT * abs(best.metric))
    since = _last_gain_step(validation, bar)
    begun = max(since, run.last_turn_step)
    idle = [one for one in validation.evaluations if one.step > begun]
    waits_for_decay = knobs.values["schedule"] != "constant" and run.progress < DECAYED_PROGRESS
    times = SWINGING_PATIENCE if _swings(validation) else 1
    needed = times * PATIENCE_EVALUATIONS + (LIVE_CHANGE_EVALUATIONS if run.last_turn_step > 0 else 0)
    if not run.warm or run.finished or waits_for_decay or len(idle) < needed:
        return None
    former = min((one.loss for one in validation.evaluations if one.step <= since), default=last.loss)
    loss_falls = min(one.loss for one in idle) < (1 - LOSS_GAIN_LIMIT) * former
    sure = abs(best.metric - task.baseline_metric) > LEARNED_ERRORS * best.standard_error
    learned = skill(task, best.metric) >= LEARNED_SKILL and sure and not at_chance(task, loss)
    left = run.steps_left / max(run.steps_total, 1)
    idle_share = (last.step - begun) / max(run.steps_total, 1)
    if (
        loss_falls
        or _creeps_up(validation, idle)
        or not learned
        or left < WORTH_SHARE
        or idle_share < times * (RISING_PATIENCE_SHARE if _loss_rises(validation) else PATIENCE_SHARE)
        or knobs.values["early_stop"]
    ):
        return None
    return Finding(
        code="GEN102",
        name="early_stop_due",
        severity=Severity.INFO,
        message=f"{len(idle)} evaluations brought no gain over {best.metric:.3g}; {left:.0%} of the run is left",
        evidence=(
            Evidence(fact="validation.evaluations", value=len(idle), limit=needed),
            Evidence(fact="validation.best", value=best.metric, limit=bar),
            Evidence(fact="run.steps_left", value=left, limit=WORTH_SHARE),
        ),
        causes=("the data hold no more for this net", "the net has begun to overfit"),
        fixes=(
            Fix(
                name="stop at the best evaluation",
                effect=Effect.FREE,
                deed=Deed.STOP,
                improves="time",
                expected=left,
                estimated_by="the share of the steps that are left",
            ),
        ),
    )


def _creeps_up(validation: ValidationFacts, idle: list[Evaluation]) -> bool:
    """Tell whether the metric still rises on the whole, by steps that are each within its error."""
    sign = 1 if validation.higher_is_better else -1
    rise, spread = _rise([one.metric for one in idle])
    return sign * rise > max(CREEP_ERRORS * validation.best.standard_error, CREEP_SPREADS * spread)


def _loss_rises(validation: ValidationFacts) -> bool:
    """Tell whether the validation loss rises on the whole: the net has begun to overfit."""
    seen = [one.loss for one in validation.evaluations[-2 * PATIENCE_EVALUATIONS :]]
    rise, spread = _rise(seen)
    return rise > max(RISE_LIMIT * abs(seen[0]), RISE_SPREADS * spread)


def _rise(values: list[float]) -> tuple[float, float]:
    """Return by how much the latter half of some values lies above the former, and the spread of that difference."""
    half = len(values) // 2
    former, latter = values[:half], values[-half:]
    return fmean(latter) - fmean(former), sqrt((pvariance(former) + pvariance(latter)) / half)


def _swings(validation: ValidationFacts) -> bool:
    """Tell whether the metric usually changes by more than its error between two evaluations."""
    seen = validation.evaluations[-SWINGING_PATIENCE * PATIENCE_EVALUATIONS :]
    swings = [abs(after.metric - before.metric) for before, after in pairwise(seen)]
    return len(swings) > 1 and median(swings) > SWING_ERRORS * validation.last.standard_error


def _last_gain_step(validation: ValidationFacts, bar: float) -> int:
    """Return the step of the last evaluation that beat all before it, since the last such one, by more than `bar`."""
    sign = 1 if validation.higher_is_better else -1
    held, step = validation.evaluations[0].metric, validation.evaluations[0].step
    for one in validation.evaluations[1:]:
        if sign * (one.metric - held) > bar:
            held, step = one.metric, one.step
    return step
