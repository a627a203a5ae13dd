"""A few input values lie so far out that they drive the training.

## What it does
Takes each feature's median and the distance from it within which 98 % of its values lie. Speaks where a value lies twenty
times as far out. It is silent once the model standardises its inputs, which leaves such values out of mean and spread and
takes them as lying ten spreads out.

## Why it matters
A gradient grows with the input: an example two hundred times too large moves the weights two hundred times as far, and undoes
what the others have taught. Mean and spread of such a feature are those of its outliers, so that scaling by them leaves
nothing of the rest.

## What to do
Let the model standardise its inputs (train.standardise). Then look at those examples: a code for «unknown» (-999, 1e6), a unit
that was taken for another, a slipped point. A column that is skewed by nature (incomes, counts) is better taken by its
logarithm.

## Fix safety
Changes what is learned. A run that goes on is compared with one that began with standardised inputs, both trained from the
first step to the step of now, and goes on from the better one. A run that is lost already is begun anew: applied, not tried.

## When to ignore it
The far values are what you look for (frauds, faults), and the net tells them apart. A run whose loss is down to half of
guessing learns all the same: the rule then speaks as information.

## References
- Huber and Ronchetti, «Robust Statistics», 2009, chapter 5 (estimates of scale)
- LeCun et al., «Efficient BackProp», 1998, section 4.3
"""

from rules.facts import InputFacts, KnobFacts, LossFacts, RunFacts, TaskFacts
from rules.learning import HIGH_LOSS_SHARE, lost_or_thrown
from rules.remedies import advice, possible, standardised_inputs
from rules.vocabulary import Evidence, Finding, Severity, rule

REACH_LIMIT = 20.0
"""Times as far out as 98 % of the values: raw digits reach 15, log-normal columns (sigma 1) 9, the other sets of scikit-learn 5."""
GAINED_SHARE = 0.5
"""Of the loss: digits of which one in 150 was two hundred times too large went from .16 to .95 of them right."""


@rule("DAT115")
def outlying_inputs(
    run: RunFacts, task: TaskFacts, loss: LossFacts, inputs: InputFacts, knobs: KnobFacts
) -> Finding | None:
    """Find single inputs that are far larger than the rest."""
    if not (inputs.outlying_share > 0 and inputs.reach > REACH_LIMIT) or knobs.values.get("standardise", False):
        return None
    learns = loss.now <= HIGH_LOSS_SHARE * task.baseline_loss
    return Finding(
        code="DAT115",
        name="outlying_inputs",
        severity=Severity.INFO if learns else Severity.WARNING,
        message=f"{inputs.outlying_share:.2%} of the training examples have an input far out, up to {inputs.reach:.3g} times "
        "as far as 98% of its feature",
        evidence=(
            Evidence(fact="inputs.reach", value=inputs.reach, limit=REACH_LIMIT),
            Evidence(fact="inputs.outlying_share", value=inputs.outlying_share, limit=0.0),
        ),
        causes=("a code for missing values", "another unit, or a slipped point", "a skewed column, such as incomes"),
        explains=("NUM101", "NUM102", "NUM103", "OPT101", "OPT102", "OPT103", "OPT104", "OPT105", "OPT106", "OPT109",
                  "ARC101", "ARC102", "ARC103", "ARC104", "GEN102", "GEN103"),
        eased_by_knobs=True,
        fixes=(
            *possible(knobs, standardised_inputs(GAINED_SHARE, lost=lost_or_thrown(run, task, loss))),
            advice("look at the examples that lie far out; take the logarithm of a skewed column", improves="loss"),
        ),
    )  # fmt: skip
