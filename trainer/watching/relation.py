"""How inputs and targets go together, without any net: is there a relation, and does a batch still follow it?

Both look at plain features: numbers as they are (many of them averaged into fewer), tokens as counts of each. Neither says
how well a net could do; they say whether what comes in is what it was, and whether labels belong to inputs at all.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

FEATURES_MOST = 256
"""More inputs are averaged in groups: a 28 × 28 image keeps its coarse shape, and the algebra stays at milliseconds."""
TOKENS_MOST = 512
"""Different tokens that are counted; larger numbers share a place."""
EXAMPLES_MOST = 400
"""A relation worth a label shows in so many (13 data sets: at least 16 spreads, shuffled at most 4); the algebra of more
would be felt at the start of a small run."""
COLUMNS_MOST = 64
"""Numbers of a target that are looked at: of a map or a sequence the first ones speak for the rest."""
CLASSES_MOST = 1000
"""Of more classes a few hundred examples show hardly one each."""
EXAMPLES_LEAST = 60
"""Below, chance alone looks like a relation."""
NEIGHBOURS = 5
"""Nearest examples whose targets are compared: one alone is noisy, many blur classes of few examples."""
RIDGE = 0.3
"""Of the examples: as much shrinkage as keeps a linear fit of 256 features on 400 examples from chasing noise."""
SHUFFLES = 40
"""Their spread is known to a ninth, which is enough to tell 3 from 10."""


def relatedness(inputs: Tensor, targets: Tensor, *, classes: bool) -> tuple[float, int]:
    """Return how much closer inputs and targets go together than shuffled ones, and the examples behind it.

    In spreads of shuffled ones; NaN and 0 where there are too few, or all are alike.

    The larger of two: agreement of each target with its nearest neighbours', and with what a linear fit to the other
    examples says (a permutation test; compare Gretton et al. 2007, «A Kernel Statistical Test of Independence»).

    Args:
        inputs: [N, …], numbers or tokens.
        targets: [N] class numbers, or [N] or [N, K] numbers.
        classes: The targets are class numbers.
    """
    count = min(len(targets), EXAMPLES_MOST)
    wanted = _coded(_present(targets[:count]) if classes else targets[:count], classes)
    known = _features(inputs[:count])
    if count < EXAMPLES_LEAST or known is None or wanted is None or not known.any():
        return float("nan"), 0
    order = np.random.default_rng(0)
    shuffled = [wanted] + [wanted[torch.from_numpy(order.permutation(count))] for _ in range(SHUFFLES)]
    stacked = torch.stack(shuffled)
    scores = []
    for says in (_neighbours(known), _linear(known)):
        agreement = (stacked * (says @ stacked)).sum((1, 2))
        spread = float(agreement[1:].std())
        scores.append(float(agreement[0] - agreement[1:].mean()) / spread if spread > 0 else 0.0)
    return max(scores), count


def _neighbours(known: Tensor) -> Tensor:
    apart = torch.cdist(known, known)
    apart.fill_diagonal_(float("inf"))
    nearest = apart.topk(NEIGHBOURS, largest=False).indices
    return torch.zeros_like(apart).scatter_(1, nearest, 1.0 / NEIGHBOURS)


def _linear(known: Tensor) -> Tensor:
    says: Tensor = known @ torch.linalg.solve(_gram(known), known.T)
    return says.fill_diagonal_(0.0)


def _gram(known: Tensor) -> Tensor:
    return known.T @ known + RIDGE * len(known) * torch.eye(known.shape[1])


@dataclass(frozen=True)
class Relation:
    """A linear fit of targets to inputs."""

    centre: Tensor
    scale: Tensor
    weights: Tensor
    """[D, K]."""
    classes: bool
    shape: int
    """Numbers in one input."""
    left_out: float | None = None
    """How each of the first examples agrees with a fit to the others: what the fit knows of them is not by heart."""

    @classmethod
    def fitted(cls, inputs: Tensor, targets: Tensor, *, classes: bool) -> "Relation | None":
        """Return the fit; nothing where there are too few examples, or nothing varies."""
        classes = classes and targets.ndim == 1
        if len(targets) < EXAMPLES_LEAST or (classes and int(targets.max()) >= CLASSES_MOST):
            return None
        plain, wanted = _plain(inputs), _coded(targets, classes)
        if plain is None or wanted is None:
            return None
        centre, scale = plain.mean(0), plain.std(0)
        scale = torch.where(scale > 0, scale, torch.ones_like(scale))
        known = _finite((plain - centre) / scale)
        solved = torch.linalg.solve(_gram(known), known.T)
        fit = cls(centre, scale, solved @ wanted, classes, inputs[0].numel())
        return replace(fit, left_out=fit._told(_of_the_others(known, solved, wanted), targets))

    def agreement(self, inputs: Tensor, targets: Tensor) -> float | None:
        """Return how a batch agrees: the accuracy, or the correlation with the first target; nothing where it cannot say."""
        if len(inputs) != len(targets) or len(targets) < 2 or inputs[0].numel() != self.shape:
            return None
        plain = _plain(inputs)
        if plain is None or plain.shape[1] != len(self.centre):
            return None
        return self._told(_finite((plain - self.centre) / self.scale) @ self.weights, targets)

    def _told(self, says: Tensor, targets: Tensor) -> float | None:
        """Return how what it says [N, K] agrees with the targets."""
        if self.classes:
            return float((says.argmax(1) == targets.cpu()).float().mean())
        wanted = targets.reshape(len(targets), -1)[:, 0].float().cpu()
        pair = torch.corrcoef(torch.stack([says[:, 0], wanted]))[0, 1]
        return float(pair) if bool(torch.isfinite(pair)) else None


def _of_the_others(known: Tensor, solved: Tensor, wanted: Tensor) -> Tensor:
    """Return what fits to all other examples say of each, [N, K], without making them (Allen, «PRESS», 1974)."""
    own = (known * solved.T).sum(1, keepdim=True).clamp(max=0.99)
    return (known @ (solved @ wanted) - own * wanted) / (1 - own)


def _features(inputs: Tensor) -> Tensor | None:
    plain = _plain(inputs)
    if plain is None:
        return None
    spread = plain.std(0)
    return _finite((plain - plain.mean(0)) / torch.where(spread > 0, spread, torch.ones_like(spread)))


def _plain(inputs: Tensor) -> Tensor | None:
    """Return [N, D] features: numbers, averaged where there are many, or counts of tokens; nothing for an empty input."""
    rows = inputs.detach().cpu().flatten(1) if inputs.ndim > 1 else inputs.detach().cpu()[:, None]
    if not rows.shape[1] or rows.is_complex():
        return None
    if not rows.is_floating_point():
        if rows.shape[1] == 1:
            return rows.float()
        places = rows.long().clamp(min=0) % TOKENS_MOST
        return torch.zeros(len(rows), TOKENS_MOST).scatter_add_(1, places, torch.ones(places.shape))
    numbers = _finite(rows.float())
    return functional.adaptive_avg_pool1d(numbers[None], FEATURES_MOST)[0] if rows.shape[1] > FEATURES_MOST else numbers


def _coded(targets: Tensor, classes: bool) -> Tensor | None:
    """Return [N, K] centred targets; nothing where all are the same."""
    if classes and targets.ndim == 1 and len(targets):
        coded = functional.one_hot(targets.long().cpu().clamp(min=0)).float()
    else:
        coded = _finite(targets.cpu().float().reshape(len(targets), -1)[:, :COLUMNS_MOST])
    centred = coded - coded.mean(0)
    return centred if bool(centred.any()) else None


def _present(targets: Tensor) -> Tensor:
    """Return class numbers as places among the classes that are there: as many columns as are needed."""
    return torch.unique(targets.cpu(), return_inverse=True)[1] if targets.ndim == 1 else targets


def _finite(numbers: Tensor) -> Tensor:
    return torch.nan_to_num(numbers, nan=0.0, posinf=0.0, neginf=0.0)
