"""What a user hands to the trainer: a model, data, and, where the defaults do not fit, a loss and metrics."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

Loss = nn.Module | Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass
class Task:
    """A training task of the user's own.

    `train`, `val` and `test` are each a `torch.utils.data.Dataset` of `(input, target)` tuples or of dicts with the
    keys `x` and `y` (or `input` and `target`), a pair of arrays or tensors `(inputs, targets)`, or a `DataLoader`: its
    data set, its collate function and, of `train`, whether it shuffles are taken over; batch size, workers and the rest
    are `train.` keys. What is no `DataLoader` is shuffled. Without `val` or
    `test`, those splits are made of `train` (`data.val_fraction`, `data.test_fraction`; 0 makes no test split).
    """

    model: nn.Module
    """Called with one batch of inputs, [B, …]; returns logits [B, C], or predictions [B] or [B, K]."""
    train: Any
    val: Any = None
    test: Any = None
    loss: Loss | None = None
    """`loss(outputs, targets)` → a scalar, the mean over the batch. Left out: by the target: integers → cross entropy,
    one float column → MSE, several 0/1 columns → BCE with logits."""
    metrics: Sequence[Any] = ()
    """Functions `metric(outputs, targets) -> float` over a whole split, or torchmetrics objects; the first is the main
    metric. A function with the attribute `higher_is_better = False` is one to make small. Left out: accuracy, R²."""
    optimizer: Any = None
    """A ready optimizer, or a function from the model to one. Left out: `train.optimizer`."""
    collate: Callable[[list[Any]], Any] | None = None
    order_matters: bool = False
    """The training examples have to come in the order of the data set (neighbours belong together): never shuffled."""
    classes: Sequence[str] = field(default_factory=tuple)
    """Class names; left out: the numbers."""
