"""The order of the epochs: which examples each batch holds, from any place on."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from trainer.data.batch import Ticket


class Order:
    """The order in which examples are drawn; epoch e has its own permutation, seeded by (seed, e).

    It holds no place: whoever takes batches knows how far it came. `batch_size` may be changed between two calls of
    `tickets`; the rest of the epoch then goes on at its offset.
    """

    def __init__(self, examples: int, batch_size: int, seed: int, shuffle: bool = True) -> None:
        self.examples = examples
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle

    def permutation(self, epoch: int) -> npt.NDArray[np.int64]:
        """Return all indices in the order of this epoch, [examples] int64."""
        if not self.shuffle:
            return np.arange(self.examples, dtype=np.int64)
        return np.random.default_rng((self.seed, epoch)).permutation(self.examples)

    def tickets(self, epoch: int, offset: int) -> Iterator[Ticket]:
        """Yield batches endlessly from this place on; an epoch's last batch may be short.

        An offset at the end of its epoch is the start of the next one.
        """
        size = self.batch_size
        while True:
            permutation = self.permutation(epoch)
            for start in range(offset, self.examples, size):
                yield Ticket(epoch, start, permutation[start : start + size])
            epoch, offset = epoch + 1, 0
