"""Feeds: tickets go in, batches come out. Slices of tensors for data in memory, seeded fetches for items.

Who fetches changes nothing: a batch is seeded by its ticket, in a worker or, with the generators saved and restored, in
the trainer's own process. So `workers`, `prefetch` and `cache` are knobs of the same mathematics.

Workers live as long as their feed and are forked where the system forks (about 30 ms; spawned ones take a second and
more). Decoded items are cached by the trainer's process before its workers start: a forked worker shares those pages,
a spawned one gets them as shared memory; none has a copy of its own.
"""

import multiprocessing
import pickle
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from trainer.data.batch import Batch, Feed, Ticket
from trainer.data.cache import CacheRefused as CacheRefused
from trainer.data.cache import CacheTooLarge as CacheTooLarge
from trainer.data.cache import fill_cache
from trainer.data.fetch import Collate, Fetch, Fetched
from trainer.data.fetch import FetchError as FetchError
from trainer.data.seeding import preserved_generators
from trainer.data.source import Split

TOGETHER_BYTES = 1 << 18
"""Batches that are gathered from memory at once take no more than that: they stay in the processor's caches."""
TOGETHER_MOST = 16
"""Where batches are tiny, what is left of the gathering's own cost is a sixteenth."""

DEVICE_SHARE_LIMIT = 0.25
"""A split moves to the device as a whole below this share of its free memory: the model needs the rest."""


class WorkerDied(Exception):
    """A loader process ended before its work was done; the text says what to try."""


def open_feed(
    split: Split,
    source_collate: Collate | None,
    *,
    device: torch.device,
    seed: int,
    workers: int,
    prefetch: int,
    cache: bool,
) -> Feed:
    """Return the feed that fits a split: slices where it lies in memory, else a loader.

    Args:
        split: What to fetch from.
        source_collate: The source's `collate`; a split's own one goes before it.
        device: Where the model is.
        seed: The run's seed; together with a ticket's place it seeds the fetch.
        workers: Loader processes; 0 = in this process. Without meaning for data in memory, like the next two.
        prefetch: Batches that each worker prepares ahead.
        cache: Decode all items now and keep them.

    Raises:
        CacheRefused: when decoded items cannot be kept; `CacheTooLarge` when they do not fit.
    """
    if split.tensors is not None:
        return MemoryFeed(split, device)
    pin = device.type == "cuda"
    return LoaderFeed(
        split,
        seed=seed,
        workers=workers,
        prefetch=prefetch,
        pin=pin,
        cache=cache,
        collate=split.collate or source_collate,
    )


class MemoryFeed:
    """Slices batches out of tensors; the whole split lies on the device where there is room for it."""

    fill_s = 0.0

    def __init__(self, split: Split, device: torch.device) -> None:
        if split.tensors is None:
            raise ValueError("a MemoryFeed needs a split with tensors")
        inputs, targets = split.tensors
        size_bytes = inputs.nbytes + targets.nbytes
        self._device = torch.device("cpu")
        if device.type != "cpu" and size_bytes < DEVICE_SHARE_LIMIT * free_device_bytes(device):
            self._device = device
            inputs, targets = inputs.to(device), targets.to(device)
        self._inputs, self._targets = inputs, targets
        self._example_bytes = max(size_bytes // max(len(targets), 1), 1)
        self._pin = device.type == "cuda" and self._device.type == "cpu"
        """Batches of a split that is too large for the device go there beside the computing."""

    def batches(self, tickets: Iterable[Ticket]) -> Iterator[Batch]:
        """Yield one batch a ticket, in order; small ones are gathered some at a time, each a part of its own of one tensor."""
        tickets = iter(tickets)
        for first in tickets:
            start = time.perf_counter()
            together = min(TOGETHER_BYTES // (self._example_bytes * max(len(first.indices), 1)), TOGETHER_MOST)
            few = [first, *islice(tickets, max(together, 1) - 1)]
            chosen = np.concatenate([one.indices for one in few]) if len(few) > 1 else first.indices
            indices = torch.from_numpy(chosen)
            if self._device.type != "cpu":
                indices = indices.to(self._device, non_blocking=True)
            inputs, targets = self._inputs.index_select(0, indices), self._targets.index_select(0, indices)
            if self._pin:
                inputs, targets = inputs.pin_memory(), targets.pin_memory()
            sizes = [len(one.indices) for one in few]
            each_s = (time.perf_counter() - start) / len(few)
            for ticket, some, wanted in zip(
                few, inputs.split_with_sizes(sizes), targets.split_with_sizes(sizes), strict=True
            ):
                yield Batch(some, wanted, ticket, each_s)

    def close(self) -> None:
        """Let go of the tensors; the split keeps its own."""
        self._inputs = self._targets = torch.empty(0)


def free_device_bytes(device: torch.device) -> int:
    """Return the free memory of an accelerator in bytes; 0 where nobody can say."""
    try:
        if device.type == "mps":
            return int(torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory())
        return int(torch.accelerator.get_memory_info(device)[0])
    except (RuntimeError, NotImplementedError, AttributeError):
        return 0


class _Queue:
    """The sampler of a loader that lives longer than one series of tickets."""

    def __init__(self) -> None:
        self.tickets: Iterator[Ticket] = iter(())
        self.issued: deque[Ticket] = deque()

    def begin(self, tickets: Iterable[Ticket]) -> None:
        """Take on another series."""
        self.tickets = iter(tickets)
        self.issued.clear()

    def stop(self) -> None:
        """Issue no more; what was issued can be drained."""
        self.tickets = iter(())

    def __iter__(self) -> Iterator[Ticket]:
        while True:
            ticket = next(self.tickets, None)
            if ticket is None:
                return
            self.issued.append(ticket)
            yield ticket


class LoaderFeed:
    """Fetches items, in this process or by workers that live as long as the feed.

    Args:
        split: A split with a `dataset`.
        seed: Seeds each fetch together with its ticket.
        workers: Loader processes; 0 = in this process.
        prefetch: Batches that each worker prepares ahead.
        pin: Put batches into page-locked memory.
        cache: Decode all items now and keep them.
        collate: Makes `(inputs, targets)` of a list of items; None = stack them.
        start: How workers start, `fork`, `forkserver` or `spawn`; None = fork on Linux, else the system's way.

    Raises:
        CacheRefused: when decoded items cannot be kept; `CacheTooLarge` when they do not fit.
    """

    def __init__(
        self,
        split: Split,
        *,
        seed: int,
        workers: int = 0,
        prefetch: int = 2,
        pin: bool = False,
        cache: bool = False,
        collate: Collate | None = None,
        start: str | None = None,
    ) -> None:
        begin = time.perf_counter()
        cached = fill_cache(split) if cache else None
        self.fill_s = time.perf_counter() - begin if cache else 0.0
        """Seconds that filling the cache took; 0 without one."""
        self._fetch = Fetch(split.dataset, collate, seed, cached)
        self._workers, self._prefetch, self._pin = workers, prefetch, pin
        self._start = start or ("fork" if sys.platform == "linux" else None)
        self._queue = _Queue()
        self._loader: DataLoader[Fetched] | None = None

    @property
    def ahead(self) -> int:
        """How many batches the workers prepare ahead."""
        return self._workers * self._prefetch

    def batches(self, tickets: Iterable[Ticket]) -> Iterator[Batch]:
        """Yield one batch a ticket, in order; closing it waits for what was prepared ahead, and drops it.

        Raises:
            FetchError: when the data set fails on an example.
            WorkerDied: when a worker process ends early.
        """
        return self._by_workers(tickets) if self._workers else self._here(tickets)

    def close(self) -> None:
        """End the workers and drop the cache."""
        self._loader = None
        self._fetch.cached = None

    def _here(self, tickets: Iterable[Ticket]) -> Iterator[Batch]:
        for ticket in tickets:
            with preserved_generators():
                fetched = self._fetch[ticket]
            yield _batch(fetched.pin_memory() if self._pin else fetched, ticket)

    def _by_workers(self, tickets: Iterable[Ticket]) -> Iterator[Batch]:
        self._queue.begin(tickets)
        batches = self._start_workers()
        try:
            while True:
                fetched = self._next(batches)
                if fetched is None:
                    return
                yield _batch(fetched, self._queue.issued.popleft())
        finally:
            self._queue.stop()
            with suppress(WorkerDied):
                while self._loader is not None and self._next(batches) is not None:
                    pass

    def _next(self, batches: Iterator[Fetched]) -> Fetched | None:
        try:
            return next(batches, None)
        except (RuntimeError, OSError, EOFError) as died:  # torch's own word, or a pipe that broke
            self._loader = None
            raise WorkerDied(
                f"a loader process died ({' '.join(str(died).split())[:200]}): memory may have run out; lower "
                "train.workers or train.prefetch, or turn train.cache off"
            ) from None

    def _start_workers(self) -> Iterator[Fetched]:
        if self._loader is None:
            self._loader = DataLoader(
                self._fetch,
                batch_size=None,
                sampler=self._queue,
                num_workers=self._workers,
                prefetch_factor=self._prefetch,
                persistent_workers=True,
                pin_memory=self._pin,
                collate_fn=_as_it_is,
                worker_init_fn=_settle_worker,
                multiprocessing_context=multiprocessing.get_context(self._start),
                generator=torch.Generator(),
            )
        try:
            return _iterate(self._loader)
        except (OSError, AttributeError, TypeError, pickle.PicklingError) as refused:
            self._loader = None
            raise WorkerDied(f"loader processes cannot be started ({refused}): set train.workers to 0") from None


def _iterate(loader: DataLoader[Fetched]) -> Iterator[Fetched]:
    """Start the workers, or wake them, without torch's answer to their death.

    That is a signal handler which raises wherever the trainer happens to be. Without it the death is found at the next
    batch, in one place, within five seconds.
    """
    if threading.current_thread() is not threading.main_thread():
        return iter(loader)
    before = signal.getsignal(signal.SIGCHLD)
    try:
        return iter(loader)
    finally:
        signal.signal(signal.SIGCHLD, before)


def _batch(fetched: Fetched, ticket: Ticket) -> Batch:
    if fetched.failure:
        raise FetchError(fetched.failure)
    return Batch(
        fetched.inputs, fetched.targets, ticket, fetched.cost.seconds if fetched.cost else 0.0, cost=fetched.cost
    )


def _as_it_is(fetched: Any) -> Any:
    """Stand in for torch's own conversion: a fetch is a whole batch already."""
    return fetched


def _settle_worker(_: int) -> None:
    """Keep a worker to one thread, and let Ctrl-C be the trainer's matter: it ends its workers itself."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
