"""The batch is too small to keep the device at work.

## What it does
Looks for steps of which a large part (optimizer, everything around the net) costs the same whatever the batch, on a
device with memory to spare and data enough for larger batches.

## Why it matters
That part is paid once a step; twice the batch pays it half as often.

## What to do
Double the batch, and the rate with it (by the root of two for Adam).

## Fix safety
Needs a person: a larger batch also changes what is learned, and is never judged by a validation score.

## When to ignore it
The noise of small batches is wanted, or there are so few steps that each one counts.

## References
- McCandlish et al., «An Empirical Model of Large-Batch Training», 2018
- Goyal et al., «Accurate, Large Minibatch SGD», 2017 (linear scaling)
"""

from rules.facts import DeviceFacts, KnobFacts, MemoryFacts, PhaseFacts, ProbeFacts, RunFacts, TaskFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

FIXED_SHARE_LIMIT = 0.4
"""Of a step, in optimizer and the rest."""
MEMORY_LIMIT = 0.7
"""Of the device's memory at its peak: above, twice the batch may not fit."""
DATA_SHARE_LIMIT = 0.05
"""Of the training split in a batch: above, an epoch has too few steps."""
STEPS_LIMIT = 50
"""Steps an epoch that must remain."""
WORTH_S = 30.0
"""Seconds still to come: below, nobody waits for the run."""
ROOT_OF_TWO = 1.414
"""Adam's rate for twice the batch."""


@rule("DEV103")
def batch_too_small(
    run: RunFacts,
    task: TaskFacts,
    device: DeviceFacts,
    phases: PhaseFacts,
    memory: MemoryFacts,
    knobs: KnobFacts,
    probes: ProbeFacts,
) -> Finding | None:
    """Find steps that are too small for what surrounds them."""
    fixed = phases.shares.get("optimizer", 0.0) + phases.shares.get("other", 0.0)
    room = memory.peak_share < MEMORY_LIMIT
    data = run.batch_size <= DATA_SHARE_LIMIT * task.train_examples and run.steps_per_epoch >= 2 * STEPS_LIMIT
    if not run.warm or fixed < FIXED_SHARE_LIMIT or not room or not data or phases.step_s * run.steps_left < WORTH_S:
        return None
    if "batch_size" in probes.screened:
        return None
    adaptive = knobs.values["optimizer"] in ("adam", "adamw", "rmsprop")
    rate = knobs.number("lr") * (ROOT_OF_TWO if adaptive else 2.0)
    return Finding(
        code="DEV103",
        name="batch_too_small",
        severity=Severity.INFO,
        message=f"{fixed:.0%} of each step on {device.name} costs the same whatever the batch, which is {run.batch_size}",
        evidence=(
            Evidence(fact="phases.shares", value=fixed, limit=FIXED_SHARE_LIMIT),
            Evidence(fact="memory.peak_share", value=memory.peak_share, limit=MEMORY_LIMIT),
        ),
        causes=("the batch is small for this device", "the net is so small that any batch is"),
        fixes=(
            advice(
                f"start with train.batch_size = {2 * run.batch_size} and train.lr = {rate:.2g}",
                improves="time",
                expected=fixed / 2,
                estimated_by="twice the batch pays the fixed part of a step half as often",
            ),
        ),
    )
