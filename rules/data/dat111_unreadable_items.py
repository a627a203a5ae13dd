"""Some items cannot be read.

## What it does
Counts the items (files, rows) that could not be decoded and were left out.

## Why it matters
What is left out is rarely left out evenly; and a broken source gets worse unseen.

## What to do
Mend or remove the files that the log names.

## Fix safety
Needs a person. The run goes on without them.

## When to ignore it
You know them, and they are few.

## References
- Breck et al., «Data Validation for Machine Learning», 2019
"""

from rules.facts import InputFacts, TaskFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

SEVERE_SHARE = 0.01
"""Of the training examples: one in a hundred is a broken source and no accident."""


@rule("DAT111")
def unreadable_items(task: TaskFacts, inputs: InputFacts) -> Finding | None:
    """Find items that were left out because they are broken."""
    if inputs.unreadable == 0:
        return None
    severe = inputs.unreadable > SEVERE_SHARE * task.train_examples
    return Finding(
        code="DAT111",
        name="unreadable_items",
        severity=Severity.WARNING if severe else Severity.INFO,
        message=f"{inputs.unreadable} items could not be read and were left out",
        evidence=(Evidence(fact="inputs.unreadable", value=inputs.unreadable, limit=0),),
        causes=("broken or truncated files", "files that are no images"),
        fixes=(advice("mend or remove the files that the log names"),),
    )
