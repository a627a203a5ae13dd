"""The net does badly even on what it is trained on.

## What it does
Looks, after a third of the run, for a training metric less than half of the way from a constant predictor to
perfection, without a gap to validation, and a training loss that is high and has stopped falling.

## Why it matters
More of the same training does not help, and neither does more data: the net, its rate or its brakes hold it back.

## What to do
Release what regularises; then a larger net, or better inputs.

## Fix safety
Changes what is learned; a fork with a control arm decides. A larger net needs a person.

## When to ignore it
The task has a ceiling: noise in the labels, or inputs that say little about them.

## References
- Goodfellow et al., «Deep Learning», 2016, section 5.2 (capacity)
"""

from rules.facts import KnobFacts, LossFacts, RunFacts, TaskFacts, ValidationFacts
from rules.learning import learns_badly, skill
from rules.remedies import advice, possible, turned
from rules.vocabulary import METRIC_GUARD, Effect, Evidence, Finding, Fix, Severity, Value, rule

JUDGED_SHARE = 0.30
"""Of the run: before, a low metric is only young."""
SKILL_LIMIT = 0.5
"""On the way from a constant to perfection."""
GAP_LIMIT = 0.02
"""Points of the metric between training and validation: a wider gap is another fault."""
CLOSED_SHARE = 0.05
"""Of the loss, carefully said: brakes are rarely the whole reason."""


@rule("GEN103")
def underfitting(
    run: RunFacts, task: TaskFacts, loss: LossFacts, validation: ValidationFacts, knobs: KnobFacts
) -> Finding | None:
    """Find a net that does not fit its own training data."""
    last = validation.last
    reached = skill(task, last.train_metric)
    if run.progress < JUDGED_SHARE or not learns_badly(run, task, loss) or not reached < SKILL_LIMIT:
        return None
    if not abs(last.train_metric - last.metric) < GAP_LIMIT:
        return None
    return Finding(
        code="GEN103",
        name="underfitting",
        severity=Severity.INFO,
        message=f"{last.train_metric:.3g} is the training {task.metric}, hardly better than {last.metric:.3g} "
        "in validation, and it does not rise",
        evidence=(
            Evidence(fact="validation.train_metric", value=reached, limit=SKILL_LIMIT),
            Evidence(fact="loss.fall_share", value=loss.fall_share, limit=0.02),
        ),
        causes=("the rate is too low", "the net is too small", "too much regularisation", "inputs that say too little"),
        explains=("OPT104", "GEN102"),
        fixes=(
            *possible(knobs, *_releases(knobs)),
            advice("try a larger net (model.hidden, model.width), or inputs that say more"),
        ),
    )


def _releases(knobs: KnobFacts) -> list[Fix]:
    brakes: list[tuple[str, Value, Value]] = [
        ("augment", False, knobs.values["augment"]),
        ("dropout", 0.0, knobs.values["dropout"]),
        ("label_smoothing", 0.0, knobs.values["label_smoothing"]),
    ]
    return [
        Fix(
            name=f"turn {knob} off",
            effect=Effect.CHANGES_LEARNING,
            turns=turned(**{knob: to}),
            improves="loss",
            guards=(METRIC_GUARD,),
            expected=CLOSED_SHARE,
            estimated_by="a guess on the low side: a brake is rarely the whole reason",
        )
        for knob, to, now in brakes
        if now
    ]
