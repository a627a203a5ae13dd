"""The processor is held back: by heat, or by the container's quota of processor time.

## What it does
Looks at the kernel's counters of the last half minute: seconds in which a core slowed down for heat, and periods in which
the quota of the control group was used up, so that all threads stood still until the next one.

## Why it matters
More threads or workers make it worse: they use the quota up sooner, or heat the processor more.

## What to do
Grant the container more processor time, or let the run have no more threads and workers than cores are granted. Heat: let
air to the machine.

## Fix safety
Needs a person: what a container is granted is not the run's to say.

## When to ignore it
The device does the work, and the step does not wait for the host.

## References
- Linux, «CFS Bandwidth Control» (nr_throttled); «thermal_throttle» of x86 in /sys/devices/system/cpu
"""

from math import isfinite

from rules.facts import HeldBackFacts, RunFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

HOT_LIMIT = 0.05
"""Of the time (rules.md, as for devices)."""
QUOTA_LIMIT = 0.20
"""Of the periods: bursts use up single ones, and the time is made up for in the next."""


@rule("DEV108", nursery=True)
def processor_held_back(run: RunFacts, held_back: HeldBackFacts) -> Finding | None:
    """Find a processor that may not do what it could."""
    hot, stalled = held_back.hot_share > HOT_LIMIT, held_back.quota_share > QUOTA_LIMIT
    if not run.warm or not (hot or stalled):
        return None
    share = held_back.quota_share if stalled else held_back.hot_share
    cores = f" of {held_back.cores:g} cores" if isfinite(held_back.cores) else ""
    return Finding(
        code="DEV108",
        name="processor_held_back",
        severity=Severity.WARNING,
        message=f"{share:.0%} of the time the container's quota{cores} is used up, and all threads stand still"
        if stalled
        else f"{share:.0%} of the time a processor core slows down for heat",
        evidence=(
            Evidence(
                fact="held_back.quota_share" if stalled else "held_back.hot_share",
                value=share,
                limit=QUOTA_LIMIT if stalled else HOT_LIMIT,
            ),
        ),
        causes=("more threads and workers than the container grants cores",)
        if stalled
        else ("cooling that does not keep up",),
        fixes=(
            advice(
                "grant the container more processor time, or use fewer threads and workers"
                if stalled
                else "let more air to the machine",
                improves="time",
            ),
        ),
    )
