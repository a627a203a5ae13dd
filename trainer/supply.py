"""The supply of training batches: the order of the epoch, and the feed that fetches, rebuilt in place when asked.

The place in the order moves when a batch is *taken*, not when it is fetched: a rebuild or a restore loses no example and
sees none twice.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch

from trainer.config import Sampler
from trainer.data.batch import Batch, Feed, Ticket, close
from trainer.data.feed import open_feed
from trainer.data.fetch import Fetch
from trainer.data.order import Order
from trainer.data.own_state import OwnState, moves_on_alone, put_back
from trainer.data.own_state import take as take_own_state
from trainer.data.source import Split
from trainer.knobs import KnobError
from trainer.words import Drawn


class NotRepeatable(KnobError):
    """The data set moves on with each item and cannot be put back; the text says by what."""


@dataclass(frozen=True)
class Place:
    """Where the run stands in the order: what the next batch begins with."""

    epoch: int = 0
    offset: int = 0
    parts: tuple[Drawn, ...] = ()
    """How the epoch was drawn up to here. Empty: as examples are drawn now."""


class Supply:
    """Batches of the training split, endlessly."""

    def __init__(
        self,
        split: Split,
        collate: Callable[[list[Any]], Any] | None,
        *,
        device: torch.device,
        seed: int,
        batch_size: int,
        shuffle: bool,
        sampler: Sampler,
        workers: int,
        prefetch: int,
        cache: bool,
    ) -> None:
        self.split = split
        self.order = Order(split.examples, batch_size, seed, shuffle, sampler, split.labels)
        self.place = Place()
        self._collate, self._device, self._seed = collate, device, seed
        self.feed = self.build_feed(workers, prefetch, cache)
        self._batches: Iterator[Batch] | None = None

    def build_feed(self, workers: int, prefetch: int, cache: bool) -> Feed:
        """Return a feed of the training split; the one in use stays as it is.

        Raises:
            CacheRefused: when the decoded items cannot be kept, or do not fit into memory.
        """
        return open_feed(
            self.split,
            self._collate,
            device=self._device,
            seed=self._seed,
            workers=workers,
            prefetch=prefetch,
            cache=cache,
        )

    def take(self) -> Batch:
        """Return the next batch and move on."""
        if self._batches is None:
            self._batches = self.feed.batches(self._tickets())
        batch = next(self._batches)
        self.place = after(batch.ticket)
        return batch

    def tickets_ahead(self, count: int) -> list[Ticket]:
        """Return the tickets of the next batches without taking them."""
        return list(islice(self._tickets(), count))

    def _tickets(self) -> Iterator[Ticket]:
        return self.order.tickets(self.place.epoch, self.place.offset, self.place.parts)

    def look_ahead(self, count: int, *, at_any_price: bool = False) -> Iterator[Batch]:
        """Yield the next batches without taking them; what was prepared ahead is dropped: loader processes serve one series.

        Args:
            count: Of batches.
            at_any_price: Also where the data set will deal others afterwards.

        Raises:
            NotRepeatable: when it would.
        """
        if not at_any_price:
            self.check_repeatable()
        self.drop_ahead()
        remembered = self.remembered()
        batches = self.feed.batches(self.tickets_ahead(count))
        try:
            yield from batches
        finally:
            close(batches)
            put_back(remembered)

    def check_repeatable(self) -> None:
        """See that examples can be fetched beside the run, which then fetches as if they had not been.

        Raises:
            NotRepeatable: when they cannot.
        """
        if self.split.dataset is not None and (name := moves_on_alone(self.split.dataset)):
            raise NotRepeatable(
                f"the data set deals from `{name}`, which cannot be put back: what is fetched beside the run would be lost to "
                "it; deal by the index alone"
            )

    def remembered(self) -> OwnState:
        """Return what the data set remembers of the items that it has dealt."""
        return OwnState() if self.split.dataset is None else take_own_state(self.split.dataset)

    def look_alone(self, count: int) -> tuple[Fetch, list[Ticket]] | None:
        """Return what fetches items here, without workers and cache, and tickets that no worker has prepared yet.

        Nothing where batches are sliced from memory.
        """
        if self.split.dataset is None:
            return None
        fetch = Fetch(self.split.dataset, self.split.collate or self._collate, self._seed)
        ahead = getattr(self.feed, "ahead", 0) + count
        return fetch, self.tickets_ahead(ahead + count)[ahead:]

    def steps_for(self, samples: int) -> int:
        """Return how many batches the next `samples` examples make; each epoch ends with its own short batch."""
        examples, size = self.split.examples, self.order.batch_size
        rest = examples - self.place.offset % examples
        if samples <= rest:
            return max(-(-samples // size), 0)
        epochs, last = divmod(samples - rest, examples)
        return -(-rest // size) + epochs * -(-examples // size) + -(-last // size)

    def go_to(self, place: Place) -> None:
        """Go on from another place."""
        self.drop_ahead()
        self.place = place

    def drop_ahead(self) -> None:
        """Forget what was prepared ahead; it will be asked for again."""
        batches, self._batches = self._batches, None
        if batches is not None:
            close(batches)

    def exchange(self, feed: Feed) -> Feed:
        """Go on with another feed; return the one that was in use, still open."""
        self.drop_ahead()
        old, self.feed = self.feed, feed
        return old

    def resize(self, batch_size: int) -> None:
        """Change the batch size; the rest of the epoch goes on where it stands."""
        self.drop_ahead()
        self.order.batch_size = batch_size

    def redraw(self, *, shuffle: bool, sampler: Sampler) -> None:
        """Draw examples otherwise from here on: of this epoch what it has not shown yet, then whole epochs."""
        self.drop_ahead()
        self.order.drawing = Drawn(shuffle=shuffle, sampler=sampler)

    def close(self) -> None:
        """Let go of workers and caches."""
        self.drop_ahead()
        self.feed.close()


def before(ticket: Ticket) -> Place:
    """Return the place at which a batch begins: it is taken once more."""
    return Place(ticket.epoch, ticket.offset, ticket.parts)


def after(ticket: Ticket) -> Place:
    """Return the place behind a batch. An order turns over by itself when the epoch is used up."""
    return Place(ticket.epoch, ticket.offset + len(ticket.indices), ticket.parts)
