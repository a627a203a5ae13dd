"""The allocator holds far more memory than tensors have ever needed.

## What it does
Compares what the allocator of an accelerator has taken from the device with the most that tensors have needed at once.

## Why it matters
Free memory in pieces that are too small for the next tensor is as good as none: the run ends out of memory with gibibytes
to spare.

## What to do
Start the next run with `PYTORCH_ALLOC_CONF=expandable_segments:True` (before torch 2.9: PYTORCH_CUDA_ALLOC_CONF), and let
sizes vary less: batches of one length, or lengths in a few buckets.

## Fix safety
Needs a person: the allocator reads its settings once, when the process starts.

## When to ignore it
Nobody else needs the device, and nothing on it grows.

## References
- PyTorch, «CUDA semantics: Optimizing memory usage with PYTORCH_ALLOC_CONF»
"""

from rules.facts import AllocatorFacts, RunFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule
from rules.wording import of_bytes

RATIO_LIMIT = 2.0
"""Held over needed (rules.md): an allocator that rounds and keeps blocks for later stays well below."""
SHARE_LEAST = 0.2
"""Of the device's memory: held by less, it is in nobody's way."""
SEVERE_SHARE = 0.85
"""Of the device's memory: the next tensor that fits nowhere ends the run."""


@rule("MEM104", nursery=True)
def fragmentation(run: RunFacts, allocator: AllocatorFacts) -> Finding | None:
    """Find an allocator that holds memory in pieces."""
    ratio = allocator.reserved_bytes / max(allocator.needed_bytes, 1)
    share = allocator.reserved_bytes / max(allocator.memory_bytes, 1)
    if not run.warm or ratio <= RATIO_LIMIT or share < SHARE_LEAST:
        return None
    return Finding(
        code="MEM104",
        name="fragmentation",
        severity=Severity.WARNING if share >= SEVERE_SHARE else Severity.INFO,
        message=f"{of_bytes(allocator.reserved_bytes)} of the device are held by the allocator, "
        f"{ratio:.1f} times what tensors have needed at once ({of_bytes(allocator.needed_bytes)})",
        evidence=(
            Evidence(fact="allocator.reserved_bytes", value=ratio, limit=RATIO_LIMIT),
            Evidence(fact="allocator.memory_bytes", value=share, limit=SHARE_LEAST),
        ),
        causes=("tensors of many different sizes", "a larger batch or net earlier in this process"),
        fixes=(
            advice("start with PYTORCH_ALLOC_CONF=expandable_segments:True, or let sizes vary less", improves="bytes"),
        ),
    )
