"""Rules that decide a fork from the same arms, side by side: what each costs, and whether it keeps.

Every rule takes gains over a common scale: one value a stream of batches for the control, and one for the candidate,
both turned so that more is better and divided by the control's mean. Leading axes are trials.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

LEAST_GAIN = 0.005
"""Half a percent of the score, as in trials.md."""

LEVEL = 0.95


@dataclass(frozen=True)
class Pool:
    """What earlier forks of the run have shown."""

    null_squares: np.ndarray
    """Trials × nulls: squared differences null - control."""
    pair_variances: np.ndarray
    """Trials × earlier forks: variance of paired differences, each from as many pairs as the rule itself takes."""


@dataclass(frozen=True)
class Judge:
    """A rule: how many arms of H steps it takes, and what it keeps."""

    name: str
    arms: int
    pairs: int
    keeps: Callable[[np.ndarray, np.ndarray, Pool], np.ndarray]


def factor(freedom: int) -> float:
    """Return the one-sided 95 % Student factor."""
    return float(student.ppf(LEVEL, freedom))


def null_arms(nulls: int, pooled: bool = False) -> Judge:
    """The rule of trials.md: gain over Student times the root mean square of null arms around the one control."""

    def keeps(control: np.ndarray, candidate: np.ndarray, pool: Pool) -> np.ndarray:
        gain = candidate[..., 0] - control[..., 0]
        squares = (control[..., 1 : nulls + 1] - control[..., :1]) ** 2
        if pooled:
            squares = np.concatenate([squares, pool.null_squares], -1)
        noise = factor(squares.shape[-1]) * np.sqrt(squares.mean(-1))
        return gain > np.maximum(noise, LEAST_GAIN)

    name = f"(a) {nulls} null" + ("s" if nulls > 1 else "") + (" + 3 of an earlier fork" if pooled else "")
    return Judge(name, 2 + nulls, 1, keeps)


def pairs(count: int) -> Judge:
    """Paired differences on `count` streams, Student's t on `count` - 1 degrees of freedom."""

    def keeps(control: np.ndarray, candidate: np.ndarray, pool: Pool) -> np.ndarray:
        difference = candidate[..., :count] - control[..., :count]
        noise = factor(count - 1) * difference.std(-1, ddof=1) / np.sqrt(count)
        return difference.mean(-1) > np.maximum(noise, LEAST_GAIN)

    return Judge(f"(b) {count} pairs, t", 2 * count, count, keeps)


def pooled_pairs(count: int, own_at_least: bool) -> Judge:
    """Paired differences with a spread pooled over earlier forks; or with the larger of that and its own."""

    def keeps(control: np.ndarray, candidate: np.ndarray, pool: Pool) -> np.ndarray:
        difference = candidate[..., :count] - control[..., :count]
        earlier = pool.pair_variances
        own = difference.var(-1, ddof=1) if count > 1 else np.zeros(difference.shape[:-1])
        freedom = (count - 1) + earlier.shape[-1] * max(count - 1, 1)
        together = ((count - 1) * own + max(count - 1, 1) * earlier.sum(-1)) / freedom
        spread = np.maximum(own, together) if own_at_least else together
        noise = factor(freedom) * np.sqrt(spread / count)
        return difference.mean(-1) > np.maximum(noise, LEAST_GAIN)

    how = "larger of own and pooled spread" if own_at_least else "pooled spread"
    return Judge(f"(c) {count} pair{'s' if count > 1 else ''}, {how}", 2 * count, count, keeps)


def signs(count: int) -> Judge:
    """All pairs must agree, and their middle be worth it."""

    def keeps(control: np.ndarray, candidate: np.ndarray, pool: Pool) -> np.ndarray:
        difference = candidate[..., :count] - control[..., :count]
        return (difference.min(-1) > 0) & (np.median(difference, -1) > LEAST_GAIN)

    return Judge(f"(d) {count} pairs agree", 2 * count, count, keeps)


def two_samples(count: int) -> Judge:
    """The same arms, not paired: Student's t for two samples, 2·(`count` - 1) degrees of freedom."""

    def keeps(control: np.ndarray, candidate: np.ndarray, pool: Pool) -> np.ndarray:
        gain = candidate[..., :count].mean(-1) - control[..., :count].mean(-1)
        spread = (control[..., :count].var(-1, ddof=1) + candidate[..., :count].var(-1, ddof=1)) / 2
        noise = factor(2 * count - 2) * np.sqrt(2 * spread / count)
        return gain > np.maximum(noise, LEAST_GAIN)

    return Judge(f"(e) {count} + {count} arms, not paired", 2 * count, count, keeps)


def pooled_samples(count: int) -> Judge:
    """Two samples whose spread is pooled with that of three null arms of an earlier fork."""

    def keeps(control: np.ndarray, candidate: np.ndarray, pool: Pool) -> np.ndarray:
        gain = candidate[..., :count].mean(-1) - control[..., :count].mean(-1)
        own = control[..., :count].var(-1, ddof=1) + candidate[..., :count].var(-1, ddof=1) if count > 1 else 0.0
        freedom = 2 * (count - 1) + pool.null_squares.shape[-1]
        spread = ((count - 1) * own + pool.null_squares.sum(-1) / 2) / freedom
        return gain > np.maximum(factor(freedom) * np.sqrt(2 * spread / count), LEAST_GAIN)

    return Judge(f"(f) {count} + {count} arms, not paired, + 3 nulls of an earlier fork", 2 * count, count, keeps)


def stopped_early(judge: Judge) -> Judge:
    """Return the judge with a stop for futility: the first pair must show a gain, else no more arms are run."""

    def keeps(control: np.ndarray, candidate: np.ndarray, pool: Pool) -> np.ndarray:
        return judge.keeps(control, candidate, pool) & (candidate[..., 0] > control[..., 0])

    return Judge(f"{judge.name}; stop if the first pair shows no gain", judge.arms, judge.pairs, keeps)


JUDGES = (
    null_arms(1),
    null_arms(2),
    null_arms(3),
    null_arms(1, pooled=True),
    pairs(2),
    pairs(3),
    pairs(4),
    pairs(5),
    pooled_pairs(1, own_at_least=False),
    pooled_pairs(2, own_at_least=False),
    pooled_pairs(2, own_at_least=True),
    pooled_pairs(3, own_at_least=True),
    signs(3),
    signs(4),
    signs(5),
    two_samples(2),
    two_samples(3),
    pooled_samples(1),
    pooled_samples(2),
    stopped_early(two_samples(2)),
    stopped_early(pairs(3)),
)
