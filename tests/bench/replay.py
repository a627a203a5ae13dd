"""Measures whether the next batches and the random state replay exactly: 0, 1 and 2 workers, by fork and by spawn.

    OMP_NUM_THREADS=1 nice -n 5 .venv/bin/python -m tests.bench.replay

Bare torch: items of scikit-learn's digits, each shifted and made noisy with numbers from python, numpy and torch. What
is seeded by (seed, epoch, offset) stands beside what has torch's own seeds. Under a minute, most of it spawning.
Results stand in RESULTS.md beside this file.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from tests.bench.bad_starts import table

SEED, EPOCH, BATCH = 5, 2, 32
BATCHES = 24
FORKED_AT = 9
"""The fork takes its snapshot before this batch of the epoch."""

Ticket = tuple[int, tuple[int, ...]]
"""Number of the batch in the epoch, and its rows."""


@cache
def images() -> Tensor:
    """Return all digits, 1797 × 8 × 8."""
    values, _ = load_digits(return_X_y=True)
    return torch.tensor(values, dtype=torch.float32).reshape(-1, 8, 8) / 16


class Fetches(Dataset[Tensor]):
    """Fetches whole batches, one random transform an item."""

    def __init__(self, seeded: bool) -> None:
        self.seeded = seeded

    def __getitem__(self, ticket: Ticket) -> Tensor:
        number, rows = ticket
        if self.seeded:
            words = np.random.SeedSequence((SEED, EPOCH, number)).generate_state(4)
            random.seed(int(words[0]))
            np.random.seed(int(words[1]))
            torch.default_generator.manual_seed(int(words[2]) << 32 | int(words[3]))
        return torch.stack([self.transformed(row) for row in rows])

    def transformed(self, row: int) -> Tensor:
        moved = images()[row].roll((random.randint(-1, 1), int(np.random.randint(-1, 2))), (0, 1))
        return moved + 0.1 * torch.randn(8, 8)


def tickets(start: int) -> list[Ticket]:
    """Return the rest of the epoch's order from a batch on."""
    order = torch.randperm(len(images()), generator=torch.Generator().manual_seed(SEED + EPOCH)).tolist()
    return [(number, tuple(order[number * BATCH : (number + 1) * BATCH])) for number in range(start, BATCHES)]


@dataclass(frozen=True)
class Way:
    """How batches are fetched."""

    workers: int
    start: str
    seeded: bool

    def batches(self, rest: list[Ticket]) -> Iterator[Tensor]:
        """Yield a batch a ticket; in this process, seeded fetches leave the trainer's generators as they were."""
        fetches = Fetches(self.seeded)
        if self.workers == 0 and self.seeded:
            for ticket in rest:
                before = random_states()
                batch = fetches[ticket]
                set_random_states(before)
                yield batch
            return
        yield from DataLoader(
            fetches,
            batch_size=None,
            sampler=rest,  # type: ignore[arg-type]
            num_workers=self.workers,
            multiprocessing_context=self.start if self.workers else None,
            generator=torch.Generator() if self.seeded else None,
        )


States = tuple[object, object, Tensor]


def random_states() -> States:
    """Return the states of the generators of python, numpy and torch."""
    return random.getstate(), np.random.get_state(), torch.get_rng_state()


def set_random_states(states: States) -> None:
    """Put the generators back."""
    random.setstate(states[0])  # type: ignore[arg-type]
    np.random.set_state(states[1])  # type: ignore[arg-type]
    torch.set_rng_state(states[2])


def trained(way: Way, start: int) -> tuple[list[Tensor], list[Tensor]]:
    """Return the batches, and what the model's own dropout draws at each step."""
    seen, masks = [], []
    for batch in way.batches(tickets(start)):
        seen.append(batch.clone())
        masks.append(torch.rand(4))
    return seen, masks


def equal(left: list[Tensor], right: list[Tensor]) -> int:
    """Return how many agree to the bit."""
    return sum(torch.equal(one, other) for one, other in zip(left, right, strict=True))


def replayed(first: Way, second: Way) -> list[str]:
    """Run an epoch one way; from a snapshot in its midst run the rest the other way; return how many steps agree."""
    random.seed(SEED)
    np.random.seed(SEED)
    torch.manual_seed(SEED)
    seen, masks, states = [], [], random_states()
    for number, batch in enumerate(first.batches(tickets(0))):
        seen.append(batch.clone())
        masks.append(torch.rand(4))
        if number == FORKED_AT - 1:
            states = random_states()
    set_random_states(states)
    again, masks_again = trained(second, FORKED_AT)
    of = BATCHES - FORKED_AT
    return [f"{equal(seen[FORKED_AT:], again)}/{of}", f"{equal(masks[FORKED_AT:], masks_again)}/{of}"]


def main() -> None:
    """Run the experiment and print its table."""
    torch.set_num_threads(1)
    ways = [(0, "fork"), (1, "fork"), (2, "fork"), (1, "spawn"), (2, "spawn")]
    rows = []
    for (workers, start), (again, start_again) in [
        *((way, way) for way in ways),
        *((ways[0], way) for way in ways[1:]),
        (ways[1], ways[2]),
        (ways[2], ways[4]),
    ]:
        row = [f"{workers} {start if workers else ''}", f"{again} {start_again if again else ''}"]
        for seeded in (True, False):
            row += replayed(Way(workers, start, seeded), Way(again, start_again, seeded))
        rows.append(row)
    head = ["the run: workers", "the replay: workers"]
    table([*head, *(f"{what}, {how}" for how in ("seeded", "torch's seeds") for what in ("batches", "masks"))], *rows)


if __name__ == "__main__":
    main()
