"""Input values are missing.

## What it does
Counts the input values that were missing (empty, NaN, infinite) before they were filled.

## Why it matters
A filled value is a guess that the net cannot tell from a measurement; and that something is missing often says more
than the value would.

## What to do
Find out why they are missing; add a column that says so; drop columns that are mostly empty.

## Fix safety
Needs a person: nothing is changed.

## When to ignore it
Empty means zero in your data; then write zero.

## References
- Little and Rubin, «Statistical Analysis with Missing Data», 2019
- Le Morvan et al., «What's a good imputation to predict with missing values?», 2021
"""

from rules.facts import InputFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

MISSING_LIMIT = 0.001
"""Share of all values: one in a thousand is worth a look."""
SEVERE_MISSING = 0.2
"""Share of all values: with a fifth guessed, results depend on how they were filled."""


@rule("DAT103")
def missing_values(inputs: InputFacts) -> Finding | None:
    """Find inputs with holes."""
    share = inputs.missing_share
    if not share >= MISSING_LIMIT:
        return None
    return Finding(
        code="DAT103",
        name="missing_values",
        severity=Severity.WARNING if share >= SEVERE_MISSING else Severity.INFO,
        message=f"{share:.1%} of the input values are missing and were filled",
        evidence=(Evidence(fact="inputs.missing_share", value=share, limit=MISSING_LIMIT),),
        causes=("values that were never measured", "joins that found no partner", "numbers that did not parse"),
        fixes=(advice("find out why they are missing, and add a column that says where"),),
    )
