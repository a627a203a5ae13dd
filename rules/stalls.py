"""What the rules on the input pipeline share: when a loop starves, what that costs, why a fetch sleeps, and the fixes.

A share alone is no cost: 27 % of a step of 2.8 ms is nothing in a run of a minute. So each of these findings says its
seconds, a step and in what is left of the run, and only a wait that is long in both is a warning.
"""

from math import ceil, isfinite
from typing import Literal

from rules.facts import FetcherFacts, FetchFacts, HostFacts, LoaderFacts, ProbeFacts, RunFacts
from rules.remedies import turned
from rules.vocabulary import Effect, Evidence, Fix, Severity

WAIT_SHARE_LIMIT = 0.10
"""Below a tenth, the best possible gain drowns in the noise of a short trial."""
SEVERE_WAIT_SHARE = 0.20
"""A fifth of the time is worth a warning …"""
SEVERE_S = 10.0
"""… where it comes to so many seconds in what is left of the run."""
WORTH_S = 1.0
"""Seconds of waiting still to come: less is not worth anyone's attention."""
CACHE_MEMORY_SHARE = 0.25
"""Of the free memory: what a cache may take without crowding out the rest."""
SHARED_MEMORY_SHARE = 0.5
"""Of what is free of /dev/shm: what batches on their way may take there."""
DEEP_PREFETCH = 4
"""Batches ahead: evens out items whose decoding time varies by a factor of two."""
WORKERS_MOST = 16
"""Beyond, a loader spends its time on queues."""
AWAKE_LEAST = 0.1
"""Of a core: what a worker takes at least, however much it sleeps."""
KEEPS_UP_SHARE = 0.8
"""Of a step: while workers need less than that for a batch, there are enough of them on average."""
ASLEEP_LIMIT = 0.35
"""Of a fetch: beyond, waiting for something else is a large part of it."""
LOCKED_LIMIT = 0.2
"""Of a fetch, and more than it lacks a core. Two workers that take turns sleep half the time where cores are free, and a
quarter where whoever holds the lock stands in the queue for one (measured on two cores)."""
READ_LEAST_BYTES = 4096.0
"""A batch: less is what a worker reads from its own queue."""
STILL_ASLEEP = 0.5
"""Times the sleep among others: who sleeps as much when alone does not wait for them."""

FALL_TIMES = 3.0
"""First third of the fetches over the last: a cache that was cold (rules.md)."""

Sleep = Literal["", "reads", "source", "lock"]


def stalled(run: RunFacts, loader: LoaderFacts) -> bool:
    """Tell whether the loop waits for its data, for long enough to matter."""
    return run.warm and loader.wait_share >= WAIT_SHARE_LIMIT and waits_s(run, loader) >= WORTH_S


def waits_s(run: RunFacts, loader: LoaderFacts) -> float:
    """Return the seconds of waiting that are still to come."""
    return loader.wait_s * run.steps_left


def severity(run: RunFacts, loader: LoaderFacts) -> Severity:
    """Return how much a stall matters."""
    severe = loader.wait_share >= SEVERE_WAIT_SHARE and waits_s(run, loader) >= SEVERE_S
    return Severity.WARNING if severe else Severity.INFO


def cost(run: RunFacts, loader: LoaderFacts) -> str:
    """Return what the wait costs, in words."""
    step_s = loader.wait_s + busy_s(loader)
    return f"{loader.wait_s * 1000:.1f} of {step_s * 1000:.1f} ms, {waits_s(run, loader):.0f} s of what is left"


def wait_evidence(loader: LoaderFacts) -> Evidence:
    """Return the wait beside its limit."""
    return Evidence(fact="loader.wait_share", value=loader.wait_share, limit=WAIT_SHARE_LIMIT)


def busy_s(loader: LoaderFacts) -> float:
    """Return the seconds of a step that do not wait."""
    return loader.wait_s / max(loader.wait_share, 1e-9) - loader.wait_s


def keeps_up(loader: LoaderFacts) -> bool:
    """Tell whether the workers make batches as fast as they are used, on average."""
    return loader.workers > 0 and loader.fetch_s / loader.workers < KEEPS_UP_SHARE * busy_s(loader)


def fell(fetch: FetchFacts) -> bool:
    """Tell whether fetches have become so much faster that what was measured over both says little about either."""
    return fetch.first_s >= FALL_TIMES * fetch.last_s


def why_asleep(loader: LoaderFacts, fetcher: FetcherFacts, probes: ProbeFacts) -> Sleep:
    """Return what a fetch sleeps for; nothing where it does not sleep much.

    Told apart by difference: a process that fetches alone (probe fetched_batch) sleeps as much for a disk, and hardly for
    a lock that the others would hold. Until it is probed, what reads is held to wait for its reading.
    """
    reads = max(fetcher.read_bytes, fetcher.disk_bytes) >= READ_LEAST_BYTES
    if fetcher.asleep_share < ASLEEP_LIMIT:
        awake = not probes.fetch_asleep_share >= STILL_ASLEEP * fetcher.asleep_share
        turns = loader.workers >= 2 and fetcher.asleep_share >= max(LOCKED_LIMIT, fetcher.queued_share)
        return "lock" if turns and not reads and awake else ""
    if not reads and fetcher.others_share >= fetcher.asleep_share * STILL_ASLEEP:
        return "lock"
    if loader.workers >= 2 and isfinite(probes.fetch_asleep_share):
        alone = probes.fetch_asleep_share >= STILL_ASLEEP * fetcher.asleep_share
        return "lock" if not alone else "reads" if reads else "source"
    return "reads" if reads else "lock" if loader.workers >= 2 else "source"


def keep_items(loader: LoaderFacts, host: HostFacts) -> tuple[Fix, ...]:
    """Return the fix that keeps decoded items in memory, where they fit."""
    fits = 0 < loader.decoded_bytes <= CACHE_MEMORY_SHARE * host.memory_free_bytes
    if loader.cached or not fits:
        return ()
    why = "without the wait a step is shorter by its share; transforms that draw random numbers stay"
    return (throughput("keep the decoded items in memory", {"cache": True}, loader.wait_share, why),)


def more_workers(loader: LoaderFacts, host: HostFacts, asleep_share: float = 0.0) -> tuple[Fix, ...]:
    """Return the fix that lets more workers fetch, as many as cores are idle for; who sleeps needs less of one."""
    needed = ceil(loader.fetch_s / max(busy_s(loader), 1e-9)) + 1
    room = int(host.idle_cores / max(1 - asleep_share, AWAKE_LEAST))
    most = host.cores if asleep_share < ASLEEP_LIMIT else WORKERS_MOST
    workers = min(needed, loader.workers + room, most, _fit(loader, host, loader.prefetch))
    if workers <= loader.workers:
        return ()
    left_s = max(loader.fetch_s / workers - busy_s(loader), 0.0)
    gain = loader.wait_share * max(1 - left_s / loader.wait_s, 0.0)
    why = f"{workers} workers fetch a batch each {loader.fetch_s / workers * 1000:.1f} ms beside the step"
    return (throughput(f"raise workers to {workers}", {"workers": workers}, gain, why),)


def look_further_ahead(
    loader: LoaderFacts, host: HostFacts, prefetch: int = DEEP_PREFETCH, share: float = 0.1
) -> tuple[Fix, ...]:
    """Return the fix that lets workers run further ahead; what it saves is a share of the wait."""
    prefetch = min(prefetch, _fit(loader, host, loader.workers))
    if loader.workers == 0 or loader.prefetch >= prefetch:
        return ()
    why = f"{share:.0%} of the wait: what comes from uneven items"
    return (throughput(f"raise prefetch to {prefetch}", {"prefetch": prefetch}, share * loader.wait_share, why),)


def throughput(name: str, turns: dict[str, bool | int], gain: float, why: str) -> Fix:
    """Return a turn of the same mathematics that should make steps shorter."""
    return Fix(
        name=name,
        effect=Effect.SAME_MATHEMATICS,
        turns=turned(**turns),
        improves="step_s",
        expected=gain,
        estimated_by=why,
    )


def _fit(loader: LoaderFacts, host: HostFacts, times: int) -> int:
    """Return how many times so many batches fit into shared memory, on their way from the workers."""
    if not (loader.batch_bytes and host.shm_free_bytes):
        return WORKERS_MOST
    return max(int(SHARED_MEMORY_SHARE * host.shm_free_bytes / (loader.batch_bytes * max(times, 1))), 1)
