"""Convolutions run in the memory layout that suits them less.

## What it does
Looks for an image model with convolutions in the default layout, with steps long enough to be timed.

## Why it matters
Many devices compute convolutions in channels-last order and convert back and forth when they are given the other.

## What to do
Turn channels_last on.

## Fix safety
Other rounding: both arms must agree on loss and gradients, and rounds must show the gain.

## When to ignore it
The model reshapes its features by hand and needs them in the default order.

## References
- PyTorch, «Channels Last Memory Format in PyTorch» (tutorial)
"""

from rules.facts import KnobFacts, ModelFacts, PhaseFacts, ProbeFacts, RunFacts, TaskFacts
from rules.remedies import possible, turned
from rules.vocabulary import Effect, Evidence, Finding, Fix, Severity, rule

COMPUTE_SHARE_LIMIT = 0.5
"""Of a step: the layout speeds up nothing else."""
STEP_LIMIT_S = 0.005
"""Seconds: shorter steps are dominated by what surrounds the convolutions."""
WORTH_S = 5.0
"""Seconds of computing still to come: less does not pay for the rounds."""
GAIN = 0.1
"""Of the computing time: PyTorch reports 8 to 35 % with mixed precision, less without."""


@rule("DEV102")
def channels_last_not_used(
    run: RunFacts,
    task: TaskFacts,
    model: ModelFacts,
    phases: PhaseFacts,
    knobs: KnobFacts,
    probes: ProbeFacts,
) -> Finding | None:
    """Find convolutions that could run in another layout."""
    compute = phases.shares.get("forward", 0.0) + phases.shares.get("backward", 0.0)
    worth = phases.step_s >= STEP_LIMIT_S and compute * phases.step_s * run.steps_left >= WORTH_S
    if not run.warm or task.inputs != "image" or not model.has_conv or compute < COMPUTE_SHARE_LIMIT or not worth:
        return None
    if "channels_last" in probes.screened:
        return None
    fix = Fix(
        name="use the channels-last layout",
        effect=Effect.OTHER_ROUNDING,
        turns=turned(channels_last=True),
        improves="step_s",
        expected=GAIN * compute,
        estimated_by="a usual gain, times the share of a step that computes",
    )
    fixes = possible(knobs, fix)
    if not fixes:
        return None
    return Finding(
        code="DEV102",
        name="channels_last_not_used",
        severity=Severity.INFO,
        message=f"{compute:.0%} of each step computes, with convolutions in the default memory layout",
        evidence=(
            Evidence(fact="phases.shares", value=compute, limit=COMPUTE_SHARE_LIMIT),
            Evidence(fact="knobs.channels_last", value=False, limit=True),
        ),
        fixes=fixes,
    )
