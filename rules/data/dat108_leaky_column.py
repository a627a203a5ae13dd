"""A single column all but is the answer.

## What it does
Looks for an input column whose correlation with the target is 0.99 or more.

## Why it matters
Such a column is usually made from the target, or afterwards; it will not be there when the model is used.

## What to do
Ask when the column comes to be known. If that is after the target, drop it.

## Fix safety
Needs a person: only you know where the column comes from.

## When to ignore it
The target really is a simple function of that column.

## References
- Kaufman et al., «Leakage in Data Mining», 2012
- Kapoor and Narayanan, «Leakage and the Reproducibility Crisis in Machine-Learning-based Science», 2023
"""

from rules.facts import TableFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

CORRELATION_LIMIT = 0.99
"""With the target: iris, the easiest of the bundled sets, has 0.957 at most."""
LEAST_EXAMPLES = 30
"""Examples: with fewer, such a correlation may be chance."""


@rule("DAT108")
def leaky_column(table: TableFacts) -> Finding | None:
    """Find columns that give the answer away."""
    leaks = [column for column in table.columns if column.correlation >= CORRELATION_LIMIT]
    if not leaks or table.examples < LEAST_EXAMPLES:
        return None
    worst = max(leaks, key=lambda column: column.correlation)
    named = ", ".join(column.name for column in leaks[:3])
    return Finding(
        code="DAT108",
        name="leaky_column",
        severity=Severity.WARNING,
        message=f"column {worst.name} correlates with the target by {worst.correlation:.3f}",
        evidence=(Evidence(fact="table.correlation", value=worst.correlation, limit=CORRELATION_LIMIT),),
        causes=("a column that was made from the target", "a column that is known only afterwards"),
        fixes=(advice(f"ask when {named} comes to be known, and drop it if that is after the target"),),
    )
