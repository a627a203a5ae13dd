"""The fetch of one batch: the same examples with the same random transforms, in whichever process it is done."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset, default_collate

from trainer.data.batch import Ticket
from trainer.data.gauge import FetchCost, Gauge
from trainer.data.seeding import seed_fetch

Collate = Callable[[list[Any]], Any]


class FetchError(Exception):
    """The data set could not deliver an example; the text says which, and where in its code."""


@runtime_checkable
class DecodedItems(Protocol):
    """A data set whose items are decoded (always the same), then transformed (at random), then finished as a batch.

    The three are apart so that a cache can keep what was decoded and still draw fresh transforms.
    """

    targets: torch.Tensor

    @property
    def decoded_shape(self) -> tuple[int, ...]:
        """Shape of one decoded item, uint8."""
        ...

    def decode(self, index: int) -> torch.Tensor:
        """Return one item as bytes."""
        ...

    def transform(self, decoded: torch.Tensor) -> torch.Tensor:
        """Return the item after its random transforms."""
        ...

    def finish(self, batch: torch.Tensor) -> torch.Tensor:
        """Return a stack of items as model inputs."""
        ...


@dataclass
class Fetched:
    """What a fetch gives back; it travels from a worker to the trainer."""

    inputs: Any = None
    targets: Any = None
    cost: FetchCost | None = None
    failure: str = ""
    """One line; empty when the fetch worked."""

    def pin_memory(self) -> "Fetched":
        """Return the same in page-locked memory; torch's own pinning thread calls it as well."""
        return replace(self, inputs=_pinned(self.inputs), targets=_pinned(self.targets))


def _pinned(value: Any) -> Any:
    match value:
        case torch.Tensor():
            return value.pin_memory()
        case dict():
            return {key: _pinned(one) for key, one in value.items()}
        case list() | tuple():
            return [_pinned(one) for one in value]
        case _:
            return value


class Fetch(Dataset[Fetched]):
    """Fetches whole batches: `fetch[ticket]`. It is what a worker process holds."""

    def __init__(self, dataset: Any, collate: Collate | None, seed: int, cached: Any = None) -> None:
        self.dataset = dataset
        self.collate = collate
        self.seed = seed
        self.cached = cached
        """Decoded items [N, …] uint8, or a list of whole items; None = read them."""
        self._gauge = Gauge()

    def __getitem__(self, ticket: Ticket) -> Fetched:
        self._gauge.begin()
        seed_fetch(self.seed, ticket.epoch, ticket.offset)
        try:
            inputs, targets = self.read(ticket.indices)
        except Exception as failed:
            # A process border: in a worker it would lose its place in the user's code on the way.
            return Fetched(failure=f"the data set failed on a batch of {len(ticket.indices)}: {where(failed)}")
        return Fetched(inputs, targets, self._gauge.end())

    def read(self, indices: npt.NDArray[np.int64], transformed: bool = True) -> tuple[Any, Any]:
        """Return inputs and targets of these examples; `transformed=False` leaves known random transforms out."""
        if isinstance(self.dataset, DecodedItems):
            chosen = torch.from_numpy(indices)
            if self.cached is not None:
                decoded = self.cached[chosen]
            else:
                decoded = torch.stack([self.dataset.decode(int(index)) for index in indices])
            if transformed and getattr(self.dataset, "transforms", True):
                decoded = torch.stack([self.dataset.transform(one) for one in decoded])
            return self.dataset.finish(decoded), self.dataset.targets[chosen]
        if self.cached is not None:
            items = [self.cached[int(index)] for index in indices]
        elif hasattr(self.dataset, "__getitems__"):
            items = self.dataset.__getitems__(indices.tolist())
        else:
            items = [self.dataset[int(index)] for index in indices]
        collated = (self.collate or default_collate)(items)
        return collated[0], collated[1]


def where(failed: BaseException) -> str:
    """Return an exception as one line: its type, its message, and file and line of the code that raised it."""
    frames = traceback.extract_tb(failed.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename] or frames
    place = f" ({own[-1].filename}:{own[-1].lineno})" if own else ""
    message = " ".join(str(failed).split())
    return f"{type(failed).__name__}: {message}{place}" if message else f"{type(failed).__name__}{place}"
