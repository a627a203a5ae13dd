"""Input values are missing.

## What it does
Counts the input values that were missing (empty, NaN, infinite) before they were filled, and the examples whose inputs or
target still hold such values when they reach net and loss.

## Why it matters
One value that is not a number makes the loss of its whole batch NaN, and, where nobody leaves that step out, all weights.
A filled value is a guess that the net cannot tell from a measurement; and that something is missing often says more
than the value would.

## What to do
Fill them: standardised inputs (train.standardise) set them to the feature's mean. Then find out why they are missing;
add a column that says so; drop columns that are mostly empty.

## Fix safety
What reaches the net has ruined the run from its first step: it begins anew with the values filled, applied and not tried.
Where they cannot be filled here, the guard leaves those batches out, and nothing is turned, rolled back or stopped on their
account, for no rate makes a number of them. What was filled already is left as it is: that needs a person.

## When to ignore it
Empty means zero in your data; then write zero.

## References
- Little and Rubin, «Statistical Analysis with Missing Data», 2019
- Le Morvan et al., «What's a good imputation to predict with missing values?», 2021
"""

from rules.facts import InputFacts, KnobFacts, RunFacts
from rules.remedies import advice, possible, turned
from rules.symptoms import MISJUDGED, RUNAWAY, STUCK
from rules.vocabulary import Deed, Effect, Evidence, Finding, Fix, Severity, rule

MISSING_LIMIT = 0.001
"""Share of all values: one in a thousand is worth a look."""
RUINED_SHARE = 0.5
"""Of the batches: where every other step is left out, no run is left; of fewer the guard leaves out what it must."""
SEVERE_MISSING = 0.2
"""Share of all values: with a fifth guessed, results depend on how they were filled."""
BATCHES_LIMIT = 0.1
"""Share of the batches: with more left out, or lost, the run is not the one that was meant."""


@rule("DAT103")
def missing_values(run: RunFacts, inputs: InputFacts, knobs: KnobFacts) -> Finding | None:
    """Find inputs with holes."""
    fillable = inputs.missing_share > 0
    if inputs.broken_share > 0 and not (fillable and knobs.values.get("standardise", False)):
        return _broken(run, inputs.broken_share, possible(knobs, _filled()) if fillable else ())
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


def _broken(run: RunFacts, share: float, filled: tuple[Fix, ...]) -> Finding:
    """Return what is said of values that reach the net as they are."""
    batches = 1 - (1 - share) ** max(run.batch_size, 1)
    ruined = batches > BATCHES_LIMIT
    filled = filled if batches >= RUINED_SHARE else ()
    held = "" if filled else ": nothing is turned, the fault is in the data"
    return Finding(
        code="DAT103",
        name="missing_values",
        severity=Severity.ERROR if ruined else Severity.WARNING,
        message=f"{share:.1%} of the training examples have an input or a target that is not a number, which breaks "
        f"{batches:.0%} of the batches{held}",
        evidence=(Evidence(fact="inputs.broken_share", value=share, limit=0.0),),
        causes=("values that were never measured", "joins that found no partner", "a division by 0 or logarithm of 0"),
        explains=(*RUNAWAY, *STUCK, *MISJUDGED) if ruined else ("NUM101", "NUM103"),
        fixes=(
            *filled,
            advice("fill the missing values before they reach the net, and say in a column of their own where"),
        ),
    )


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
