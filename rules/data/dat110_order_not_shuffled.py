"""The examples come in the order of their targets.

## What it does
Compares how alike neighbours in the drawn order are, by label or by number, with how alike they would be in a shuffled one.

## Why it matters
A batch of one class teaches the net to answer that class, and the next batch unteaches it (on real texts: .51
accuracy in sorted order, .72 shuffled; measured).

## What to do
Shuffle the examples in every epoch. Where the data set deals in an order of its own, whatever it is asked for, only a
person can.

## Fix safety
Changes what is learned; a fork decides on the loss. It is tried from where the run stands, which is its beginning where the
survey tells the order, and then from the first step on. Of the epoch in which the order turns no example is lost, and none
comes twice.

## When to ignore it
Neighbours belong together by design (frames of a film, sentences of a text): say so by `Task(order_matters=True)`.

## References
- Bengio, «Practical Recommendations for Gradient-Based Training of Deep Architectures», 2012
- von Neumann, «Distribution of the Ratio of the Mean Square Successive Difference to the Variance», 1941
"""

from rules.facts import KnobFacts, OrderFacts, RunFacts
from rules.learning import pays_to_start_over
from rules.remedies import advice, possible, turned
from rules.vocabulary import METRIC_GUARD, Deed, Effect, Evidence, Finding, Fix, Severity, rule

EXCESS_LIMIT = 0.3
"""Of the way from a shuffled order (0) to a sorted one (1): chance gives a few hundredths."""
LEAST_NEIGHBOURS = 100
"""Pairs of neighbours: with fewer, chance alone gives a tenth."""
CHANCE_ERRORS = 4.0
"""Standard errors above a shuffled order, in each of some hundred looks: where nearly all are of one class, a few
neighbours more are a third of the way (one in 25 of 123 rows, shuffled: 35 %)."""

OF_BATCHES = (
    "DAT102", "NUM102", "NUM103", "OPT101", "OPT102", "OPT103", "OPT104", "OPT105", "OPT106", "OPT107", "OPT109",
    "ARC101", "ARC102", "ARC103", "ARC104", "GEN101", "GEN102", "GEN103",
)  # fmt: skip
"""What a run shows whose batches hold one kind of examples each: that is all that units, gradients and losses are measured on."""


@rule("DAT110")
def order_not_shuffled(run: RunFacts, order: OrderFacts, knobs: KnobFacts) -> Finding | None:
    """Find an order that is sorted by the target."""
    excess = order.excess
    if order.neighbours < LEAST_NEIGHBOURS or not excess > max(EXCESS_LIMIT, CHANCE_ERRORS * order.chance_error):
        return None
    shuffling = possible(knobs, _shuffle(over=False), *((_shuffle(over=True),) if pays_to_start_over(run) else ()))
    told = (
        f"{order.alike:.0%} of neighbouring examples share a label; shuffled it would be {order.by_chance:.0%}"
        if order.classes
        else f"the targets of neighbouring examples lie {excess:.0%} of the way from a shuffled order to a sorted one"
    )
    own = knobs.values.get("shuffle") is True
    return Finding(
        code="DAT110",
        name="order_not_shuffled",
        severity=Severity.INFO if order.by_design else Severity.WARNING,
        message=f"{told}: the data set deals in its own order, whatever index it is asked for" if own else told,
        evidence=(Evidence(fact="order.excess", value=excess, limit=EXCESS_LIMIT),),
        causes=("the data are sorted by their targets and not shuffled",),
        explains=OF_BATCHES,
        misleads=not order.by_design,
        fixes=(*shuffling, advice("let the loader shuffle: DataLoader(..., shuffle=True)")),
    )


def _shuffle(*, over: bool) -> Fix:
    return Fix(
        name="start over with the examples shuffled" if over else "shuffle the examples in every epoch",
        effect=Effect.CHANGES_LEARNING,
        deed=Deed.START_OVER if over else Deed.TURN,
        turns=turned(shuffle=True),
        improves="loss",
        guards=(METRIC_GUARD,),
        expected=0.0,
        estimated_by="not estimated: it depends on how soon the net forgets what it has not seen for a while",
    )
