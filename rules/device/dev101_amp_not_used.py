"""Mixed precision is possible here and off.

## What it does
Looks for a device with a half-precision type, a step long enough to be timed, and most of it spent computing.

## Why it matters
On tensor cores, matrix products in half precision run two to eight times as fast and take half the memory. Without
them it may be slower, which is why a trial decides and not this rule.

## What to do
Turn mixed precision on.

## Fix safety
Other rounding: weights stay in full precision. Both arms must agree on loss and gradients on the same weights, and
rounds must show the gain.

## When to ignore it
The task needs more than three digits of precision in its activations.

## References
- Micikevicius et al., «Mixed Precision Training», 2018
- torch.amp, «Automatic Mixed Precision package»
"""

from rules.facts import DeviceFacts, KnobFacts, ModelFacts, PhaseFacts, ProbeFacts, RunFacts
from rules.remedies import possible, turned
from rules.vocabulary import Effect, Evidence, Finding, Fix, Severity, rule

COMPUTE_SHARE_LIMIT = 0.5
"""Of a step: mixed precision speeds up nothing else."""
STEP_LIMIT_S = 0.005
"""Seconds: in shorter steps the casts cost more than they save."""
PARAMETERS_LIMIT = 10_000
"""A smaller net has no matrix that is worth a cast."""
WORTH_S = 5.0
"""Seconds of computing still to come: less does not pay for the rounds."""
COMPUTE_GAIN = {"cuda": 0.4, "mps": 0.2}
"""Of the computing time, by device: what is usual on tensor cores, less on others."""
CPU_GAIN = 0.05
"""Of the computing time: most processors have no bf16 units, so expect little."""


@rule("DEV101")
def amp_not_used(
    run: RunFacts,
    device: DeviceFacts,
    model: ModelFacts,
    phases: PhaseFacts,
    knobs: KnobFacts,
    probes: ProbeFacts,
) -> Finding | None:
    """Find a run that could compute in mixed precision and does not."""
    compute = phases.shares.get("forward", 0.0) + phases.shares.get("backward", 0.0)
    long_enough = phases.step_s >= STEP_LIMIT_S and compute * phases.step_s * run.steps_left >= WORTH_S
    if not run.warm or knobs.values["amp"] != "off" or not device.amp_dtypes or not long_enough:
        return None
    if compute < COMPUTE_SHARE_LIMIT or model.parameters < PARAMETERS_LIMIT or "amp" in probes.screened:
        return None
    gain = COMPUTE_GAIN.get(device.type, CPU_GAIN) * compute
    fix = Fix(
        name=f"compute in mixed precision ({device.amp_dtypes[0]})",
        effect=Effect.OTHER_ROUNDING,
        turns=turned(amp="auto"),
        improves="step_s",
        expected=gain,
        estimated_by=f"a usual gain on {device.type}, times the share of a step that computes",
    )
    fixes = possible(knobs, fix)
    if not fixes:
        return None
    return Finding(
        code="DEV101",
        name="amp_not_used",
        severity=Severity.INFO,
        message=f"{compute:.0%} of each step computes in full precision; {device.amp_dtypes[0]} works on this device",
        evidence=(
            Evidence(fact="phases.shares", value=compute, limit=COMPUTE_SHARE_LIMIT),
            Evidence(fact="phases.step_s", value=phases.step_s, limit=STEP_LIMIT_S),
            Evidence(fact="knobs.amp", value="off", limit="auto"),
        ),
        fixes=fixes,
    )
