"""There are too few examples to learn from, or to judge by.

## What it does
Looks for a training split of less than a hundred examples, whatever is learned from them, or a class with fewer than ten.

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

from rules.facts import TaskFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

EXAMPLES_LIMIT = 100
"""Training examples in all."""
CLASS_LIMIT = 10
"""Training examples of a class: with fewer, its recall is told in steps of whole tenths."""


@rule("DAT109")
def too_little_data(task: TaskFacts) -> Finding | None:
    """Find a task with too few examples."""
    few = 0 < task.train_examples < EXAMPLES_LIMIT  # a log of another trainer does not tell: 0
    counted = task.smallest_class > 0
    if not few and not (counted and task.smallest_class < CLASS_LIMIT):
        return None
    evidence = [Evidence(fact="task.train_examples", value=task.train_examples, limit=EXAMPLES_LIMIT)]
    if counted:
        evidence.append(Evidence(fact="task.smallest_class", value=task.smallest_class, limit=CLASS_LIMIT))
    return Finding(
        code="DAT109",
        name="too_little_data",
        severity=Severity.INFO,
        message=f"{task.train_examples} training examples"
        + (f", {task.smallest_class} in the smallest class" if counted else ""),
        evidence=tuple(evidence),
        fixes=(advice("collect more examples, or start from a pretrained model"),),
    )
