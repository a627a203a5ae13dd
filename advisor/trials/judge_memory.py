"""The verdict on rounds of a fix that is there for memory: what it spares, and what it costs in time."""

from collections.abc import Sequence
from math import isfinite
from statistics import median

from advisor.ledger import Measured
from advisor.trials.judge import Verdict

LEAST_SPARED = 0.05
"""Of the peak: less is no answer to a device that is nearly full, and worth no second of time."""
MOST_SLOWER = 0.75
"""Of the time of an example. To compute all activations again costs one forward pass, a third of a step (Chen et al. 2016);
nine nets took 20 to 69 % longer (tests/bench/RESULTS.md). Beyond this the device is better used otherwise."""


def judge_memory(spared: Sequence[float], gains: Sequence[float], rounds: int) -> Verdict:
    """Return the verdict on rounds of a fix for memory.

    Args:
        spared: Relative memory spared at the peak in each round: 0.3 = 30 % less; without those that nobody counted.
        gains: Relative time saved in each round; below zero where it is slower.
        rounds: How many rounds were asked for; all must agree.
    """
    if min(len(spared), len(gains)) < rounds or not all(map(isfinite, (*spared, *gains))):
        return Verdict("undecided", f"memory was counted in only {min(len(spared), len(gains))} of {rounds} rounds")
    middle, time = median(spared), -median(gains)
    measured = Measured(median=middle, low=min(spared), high=max(spared), unit="relative bytes")
    told = f"the peak of memory is {abs(middle):.0%} {'lower' if middle >= 0 else 'higher'}"
    cost = f"examples take {abs(time):.0%} {'more' if time > 0 else 'less'} time"
    if min(spared) < LEAST_SPARED:
        return Verdict("rolled_back", f"{told}; {LEAST_SPARED:.0%} would be worth a turn", measured)
    if time > MOST_SLOWER:
        return Verdict("rolled_back", f"{told}, but {cost}: more than {MOST_SLOWER:.0%}", measured)
    return Verdict("kept", f"{told} in {rounds} rounds; {cost}", measured)
