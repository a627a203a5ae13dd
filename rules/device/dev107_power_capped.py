"""The device stands at its power cap, and its clock is lower for it.

## What it does
Looks at the share of the samples in which NVML names the power cap as the reason for a low clock.

## Why it matters
It is what the device can do with the power that it is granted: no fault, but where somebody has lowered the cap, the price
of that.

## What to do
Nothing, where the cap is the maker's. Else `nvidia-smi -q -d POWER` shows the cap, and `nvidia-smi -pl` sets it.

## Fix safety
Needs a person, and the right to set it. Nothing that is learned depends on it.

## When to ignore it
Nearly always: big devices under full load stand at their cap.

## References
- NVIDIA, «NVML API Reference: nvmlClocksThrottleReasons»
"""

from rules.facts import CoolingFacts, DeviceFacts, RunFacts
from rules.vocabulary import Evidence, Finding, Severity, rule

CAPPED_LIMIT = 0.5
"""Of the samples: now and then at the cap costs nothing."""
CLOCK_LIMIT = 0.85
"""Of the highest clock: nearer to it there is nothing to gain."""


@rule("DEV107", nursery=True)
def power_capped(run: RunFacts, device: DeviceFacts, cooling: CoolingFacts) -> Finding | None:
    """Find a device whose clock its power cap holds down."""
    if not run.warm or not (cooling.capped_share > CAPPED_LIMIT and cooling.clock_share <= CLOCK_LIMIT):
        return None
    return Finding(
        code="DEV107",
        name="power_capped",
        severity=Severity.INFO,
        message=f"{cooling.capped_share:.0%} of the time {device.name} stands at its power cap of "
        f"{cooling.power_limit_w:.0f} W; its clock is at {cooling.clock_share:.0%} of the highest",
        evidence=(
            Evidence(fact="cooling.capped_share", value=cooling.capped_share, limit=CAPPED_LIMIT),
            Evidence(fact="cooling.clock_share", value=cooling.clock_share, limit=CLOCK_LIMIT),
        ),
        causes=("full load, as it should be", "a power cap below the maker's"),
    )
