"""The validation metric swings up and down from evaluation to evaluation.

## What it does
Looks at the last six evaluations in the second half of the run: at least three of the four pairs of neighbouring
changes point in opposite directions, the usual change is larger than three points and two standard errors, and the
validation loss moves with it: a metric that lies far from its ends (an R² below zero) may swing where nothing else does.
It is a warning where the swings are wide and do not shrink, the best evaluation lies behind, and the model is not good yet.

## Why it matters
Which model the run ends with is then a matter of luck, and no comparison on this run means much.

## What to do
Cut the rate to a third; a larger batch does the same for the noise, and needs a new start of the run.

## Fix safety
Changes what is learned; a fork with a control arm decides, on weights averaged over its second half.

## When to ignore it
The best checkpoint is all you want, and it is kept anyway.

## References
- Smith et al., «Don't Decay the Learning Rate, Increase the Batch Size», 2018
- Zhang et al., «AUTOTRAINER», ICSE 2021 (oscillating loss)
"""

from itertools import pairwise
from math import isfinite
from statistics import fmean, median

from rules.facts import Evaluation, KnobFacts, RunFacts, TaskFacts, ValidationFacts
from rules.learning import skill
from rules.remedies import advice, possible, turned
from rules.vocabulary import METRIC_GUARD, Effect, Evidence, Finding, Fix, Severity, rule

JUDGED_SHARE = 0.50
"""Of the run: before, swings are part of the way down (healthy SGD 0.3 on digits swings by .06 at a third)."""
EVALUATIONS = 6
"""Five changes: enough to tell a swing from one bad evaluation."""
TURNS_LIMIT = 3
"""Of the four pairs of neighbouring changes; chance alone does it too, but with small swings."""
SWING_LIMIT = 0.03
"""Points of the metric (AutoTrainer's limit for accuracy)."""
SEVERE_SWING = 0.10
"""Points of the metric: the final model is a lottery."""
NOISE_FACTOR = 2.0
"""Standard errors: smaller swings may be the size of the validation split."""
LOSS_SWING = 0.1
"""Of the validation loss: its usual change in the same evaluations. An autoencoder's R² went up and down by .21 while its loss
moved by .02 of itself, and fell."""
GOOD_SKILL = 0.9
"""On the way to perfection, two standard errors aside: a good model is no alarm, and its best state is kept."""
SHRINKING = 0.7
"""Times the usual change of the six evaluations before: the run calms down by itself."""
CUT = 0.3
"""Of the rate: below a half, so that it shows; above a tenth, so that learning goes on."""


@rule("OPT105")
def oscillation(run: RunFacts, task: TaskFacts, validation: ValidationFacts, knobs: KnobFacts) -> Finding | None:
    """Find a metric that swings without a trend."""
    since = [one for one in validation.evaluations if one.step >= run.last_turn_step]
    seen, before = since[-EVALUATIONS:], since[-2 * EVALUATIONS : -EVALUATIONS]
    if not run.warm or run.progress < JUDGED_SHARE or len(seen) < EVALUATIONS:
        return None
    changes = [after.metric - before.metric for before, after in pairwise(seen)]
    turns = sum(first * second < 0 for first, second in pairwise(changes))
    swing = _swing(seen)
    limit = max(SWING_LIMIT, NOISE_FACTOR * fmean(one.standard_error for one in seen))
    if turns < TURNS_LIMIT or not swing > limit or not _moves_the_loss(seen):
        return None
    harms = swing >= SEVERE_SWING and not (
        _calms(seen, before) or _gains(task, seen, before) or _good(task, validation)
    )
    lr = knobs.number("lr")
    cut = Fix(
        name=f"cut lr to {CUT * lr:.2g}",
        effect=Effect.CHANGES_LEARNING,
        turns=turned(lr=CUT * lr),
        improves="loss",
        guards=(METRIC_GUARD,),
        expected=swing / 2,
        estimated_by="half of a swing: the mean comes up to the better side",
    )
    larger = (
        (advice(f"start with train.batch_size = {2 * run.batch_size}", improves="loss"),) if run.batch_size > 0 else ()
    )
    return Finding(
        code="OPT105",
        name="oscillation",
        severity=Severity.WARNING if harms else Severity.INFO,
        message=f"the metric swings by {swing:.3g} between two evaluations, without a trend",
        evidence=(
            Evidence(fact="validation.evaluations", value=swing, limit=limit),
            Evidence(fact="validation.turns", value=turns, limit=TURNS_LIMIT),
        ),
        causes=("the learning rate is too high for this part of the run", "the batch is too small"),
        explains=("OPT104",),
        fixes=(*possible(knobs, cut), *larger),
    )


def _swing(seen: list[Evaluation]) -> float:
    """Return by how much the metric usually changes from one evaluation to the next."""
    return median(abs(after.metric - before.metric) for before, after in pairwise(seen))


def _moves_the_loss(seen: list[Evaluation]) -> bool:
    """Tell whether the validation loss moves, too; so it is taken to where nobody took it."""
    losses = [one.loss for one in seen]
    if not all(isfinite(loss) for loss in losses):
        return True
    return median(abs(after - before) for before, after in pairwise(losses)) >= LOSS_SWING * abs(median(losses))


def _calms(seen: list[Evaluation], before: list[Evaluation]) -> bool:
    """Tell whether the swings have become smaller."""
    return len(before) == EVALUATIONS and _swing(seen) < SHRINKING * _swing(before)


def _gains(task: TaskFacts, seen: list[Evaluation], before: list[Evaluation]) -> bool:
    """Tell whether the best evaluation is a new one, by more than its error."""
    sign = 1 if task.higher_is_better else -1
    former = max((sign * one.metric for one in before), default=float("inf"))
    return max(sign * one.metric for one in seen) > former + median(one.standard_error for one in seen)


def _good(task: TaskFacts, validation: ValidationFacts) -> bool:
    best, sign = validation.best, 1 if task.higher_is_better else -1
    return skill(task, best.metric + sign * NOISE_FACTOR * best.standard_error) >= GOOD_SKILL
