"""The settings of a long run were never timed on this machine.

## What it does
Looks for a run that mostly computes and has minutes of that before it, asks for a screen of its settings (threads, memory
layout, mixed precision, batch size: each timed for a second on one batch, beside the best so far), and offers what was
fastest together. Of the batches that leave the run enough steps it takes the smallest that is nearly as fast as the fastest.

## Why it matters
What a setting brings depends on the processor, the net and the other settings: half precision is twice as fast on one
machine and ten times as slow on the next. Tried one by one in the run, they would take most of it.

## What to do
Turn all that was fastest together, in one trial.

## Fix safety
Other rounding, and where a larger batch is among them another course of learning: rate, second moments and averages turn
with the batch, so that an example weighs as much as before. Both arms must agree on loss and gradients of the same
examples, and rounds on the run's own batches must show the gain. A larger batch is taken back when the validation metric
falls behind it; without one the rest is tried alone.

## When to ignore it
The batch is small on purpose.

## References
- McCandlish et al., «An Empirical Model of Large-Batch Training», 2018
- Malladi et al., «On the SDEs and Scaling Rules for Adaptive Gradient Algorithms», 2022 (the rate by the root)
"""

from rules.facts import KnobFacts, PhaseFacts, ProbeFacts, RunFacts
from rules.remedies import possible, turned
from rules.vocabulary import METRIC_GUARD, Effect, Evidence, Finding, Fix, Severity, Value, rule

COMPUTE_SHARE_LIMIT = 0.3
"""Of a step, in forward, backward and optimizer: the settings speed up nothing else."""
STEP_LIMIT_S = 0.002
"""Seconds: what a shorter step takes is mostly not computing, and a larger batch is then a matter of taste."""
WORTH_S = 60.0
"""Seconds of computing still to come: screen and trial take a quarter of that."""
STEADY_SHARE = 0.02
"""Of the run: by then its first steps are over (nothing that is learned has to be known here)."""
GAIN_LIMIT = 0.03
"""Of the time of an example: less is not worth a trial."""
BATCH_GAIN_LIMIT = 0.10
"""Of the time of an example with all else as it is best: what a larger batch must save, for it changes what is learned."""
KNEE_SHARE = 0.95
"""Of the best examples a second: the smallest batch that reaches it is taken (knobs.md)."""
STEPS_LEFT_LIMIT = 500
"""Steps that must remain with a larger batch: with fewer, each one counts for what is learned."""


@rule("DEV109")
def untuned_settings(run: RunFacts, phases: PhaseFacts, knobs: KnobFacts, probes: ProbeFacts) -> Finding | None:
    """Find a long run whose settings nobody has timed."""
    compute = sum(phases.shares.get(part, 0.0) for part in ("forward", "backward", "optimizer"))
    worth = phases.step_s >= STEP_LIMIT_S and compute * phases.step_s * run.steps_left >= WORTH_S
    screened = "throughput_screen" in probes.done
    fixes = possible(knobs, *_fixes(run, knobs, probes, compute)) if screened else ()
    if run.step < STEADY_SHARE * run.steps_total or compute < COMPUTE_SHARE_LIMIT or not worth:
        return None
    if screened and not fixes:
        return None
    told = f"{_said(fixes[0])} would take {fixes[0].expected:.0%} less time an example" if fixes else ""
    return Finding(
        code="DEV109",
        name="untuned_settings",
        severity=Severity.INFO,
        message=told or f"{compute:.0%} of each step computes, with settings that nobody has timed on this machine",
        evidence=(
            Evidence(fact="phases.shares", value=compute, limit=COMPUTE_SHARE_LIMIT),
            Evidence(fact="probes.screen_gain", value=probes.screen_gain, limit=GAIN_LIMIT),
        ),
        probes=() if screened else ("throughput_screen",),
        explains=("DEV101", "DEV102", "DEV103", "DEV104"),
        fixes=fixes,
    )


def _fixes(run: RunFacts, knobs: KnobFacts, probes: ProbeFacts, compute: float) -> tuple[Fix, ...]:
    """Return the fastest settings together, and, where the batch is among them, the others without it."""
    together, same = dict(probes.screen_turns), probes.screen_gain
    batch, saved = _knee(run, knobs, probes)
    fixes = []
    if saved >= BATCH_GAIN_LIMIT:
        fixes.append(_fix({**together, "batch_size": batch}, (1 - (1 - same) * (1 - saved)) * compute))
    if together and same >= GAIN_LIMIT:
        fixes.append(_fix(together, same * compute))
    return tuple(fixes)


def _knee(run: RunFacts, knobs: KnobFacts, probes: ProbeFacts) -> tuple[int, float]:
    """Return the batch to take and what it saves; nothing where none leaves enough steps."""
    examples = run.steps_left * knobs.number("batch_size")
    timed = {size: saved for size, saved in probes.screen_batches.items() if examples / size >= STEPS_LEFT_LIMIT}
    least = 1 - max(timed.values(), default=0.0)
    return next(((size, saved) for size, saved in sorted(timed.items()) if least / (1 - saved) >= KNEE_SHARE), (0, 0.0))


def _fix(turns: dict[str, Value], expected: float) -> Fix:
    learns = "batch_size" in turns
    return Fix(
        name=f"turn {', '.join(f'{knob} to {_value(value)}' for knob, value in turns.items())}",
        effect=Effect.CHANGES_LEARNING if learns else Effect.OTHER_ROUNDING,
        turns=turned(**turns),
        improves="step_s",
        guards=(METRIC_GUARD,) if learns else (),
        expected=expected,
        estimated_by="short stretches on one batch, times the share of a step that computes",
    )


def _said(fix: Fix) -> str:
    return " with ".join(f"{turn.knob} {_value(turn.to)}" for turn in fix.turns)


def _value(value: Value) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)
