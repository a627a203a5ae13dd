"""The net does badly even on what it is trained on.

## What it does
Looks, after a third of the run, for a training metric less than half of the way from a constant predictor to
perfection, without a gap to validation, and a training loss that is high and has stopped falling. A net that comes less than
half as far as a linear model of a few hundred of its examples is told after a quarter of the run, and as a warning, where
its loss also ends high if it falls on as it did lately: then it is no ceiling of the data. How far the linear model comes is
told by examples that it was not fitted to.

## Why it matters
More of the same training does not help, and neither does more data: the net, its rate or its brakes hold it back.

## What to do
Release what regularises; then a larger net, or better inputs.

## Fix safety
Changes what is learned; a fork with a control arm decides. A larger net needs a person.

## When to ignore it
The task has a ceiling: noise in the labels, or inputs that say little about them. (A linear model has it, too.)

## References
- Goodfellow et al., «Deep Learning», 2016, section 5.2 (capacity)
"""

from rules.facts import InputFacts, KnobFacts, LossFacts, RunFacts, TaskFacts, ValidationFacts
from rules.learning import HIGH_LOSS_SHARE, creeps, learns_badly, skill
from rules.remedies import advice, possible, turned
from rules.vocabulary import METRIC_GUARD, Effect, Evidence, Finding, Fix, Severity, Value, rule

JUDGED_SHARE = 0.30
"""Of the run: before, a low metric is only young."""
SKILL_LIMIT = 0.5
"""On the way from a constant to perfection."""
GAP_LIMIT = 0.02
"""Points of the metric between training and validation: a wider gap is another fault."""
NOISE_FACTOR = 2.0
"""Standard errors: so wide a gap may be the size of the splits."""
LINEAR_SHARE = 0.25
"""Of the run, after the warm-up: by then a sound net has long passed a linear model of 400 of its examples."""
LEAST_LINEAR = 0.35
"""On the way to perfection: below, a linear model is no measure, and its figure, of some hundred examples, unsure."""
WORSE_THAN_LINEAR = 0.5
"""Of what a linear model gets."""
EVALUATIONS = 2
"""One alone may be half an epoch old, and a slow start may be over since."""
CLOSED_SHARE = 0.05
"""Of the loss, carefully said: brakes are rarely the whole reason."""


@rule("GEN103")
def underfitting(
    run: RunFacts, task: TaskFacts, loss: LossFacts, validation: ValidationFacts, inputs: InputFacts, knobs: KnobFacts
) -> Finding | None:
    """Find a net that does not fit its own training data."""
    last = validation.last
    reached, linear = skill(task, last.train_metric), _linear(task, inputs)
    flat = learns_badly(run, task, loss)
    worse = (
        linear >= LEAST_LINEAR
        and reached < WORSE_THAN_LINEAR * linear
        and run.progress >= knobs.number("warmup") + LINEAR_SHARE
        and len(validation.evaluations) >= EVALUATIONS
        and (flat or (creeps(run, task, loss) and _stays_high(run, task, loss)))
    )
    if not worse and not (run.progress >= JUDGED_SHARE and flat and reached < SKILL_LIMIT):
        return None
    if not abs(last.train_metric - last.metric) < max(GAP_LIMIT, NOISE_FACTOR * last.standard_error):
        return None
    beside = f", and a linear model of a few hundred examples gets {inputs.linear_agreement:.2g}" if worse else ""
    return Finding(
        code="GEN103",
        name="underfitting",
        severity=Severity.WARNING if worse else Severity.INFO,
        message=f"the training {task.metric} is {last.train_metric:.3g}, hardly better than the {last.metric:.3g} "
        f"in validation{beside or ', and it does not rise'}",
        evidence=(
            Evidence(fact="validation.train_metric", value=reached, limit=SKILL_LIMIT),
            Evidence(fact="loss.fall_share", value=loss.fall_share, limit=0.02),
            *((Evidence(fact="inputs.linear_agreement", value=linear, limit=LEAST_LINEAR),) if worse else ()),
        ),
        eased_by_knobs=True,
        causes=("the rate is too low", "the net is too small", "too much regularisation", "inputs that say too little"),
        explains=("OPT104", "GEN102"),
        fixes=(
            *possible(knobs, *_releases(knobs)),
            advice("try a larger net (model.hidden, model.width), or inputs that say more"),
        ),
    )


def _linear(task: TaskFacts, inputs: InputFacts) -> float:
    """Return how far a linear model comes on the way from a constant to perfection."""
    if task.kind == "regression":
        return inputs.linear_agreement**2
    guess = task.baseline_metric if task.metric == "accuracy" else 1 / max(len(task.classes), 2)
    return (inputs.linear_agreement - guess) / max(1 - guess, 1e-9)


def _stays_high(run: RunFacts, task: TaskFacts, loss: LossFacts) -> bool:
    """Tell whether the loss ends above half of guessing even if it falls on by the share of the last tenth of the run."""
    tenths_left = 10 * (1 - run.progress)
    at_end: float = loss.now * (1 - max(loss.fall_share, 0.0)) ** tenths_left
    return at_end > HIGH_LOSS_SHARE * task.baseline_loss


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
