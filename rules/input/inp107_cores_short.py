"""Whoever fetches is ready to work and has no core.

## What it does
Looks for a loop that waits for its data while the fetching threads stand in the queue for a core over a quarter of the time,
as the kernel counts it. Who has the cores is told from what other programs use.

## Why it matters
More workers would only make the queue longer, and each of them slows down the step itself.

## What to do
Where it is this run: no more threads and workers than cores. Where it is other programs: end them, or let them run at a
lower priority (`nice`). Items kept in memory need hardly a core at all.

## Fix safety
Same mathematics: the batches are the same and come in the same order. Rounds with and without decide.

## When to ignore it
The other load will go away by itself.

## References
- Linux kernel, «Scheduler Statistics» (`/proc/<pid>/schedstat`: time spent waiting on a runqueue)
- PyTorch, «CPU threading and TorchScript inference» (tuning the number of threads)
"""

from math import isfinite

from rules.facts import FetcherFacts, HostFacts, KnobFacts, LoaderFacts, RunFacts
from rules.remedies import advice, possible
from rules.stalls import cost, keep_items, severity, stalled, throughput, wait_evidence
from rules.vocabulary import Evidence, Finding, Fix, rule

QUEUED_LIMIT = 0.25
"""Of a fetch. On a machine with a core to spare it is under a twentieth."""
OTHERS_LIMIT = 0.5
"""Cores: less is a desktop that somebody looks at."""


@rule("INP107")
def cores_short(
    run: RunFacts, loader: LoaderFacts, fetcher: FetcherFacts, host: HostFacts, knobs: KnobFacts
) -> Finding | None:
    """Find fetches that want a core."""
    if not stalled(run, loader) or fetcher.queued_share < QUEUED_LIMIT:
        return None
    threads = int(knobs.number("threads"))
    others = isfinite(host.others_cores) and host.others_cores >= OTHERS_LIMIT
    if others:
        who = f"other programs keep {host.others_cores:.1f} of {host.cores} busy"
        mend = "end the other programs, or start them with `nice -n 19`"
    else:
        who = f"{threads} threads and {loader.workers} workers share {host.cores}"
        mend = "give this run more cores, or make its items cheaper"
    return Finding(
        code="INP107",
        name="cores_short",
        severity=severity(run, loader),
        message=f"{fetcher.queued_share:.0%} of a fetch passes in the queue for a core: {who}; "
        f"the loop waits {loader.wait_share:.0%} of the time ({cost(run, loader)})",
        evidence=(
            Evidence(fact="fetcher.queued_share", value=fetcher.queued_share, limit=QUEUED_LIMIT),
            wait_evidence(loader),
            *((Evidence(fact="host.others_cores", value=host.others_cores, limit=OTHERS_LIMIT),) if others else ()),
        ),
        causes=(who,),
        explains=("INP101", "INP106", "DEV103", "DEV104"),
        fixes=(
            *possible(knobs, *keep_items(loader, host), *(() if others else _fewer(loader, host, threads))),
            advice(
                mend,
                improves="step_s",
                expected=loader.wait_share * fetcher.queued_share,
                estimated_by="without the queue a fetch is shorter by its share",
            ),
        ),
        eased_by_knobs=True,
    )


def _fewer(loader: LoaderFacts, host: HostFacts, threads: int) -> tuple[Fix, ...]:
    """Return the fixes that take no more cores than there are."""
    why = "the low side of usual gains"
    workers, least = max(host.cores - 1, 1), max(host.cores - loader.workers, 1)
    fewer = (throughput(f"lower workers to {workers}", {"workers": workers}, 0.1, why),)
    fit = (throughput(f"compute with {least} threads", {"threads": least}, 0.1, why),)
    return (*(fit if least < threads else ()), *(fewer if workers < loader.workers else ()))
