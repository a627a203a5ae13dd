"""Memory grows with every step and is never given back.

## What it does
Looks at what is held between steps, on the device, by the trainer's process and by the loader's workers: a rise over at
least 50 steps that goes on in every part of them, by the median slope over all pairs. Speaks when it comes to a gibibyte
or a twentieth of what there is, or will end the run before its last step. During the first pass over the data, in which
caches fill, only when memory ends before the pass does.

## Why it matters
Nothing learns from it, and it ends with the process killed, without a word, hours later.

## What to do
Keep numbers, not tensors: `losses.append(loss.item())`. A tensor that is kept with its graph keeps every activation of its
step. The probe memory_holders names the containers that grow.

## Fix safety
Needs a person: the fault is in the code. Nothing is turned. What was learned up to the last checkpoint is on disk.

## When to ignore it
A cache that is meant to fill over several passes, and fits.

## References
- PyTorch, «Frequently Asked Questions: My model reports "cuda runtime error(2): out of memory"» (history across the loop)
- Sen, «Estimates of the Regression Coefficient Based on Kendall's Tau», 1968
"""

from math import isfinite

from rules.facts import Growth, GrowthFacts, ProbeFacts, RunFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Fix, Severity, rule
from rules.wording import in_time, of_bytes

STEPS_LEAST = 50
"""Steps with an ordered rise: fewer are a heap that settles (rules.md)."""
GROWN_BYTES = 1 << 30
"""Grown by so much it is worth a word, however much there is (rules.md)."""
GROWN_SHARE = 0.05
"""Of all there is, where that is little: a container of two gibibytes, a small device."""
FILLS_BYTES = 32 << 20
"""Grown by less, nothing is foretold: allocators and imports move that much."""
URGENT_S = 600.0
"""Seconds until memory ends in which a person should still hear of it."""

NAMES = {
    "device": "the device's memory",
    "host": "the trainer's memory",
    "workers": "the memory of the loader's workers",
}
"""Of each kind, for a sentence."""


@rule("MEM103")
def memory_creep(run: RunFacts, growth: GrowthFacts, probes: ProbeFacts) -> Finding | None:
    """Find memory that grows with every step."""
    creeping = [one for one in growth.growths if _creeps(one, run)]
    if run.step < STEPS_LEAST or not creeping:
        return None
    worst = min(creeping, key=lambda one: one.seconds_left)
    ends = worst.steps_left < run.steps_left
    urgent = ends and worst.seconds_left < URGENT_S
    until = f"; it is full in {in_time(worst.seconds_left)}" if isfinite(worst.seconds_left) else ""
    holder = next(iter(growth.holders), None)
    held = f"; {holder.where} grows" if holder is not None and worst.of != "workers" else ""
    return Finding(
        code="MEM103",
        name="memory_creep",
        severity=Severity.ERROR if urgent else Severity.WARNING if ends else Severity.INFO,
        message=f"{of_bytes(worst.bytes_per_step)} a step are added to {NAMES[worst.of]} and never given back{until}"
        f"{'' if ends or not until else ', after the run has ended'}{held}",
        evidence=(
            Evidence(fact="growth.grown_bytes", value=worst.grown_bytes, limit=FILLS_BYTES if ends else _least(worst)),
            Evidence(fact="growth.steps_left", value=worst.steps_left, limit=run.steps_left),
        ),
        probes=() if worst.of == "workers" or "memory_holders" in probes.done else ("memory_holders",),
        causes=_causes(worst, growth),
        explains=("MEM101", "MEM102") if worst.of == "device" else (),
        fixes=(_mend(worst, growth),),
    )


def _creeps(one: Growth, run: RunFacts) -> bool:
    if not one.ordered or one.steps < STEPS_LEAST:
        return False
    fills = one.grown_bytes >= FILLS_BYTES and one.steps_left < run.steps_left
    if one.pass_steps_left:
        return fills and one.steps_left < one.pass_steps_left
    return fills or one.grown_bytes >= _least(one)


def _least(one: Growth) -> float:
    return min(GROWN_BYTES, GROWN_SHARE * one.limit_bytes) if isfinite(one.limit_bytes) else GROWN_BYTES


def _causes(worst: Growth, growth: GrowthFacts) -> tuple[str, ...]:
    if worst.of == "workers":
        return ("a cache in the data set, one copy a worker", "items that the data set keeps after they were read")
    known = tuple(
        f"{one.where}: a {one.kind} of {one.length:,} {one.holds}"
        + (f", {one.graphs:,} of them with the graph of their step" if one.graphs else "")
        + f", {one.added} more in the steps of the probe"
        for one in growth.holders
    )
    if known:
        return known
    if growth.graphs_added >= 1:
        return (f"{growth.graphs_added:.0f} tensors with their graphs stay alive a step, held by no container",)
    return (
        "losses or outputs that are kept with their graphs",
        "a list or a dictionary in the model, the loss, a metric or the data set",
        "a cache without a bound",
    )


def _mend(worst: Growth, growth: GrowthFacts) -> Fix:
    holder = next(iter(growth.holders), None)
    if worst.of == "workers":
        return advice(
            "give the data set's cache a bound, or keep it in one array that the workers share", improves="bytes"
        )
    if holder is None:
        return advice("keep numbers instead of tensors: loss.item(), or output.detach().cpu()", improves="bytes")
    if holder.graphs:
        return advice(f"put numbers into {holder.where}, not tensors: `.item()` or `.detach()`", improves="bytes")
    return advice(f"give {holder.where} a bound, or empty it now and then", improves="bytes")
