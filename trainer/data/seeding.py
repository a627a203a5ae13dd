"""The seed of a fetch: (seed, epoch, offset), so that who fetches a batch, and when, changes nothing.

Items drawn by 0, 1 or 2 worker processes get other random numbers under one global seed. Only the host's generators
are touched: `torch.manual_seed` would reset the accelerators' generators as well, which the model's dropout draws from.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def seed_fetch(seed: int, epoch: int, offset: int) -> None:
    """Seed python, numpy and torch (host) for the batch at this place of the order."""
    words = np.random.SeedSequence((seed, epoch, offset)).generate_state(4)
    random.seed(int(words[0]))
    np.random.seed(int(words[1]))
    torch.default_generator.manual_seed(int(words[2]) << 32 | int(words[3]))


@contextmanager
def preserved_generators() -> Iterator[None]:
    """Leave the generators of python, numpy and torch (host) as they were."""
    python, legacy, host = random.getstate(), np.random.get_state(), torch.default_generator.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)
        torch.default_generator.set_state(host)
