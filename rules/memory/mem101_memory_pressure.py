"""The device is close to the end of its memory.

## What it does
Looks at the peak of the device's memory.

## Why it matters
The next batch that is a little larger, or an evaluation beside the step, ends the run.

## What to do
Put fewer examples on the device at once and accumulate their gradients; the batch behind a step stays. How many fit
with a tenth of the memory to spare, the probe memory_model measures; without its answer, half as many.

## Fix safety
Other rounding: the sum is taken in another order. With batch norm the statistics are of smaller pieces; then it
changes what is learned and is tried as such.

## When to ignore it
The allocator's reserve is counted, and nothing on the device grows.

## References
- PyTorch, «Understanding CUDA Memory Usage»
"""

from rules.facts import DeviceFacts, KnobFacts, MemoryFacts, ModelFacts, RunFacts
from rules.remedies import advice, possible, turned
from rules.vocabulary import METRIC_GUARD, Effect, Evidence, Finding, Fix, Severity, rule

PEAK_LIMIT = 0.92
"""Of the device's memory."""
SEVERE_PEAK = 0.97
"""Of the device's memory: the allocator already has to search."""
ACTIVATION_GAIN = 0.4
"""Of the peak: half of what grows with the examples, the usual larger part."""


@rule("MEM101")
def memory_pressure(
    run: RunFacts, device: DeviceFacts, memory: MemoryFacts, model: ModelFacts, knobs: KnobFacts
) -> Finding | None:
    """Find a device that is nearly full."""
    if not run.warm or memory.peak_share < PEAK_LIMIT:
        return None
    fewer = memory.largest_batch if 0 < memory.largest_batch < memory.micro_batch else max(memory.micro_batch // 2, 1)
    fix = Fix(
        name=f"put {fewer} examples on the device at once",
        effect=Effect.CHANGES_LEARNING if model.has_norm else Effect.OTHER_ROUNDING,
        turns=turned(micro_batch=fewer),
        improves="bytes",
        guards=(METRIC_GUARD,),
        expected=ACTIVATION_GAIN,
        estimated_by="the largest batch that has run with a tenth of the memory to spare"
        if fewer == memory.largest_batch
        else "half of what grows with the examples on the device",
    )
    return Finding(
        code="MEM101",
        name="memory_pressure",
        severity=Severity.WARNING,
        message=f"{memory.peak_share:.0%} of the memory of {device.name} is in use at the peak",
        evidence=(
            Evidence(fact="memory.peak_share", value=memory.peak_share, limit=PEAK_LIMIT),
            Evidence(fact="memory.micro_batch", value=memory.micro_batch, limit=fewer),
        ),
        probes=() if memory.largest_batch or device.type == "cpu" else ("memory_model",),
        causes=("too many examples on the device at once", "other processes on the same device", "a leak"),
        fixes=(
            *(possible(knobs, fix) if fewer < memory.micro_batch else ()),
            advice("use a smaller batch or net, or mixed precision", improves="bytes"),
        ),
    )
