"""Fixes in the few shapes that rules share: a turn of knobs that is possible here, and advice for a person."""

from math import isfinite

from rules.facts import KnobFacts
from rules.vocabulary import METRIC_GUARD, Deed, Effect, Fix, Turned, Value

FALLBACK_CLIP = 1.0
"""Gradient norm to clip at where no sound ones are known: the customary value."""
CLIP_CEILING = 1e3
"""Norm: a percentile above it was taken from an explosion."""
WHOLE = 1e-9
"""Two values of a knob that differ by less than this share are the same value."""


def turned(**knobs: Value) -> tuple[Turned, ...]:
    """Return the turns of these knobs: `turned(lr=0.1, clip=1.0)`."""
    return tuple(Turned(knob=name, to=value) for name, value in knobs.items())


def possible(knobs: KnobFacts, *fixes: Fix) -> tuple[Fix, ...]:
    """Return those fixes whose knobs can be turned in this run and would change something."""
    return tuple(fix for fix in fixes if not fix.turns or _would_change(knobs, fix.turns))


def advice(name: str, *, improves: str = "metric", expected: float = 0.0, estimated_by: str = "") -> Fix:
    """Return a fix that only a person can carry out."""
    return Fix(
        name=name,
        effect=Effect.NEEDS_A_PERSON,
        deed=Deed.PERSON,
        improves=improves,
        expected=expected,
        estimated_by=estimated_by or "not estimated: it depends on what the person does",
    )


def clip_norm(seen: float) -> float:
    """Return the gradient norm to clip at: the 90th percentile seen, or the customary 1 where that tells nothing."""
    return seen if isfinite(seen) and 0 < seen <= CLIP_CEILING else FALLBACK_CLIP


def clip_at(norm: float, estimated_by: str) -> Fix:
    """Return the fix that clips gradients at this norm; what it gains nobody can say, and the rule says why."""
    return Fix(
        name=f"clip gradients at {norm:.2g}",
        effect=Effect.CHANGES_LEARNING,
        turns=turned(clip=norm),
        improves="loss",
        guards=(METRIC_GUARD,),
        expected=0.0,
        estimated_by=estimated_by,
    )


def start_over(why: str, *, expected: float = 0.0, **knobs: float) -> Fix:
    """Return the rescue that goes back before the first step with these knobs turned.

    Args:
        why: Why it is applied without a trial.
        expected: Relative gain of the loss; 0 where nobody can say.
        **knobs: Numeric knob and its value.
    """
    said = " and ".join(f"{knob} {to:.2g}" for knob, to in knobs.items())
    return Fix(
        name=f"start over with {said}",
        effect=Effect.RESCUE,
        deed=Deed.START_OVER,
        turns=turned(**knobs),
        improves="loss",
        expected=expected,
        estimated_by=f"applied, not tried: {why}",
    )


def begin_anew(
    said: str, *, lost: bool, improves: str = "loss", expected: float, estimated_by: str, **knobs: Value
) -> Fix:
    """Return the fix that goes back before the first step with these knobs turned.

    Args:
        said: What it starts over with, or at.
        lost: The run has come to nothing: a rescue, applied without a trial; else it is tried by a fork from the start.
        improves: What it improves where the run is lost; else the loss.
        expected: Relative gain of the loss.
        estimated_by: How that was estimated.
        **knobs: Knob and its value.
    """
    return Fix(
        name=f"start over with {said}",
        effect=Effect.RESCUE if lost else Effect.CHANGES_LEARNING,
        deed=Deed.START_OVER,
        turns=turned(**knobs),
        improves=improves if lost else "loss",
        guards=() if lost else (METRIC_GUARD,),
        expected=expected,
        estimated_by=estimated_by,
    )


def standardised_inputs(gained_share: float, *, lost: bool) -> Fix:
    """Return the fix that starts over with standardised inputs.

    Args:
        gained_share: Of the loss, 0 to 1: what it took off the loss of faulty runs at the least.
        lost: The run has come to nothing: applied without a trial.
    """
    return begin_anew(
        "standardised inputs",
        lost=lost,
        improves="finite",
        expected=gained_share,
        estimated_by=f"{gained_share:.0%} of the loss: what it took off at the least, where inputs were raw",
        standardise=True,
    )


def new_start() -> Fix:
    """Return the advice to start over at the rate of a sweep that was not made yet.

    Its deed says that the sweep belongs on the state before the first step.
    """
    return Fix(
        name="start over at a rate that a sweep picks",
        effect=Effect.NEEDS_A_PERSON,
        deed=Deed.START_OVER,
        improves="loss",
        expected=0.0,
        estimated_by="not estimated: the sweep was not made",
    )


def surgery(name: str, why: str, **knobs: Value) -> Fix:
    """Return a change of the network itself, tried by a fork whose candidate is built anew.

    Args:
        name: Of the fix.
        why: Why it should help; what it gains nobody can say.
        **knobs: Knob of surgery and its value.
    """
    return Fix(
        name=name,
        effect=Effect.CHANGES_LEARNING,
        turns=turned(**knobs),
        improves="loss",
        guards=(METRIC_GUARD,),
        expected=0.0,
        estimated_by=f"not estimated: {why}",
    )


def standard_loss(name: str, why: str) -> Fix:
    """Return the turn to the standard loss of what is learned, in place of the task's own; it is judged by the metric.

    Args:
        name: Of the fix.
        why: Why it should help; what it gains nobody can say.
    """
    return Fix(
        name=name,
        effect=Effect.CHANGES_LEARNING,
        turns=turned(loss="standard"),
        improves="metric",
        guards=(METRIC_GUARD,),
        expected=0.0,
        estimated_by=f"not estimated: {why}",
    )


def _would_change(knobs: KnobFacts, turns: tuple[Turned, ...]) -> bool:
    if not knobs.can(*(turn.knob for turn in turns)):
        return False
    return any(not _same(knobs.values[turn.knob], turn.to) for turn in turns)


def _same(now: Value, to: Value) -> bool:
    if isinstance(now, str) or isinstance(to, str):
        return now == to
    return abs(now - to) <= WHOLE * max(abs(now), abs(to))
