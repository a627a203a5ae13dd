"""The loss has stopped falling at a height that it need not stay at.

## What it does
Looks at the last five evaluations: a validation loss that gained less than one per cent over them, and a training
loss that does not fall either and is not low.

## Why it matters
A rate that was right for the way down is too coarse for the ground; the run circles instead of descending.

## What to do
Start the decay of the rate, or cut it to a third.

## Fix safety
Changes what is learned. A cut looks better in almost every short fork, even where it ends worse; so it is judged on
weights averaged over the second half, and below 400 steps it is triggered rather than proved.

## When to ignore it
The task has no more to give: noise in the labels puts a floor under the loss.

## References
- Wu et al., «Understanding Short-Horizon Bias in Stochastic Meta-Optimization», arXiv 1803.02021
- Prechelt, «Early Stopping – But When?», 1998
"""

from statistics import fmean

from rules.facts import KnobFacts, LossFacts, RunFacts, TaskFacts, ValidationFacts
from rules.learning import STALLED_FALL_SHARE, at_chance, skill
from rules.remedies import possible, turned
from rules.vocabulary import METRIC_GUARD, Effect, Evidence, Finding, Fix, Severity, Value, rule

PATIENCE_EVALUATIONS = 5
"""Evaluations: fewer are moved by a single lucky one."""
GAIN_LIMIT = 0.01
"""Relative gain of the validation loss over them."""
CONVERGED_LOSS_SHARE = 0.2
"""Of the chance loss: below it, a flat loss is success and no plateau."""
GOOD_SKILL = 0.9
"""On the way to perfection: a metric this good may rest."""
WORTH_SHARE = 0.1
"""Of the run still to come: with less, the end is the answer."""
LAST_LOW_SHARE = 0.9
"""Of the schedule: after it, a decaying rate is low already."""
CUT = 0.3
"""The step down that schedules by hand usually take."""


@rule("OPT104")
def plateau(
    run: RunFacts, task: TaskFacts, loss: LossFacts, validation: ValidationFacts, knobs: KnobFacts
) -> Finding | None:
    """Find a run that has come to rest on a height."""
    seen = [one for one in validation.evaluations if one.step >= run.last_turn_step]
    if not run.warm or len(seen) <= PATIENCE_EVALUATIONS or run.progress > min(1 - WORTH_SHARE, LAST_LOW_SHARE):
        return None
    former = min(one.loss for one in seen[:-PATIENCE_EVALUATIONS])
    gain = 1 - min(one.loss for one in seen[-PATIENCE_EVALUATIONS:]) / former if former > 0 else 0.0
    good = loss.now < CONVERGED_LOSS_SHARE * task.baseline_loss or skill(task, validation.last.metric) >= GOOD_SKILL
    if gain >= GAIN_LIMIT or loss.fall_share >= STALLED_FALL_SHARE or good or at_chance(task, loss):
        return None
    lr = knobs.number("lr")
    decays: dict[str, Value] = {"schedule": "cosine"} if knobs.values["schedule"] == "constant" else {}
    return Finding(
        code="OPT104",
        name="plateau",
        severity=Severity.INFO,
        message=f"the validation loss {_course(gain)} over {PATIENCE_EVALUATIONS} evaluations, "
        f"at {fmean(one.loss for one in seen[-PATIENCE_EVALUATIONS:]):.3g}",
        evidence=(
            Evidence(fact="validation.evaluations", value=gain, limit=GAIN_LIMIT),
            Evidence(fact="loss.fall_share", value=loss.fall_share, limit=STALLED_FALL_SHARE),
        ),
        causes=("the rate is too high for the ground", "the net is too small", "noise in the labels sets a floor"),
        explains=("GEN102",),
        fixes=possible(
            knobs,
            *((_fix("start the decay of the rate", decays),) if decays else ()),
            _fix(f"cut lr to {CUT * lr:.2g}", {"lr": CUT * lr}),
        ),
    )


def _course(gain: float) -> str:
    return f"gained only {gain:.1%}" if gain >= 0 else f"gained nothing and lost {-gain:.1%}"


def _fix(name: str, turns: dict[str, Value]) -> Fix:
    return Fix(
        name=name,
        effect=Effect.CHANGES_LEARNING,
        turns=turned(**turns),
        improves="loss",
        guards=(METRIC_GUARD,),
        expected=2 * GAIN_LIMIT,
        estimated_by="twice the limit of this rule: nobody can say how much lies below a plateau",
    )
