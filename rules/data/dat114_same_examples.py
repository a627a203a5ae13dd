"""The same few examples come again and again.

## What it does
Counts how many different inputs there are: in the survey of the training split, and among the batches that the loader
delivers, against how many different examples it was asked for.

## Why it matters
A net that sees forty examples over and over learns those by heart, however large the data set is said to be.

## What to do
Look at how the data set uses the index it is asked for (a modulus, a default, a cache that never moves on), and at the
loader's sampler.

## Fix safety
Needs a person: the fault is in the data set or its loader; nothing is turned on its account.

## When to ignore it
Examples that are few by nature, such as rows of a few categories.

## References
- Lee et al., «Deduplicating Training Data Makes Language Models Better», 2022
"""

from rules.facts import InputFacts, RunFacts, SplitFacts, TaskFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

DUPLICATE_LIMIT = 0.7
"""Share of the training split: real data sets have a few per cent, oversampled ones up to a half."""
LEAST_FEATURES = 4
"""Of a table: rows of fewer repeat by nature."""
LEAST_ASKED = 64
"""Different examples that the loader was asked for: fewer may be alike by chance."""


@rule("DAT114")
def same_examples(run: RunFacts, task: TaskFacts, inputs: InputFacts, splits: SplitFacts) -> Finding | None:
    """Find data that are the same few examples."""
    repeated = 1 - splits.distinct / splits.asked if splits.asked >= LEAST_ASKED else 0.0
    coarse = task.inputs == "table" and inputs.features < LEAST_FEATURES
    copies = 0.0 if coarse else splits.duplicate_share
    dealt = repeated > DUPLICATE_LIMIT and repeated > splits.duplicate_share
    if dealt:
        said = f"{splits.distinct} different inputs came where {splits.asked} different examples were asked for"
        evidence = Evidence(fact="splits.repeated_share", value=repeated, limit=DUPLICATE_LIMIT)
    elif copies > DUPLICATE_LIMIT:
        said = f"{copies:.0%} of the training examples are copies of others"
        evidence = Evidence(fact="splits.duplicate_share", value=copies, limit=DUPLICATE_LIMIT)
    else:
        return None
    return Finding(
        code="DAT114",
        name="same_examples",
        severity=Severity.WARNING,
        message=f"{said}, up to step {run.step}" if dealt else said,
        evidence=(evidence,),
        causes=("a data set that does not use the index it is asked for", "copies in the data"),
        explains=("GEN101", "GEN102", "DAT105", "DAT106", "DAT109", "ARC113"),
        fixes=(advice("look at how the data set turns an index into an example, and remove copies"),),
    )
