"""The stream of batches: is what goes into the net still what it was, does it still go with its targets, does it repeat?

At every look at the layers the values that enter the first weights are described: mean, spread, what is not a number,
whether all examples are alike. A linear model of the first examples (`trainer.watching.relation`) says whether targets still belong
to inputs as they did: nothing that the net or its rate does can move that.
"""

import hashlib
from collections import deque
from math import ceil
from typing import Any

import torch

from trainer.data.batch import Batch
from trainer.setup import Setup
from trainer.watching.relation import Relation
from trainer.words import Stream

KEPT_EXAMPLES = 400
"""Of the first epoch, spread over it: what the relation is fitted to."""
KEPT_SHARE = 0.1
"""Of the run at most: an epoch may be all of it."""
KEPT_MOST_BYTES = 16 << 20
"""Held until the fit: fewer examples of large inputs."""
WATCHED_BATCHES = 8
"""Of which it is counted how many different inputs they hold."""
MAD = 1.4826
"""Spreads of a normal distribution in its median absolute deviation."""
WATCHED_ROWS = 128
"""Of a batch: hashing them takes a fraction of a millisecond."""


class StreamWatch:
    """Watches the batches of one run.

    Args:
        setup: The run's data and task.
        batch_size: Examples of a step.
        samples_total: Examples of the whole run, repeats counted.
    """

    def __init__(self, setup: Setup, batch_size: int, samples_total: int) -> None:
        self._classes = setup.info.kind == "classification"
        self._in_memory = setup.info.in_memory
        self._rest = min(setup.info.train_examples, ceil(KEPT_SHARE * samples_total))
        self._each = max(1, ceil(KEPT_EXAMPLES * batch_size / max(self._rest, 1)))
        self._kept: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._bytes = 0
        self._relation: Relation | None = None
        self._batches: deque[tuple[set[int], set[bytes]]] = deque(maxlen=WATCHED_BATCHES)

    def take(self, batch: Batch) -> None:
        """Keep a few of a batch's examples until there are enough for the relation."""
        if self._rest <= 0:
            return
        self._rest -= batch.targets.shape[0]
        if isinstance(batch.inputs, torch.Tensor) and self._bytes < KEPT_MOST_BYTES:
            few = batch.inputs[: self._each].clone()
            self._bytes += few.nbytes
            self._kept.append((few, batch.targets[: self._each].clone()))
        if self._rest <= 0 and self._kept:
            inputs, targets = (torch.cat(parts) for parts in zip(*self._kept, strict=True))
            self._relation = Relation.fitted(inputs, targets, classes=self._classes)
            self._kept = []

    def look(self, entered: torch.Tensor | None, batch: Batch) -> Stream | None:
        """Return what went into the net in this step; nothing where it is no tensor."""
        if entered is None or not entered.numel():
            return None
        asked, distinct = self._repeats(batch)
        values = entered.float()
        mean, std = _usual(values)
        return Stream(
            mean=mean,
            std=std,
            broken_share=1 - float(torch.isfinite(values).float().mean()),
            alike=len(values) > 1 and bool((entered == entered[:1]).all()),
            agreement=self._agreement(entered, batch),
            left_out=self._relation.left_out if self._relation else None,
            asked=asked,
            distinct=distinct,
            examples=len(entered),
        )

    def _agreement(self, entered: torch.Tensor, batch: Batch) -> float | None:
        """Return how the batch agrees with the relation; by its own inputs where the net takes them apart at first."""
        if self._relation is None:
            return None
        told = self._relation.agreement(entered, batch.targets[: len(entered)])
        if told is None and isinstance(batch.inputs, torch.Tensor):
            told = self._relation.agreement(batch.inputs, batch.targets)
        return told

    def _repeats(self, batch: Batch) -> tuple[int, int]:
        """Return how many examples the last watched batches were to hold, and how many different ones they held."""
        if self._in_memory or not isinstance(batch.inputs, torch.Tensor) or batch.inputs.device.type != "cpu":
            return 0, 0
        indices: Any = batch.ticket.indices[:WATCHED_ROWS]
        rows = batch.inputs[: len(indices)].detach().contiguous().numpy()
        self._batches.append(
            (
                {int(index) for index in indices},
                {hashlib.blake2b(row.tobytes(), digest_size=12).digest() for row in rows},
            )
        )
        asked: set[int] = set().union(*(one for one, _ in self._batches))
        held: set[bytes] = set().union(*(other for _, other in self._batches))
        return len(asked), len(held)


def _usual(values: torch.Tensor) -> tuple[float, float]:
    """Return mean and spread of the usual example: the medians over the batch, which a few freak examples do not move."""
    rows = values.flatten(1) if values.ndim > 1 else values[:, None]
    rows = rows.where(torch.isfinite(rows), torch.nan)
    if rows.shape[1] == 1:  # one number has no spread: that of the batch about its median
        middle = rows.nanmedian()
        return float(middle), MAD * float((rows - middle).abs().nanmedian())
    means = rows.nanmean(1)
    spreads = (rows - means[:, None]).square().nanmean(1).sqrt()
    return float(means.nanmedian()), float(spreads.nanmedian())
