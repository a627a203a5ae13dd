"""Items are read from storage for the first time; from then on the operating system has them in memory.

## What it does
In the first epoch: looks for a loop that waits for reads that come from storage, of data that fit into free memory. Later:
for fetches that took three times as long in the first third of the time as in the last.

## Why it matters
It passes by itself. Neither the loader nor the disk is to blame, and what is measured now will not hold later.

## What to do
Nothing, if an epoch is short. In a long one more workers read more at a time. Before the next start the data can be read
once (`cat FILES > /dev/null`), beside whatever comes before training.

## Fix safety
Same mathematics: the batches are the same and come in the same order. Rounds with and without decide.

## When to ignore it
There is but one epoch.

## References
- Mohan et al., «Analyzing and Mitigating Data Stalls in DNN Training», 2021 (section 4, fetch stalls and the page cache)
"""

from rules.facts import FetcherFacts, FetchFacts, HostFacts, KnobFacts, LoaderFacts, RunFacts
from rules.remedies import advice, possible
from rules.stalls import (
    ASLEEP_LIMIT,
    READ_LEAST_BYTES,
    cost,
    fell,
    look_further_ahead,
    more_workers,
    severity,
    stalled,
    wait_evidence,
)
from rules.vocabulary import Evidence, Finding, rule

COLD_SHARE = 0.5
"""Of the bytes read: so many come from storage."""


@rule("INP105")
def cold_cache(
    run: RunFacts, loader: LoaderFacts, fetch: FetchFacts, fetcher: FetcherFacts, host: HostFacts, knobs: KnobFacts
) -> Finding | None:
    """Find reads that will be faster from the second epoch on."""
    if not stalled(run, loader):
        return None
    data_bytes = fetcher.disk_bytes * run.steps_per_epoch
    from_storage = fetcher.disk_bytes >= max(COLD_SHARE * fetcher.read_bytes, READ_LEAST_BYTES)
    first_time = run.epoch < 1 and from_storage and fetcher.asleep_share >= ASLEEP_LIMIT
    faster = fell(fetch)
    if not (faster or (first_time and data_bytes <= host.memory_free_bytes)):
        return None
    told = (
        f"the first fetches took {fetch.first_s / fetch.last_s:.1f} times as long as now"
        if faster
        else f"{fetcher.disk_bytes / 2**20:.1f} MiB a batch come from storage for the first time, and fit into memory"
    )
    return Finding(
        code="INP105",
        name="cold_cache",
        severity=severity(run, loader),
        message=f"{told}; the loop waits {loader.wait_share:.0%} of the time ({cost(run, loader)}, were it to stay so)",
        evidence=(
            wait_evidence(loader),
            Evidence(fact="fetcher.disk_bytes", value=fetcher.disk_bytes, limit=COLD_SHARE * fetcher.read_bytes),
        ),
        causes=("the operating system has not read the files before",),
        explains=("INP101", "INP102", "INP103", "INP106", "DEV103"),
        fixes=(
            *possible(knobs, *more_workers(loader, host, fetcher.asleep_share), *look_further_ahead(loader, host)),
            advice(
                "read the files once before the next start; in this one it passes with the first epoch",
                improves="step_s",
                expected=loader.wait_share,
                estimated_by="without the wait a step is shorter by its share",
            ),
        ),
        eased_by_knobs=True,
    )
