"""The verdict on averaged weights: they and the weights as trained were scored on the same passes over the same examples."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, nan

from advisor.ledger import Measured
from advisor.trials.judge import LOSSES, Verdict

EVALUATIONS = 2
"""The next two evaluations decide: better on the second, no worse on the first, so one lucky pass keeps nothing."""


@dataclass(frozen=True)
class Pair:
    """One evaluation with both sets of weights: the loss and every metric by name."""

    averaged: Mapping[str, float]
    raw: Mapping[str, float]


def judge_average(pairs: tuple[Pair, ...], score: str, less_is_better: bool) -> Verdict:
    """Return the verdict on a running mean of the weights.

    Args:
        pairs: The evaluations since it began, oldest first.
        score: The score that it should improve.
        less_is_better: Of that score.
    """
    if len(pairs) < EVALUATIONS:
        return Verdict("undecided", f"only {len(pairs)} of {EVALUATIONS} evaluations scored both")
    first, last = pairs[0], pairs[-1]
    gains = [_gain(pair, score, less_is_better) for pair in (first, last)]
    told = f"{score} of the averaged weights {last.averaged.get(score, nan):.4g}, of those as trained {last.raw.get(score, nan):.4g}"
    if not all(map(isfinite, gains)):
        return Verdict("undecided", f"{told}: they cannot be compared")
    unit = f"relative {score}" if score in LOSSES else score
    measured = Measured(median=gains[1], low=min(gains), high=max(gains), unit=unit)
    if gains[1] <= 0:
        return Verdict("rolled_back", f"{told}: not better", measured)
    if gains[0] < 0:
        return Verdict("rolled_back", f"{told}, but one evaluation before they were worse by {-gains[0]:.2g}", measured)
    return Verdict("kept", f"{told}, on the same examples, and no worse one evaluation before", measured)


def _gain(pair: Pair, score: str, less_is_better: bool) -> float:
    averaged, raw = pair.averaged.get(score, nan), pair.raw.get(score, nan)
    gain = raw - averaged if less_is_better else averaged - raw
    return gain / (abs(raw) or 1.0) if score in LOSSES else gain


def less_is_better(score: str, metric: str, higher_is_better: bool) -> bool:
    """Tell whether less of a score is better; of the main metric the task says so."""
    return score in LOSSES or (score == metric and not higher_is_better)
