"""Equal examples carry different labels, or many examples are there several times.

## What it does
Counts training examples that equal an earlier one, and those that equal another with a different label.

## Why it matters
A contradiction cannot be learned, only averaged; duplicates give their examples more say than the rest.

## What to do
Decide which label is right; keep one of each.

## Fix safety
Needs a person: nothing is dropped or changed.

## When to ignore it
Two equal examples may honestly have different outcomes where the inputs are few and coarse.

## References
- Northcutt et al., «Pervasive Label Errors in Test Sets Destabilize Machine Learning Benchmarks», 2021
- Lee et al., «Deduplicating Training Data Makes Language Models Better», 2022
"""

from rules.facts import SplitFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

CONFLICT_LIMIT = 0.005
"""Share of the training split: fewer do not move a metric."""
SEVERE_CONFLICT = 0.02
"""Share of the training split: accuracy can no longer reach 99 %."""
SEVERE_DUPLICATE = 0.3
"""Share of the training split: an epoch is then a third shorter than it looks, and its copies are learned by heart."""
DUPLICATE_LIMIT = 0.05
"""Share of the training split: one in twenty is a fault of collection rather than chance."""


@rule("DAT106")
def conflicting_labels(splits: SplitFacts) -> Finding | None:
    """Find contradictions and duplicates in the training split."""
    conflicts, duplicates = splits.conflicting_share, splits.duplicate_share
    if not conflicts >= CONFLICT_LIMIT and not duplicates >= DUPLICATE_LIMIT:
        return None
    return Finding(
        code="DAT106",
        name="conflicting_labels",
        severity=Severity.WARNING if conflicts >= SEVERE_CONFLICT or duplicates >= SEVERE_DUPLICATE else Severity.INFO,
        message=f"{conflicts:.1%} of the training examples equal another with a different label, "
        f"{duplicates:.1%} are there already",
        evidence=(
            Evidence(fact="splits.conflicting_share", value=conflicts, limit=CONFLICT_LIMIT),
            Evidence(fact="splits.duplicate_share", value=duplicates, limit=DUPLICATE_LIMIT),
        ),
        causes=("examples that were labelled twice", "a source that was read twice", "inputs too coarse to differ"),
        explains=(
            *(("DAT102", "OPT105", "GEN101", "GEN102") if conflicts >= CONFLICT_LIMIT else ()),
            *(("GEN101",) if duplicates >= SEVERE_DUPLICATE and conflicts < CONFLICT_LIMIT else ()),
        ),
        fixes=(advice("keep one of each equal example, with the label that is right"),),
    )
