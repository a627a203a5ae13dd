"""The training data change on the way.

## What it does
Compares what goes into the net with what went in during the first epoch: values that are not a number, mean and spread of
the rest, and whether targets still belong to inputs as a linear model of the first examples has it. Nothing that the net
or its rate does can move these.

## Why it matters
The net unlearns what it knew, on examples that are not those it will meet; to the loss it looks like a rate that is too
high, and turning the rate mends nothing.

## What to do
Look at what begins at that step: another file or shard, a normalisation that is left out, an augmentation that is switched
on, labels that are read from another place.

## Fix safety
Needs a person: the fault is in the data or the loader. Nothing is turned, rolled back or stopped on its account; the best
model so far is kept.

## When to ignore it
A curriculum, or data that drift by nature.

## References
- Breck et al., «Data Validation for Machine Learning», MLSys 2019
- Rabanser et al., «Failing Loudly: Detecting Dataset Shift», NeurIPS 2019
"""

from collections.abc import Sequence
from itertools import takewhile
from math import isfinite, sqrt
from statistics import fmean, median, stdev

from rules.facts import StreamCheck, StreamFacts, TaskFacts
from rules.remedies import advice
from rules.symptoms import MISJUDGED, RUNAWAY, STUCK
from rules.vocabulary import Evidence, Finding, Severity, rule

GROSS_FACTOR = 3.0
"""Of the spread: no augmentation or order of a healthy run moves it so far; two looks are enough."""
GROSS_LOOKS = 2
"""In a row: one batch may be a freak."""
LOOKS = 3
"""In a row, for what is less plain."""
SHIFT = 0.25
"""Of the first spread, that mean or spread have moved: less is no fault even where it is certain."""
WIDTHS = 2.0
"""Widths of the range of the first looks beyond that range: about seven spreads of them."""
WIDTH_LEAST = 0.02
"""Of the first spread: batches are never steadier than that."""
KNOWN_SHARE = 0.15
"""By which a linear model of the first examples beats guessing on the first looks: below, it cannot see a change."""
ERRORS = 6.0
"""Standard errors of the difference: small batches and some ninety looks a run give four by chance."""
SPREAD_LEAST = 0.02
"""Of the agreement, from look to look: the first few may be equal by chance."""
KEPT_SHARE = 0.5
"""Of what it knew: with less left, targets no longer belong to inputs as they did."""


@rule("DAT113")
def data_change(task: TaskFacts, stream: StreamFacts) -> Finding | None:
    """Find batches that are not what they were."""
    guess = 1 / len(task.classes) if task.classes else 0.0
    change = _broken(stream) or _moved(stream) or _parted(stream, guess)
    if change is None:
        return None
    said, evidence, causes = change
    return Finding(
        code="DAT113",
        name="data_change",
        severity=Severity.ERROR,
        message=f"{said}: nothing is turned, the fault is in the data",
        evidence=(evidence,),
        causes=causes,
        explains=(*RUNAWAY, *STUCK, *MISJUDGED, "DAT104"),
        fixes=(advice("look at what the loader delivers from that step on, beside what it delivered before"),),
    )


Change = tuple[str, Evidence, tuple[str, ...]]


def _broken(stream: StreamFacts) -> Change | None:
    newest = stream.later[-GROSS_LOOKS:]
    if len(newest) < GROSS_LOOKS or any(look.broken_share for look in stream.first):
        return None
    share = min(look.broken_share for look in newest)
    if not share > 0:
        return None
    said = f"{share:.2%} of the values that enter the net are not a number since step {_since(stream, [look.broken_share > 0 for look in stream.later])}, none before"
    return said, Evidence(fact="stream.broken_share", value=share, limit=0), ("values that go missing on the way",)


def _moved(stream: StreamFacts) -> Change | None:
    spread = median(look.std for look in stream.first)
    newest = [look for look in stream.later[-LOOKS:] if isfinite(look.std)]
    if not spread > 0 or len(newest) < GROSS_LOOKS:
        return None
    factors = [look.std / spread for look in newest[-GROSS_LOOKS:]]
    gross = min(factors) > GROSS_FACTOR or max(factors) < 1 / GROSS_FACTOR
    means, spreads = [look.mean for look in stream.first], [look.std for look in stream.first]
    outside = len(newest) == LOOKS and (
        _outside([look.mean for look in newest], means, spread)
        or _outside([look.std for look in newest], spreads, spread)
    )
    if not gross and not outside:
        return None
    last = newest[-1]
    moved = [_apart(look.std, spreads, spread) or _apart(look.mean, means, spread) for look in stream.later]
    since = _since(stream, moved)
    said = (
        f"what enters the net is {last.mean:.3g} ± {last.std:.3g} since step {since}, "
        f"{median(means):.3g} ± {spread:.3g} in the first epoch"
    )
    return said, Evidence(fact="stream.std", value=last.std, limit=spread), ("inputs that are prepared in another way",)


def _parted(stream: StreamFacts, guess: float) -> Change | None:
    """Tell whether targets have parted from inputs that are what they were."""
    first = [look for look in stream.first if isfinite(look.agreement)]
    if len(first) < LOOKS:
        return None
    usual, spread = fmean(look.agreement for look in first), stdev(look.agreement for look in first)
    limit = guess + KEPT_SHARE * (usual - guess)
    known = [look for look in stream.later if isfinite(look.agreement)]
    low = list(takewhile(lambda look: look.agreement < limit, reversed(known)))
    if len(low) < LOOKS or not usual - guess > KNOWN_SHARE:
        return None
    one_example = usual * (1 - usual) if guess else (1 - usual**2) ** 2
    least = max(spread, SPREAD_LEAST) ** 2
    error = sqrt(sum(_variance(looks, one_example, least) for looks in (first, low)))
    newest = fmean(look.agreement for look in low)
    if not newest < usual - ERRORS * error:
        return None
    since = low[-1].step
    said = (
        f"the targets go with the inputs by {newest:.2f} since step {since}, by {usual:.2f} in the first "
        "epoch (a linear model of the first examples)"
    )
    return said, Evidence(fact="stream.agreement", value=newest, limit=limit), ("labels of other examples",)


def _variance(looks: Sequence[StreamCheck], one_example: float, least: float) -> float:
    """Return the squared error of the mean agreement of some looks.

    A look errs by what chance does with so many examples (binomial for an accuracy, Fisher's for a correlation), and
    by no less than `least`: few looks may lie closer together than that by luck.
    """
    errors = (max(one_example / (look.examples - 1), least) if look.examples > 1 else least for look in looks)
    return sum(errors) / len(looks) ** 2


def _outside(newest: list[float], first: list[float], spread: float) -> bool:
    """Tell whether all of the newest lie on one side, far outside the range of the first."""
    sides = {value > median(first) for value in newest}
    return len(sides) == 1 and all(_apart(value, first, spread) for value in newest)


def _apart(value: float, first: list[float], spread: float) -> bool:
    width = max(max(first) - min(first), WIDTH_LEAST * spread)
    beyond = max(value - max(first), min(first) - value)
    return beyond > WIDTHS * width and abs(value - median(first)) > SHIFT * spread


def _since(stream: StreamFacts, changed: list[bool]) -> int:
    """Return the step since which all looks have changed; of the newest one at the latest."""
    sound = max((place for place, one in enumerate(changed[:-1]) if not one), default=-1)
    return stream.later[sound + 1].step
