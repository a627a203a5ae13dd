"""A long run computes step by step what could be compiled.

## What it does
Looks for a run that mostly computes, and has so much of it before it that compiling would pay even for a modest gain.

## Why it matters
A compiled pass fuses many small kernels into few and launches them together; on an accelerator that is often a third of
the time of a step, on a processor often nothing.

## What to do
Turn compile on; the first step takes half a minute to some minutes.

## Fix safety
Other rounding: both arms must agree on loss and gradients, and rounds must show the gain. The eager pass stays beside the
compiled one, so it is undone between two steps. In the nursery: on no accelerator was its gain measured yet.

## When to ignore it
The model's forward pass has control flow that changes from batch to batch: it would be compiled again and again.

## References
- Ansel et al. 2024, «PyTorch 2: Faster Machine Learning Through Dynamic Python Bytecode Transformation and Graph
  Compilation», ASPLOS
"""

from rules.facts import DeviceFacts, KnobFacts, PhaseFacts, RunFacts
from rules.remedies import possible, turned
from rules.vocabulary import Effect, Evidence, Finding, Fix, Severity, rule

COMPUTE_SHARE_LIMIT = 0.5
"""Of a step: compiling speeds up nothing else."""
GAIN = {"cuda": 0.25, "cpu": 0.1}
"""Of the computing time: on accelerators the published geometric mean is 1.4 times as fast in training, so a quarter less
is a careful guess; on a processor two nets of the bench gained 2 % and lost 35 %."""
COMPILE_S = 90.0
"""Seconds: two small nets took 18 and 28 s of a processor, 19 and 89 s of a busy machine."""
WORTH = 3.0
"""Times what compiling takes: what it must be expected to save, for the gain is a guess."""


@rule("DEV105", nursery=True)
def not_compiled(run: RunFacts, device: DeviceFacts, phases: PhaseFacts, knobs: KnobFacts) -> Finding | None:
    """Find a long run that computes without being compiled."""
    compute = phases.shares.get("forward", 0.0) + phases.shares.get("backward", 0.0)
    expected = GAIN.get(device.type, 0.0) * compute
    saves_s = expected * phases.step_s * run.steps_left
    compiled = knobs.values.get("compile", "off") != "off" or bool(knobs.values.get("activation_checkpointing"))
    if not run.warm or compiled or compute < COMPUTE_SHARE_LIMIT or saves_s < WORTH * COMPILE_S:
        return None
    fix = Fix(
        name="compile the forward and backward pass",
        effect=Effect.OTHER_ROUNDING,
        turns=turned(compile="default"),
        improves="step_s",
        expected=expected,
        estimated_by="a usual gain, times the share of a step that computes",
    )
    if not (fixes := possible(knobs, fix)):
        return None
    return Finding(
        code="DEV105",
        name="not_compiled",
        severity=Severity.INFO,
        message=f"{compute:.0%} of each step computes, and about {saves_s / 60:.0f} minutes of that could be saved by compiling",
        evidence=(
            Evidence(fact="phases.shares", value=compute, limit=COMPUTE_SHARE_LIMIT),
            Evidence(fact="knobs.compile", value="off", limit="default"),
        ),
        fixes=fixes,
    )
