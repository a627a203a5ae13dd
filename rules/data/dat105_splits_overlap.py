"""Held-out examples are in the training split too.

## What it does
Counts the examples of the validation and test splits that equal a training example.

## Why it matters
What was seen in training is recognised, not predicted: every metric on such a split is too good.

## What to do
Take equal examples into the same split, or drop them from the held-out ones.

## Fix safety
Needs a person: the splits stay as they are while a run goes on.

## When to ignore it
The inputs are so coarse (a few categories) that equal examples are new cases of their own.

## References
- Kapoor and Narayanan, «Leakage and the Reproducibility Crisis in Machine-Learning-based Science», 2023
- Barz and Denzler, «Do We Train on Test Data?», 2020
"""

from rules.facts import SplitFacts, TaskFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

OVERLAP_LIMIT = 0.01
"""Share of the split: one in a hundred moves an accuracy by as much as fixes do."""
SEVERE_OVERLAP = 0.10
"""Share of the split: the metric means nothing any more."""
LEAST_EXAMPLES = 3
"""Examples of the validation split: one or two doubles are an accident."""


@rule("DAT105")
def splits_overlap(task: TaskFacts, splits: SplitFacts) -> Finding | None:
    """Find held-out examples that were trained on."""
    share = max(splits.val_overlap_share, splits.test_overlap_share)
    if not share > OVERLAP_LIMIT or share * task.val_examples < LEAST_EXAMPLES:
        return None
    return Finding(
        code="DAT105",
        name="splits_overlap",
        severity=Severity.ERROR if share >= SEVERE_OVERLAP else Severity.WARNING,
        message=f"{splits.val_overlap_share:.1%} of the validation and {splits.test_overlap_share:.1%} of the test "
        "examples are in the training split too",
        evidence=(
            Evidence(fact="splits.val_overlap_share", value=splits.val_overlap_share, limit=OVERLAP_LIMIT),
            Evidence(fact="splits.test_overlap_share", value=splits.test_overlap_share, limit=OVERLAP_LIMIT),
        ),
        causes=("duplicates in the data that were split at random", "a split that was made twice"),
        explains=("GEN102",) if splits.val_overlap_share >= SEVERE_OVERLAP else (),
        fixes=(advice("split so that equal examples fall into one split, then train again", improves="metric"),),
    )
