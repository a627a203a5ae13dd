"""A cache of decoded items, filled at once by the trainer's own process.

Filled before the loader's workers start: a forked worker shares its pages, a spawned one gets it as shared memory; none
has a copy of its own. Filled at once rather than as items come by, so that a trial of it is a trial of a full cache,
and what filling costs is measured and charged.
"""

import time
from typing import Any

import psutil
import torch

from trainer.data.fetch import DecodedItems
from trainer.data.seeding import preserved_generators, seed_fetch
from trainer.data.source import Split

CACHE_SHARE_LIMIT = 0.25
"""Decoded items are kept below this share of the host's free memory (knobs.md: RAM guard 25 %)."""

CACHE_FILL_LIMIT_S = 120.0
"""The run stands still while a cache is filled: beyond two minutes the gain cannot be told from a hang."""

FILL_CHECK_ITEMS = 64
"""The time that filling will take is judged after so many items."""


class CacheRefused(Exception):
    """Decoded items are not kept in memory; the text says why. Training goes on without a cache."""


class CacheTooLarge(CacheRefused):
    """Decoded items do not fit into memory, or take too long to decode all at once."""


def fill_cache(split: Split) -> Any:
    """Return all decoded items of a split, [N, …] uint8, or the whole items of a data set that is always the same.

    A user's data set says so by an attribute, `deterministic_items = True`.

    Raises:
        CacheRefused: when items may differ from one reading to the next.
        CacheTooLarge: when they do not fit, or decoding them would hold up the run.
    """
    if split.cache_refusal:
        raise CacheRefused(split.cache_refusal)
    free_bytes = psutil.virtual_memory().available
    if split.decoded_bytes > CACHE_SHARE_LIMIT * free_bytes:
        raise CacheTooLarge(
            f"the decoded items take {split.decoded_bytes / 2**20:.0f} MiB, more than a quarter of the "
            f"{free_bytes / 2**20:.0f} MiB of memory that are free: no cache"
        )
    dataset: Any = split.dataset
    decoded = isinstance(dataset, DecodedItems)
    cached: Any = torch.empty((split.examples, *dataset.decoded_shape), dtype=torch.uint8) if decoded else []
    begin = time.perf_counter()
    with preserved_generators():
        seed_fetch(0, 0, 0)
        for index in range(split.examples):
            if decoded:
                cached[index] = dataset.decode(index)
            else:
                cached.append(dataset[index])
            if index + 1 == FILL_CHECK_ITEMS:
                needed_s = (time.perf_counter() - begin) / FILL_CHECK_ITEMS * split.examples
                if needed_s > CACHE_FILL_LIMIT_S:
                    raise CacheTooLarge(f"decoding all items would take {needed_s:.0f} s at once: no cache")
    return cached
