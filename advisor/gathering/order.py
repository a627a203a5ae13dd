"""Facts about the order of the examples: of the batches as they were drawn, and before the first of the survey."""

from math import isfinite

from advisor.signals.signals import Signals
from rules.facts import OrderFacts

NEIGHBOURS = 20_000
"""The survey compares so many pairs at the most."""
TELLING = 100
"""Pairs of neighbours in the batches: of fewer the survey tells more."""


def order(signals: Signals) -> OrderFacts | None:
    """Return the order in which examples are drawn; nothing before anything is known of it.

    The batches go before the survey: a data set may deal its examples in an order of its own, whatever it is asked for. What
    the survey has told of an order that was turned since does not count.
    """
    started, survey = signals.started, signals.survey
    if started is None or survey is None:
        return None
    classes = any(survey.class_counts)
    pairs = sum(behind for _, behind in signals.likenesses)
    if pairs >= TELLING:
        found = sum(alike * behind for alike, behind in signals.likenesses) / pairs
    elif not signals.redrawn:
        pairs = min(max(survey.examples - 1, 0), NEIGHBOURS)
        found = survey.neighbour_label_match if classes else survey.neighbour_likeness
    else:
        return None
    if not isfinite(found):
        return None
    shares = [count / sum(survey.class_counts) for count in survey.class_counts] if classes else []
    return OrderFacts(
        alike=found,
        by_chance=float(sum(share**2 for share in shares)),
        neighbours=pairs,
        classes=classes,
        by_design=started.task.order_matters,
        thrice_by_chance=float(sum(share**3 for share in shares)),
    )
