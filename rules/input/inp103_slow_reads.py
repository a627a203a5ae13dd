"""Fetching sleeps while it reads: the disk, the network or the number of files is the limit, not the work.

## What it does
Looks for a loop that waits for its data while whoever fetches is asleep for over a third of a fetch and reads files, or
sleeps as much when it fetches alone (probe fetched_batch). The file system that the items lie on and the bytes of a read
tell a network store, many small files and a slow disk apart.

## Why it matters
More cores do not help: nobody computes. What sleeps can sleep side by side.

## What to do
Keep the decoded items in memory where they fit. Else raise the number of workers beyond the idle cores, since sleeping
takes none. For good: a copy on a local disk, or the small files packed into a few large ones.

## Fix safety
Same mathematics: the batches are the same and come in the same order. Rounds with and without decide.

## When to ignore it
It is the first epoch, and later ones come from memory (INP105).

## References
- Mohan et al., «Analyzing and Mitigating Data Stalls in DNN Training», 2021
- Linux kernel, «PSI: Pressure Stall Information» and «The /proc filesystem» (task I/O accounting)
"""

from math import isfinite

from rules.facts import FetcherFacts, FetchFacts, HostFacts, KnobFacts, LoaderFacts, ProbeFacts, RunFacts
from rules.remedies import advice, possible
from rules.stalls import (
    ASLEEP_LIMIT,
    cost,
    keep_items,
    keeps_up,
    look_further_ahead,
    more_workers,
    severity,
    stalled,
    wait_evidence,
    why_asleep,
)
from rules.vocabulary import Evidence, Finding, rule

SMALL_FILE_BYTES = 64 * 1024.0
"""An item: below it a disk's answer takes longer than its bytes (rules.md: IOPS at under 64 KiB)."""
PRESSURE_LIMIT = 0.05
"""Of the last 10 s in which everything waited for a disk."""
NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "lustre", "gpfs", "beegfs", "glusterfs", "afs", "9p"}
)
"""File systems on another machine; those that programs serve (fuse.sshfs, fuse.s3fs, …) are mostly such, too."""


@rule("INP103")
def slow_reads(
    run: RunFacts,
    loader: LoaderFacts,
    fetch: FetchFacts,
    fetcher: FetcherFacts,
    host: HostFacts,
    knobs: KnobFacts,
    probes: ProbeFacts,
) -> Finding | None:
    """Find a loop that waits for reading."""
    why = why_asleep(loader, fetcher, probes)
    if not stalled(run, loader) or keeps_up(loader) or why not in ("reads", "source"):
        return None
    known = isfinite(host.io_stall_share)
    pressure = (Evidence(fact="host.io_stall_share", value=host.io_stall_share, limit=PRESSURE_LIMIT),) if known else ()
    cause, mend = _cause(run, fetch, fetcher, why)
    unknown = "" if known or why == "source" else "; how busy the disk is, this machine does not tell"
    return Finding(
        code="INP103",
        name="slow_reads",
        severity=severity(run, loader),
        message=f"{fetcher.asleep_share:.0%} of a fetch is sleep, {cause}; the loop waits for it "
        f"{loader.wait_share:.0%} of the time ({cost(run, loader)}){unknown}",
        evidence=(
            Evidence(fact="fetcher.asleep_share", value=fetcher.asleep_share, limit=ASLEEP_LIMIT),
            wait_evidence(loader),
            Evidence(fact="fetcher.read_bytes", value=fetcher.read_bytes, limit=SMALL_FILE_BYTES * run.batch_size),
            *pressure,
        ),
        causes=(cause,),
        probes=("fetched_batch",),
        explains=("INP101", "DEV103"),
        fixes=(
            *possible(
                knobs,
                *keep_items(loader, host),
                *more_workers(loader, host, fetcher.asleep_share),
                *look_further_ahead(loader, host),
            ),
            advice(
                mend,
                improves="step_s",
                expected=loader.wait_share,
                estimated_by="without the wait a step is shorter by its share",
            ),
        ),
    )


def _cause(run: RunFacts, fetch: FetchFacts, fetcher: FetcherFacts, why: str) -> tuple[str, str]:
    """Return what is slow and what mends it, in words."""
    item_bytes = max(fetcher.read_bytes, fetcher.disk_bytes) / max(run.batch_size, 1)
    if fetch.store in NETWORK or fetch.store.startswith("fuse."):
        return f"on a network store ({fetch.store})", "copy the data to a local disk before training"
    if why == "source":
        return "for an answer that no file gives", "ask for a whole batch at once (__getitems__), or copy the data here"
    if item_bytes < SMALL_FILE_BYTES:
        told = f"reading {item_bytes / 1024:.1f} KiB an item: many small reads"
        return told, "pack the small files into a few large ones (an array, LMDB, tar shards)"
    return f"reading {item_bytes / 2**20:.1f} MiB an item", "store smaller files, or move the data to a faster disk"
