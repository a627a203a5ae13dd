"""Whoever fetches waits for a lock that somebody else holds.

## What it does
Looks for a loop that waits for its data while the fetching threads are asleep over a fifth of the time without waiting for
a disk: they sleep side by side, and hardly when one of them fetches alone (probe fetched_batch); or another thread of their
own process computes meanwhile and holds the interpreter's lock.

## Why it matters
However many workers there are, they work one after the other.

## What to do
Keep the decoded items in memory, which asks for no lock. For good: a file handle, database connection or archive of its own
for each worker, opened at the first item; processes in place of threads.

## Fix safety
Same mathematics: the batches are the same and come in the same order. Rounds with and without decide.

## When to ignore it
A server that answers one at a time looks the same: ask it for more at once.

## References
- Python documentation, «threading — Lock objects» and «Glossary: global interpreter lock»
- h5py documentation, «Multi-threading» (one lock for all of the library)
"""

from rules.facts import FetcherFacts, HostFacts, KnobFacts, LoaderFacts, ProbeFacts, RunFacts
from rules.remedies import advice, possible
from rules.stalls import LOCKED_LIMIT, cost, keep_items, keeps_up, severity, stalled, wait_evidence, why_asleep
from rules.vocabulary import Evidence, Finding, rule


@rule("INP108")
def lock_held(
    run: RunFacts, loader: LoaderFacts, fetcher: FetcherFacts, host: HostFacts, knobs: KnobFacts, probes: ProbeFacts
) -> Finding | None:
    """Find workers that take turns."""
    if not stalled(run, loader) or keeps_up(loader) or why_asleep(loader, fetcher, probes) != "lock":
        return None
    inside = fetcher.others_share >= fetcher.asleep_share / 2
    who = "other threads of its process compute meanwhile" if inside else f"{loader.workers} workers take turns"
    alone = probes.fetch_asleep_share
    told = (Evidence(fact="probes.fetch_asleep_share", value=alone, limit=LOCKED_LIMIT),) if alone == alone else ()
    return Finding(
        code="INP108",
        name="lock_held",
        severity=severity(run, loader),
        message=f"{fetcher.asleep_share:.0%} of a fetch is sleep, and no disk is waited for: {who}; "
        f"the loop waits {loader.wait_share:.0%} of the time ({cost(run, loader)})",
        evidence=(
            Evidence(fact="fetcher.asleep_share", value=fetcher.asleep_share, limit=LOCKED_LIMIT),
            wait_evidence(loader),
            *told,
        ),
        causes=("a lock that every worker takes", "the interpreter's lock, held by another thread"),
        probes=("fetched_batch",),
        explains=("INP101", "INP103", "DEV103"),
        fixes=(
            *possible(knobs, *keep_items(loader, host)),
            advice(
                "give each worker a file or connection of its own, opened at its first item, in place of a shared lock",
                improves="step_s",
                expected=loader.wait_share,
                estimated_by="without the wait a step is shorter by its share",
            ),
        ),
        eased_by_knobs=True,
    )
