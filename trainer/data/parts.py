"""A fetch taken apart: how long a batch takes in one process alone, asleep or at work, and which part of it takes how long.

The parts are told where the data set has them apart: `transform` (or `transforms`), as torchvision's do, and the collate
function. While batches are timed these are wrapped, and then put back.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from math import nan
from statistics import fmean
from time import perf_counter
from typing import Any

from torch.utils.data import default_collate

from trainer.data.batch import Ticket
from trainer.data.fetch import DecodedItems, Fetch, FetchError
from trainer.data.gauge import FetchCost
from trainer.data.place import within
from trainer.data.seeding import preserved_generators

LONGEST_S = 2.0
"""The run stands still meanwhile: no further batch is begun after this."""


class _Watch:
    """Adds up the seconds that wrapped functions take."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that does the same."""

        def call(*given: Any, **named: Any) -> Any:
            begun = perf_counter()
            try:
                return function(*given, **named)
            finally:
                self.seconds += perf_counter() - begun

        return call


def take_apart(fetch: Fetch, tickets: Sequence[Ticket]) -> dict[str, float]:
    """Return what fetching these batches takes in this process.

    Args:
        fetch: Of its own: nobody else fetches by it.
        tickets: Of batches that were not fetched lately, so that no cache has them.

    Returns:
        alone_s: seconds a batch; asleep_share: of them, neither at work nor ready for it (NaN where the kernel does not
        tell); transform_share and collate_share: of them (NaN where the data set does not have them apart).

    Raises:
        FetchError: when the data set fails on an example.
    """
    transform, collate = _Watch(), _Watch()
    costs: list[FetchCost] = []
    begun = perf_counter()
    with ExitStack() as stack:
        stack.enter_context(preserved_generators())
        place = _place_of_transform(fetch.dataset)
        told = place is not None and stack.enter_context(_wrapped(*place, transform))
        joined = "finish" if isinstance(fetch.dataset, DecodedItems) else ""
        if joined:
            collates = stack.enter_context(_wrapped(fetch.dataset, joined, collate))
        else:
            fetch.collate, collates = collate.timed(fetch.collate or default_collate), True
        for ticket in tickets:
            fetched = fetch[ticket]
            if fetched.failure or fetched.cost is None:
                raise FetchError(fetched.failure)
            costs.append(fetched.cost)
            if perf_counter() - begun > LONGEST_S:
                break
    seconds = sum(one.seconds for one in costs)
    counted = [one for one in costs if one.own_s == one.own_s]
    asleep = [max(1 - (one.own_s + one.queued_s) / max(one.seconds, 1e-9), 0.0) for one in counted]
    return {
        "alone_s": seconds / max(len(costs), 1),
        "asleep_share": fmean(asleep) if asleep else nan,
        "transform_share": transform.seconds / seconds if told and seconds else nan,
        "collate_share": collate.seconds / seconds if collates and seconds else nan,
    }


def _place_of_transform(dataset: Any) -> tuple[Any, str] | None:
    """Return the data set, or the one that it is a part of, that has a transform, and what it calls it."""
    for part in within(dataset):
        if isinstance(part, DecodedItems) and not getattr(part, "transforms", True):
            return None
        for name in ("transforms", "transform"):
            if callable(getattr(part, name, None)):
                return part, name
    return None


@contextmanager
def _wrapped(holder: Any, name: str, watch: _Watch) -> Iterator[bool]:
    """Time an attribute of an object meanwhile; yield whether that can be done."""
    function, own = getattr(holder, name), name in getattr(holder, "__dict__", {})
    try:
        setattr(holder, name, watch.timed(function))
    except (AttributeError, TypeError):
        yield False
        return
    try:
        yield True
    finally:
        if own:
            setattr(holder, name, function)
        else:
            delattr(holder, name)
