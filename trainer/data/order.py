"""The order of the epochs: which examples each batch holds, from any place on, however they were drawn before it."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from trainer.config import Sampler
from trainer.data.batch import Ticket
from trainer.words import Drawn

Indices = npt.NDArray[np.int64]

UNREACHED = 1_000_003
"""No run gets to this epoch: what is to be drawn beside a run, and never in it, is drawn from there on. Without shuffling
those epochs begin elsewhere in the data set, each by its own draw, for they would hold the very same batches."""

REST, WITH_REPLACEMENT, ELSEWHERE = 1, 2, 3
"""Words of a seed that tell what is drawn; none is 0, for a seed that ends in zeros is the same without them."""

POWERS: dict[Sampler, float] = {"sqrt": 0.5, "balanced": 1.0}
"""A class of n examples is drawn with a probability in proportion to n^(1 - power): each of its examples to n^-power."""


class Order:
    """The order in which examples are drawn; epoch e has its own permutation, seeded by (seed, e).

    It holds no place: whoever takes batches knows how far it came, and how what lies before it was drawn. `batch_size` and
    `drawing` may be changed between two calls of `tickets`; the rest of the epoch then goes on at its offset. Without a
    sampler the rest holds what the epoch has not shown yet, and none of it twice.

    Args:
        examples: Of the split, N.
        batch_size: Examples of a batch.
        seed: Of the run.
        shuffle: Each epoch is a permutation; else the examples come as they lie in the data set.
        sampler: How often a class is drawn, with replacement; `none` draws each example once.
        labels: The class of each example, [N] int64; a sampler needs them.
    """

    def __init__(
        self,
        examples: int,
        batch_size: int,
        seed: int,
        shuffle: bool = True,
        sampler: Sampler = "none",
        labels: Indices | None = None,
    ) -> None:
        self.examples = examples
        self.batch_size = batch_size
        self.seed = seed
        self.drawing = Drawn(shuffle=shuffle, sampler=sampler)
        """How examples are drawn from now on."""
        self._labels = labels
        self._chances: dict[Sampler, npt.NDArray[np.float64]] = {}

    def permutation(self, epoch: int, parts: Sequence[Drawn] = ()) -> Indices:
        """Return the indices in the order of this epoch, [N] int64; under a sampler some are there more than once.

        Args:
            epoch: Which.
            parts: How its parts are drawn, each from its offset on; left out, all of it as examples are drawn now.
        """
        parts = parts or (self.drawing,)
        drawn = self._draw(epoch, parts[0], np.empty(0, dtype=np.int64))
        for part in parts[1:]:
            before = drawn[: part.since]
            drawn = np.concatenate([before, self._draw(epoch, part, before)])
        return drawn

    def tickets(self, epoch: int, offset: int, parts: tuple[Drawn, ...] = ()) -> Iterator[Ticket]:
        """Yield batches endlessly from this place on; an epoch's last batch may be short.

        An offset at the end of its epoch is the start of the next one.

        Args:
            epoch: Of the place.
            offset: Examples of the epoch that lie before the place.
            parts: How these were drawn; left out, as examples are drawn now.
        """
        size = self.batch_size
        if parts and offset < self.examples and parts[-1].at(0) != self.drawing:
            parts = (*(part for part in parts if part.since < offset), self.drawing.at(offset))
        while True:
            parts = parts if parts and offset else (self.drawing,)
            permutation = self.permutation(epoch, parts)
            for start in range(offset, self.examples, size):
                yield Ticket(epoch, start, permutation[start : start + size], parts)
            epoch, offset, parts = epoch + 1, 0, ()

    def _draw(self, epoch: int, part: Drawn, before: Indices) -> Indices:
        """Return what a part of an epoch would hold if it went on to the epoch's end, [N - since]."""
        count = self.examples - part.since
        if part.sampler != "none":
            random = np.random.default_rng((self.seed, epoch, part.since, WITH_REPLACEMENT))
            return random.choice(self.examples, size=count, p=self._chances_of(part.sampler)).astype(np.int64)
        if not part.since:
            return self._whole(epoch, part.shuffle)
        unseen = np.setdiff1d(np.arange(self.examples, dtype=np.int64), before)
        random = np.random.default_rng((self.seed, epoch, part.since, REST))
        rest = random.permutation(unseen)[:count]
        return rest if part.shuffle else np.sort(rest)

    def _whole(self, epoch: int, shuffle: bool) -> Indices:
        if shuffle:
            return np.random.default_rng((self.seed, epoch)).permutation(self.examples)
        own = np.arange(self.examples, dtype=np.int64)
        if epoch < UNREACHED:
            return own
        return np.roll(own, np.random.default_rng((self.seed, epoch, ELSEWHERE)).integers(self.examples))

    def _chances_of(self, sampler: Sampler) -> npt.NDArray[np.float64]:
        """Return the probability of each example to be the next one drawn, [N]."""
        if sampler not in self._chances:
            assert self._labels is not None, "a sampler needs the class of each example"
            counts = np.bincount(self._labels)
            chances = counts[self._labels].astype(np.float64) ** -POWERS[sampler]
            self._chances[sampler] = chances / chances.sum()
        return self._chances[sampler]
