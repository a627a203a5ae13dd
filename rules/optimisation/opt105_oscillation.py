"""The validation metric swings up and down from evaluation to evaluation.

## What it does
Looks at the last six evaluations in the second half of the run: at least three of the four pairs of neighbouring
changes point in opposite directions, and the usual change is larger than three points and two standard errors.

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
from statistics import fmean, median

from rules.facts import KnobFacts, RunFacts, ValidationFacts
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
CUT = 0.3
"""Of the rate: below a half, so that it shows; above a tenth, so that learning goes on."""


@rule("OPT105")
def oscillation(run: RunFacts, validation: ValidationFacts, knobs: KnobFacts) -> Finding | None:
    """Find a metric that swings without a trend."""
    seen = [one for one in validation.evaluations if one.step >= run.last_turn_step][-EVALUATIONS:]
    if not run.warm or run.progress < JUDGED_SHARE or len(seen) < EVALUATIONS:
        return None
    changes = [after.metric - before.metric for before, after in pairwise(seen)]
    turns = sum(first * second < 0 for first, second in pairwise(changes))
    swing = median(abs(change) for change in changes)
    limit = max(SWING_LIMIT, NOISE_FACTOR * fmean(one.standard_error for one in seen))
    if turns < TURNS_LIMIT or not swing > limit:
        return None
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
        severity=Severity.WARNING if swing >= SEVERE_SWING else Severity.INFO,
        message=f"the metric swings by {swing:.3g} between two evaluations, without a trend",
        evidence=(
            Evidence(fact="validation.evaluations", value=swing, limit=limit),
            Evidence(fact="validation.turns", value=turns, limit=TURNS_LIMIT),
        ),
        causes=("the learning rate is too high for this part of the run", "the batch is too small"),
        explains=("OPT104",),
        fixes=(*possible(knobs, cut), *larger),
    )
