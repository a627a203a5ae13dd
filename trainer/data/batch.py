"""A ticket says which examples a batch holds; a feed turns tickets into batches."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from trainer.data.gauge import FetchCost
from trainer.words import Drawn


@dataclass(frozen=True)
class Ticket:
    """One batch to be: the epoch, how many examples of it came before, and the examples' indices in the split.

    `(seed, epoch, offset)` seeds the fetch, so who fetches the batch, and when, changes nothing.
    """

    epoch: int
    offset: int
    indices: npt.NDArray[np.int64]
    parts: tuple[Drawn, ...] = ()
    """How its epoch is drawn up to here: what a place behind it has to know. Empty: as examples are drawn now."""


@dataclass
class Batch:
    """One batch on the host (or already on the device, when the whole split lives there)."""

    inputs: Any
    """A tensor [B, …], or a structure of tensors where the user's collate makes one."""
    targets: torch.Tensor
    """[B] int64 for classes, [B] or [B, K] float32 otherwise."""
    ticket: Ticket
    fetch_s: float = 0.0
    """Seconds that fetching took, in the process that did it."""
    cost: FetchCost | None = None
    """What it took besides, where items are fetched one by one."""


class Feed(Protocol):
    """Turns tickets into batches, in order."""

    def batches(self, tickets: Iterable[Ticket]) -> Iterator[Batch]:
        """Yield one batch a ticket; closing the iterator drains what was prepared ahead.

        No ticket is lost or doubled: what was prepared and not taken is simply asked for again by the next call.
        """
        ...

    def close(self) -> None:
        """Let go of worker processes and caches."""
        ...


def close(batches: Iterator[Batch]) -> None:
    """Let go of what an iterator has prepared ahead."""
    end = getattr(batches, "close", None)
    if end:
        end()
