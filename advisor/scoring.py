"""Which score of a fork's arms a fix is judged by."""

from collections.abc import Mapping

from rules.vocabulary import Fix, Value

RATE_LIKE = frozenset({"lr", "schedule", "warmup", "optimizer", "batch_size", "momentum"})
"""Knobs whose turn a short fork misjudges: judged on weights averaged over its last half (trials.md, «Horizon bias»)."""
OF_CLASSES = frozenset({"balanced_accuracy", "rare_recall"})
"""Scores that a classification's arms always have."""


def score_of(fix: Fix, metric: str, held: Mapping[str, Value]) -> str | None:
    """Return the score that a fix should improve; nothing where a fork does not measure it.

    Args:
        fix: Its `improves` names the metric.
        metric: The user's main metric.
        held: What the knobs hold before.
    """
    if fix.improves in OF_CLASSES:
        return fix.improves
    tail = "tail_" if any(turn.knob in RATE_LIKE for turn in fix.turns) or _decays_less(fix, held) else ""
    if fix.improves == "loss":
        return f"{tail}loss"
    if fix.improves in ("metric", metric):
        return f"{tail}{metric}"
    return None


def _decays_less(fix: Fix, held: Mapping[str, Value]) -> bool:
    """Tell whether a fix turns the weight decay down: less decay looks better at first."""
    return any(turn.knob == "weight_decay" and float(turn.to) < float(held.get(turn.knob, 0.0)) for turn in fix.turns)
