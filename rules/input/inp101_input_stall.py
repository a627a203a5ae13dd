"""The input pipeline starves the device.

## What it does
Looks for a loop that spends more than a tenth of each step waiting for its next batch, and in sum more than a second
over what is left of the run.

## Why it matters
Waiting is the one cost of a step that buys no learning at all.

## What to do
Keep the decoded items in memory when they fit into a quarter of what is free; else give the loader more workers, up
to the cores that are idle; else let the workers run further ahead.

## Fix safety
Same mathematics: the batches are the same and come in the same order. Rounds with and without decide.

## When to ignore it
The disk or network is itself at its limit; more workers then only queue.

## References
- torch.utils.data, «Single- and Multi-process Data Loading»
- Mohan et al., «Analyzing and Mitigating Data Stalls in DNN Training», 2021
"""

from math import ceil

from rules.facts import HostFacts, KnobFacts, LoaderFacts, RunFacts
from rules.remedies import advice, possible, turned
from rules.vocabulary import Effect, Evidence, Finding, Fix, Severity, rule

WAIT_SHARE_LIMIT = 0.10
"""Below a tenth, the best possible gain drowns in the noise of a short trial."""
SEVERE_WAIT_SHARE = 0.20
"""A fifth of the time is worth a warning."""
WORTH_S = 1.0
"""Seconds of waiting still to come: less is not worth anyone's attention."""
CACHE_MEMORY_SHARE = 0.25
"""Of the free memory: what a cache may take without crowding out the rest."""
DEEP_PREFETCH = 4
"""Batches ahead: evens out items whose decoding time varies by a factor of two."""


@rule("INP101")
def input_stall(run: RunFacts, loader: LoaderFacts, host: HostFacts, knobs: KnobFacts) -> Finding | None:
    """Find a loop that waits for its data."""
    waits_s = loader.wait_s * run.steps_left
    if not run.warm or loader.wait_share < WAIT_SHARE_LIMIT or waits_s < WORTH_S:
        return None
    return Finding(
        code="INP101",
        name="input_stall",
        severity=Severity.WARNING if loader.wait_share >= SEVERE_WAIT_SHARE else Severity.INFO,
        message=f"{loader.wait_share:.0%} of each step is spent waiting for data ({loader.wait_s * 1000:.1f} ms)",
        evidence=(
            Evidence(fact="loader.wait_share", value=loader.wait_share, limit=WAIT_SHARE_LIMIT),
            Evidence(fact="loader.fetch_s", value=loader.fetch_s, limit=_busy_s(loader)),
            Evidence(fact="host.idle_cores", value=host.idle_cores, limit=1),
        ),
        causes=("items are decoded anew in every epoch", "too few workers", "a slow disk or network"),
        explains=("DEV103",),
        fixes=(
            *possible(knobs, *_cache(loader, host), *_workers(loader, host), *_prefetch(loader)),
            advice(
                "make the items cheaper: decode once, store smaller files, transform whole batches",
                improves="step_s",
                expected=loader.wait_share,
                estimated_by="without the wait a step is shorter by its share",
            ),
        ),
    )


def _busy_s(loader: LoaderFacts) -> float:
    """Return the seconds of a step that do not wait."""
    return loader.wait_s / loader.wait_share - loader.wait_s


def _cache(loader: LoaderFacts, host: HostFacts) -> tuple[Fix, ...]:
    fits = 0 < loader.decoded_bytes <= CACHE_MEMORY_SHARE * host.memory_free_bytes
    if loader.cached or not fits:
        return ()
    why = "without the wait a step is shorter by its share; transforms that draw random numbers stay"
    return (_throughput("keep the decoded items in memory", {"cache": True}, loader.wait_share, why),)


def _workers(loader: LoaderFacts, host: HostFacts) -> tuple[Fix, ...]:
    needed = ceil(loader.fetch_s / max(_busy_s(loader), 1e-9)) + 1
    workers = min(needed, loader.workers + int(host.idle_cores), host.cores)
    if workers <= loader.workers:
        return ()
    left_s = max(loader.fetch_s / workers - _busy_s(loader), 0.0)
    gain = loader.wait_share * max(1 - left_s / loader.wait_s, 0.0)
    why = f"{workers} workers fetch a batch each {loader.fetch_s / workers * 1000:.1f} ms beside the step"
    return (_throughput(f"raise workers to {workers}", {"workers": workers}, gain, why),)


def _prefetch(loader: LoaderFacts) -> tuple[Fix, ...]:
    if loader.workers == 0 or loader.prefetch >= DEEP_PREFETCH:
        return ()
    why = "a tenth of the wait: only what comes from uneven items"
    return (
        _throughput(f"raise prefetch to {DEEP_PREFETCH}", {"prefetch": DEEP_PREFETCH}, 0.1 * loader.wait_share, why),
    )


def _throughput(name: str, turns: dict[str, bool | int], gain: float, why: str) -> Fix:
    return Fix(
        name=name,
        effect=Effect.SAME_MATHEMATICS,
        turns=turned(**turns),
        improves="step_s",
        expected=gain,
        estimated_by=why,
    )
