"""The loss that a classification has where nothing is learned: that of the best constant, under the knobs that shape a loss.

Class weights and draws change how often a class counts; focal loss what each of its examples counts. A logit adjustment changes
nothing here, for a constant takes it up.
"""

from collections import Counter
from functools import lru_cache
from math import exp, log, sqrt

WEIGHT_CAP = 10.0
"""The trainer lets a class count ten times an average one at the most."""

HALVINGS = 50
"""Of an interval: what is left is less than a float tells apart."""


STEEPNESS = (-60.0, 30.0)
"""Logarithms of slopes between which that of the best constant lies."""


def weighed_chance(counts: tuple[int, ...], *, root: bool, focal: float = 0.0) -> float:
    """Return the weighted cross entropy of the best constant, with the weights that the trainer gives classes.

    They have mean 1 over the examples, so each class's share of the loss is a frequency, and the best constant's loss is
    the entropy of these (`trainer.stepping.objective.weights_of`).

    Args:
        counts: Training examples of each class.
        root: Weights are the root of the rarity, else the rarity.
        focal: The power of a focal loss; 0 is plain.
    """
    average = sum(counts) / len(counts)
    return _least_loss([n * min(sqrt(average / n) if root else average / n, WEIGHT_CAP) for n in counts if n], focal)


def drawn_chance(counts: tuple[int, ...], *, root: bool, focal: float = 0.0) -> float:
    """Return the cross entropy of the best constant on examples that a sampler draws: the entropy of the classes drawn.

    Args:
        counts: Training examples of each class.
        root: Each example is drawn with a chance of n^-0.5, else of 1/n.
        focal: The power of a focal loss; 0 is plain.
    """
    return _least_loss([sqrt(n) if root else 1.0 for n in counts if n], focal)


def focal_chance(counts: tuple[int, ...], focal: float) -> float:
    """Return the focal loss of the best constant.

    Args:
        counts: Training examples of each class.
        focal: Its power.
    """
    return _least_loss([float(n) for n in counts if n], focal)


def _least_loss(weights: list[float], focal: float) -> float:
    """Return the least loss of a constant where classes count in proportion to these weights."""
    total = sum(weights)
    shares = sorted(Counter(weight / total for weight in weights).items())
    if not focal:
        return sum(times * share * log(1 / share) for share, times in shares)
    return _least_focal(tuple(shares), focal)


@lru_cache
def _least_focal(shares: tuple[tuple[float, int], ...], focal: float) -> float:
    """Return the least focal loss of a constant.

    Its terms are convex in the probabilities, so the best ones have one slope in common: found by halving it.
    """
    if sum(times for _, times in shares) < 2:
        return 0.0  # one class: the constant is right
    low, high = STEEPNESS
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        chances = [_chance_at(exp(middle) / share, focal) for share, _ in shares]
        too_flat = sum(times * chance for (_, times), chance in zip(shares, chances, strict=True)) > 1
        low, high = (middle, high) if too_flat else (low, middle)
    return sum(
        times * share * float((1 - chance) ** focal) * log(1 / chance)
        for (share, times), chance in zip(shares, chances, strict=True)
    )


def _chance_at(slope: float, focal: float) -> float:
    """Return where a focal loss falls this steeply: a probability, 0 to 1."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        left = 1 - middle
        falls = float(left**focal / middle - focal * left ** (focal - 1) * log(middle))
        low, high = (middle, high) if falls > slope else (low, middle)
    return high
