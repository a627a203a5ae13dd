"""Making items is work, and there is too little of it at a time.

## What it does
Looks for a loop that waits for its data while whoever fetches is at work most of the time: neither asleep nor in want of
a core. A few batches fetched alone (probe fetched_batch) tell which part of the work is transforms, and which collating.

## Why it matters
The step stands still while a core decodes: the work has to be saved, spread over more cores, or done on whole batches.

## What to do
Keep decoded items in memory where they fit, then more workers where cores are idle. For good: random transforms on the
batch (`train.augment`) in place of those on each item, whole batches from the data set (`__getitems__`), or items stored as
they are needed.

## Fix safety
Same mathematics: the batches are the same and come in the same order. Rounds with and without decide.

## When to ignore it
All cores are at work and the items have to be made anew each time: this is then the speed of the machine.

## References
- torch.utils.data, «Single- and Multi-process Data Loading»
- Murray et al., «tf.data: A Machine Learning Data Processing Framework», 2021
"""

from rules.facts import FetcherFacts, HostFacts, KnobFacts, LoaderFacts, ProbeFacts, RunFacts
from rules.remedies import advice, possible
from rules.stalls import (
    cost,
    keep_items,
    keeps_up,
    more_workers,
    severity,
    stalled,
    wait_evidence,
    why_asleep,
)
from rules.vocabulary import Evidence, Finding, rule

WORK_LIMIT = 0.5
"""Of a fetch: the larger part is work."""
QUEUED_LIMIT = 0.25
"""Of a fetch: beyond, it lacks a core first of all (INP107)."""
PART_LIMIT = 0.3
"""Of a fetch: a part that is worth being moved elsewhere."""
ONE_CORE = 1.5
"""Cores that a fetch keeps busy: more than that are threads of its own."""


@rule("INP104")
def costly_items(
    run: RunFacts, loader: LoaderFacts, fetcher: FetcherFacts, host: HostFacts, knobs: KnobFacts, probes: ProbeFacts
) -> Finding | None:
    """Find a loop that waits for work on its items."""
    works = fetcher.own_share >= WORK_LIMIT
    if not stalled(run, loader) or keeps_up(loader) or not works or fetcher.queued_share >= QUEUED_LIMIT:
        return None
    if why_asleep(loader, fetcher, probes):
        return None
    cores = fetcher.own_share + fetcher.others_share
    threads = f" on {cores:.1f} cores" if cores >= ONE_CORE else ""
    parts = [
        f"{share:.0%} of it {name}"
        for name, share in (("transforms", probes.fetch_transform_share), ("collating", probes.fetch_collate_share))
        if share >= PART_LIMIT
    ]
    return Finding(
        code="INP104",
        name="costly_items",
        severity=severity(run, loader),
        message=f"a batch takes {loader.fetch_s * 1000:.1f} ms of work{threads}{''.join(f', {part}' for part in parts)}; "
        f"the loop waits for it {loader.wait_share:.0%} of the time ({cost(run, loader)})",
        evidence=(
            Evidence(fact="fetcher.own_share", value=fetcher.own_share, limit=WORK_LIMIT),
            wait_evidence(loader),
            Evidence(fact="host.idle_cores", value=host.idle_cores, limit=1),
        ),
        causes=("decoding", "transforms", "collating"),
        probes=("fetched_batch",),
        explains=("INP101", "DEV103"),
        fixes=(
            *possible(knobs, *keep_items(loader, host), *more_workers(loader, host)),
            advice(
                _cheaper(probes),
                improves="step_s",
                expected=loader.wait_share,
                estimated_by="without the wait a step is shorter by its share",
            ),
        ),
    )


def _cheaper(probes: ProbeFacts) -> str:
    """Return what makes the largest part of the work cheaper."""
    if probes.fetch_transform_share >= PART_LIMIT:
        return "transform whole batches in place of items: train.augment does the usual ones, beside the net"
    if probes.fetch_collate_share >= PART_LIMIT:
        return "let the data set give whole batches (__getitems__) that need little collating"
    return "store items as they are needed: decoded, and in the size that the net takes"
