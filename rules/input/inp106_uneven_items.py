"""The workers keep up on average, and yet the loop waits: now and then a batch takes far longer than the others.

## What it does
Looks for a loop that waits though its workers make batches as fast as they are used, where one fetch in twenty takes over
twice as long as the usual one, and longer than a step.

## Why it matters
Batches come in their order: those behind a late one are there and have to wait for it.

## What to do
Let the workers run further ahead, so that what is prepared lasts while the late one is made. Keeping decoded items in
memory makes them even.

## Fix safety
Same mathematics: the batches are the same and come in the same order. Rounds with and without decide.

## When to ignore it
The late batches come from another load on the machine that will go away.

## References
- torch.utils.data, «Single- and Multi-process Data Loading» (`prefetch_factor`)
"""

from math import ceil

from rules.facts import FetchFacts, HostFacts, KnobFacts, LoaderFacts, RunFacts
from rules.remedies import advice, possible
from rules.stalls import (
    busy_s,
    cost,
    fell,
    keep_items,
    keeps_up,
    look_further_ahead,
    severity,
    stalled,
    wait_evidence,
)
from rules.vocabulary import Evidence, Finding, rule

TAIL_TIMES = 2.0
"""95th percentile of the fetches over their median (rules.md)."""
DEEPEST_PREFETCH = 16
"""Batches ahead of each worker: beyond, memory is taken and nothing is won."""
SAVED_SHARE = 0.5
"""Of the wait: late batches come in clusters, too, and no depth covers all."""


@rule("INP106")
def uneven_items(
    run: RunFacts, loader: LoaderFacts, fetch: FetchFacts, host: HostFacts, knobs: KnobFacts
) -> Finding | None:
    """Find a loop that waits for single late batches."""
    late = fetch.p95_s > TAIL_TIMES * fetch.median_s and fetch.p95_s > busy_s(loader)
    if not stalled(run, loader) or not keeps_up(loader) or not late or fell(fetch):
        return None
    depth = ceil(2 * fetch.p95_s / max(busy_s(loader), 1e-9) / loader.workers)
    deeper = look_further_ahead(loader, host, min(max(depth, 2 * loader.prefetch), DEEPEST_PREFETCH), SAVED_SHARE)
    return Finding(
        code="INP106",
        name="uneven_items",
        severity=severity(run, loader),
        message=f"one batch in twenty takes {fetch.p95_s * 1000:.1f} ms or more, the usual one {fetch.median_s * 1000:.1f} ms; "
        f"the loop waits {loader.wait_share:.0%} of the time ({cost(run, loader)})",
        evidence=(
            Evidence(fact="fetch.p95_s", value=fetch.p95_s, limit=TAIL_TIMES * fetch.median_s),
            wait_evidence(loader),
        ),
        causes=("some items are far larger than the others", "a disk or network that answers late now and then"),
        explains=("INP101", "DEV103"),
        fixes=(
            *possible(knobs, *deeper, *keep_items(loader, host)),
            advice(
                "make the items alike: split or shrink the largest ones",
                improves="step_s",
                expected=loader.wait_share,
                estimated_by="without the wait a step is shorter by its share",
            ),
        ),
    )
