"""Other GPUs of this machine idle beside a run that mostly computes.

## What it does
Looks at the devices that the run sees and does not train on, and at what is left of a run that mostly computes.

## Why it matters
A batch that is dealt out to several devices takes a part of the time, as long as the share of each is still worth a kernel's
start, and the weights travel faster than they are used.

## What to do
Turn replicas to the number of devices. Where others use some of the devices, start the run again with CUDA_VISIBLE_DEVICES
naming those that are free.

## Fix safety
Other rounding: the gradient is that of the whole batch, which is checked before, and rounds must show the gain. It is undone
between two steps. With batch norm each process has the statistics of its own share, which changes learning. In the nursery:
on no machine with several GPUs was its gain measured yet.

## When to ignore it
The devices are meant for somebody else.

## References
- Li et al. 2020, «PyTorch Distributed: Experiences on Accelerating Data Parallel Training», VLDB 13(12)
"""

from rules.facts import KnobFacts, NeighbourFacts, PhaseFacts, RunFacts
from rules.remedies import advice, possible, turned
from rules.vocabulary import Effect, Evidence, Finding, Fix, Severity, rule

LOOKS = 3
"""Times that a device was found idle, 5 s apart: one look may fall between two steps of somebody else."""
COMPUTE_SHARE_LIMIT = 0.5
"""Of a step: dealing a batch out speeds up nothing else."""
EXAMPLES_EACH = 8
"""Of a batch, for each device: below, a step is mostly the starting of kernels, which no further device makes fewer."""
START_S = 30.0
"""Seconds: a follower loads torch, calls the task's factory and finds its device."""
WORTH = 3.0
"""Times what starting takes: what must be expected to be saved, for the gain is a guess."""


@rule("DST101", nursery=True)
def idle_devices(run: RunFacts, neighbours: NeighbourFacts, phases: PhaseFacts, knobs: KnobFacts) -> Finding | None:
    """Find devices that nobody uses beside a run that could."""
    compute = phases.shares.get("forward", 0.0) + phases.shares.get("backward", 0.0)
    now = int(knobs.values.get("replicas", 1))
    wanted = now + neighbours.idle
    expected = compute * (1 - now / wanted)
    saves_s = expected * phases.step_s * run.steps_left
    if (
        not run.warm
        or neighbours.looks < LOOKS
        or not neighbours.idle
        or compute < COMPUTE_SHARE_LIMIT
        or knobs.number("batch_size") < EXAMPLES_EACH * wanted
        or saves_s < WORTH * START_S
    ):
        return None
    fix = Fix(
        name="share each batch with the idle devices",
        effect=Effect.OTHER_ROUNDING,
        turns=turned(replicas=wanted),
        improves="step_s",
        expected=expected,
        estimated_by="the share of a step that computes, divided evenly",
    )
    free = wanted == neighbours.devices
    ask = advice(
        f"start the run with CUDA_VISIBLE_DEVICES naming the {wanted} devices that are free", improves="step_s"
    )
    if not (fixes := possible(knobs, fix) if free else (ask,)):
        return None
    return Finding(
        code="DST101",
        name="idle_devices",
        severity=Severity.INFO,
        message=f"{neighbours.idle} of the {neighbours.devices} GPUs that this run sees idle beside it",
        evidence=(
            Evidence(fact="neighbours.idle", value=neighbours.idle, limit=0),
            Evidence(fact="phases.shares", value=compute, limit=COMPUTE_SHARE_LIMIT),
            Evidence(fact="knobs.replicas", value=now, limit=wanted),
        ),
        fixes=fixes,
    )
