"""More threads compute than there are cores.

## What it does
Compares the trainer's threads and the loader's workers with the cores that this process may use.

## Why it matters
Threads that wait for a core hold up the ones that compute: each parallel region ends with its slowest thread.

## What to do
Give the trainer as many threads as there are cores.

## Fix safety
Same mathematics: only the number of threads changes. Rounds with and without decide.

## When to ignore it
The cores are counted too low (a container that may borrow more).

## References
- PyTorch, «CPU threading and TorchScript inference» (tuning the number of threads)
"""

from rules.facts import HostFacts, KnobFacts, ProbeFacts, RunFacts
from rules.remedies import possible, turned
from rules.vocabulary import Effect, Evidence, Finding, Fix, Severity, rule

CROWD_FACTOR = 2.0
"""Threads and workers over cores: workers wait for disks, so some crowding is harmless."""
GAIN = 0.1
"""Of a step: measured gains run from nothing to a half; this is the low side."""


@rule("DEV104")
def threads_oversubscribed(run: RunFacts, host: HostFacts, knobs: KnobFacts, probes: ProbeFacts) -> Finding | None:
    """Find more threads than cores."""
    threads, workers = int(knobs.number("threads")), int(knobs.number("workers"))
    crowded = threads > host.cores or threads + workers > CROWD_FACTOR * host.cores
    fit = max(min(threads, host.cores), 1)
    to = fit if threads > host.cores else max(host.cores - workers, 1)
    fix = Fix(
        name=f"compute with {to} threads",
        effect=Effect.SAME_MATHEMATICS,
        turns=turned(threads=to),
        improves="step_s",
        expected=GAIN,
        estimated_by="the low side of usual gains",
    )
    fixes = possible(knobs, fix)
    if not run.warm or not crowded or threads == 0 or not fixes or "threads" in probes.screened:
        return None
    return Finding(
        code="DEV104",
        name="threads_oversubscribed",
        severity=Severity.INFO,
        message=f"{threads} threads and {workers} workers share {host.cores} cores",
        evidence=(
            Evidence(fact="knobs.threads", value=threads, limit=host.cores),
            Evidence(fact="knobs.workers", value=threads + workers, limit=CROWD_FACTOR * host.cores),
        ),
        fixes=fixes,
    )
