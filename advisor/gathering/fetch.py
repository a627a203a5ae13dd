"""Facts about the fetching of batches: how long it takes, and what whoever fetches does meanwhile."""

from collections.abc import Callable
from statistics import fmean

from advisor.gathering.time import LEAST_TIMED_STEPS
from advisor.signals.signals import Signals
from advisor.signals.windows import median_of, quantile_of
from rules.facts import FetcherFacts, FetchFacts
from trainer.words import Fetching

TAIL = 0.95


def fetch(signals: Signals) -> FetchFacts | None:
    """Return how long fetching a batch takes, once there are enough steady steps."""
    told = _told(signals)
    if not told or signals.started is None:
        return None
    seconds = [one for each in told for one in each.seconds]
    first_s, last_s = signals.fetches.thirds()
    return FetchFacts(
        median_s=median_of(seconds),
        p95_s=quantile_of(seconds, TAIL),
        first_s=first_s,
        last_s=last_s,
        store=signals.started.task.store,
    )


def fetcher(signals: Signals) -> FetcherFacts | None:
    """Return what the fetching thread does, where the kernel counts it."""
    told = [one for one in _told(signals) if one.counted and one.counted_s > 0]
    if not told:
        return None
    own_share = _share(told, lambda one: one.own_s)
    queued_share = _share(told, lambda one: one.queued_s)
    return FetcherFacts(
        own_share=own_share,
        queued_share=queued_share,
        asleep_share=max(1 - own_share - queued_share, 0.0),
        others_share=max(_share(told, lambda one: one.busy_s) - own_share, 0.0),
        read_bytes=fmean(one.read_bytes for one in told),
        disk_bytes=fmean(one.disk_bytes for one in told),
        read_calls=fmean(one.read_calls for one in told),
    )


def _told(signals: Signals) -> list[Fetching]:
    if signals.times.steps < LEAST_TIMED_STEPS:
        return []
    return [beat.fetching for beat in signals.times.beats if beat.fetching is not None]


def _share(told: list[Fetching], part: Callable[[Fetching], float]) -> float:
    """Return a part of the counted seconds, each beat by how many fetches were counted in it."""
    return sum(part(one) * one.counted for one in told) / sum(one.counted_s * one.counted for one in told)
