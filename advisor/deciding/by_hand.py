"""A knob that a person wants tried: the same trial, the same judgement and the same ledger as for a fix of the advisor.

Pure. What was thought of such a turn before does not bind a person: neither a veto, nor an earlier trial, nor a freeze.
What does bind is what the run itself sets: the bounds of a knob, the steps that are left, the budget.
"""

from collections.abc import Mapping

from advisor.deciding.consider import cannot_turn, holds, how_tried
from advisor.deciding.history import BY_HAND, History
from advisor.deciding.options import No, Scene, Try
from rules.vocabulary import METRIC_GUARD, Effect, Finding, Fix, Severity, Turned, Value
from trainer.knobs import Knob

_EFFECTS = (Effect.FREE, Effect.SAME_MATHEMATICS, Effect.OTHER_ROUNDING, Effect.CHANGES_LEARNING)
"""From what changes least to what changes most: of several knobs, the one that changes most decides."""


def fix_of(turns: tuple[Turned, ...], knobs: Mapping[str, Knob]) -> Fix:
    """Return what a person wants tried as a fix; this run's own catalogue says what it changes and so how it is tried."""
    effects = [Effect(knobs[turn.knob].effect) for turn in turns if turn.knob in knobs]
    effect = max(effects, key=_EFFECTS.index, default=Effect.CHANGES_LEARNING)
    timed = effect in (Effect.SAME_MATHEMATICS, Effect.OTHER_ROUNDING)
    return Fix(
        name=f"turn {', '.join(f'{turn.knob} to {_said(turn.to)}' for turn in turns)}",
        effect=effect,
        turns=turns,
        improves="step_s" if timed else "metric" if effect is Effect.FREE else "loss",
        guards=(METRIC_GUARD,) if effect is Effect.CHANGES_LEARNING else (),
        expected=0.0,
        estimated_by="a person wants it tried",
    )


def weigh_by_hand(turns: tuple[Turned, ...], history: History, scene: Scene) -> Try | No:
    """Return how what a person wants tried is tried, or why it cannot be."""
    fix = fix_of(turns, scene.knobs)
    if not turns:
        return No(BY_HAND, fix, "cannot be tried: the wish names no knob")
    if scene.finished:
        return No(BY_HAND, fix, "too late: the training is over")
    if why := cannot_turn(fix, history, scene.knobs):
        return No(BY_HAND, fix, why)
    if holds(fix, scene.knobs):
        return No(BY_HAND, fix, "nothing to try: the run holds these values already")
    wanted = Finding(
        code=BY_HAND, name="by_hand", severity=Severity.ERROR, message="a person wants it tried", evidence=()
    )
    return how_tried(wanted, fix, history, scene)


def _said(value: Value) -> str:
    return (
        ("on" if value else "off")
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
