"""There are too few examples to learn from, or to judge by.

## What it does
Looks for a training split of less than a hundred examples, or a class with fewer than ten.

## Why it matters
With so few, what the net learns depends more on which ones were drawn than on how it is trained.

## What to do
Collect more, start from a pretrained model, or take a simpler method (linear, boosted trees) as the bar to beat.

## Fix safety
Needs a person.

## When to ignore it
You are trying the machinery out.

## References
- Figueroa et al., «Predicting sample size required for classification performance», 2012
"""

from rules.facts import ClassFacts, TaskFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

EXAMPLES_LIMIT = 100
"""Training examples in all."""
CLASS_LIMIT = 10
"""Training examples of a class: with fewer, its recall is told in steps of whole tenths."""


@rule("DAT109")
def too_little_data(task: TaskFacts, classes: ClassFacts) -> Finding | None:
    """Find a task with too few examples."""
    least = min((count for count in classes.counts if count > 0), default=0)
    if task.train_examples >= EXAMPLES_LIMIT and least >= CLASS_LIMIT:
        return None
    return Finding(
        code="DAT109",
        name="too_little_data",
        severity=Severity.INFO,
        message=f"{task.train_examples} training examples, {least} in the smallest class",
        evidence=(
            Evidence(fact="task.train_examples", value=task.train_examples, limit=EXAMPLES_LIMIT),
            Evidence(fact="classes.counts", value=least, limit=CLASS_LIMIT),
        ),
        fixes=(advice("collect more examples, or start from a pretrained model"),),
    )
