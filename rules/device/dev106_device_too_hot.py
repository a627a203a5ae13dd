"""The device slows itself down because it is too hot, or gets too little power.

## What it does
Looks at the reasons that NVML gives for a low clock, in the samples of the last half minute; where it gives none, at a
temperature over 82 °C with a clock a seventh below the highest.

## Why it matters
The same step takes longer, and how much longer changes with the room: no measurement of time stands for another.

## What to do
Let air to it: clean filters and fans, more space between the devices, a lower power limit (`nvidia-smi -pl`), which often
costs less speed than the heat. A power brake is the power supply's word: look at cables and supply.

## Fix safety
Needs a person. Nothing that is learned depends on it.

## When to ignore it
A laptop under a long load, where it is the way it was built.

## References
- NVIDIA, «NVML API Reference: nvmlClocksThrottleReasons»
"""

from math import isnan

from rules.facts import CoolingFacts, DeviceFacts, RunFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

SHARE_LIMIT = 0.05
"""Of the samples (rules.md): a single moment of heat costs nothing."""
HOT_C = 82.0
"""From here on most devices lower their clocks (rules.md)."""
CLOCK_LIMIT = 0.85
"""Of the highest clock: a device that computes and is cool stays above, or stands at its power cap."""
CAPPED_LIMIT = 0.5
"""Of the samples at the power cap: that explains a low clock by itself."""
LOST_SHARE = 0.15
"""Of a step: what a clock lower by a seventh costs at least a step that computes."""


@rule("DEV106", nursery=True)
def device_too_hot(run: RunFacts, device: DeviceFacts, cooling: CoolingFacts) -> Finding | None:
    """Find a device that slows down to protect itself."""
    hot = cooling.temperature_c > HOT_C and cooling.clock_share <= CLOCK_LIMIT
    warm = hot and not cooling.capped_share > CAPPED_LIMIT
    told = max((share for share in (cooling.heat_share, cooling.brake_share) if not isnan(share)), default=0.0)
    if not run.warm or not (told > SHARE_LIMIT or warm):
        return None
    braked = cooling.brake_share >= cooling.heat_share and told > SHARE_LIMIT
    clock = "" if isnan(cooling.clock_share) else f"; its clock is at {cooling.clock_share:.0%} of the highest"
    why = "too little power" if braked else "heat"
    said = (
        f"{told:.0%} of the time {device.name} slows down for {why}"
        if told > SHARE_LIMIT
        else f"the temperature of {device.name} is {cooling.temperature_c:.0f} °C"
    )
    return Finding(
        code="DEV106",
        name="device_too_hot",
        severity=Severity.WARNING,
        message=f"{said}{clock}",
        evidence=(
            Evidence(fact="cooling.brake_share" if braked else "cooling.heat_share", value=told, limit=SHARE_LIMIT),
            Evidence(fact="cooling.temperature_c", value=cooling.temperature_c, limit=HOT_C),
        ),
        causes=("a power supply or cable at its limit",) if braked else ("cooling that does not keep up", "a hot room"),
        fixes=(
            advice(
                "look at the power supply and its cables"
                if braked
                else "let more air to the device, or lower its power limit",
                improves="time",
                expected=LOST_SHARE,
                estimated_by="a clock at its usual height: a step that computes is shorter by as much",
            ),
        ),
    )
