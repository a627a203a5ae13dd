"""The device ran out of memory, and the run went on in smaller pieces.

## What it does
Counts the steps that ran out of memory. The trainer has run each of them again with half the examples on the device
and their gradients accumulated: nothing was lost.

## Why it matters
Each time costs the step and a search through the allocator; and the next run will meet it again.

## What to do
Write the micro-batch that worked into the configuration.

## Fix safety
Needs a person: the trainer has done what this run needed.

## When to ignore it
Another process filled the device for a while.

## References
- PyTorch, «Understanding CUDA Memory Usage»
"""

from rules.facts import DeviceFacts, MemoryFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

MANY_TIMES = 3
"""Times: it does not settle, and each one costs steps."""


@rule("MEM102")
def out_of_memory(device: DeviceFacts, memory: MemoryFacts) -> Finding | None:
    """Find a run that had to go on in smaller pieces."""
    if memory.ran_out == 0:
        return None
    fits = f"; {memory.largest_batch} have been measured to fit" if memory.largest_batch and not memory.counted else ""
    return Finding(
        code="MEM102",
        name="out_of_memory",
        severity=Severity.WARNING if memory.ran_out >= MANY_TIMES else Severity.INFO,
        message=f"the memory of {device.name} ran out {memory.ran_out} {'time' if memory.ran_out == 1 else 'times'}; "
        f"the run goes on with {memory.micro_batch} examples at once and lost nothing{fits}",
        evidence=(
            Evidence(fact="memory.ran_out", value=memory.ran_out, limit=0),
            Evidence(fact="memory.micro_batch", value=memory.micro_batch, limit=memory.micro_batch),
        ),
        causes=("more examples at once than the device holds", "other processes on the same device"),
        explains=("MEM101",),
        fixes=(advice(f"start the next run with train.micro_batch = {memory.micro_batch}", improves="time"),),
    )
