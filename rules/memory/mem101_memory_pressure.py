"""The device is close to the end of its memory.

## What it does
Looks at the peak of the device's memory.

## Why it matters
The next batch that is a little larger, or an evaluation beside the step, ends the run.

## What to do
Put fewer examples on the device at once and accumulate their gradients; the batch behind a step stays. How many fit
with a tenth of the memory to spare, the probe memory_model measures; without its answer, half as many. Or keep less of
each repeated block for the backward pass, and compute it again there. That goes first where smaller pieces would change
what is learned, or are so small already that the device idles.

## Fix safety
Other rounding: the sum is taken in another order. With batch norm the statistics are of smaller pieces; then it
changes what is learned and is tried as such. Computing activations again is the same mathematics; rounds measure what it
spares and what it costs in time.

## When to ignore it
The allocator's reserve is counted, and nothing on the device grows.

## References
- PyTorch, «Understanding CUDA Memory Usage»
- Chen et al., «Training Deep Nets with Sublinear Memory Cost», 2016
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

RECOMPUTED_GAIN = 0.4
"""Of the peak: nine nets spared 3 to 79 % of what a step takes besides weights and gradients, half of them 57 % or more
(tests/bench/RESULTS.md)."""
SMALL_PIECE = 8
"""Examples: half of them leave most devices idle, at more than the fifth to two thirds of a step that computing again costs."""


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
    again = _computed_again(memory, model, knobs)
    pieces = possible(knobs, fix) if fewer < memory.micro_batch else ()
    again_first = model.has_norm or memory.micro_batch <= SMALL_PIECE
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
            *((*again, *pieces) if again_first else (*pieces, *again)),
            advice("use a smaller batch or net, or mixed precision", improves="bytes"),
        ),
    )


def _computed_again(memory: MemoryFacts, model: ModelFacts, knobs: KnobFacts) -> tuple[Fix, ...]:
    """Return the fix that keeps less for the backward pass, where what it spares can be measured."""
    if not memory.told or not model.blocks or knobs.values.get("compile", "off") != "off":
        return ()
    first, last = model.blocks[0], model.blocks[-1]
    fix = Fix(
        name=f"compute the activations of {f'{first} to {last}' if last != first else first} again in the backward pass",
        effect=Effect.SAME_MATHEMATICS,
        turns=turned(activation_checkpointing=True),
        improves="bytes",
        expected=RECOMPUTED_GAIN,
        estimated_by=f"what it usually spares of the peak; {len(model.blocks)} blocks keep only what enters them",
    )
    return possible(knobs, fix)
