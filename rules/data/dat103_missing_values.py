"""Input values are missing.

## What it does
Counts the input values that were missing (empty, NaN, infinite) before they were filled, and those that reach the model
as they are, because nothing fills them.

## Why it matters
One value that is no number makes the loss of its whole batch no number. A filled value is a guess that the net cannot
tell from a measurement; and that something is missing often says more than the value would.

## What to do
Fill them: standardised inputs (train.standardise) set them to the feature's mean. Then find out why they are missing;
add a column that says so; drop columns that are mostly empty.

## Fix safety
Where what reaches the model spoils most batches, the run is ruined from its first step: it begins anew with the values
filled, applied and not tried. Where it spoils few, they are left out; and what was filled already is left as it is:
both need a person.

## When to ignore it
Empty means zero in your data; then write zero.

## References
- Little and Rubin, «Statistical Analysis with Missing Data», 2019
- Le Morvan et al., «What's a good imputation to predict with missing values?», 2021
"""

from rules.facts import InputFacts, KnobFacts, RunFacts
from rules.remedies import advice, possible, turned
from rules.vocabulary import Deed, Effect, Evidence, Finding, Fix, Severity, rule

MISSING_LIMIT = 0.001
"""Share of all values: one in a thousand is worth a look."""
RUINED_SHARE = 0.5
"""Of the batches: where every other step is left out, no run is left; of fewer the guard leaves out what it must."""
SEVERE_MISSING = 0.2
"""Share of all values: with a fifth guessed, results depend on how they were filled."""


@rule("DAT103")
def missing_values(run: RunFacts, inputs: InputFacts, knobs: KnobFacts) -> Finding | None:
    """Find inputs with holes."""
    unfilled = inputs.non_finite_share > 0 and not knobs.values.get("standardise", False)
    reaches = unfilled and _batches_hit(run, inputs) >= RUINED_SHARE
    share = inputs.missing_share
    if not share >= MISSING_LIMIT and not unfilled:
        return None
    severity = Severity.WARNING if share >= SEVERE_MISSING else Severity.INFO
    return Finding(
        code="DAT103",
        name="missing_values",
        severity=Severity.ERROR if reaches else severity,
        message=f"{share:.2%} of the input values are missing and "
        + ("reach the model as they are" if unfilled else "were filled"),
        evidence=(
            Evidence(fact="inputs.missing_share", value=share, limit=MISSING_LIMIT),
            Evidence(fact="inputs.non_finite_share", value=inputs.non_finite_share, limit=0.0),
        ),
        causes=("values that were never measured", "joins that found no partner", "numbers that did not parse"),
        explains=("NUM101", "NUM102", "NUM103", "OPT103") if reaches else (),
        fixes=(
            *(possible(knobs, _filled()) if reaches else ()),
            advice("find out why they are missing, and add a column that says where"),
        ),
    )


def _batches_hit(run: RunFacts, inputs: InputFacts) -> float:
    """Return the share of batches that hold an example with a value that is no number."""
    return 1.0 - float((1.0 - inputs.non_finite_share) ** run.batch_size)


def _filled() -> Fix:
    return Fix(
        name="start over with missing values set to the mean",
        effect=Effect.RESCUE,
        deed=Deed.START_OVER,
        turns=turned(standardise=True),
        improves="finite",
        expected=0.0,
        estimated_by="applied, not tried: no step on such a batch can be taken at all",
    )
