"""Some input features never change.

## What it does
Counts the features that have one value over the sampled training examples.

## Why it matters
They cost weights and say nothing; and a feature that should change and does not is often a fault upstream.

## What to do
Find out why, or drop them.

## Fix safety
Needs a person: nothing is dropped.

## When to ignore it
The dark margins of small images are constant by nature; the rule leaves images out.

## References
- Breck et al., «Data Validation for Machine Learning», 2019
"""

from rules.facts import InputFacts, TaskFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

CONSTANT_SHARE_LIMIT = 0.10
"""Of the features: a few constant ones do no harm; a tenth says that something broke."""


@rule("DAT107")
def constant_features(task: TaskFacts, inputs: InputFacts) -> Finding | None:
    """Find inputs that say nothing."""
    share = inputs.constant_features / max(inputs.features, 1)
    if task.inputs == "image" or share < CONSTANT_SHARE_LIMIT:
        return None
    return Finding(
        code="DAT107",
        name="constant_features",
        severity=Severity.INFO,
        message=f"{inputs.constant_features} of {inputs.features} input features never change",
        evidence=(Evidence(fact="inputs.constant_features", value=share, limit=CONSTANT_SHARE_LIMIT),),
        causes=("columns that were never filled", "a reader that fails silently", "categories that do not occur"),
        fixes=(advice("find out why they are constant, or drop them"),),
    )
