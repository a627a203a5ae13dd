"""The examples come in the order of their labels.

## What it does
Compares how often neighbours in the drawn order share a label with how often they would in a shuffled one.

## Why it matters
A batch of one class teaches the net to answer that class, and the next batch unteaches it (on real texts: .51
accuracy in sorted order, .72 shuffled; measured).

## What to do
Shuffle the examples in every epoch.

## Fix safety
Needs a person: the order comes from the data set or loader of the task.

## When to ignore it
Neighbours belong together by design (frames of a film, sentences of a text) and batches mix many of them.

## References
- Bengio, «Practical Recommendations for Gradient-Based Training of Deep Architectures», 2012
"""

from math import sqrt

from rules.facts import ClassFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

EXCESS_LIMIT = 0.3
"""Of the way from a shuffled order (0) to a sorted one (1): chance gives a few hundredths."""
LEAST_EXAMPLES = 100
"""Examples: with fewer, chance alone gives a tenth."""
CHANCE_ERRORS = 3.0
"""Standard errors above a shuffled order: where nearly all are of one class, a few neighbours more are a third of the way
(one in 25 of 123 rows, shuffled: 35 %)."""


@rule("DAT110")
def order_not_shuffled(classes: ClassFacts) -> Finding | None:
    """Find an order that is sorted by label."""
    expected = classes.expected_match
    if sum(classes.counts) < LEAST_EXAMPLES or expected >= 1:
        return None
    excess = (classes.neighbour_label_match - expected) / (1 - expected)
    error = sqrt(expected * (1 - expected) / sum(classes.counts))
    if not excess > EXCESS_LIMIT or classes.neighbour_label_match - expected < CHANCE_ERRORS * error:
        return None
    return Finding(
        code="DAT110",
        name="order_not_shuffled",
        severity=Severity.WARNING,
        message=f"{classes.neighbour_label_match:.0%} of neighbouring examples share a label; shuffled it would be "
        f"{expected:.0%}",
        evidence=(Evidence(fact="classes.neighbour_label_match", value=excess, limit=EXCESS_LIMIT),),
        causes=("the data are sorted by label and not shuffled",),
        explains=(
            "DAT102",
            "NUM102",
            "NUM103",
            "OPT101",
            "OPT103",
            "OPT104",
            "OPT105",
            "OPT106",
            "GEN101",
            "GEN102",
            "GEN103",
        ),
        fixes=(advice("shuffle the examples in every epoch"),),
    )
