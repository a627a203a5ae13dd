"""Which score of a fork's arms a fix is judged by."""

from collections.abc import Mapping
from math import ceil

from rules.vocabulary import Fix, Value

BETA_TURNOVERS = 2
"""Times that the second moments must have been renewed."""
OF_CLASSES = frozenset({"balanced_accuracy", "rare_recall", "balanced_loss"})
"""Scores that a classification's arms always have."""
AVERAGED, BETTER = "tail_", "better_"
"""How the scores begin of weights averaged over an arm's last half, and of those or its last ones (trainer/trials/arms.py)."""
PACING = frozenset(
    {
        "lr",
        "schedule",
        "warmup",
        "decay_from",
        "batch_size",
        "micro_batch",
        "momentum",
        "beta2",
        "optimizer",
        "ema",
        "clip",
    }
)
"""Knobs that set how far and how evenly the steps go: in a short fork the weights of one step misjudge them."""
STEADYING = frozenset({"shuffle"})
"""Knobs that end a swing of the weights. Controls that swing differ by where they end, so that one null arm tells nothing; the
gain itself shows in 24 to 36 steps (8 tasks in sorted order, 2 seeds, 36 steps: 10 of 16 gains pass two pairs of arms)."""
REGULARISING = frozenset({"augment", "augment_strength", "dropout", "label_smoothing"})
"""Knobs that regularise when they are turned up or on; weight decay does too."""


def score_of(fix: Fix, metric: str) -> str | None:
    """Return the score that a fix should improve; nothing where a fork does not measure it.

    A change of rate, batch or averaging is scored on weights averaged over an arm's last half, for it is misjudged without
    (trials.md, «Horizon bias»). Any other is scored on those or the arm's last ones, whichever have the lower loss: small
    gains are found more often by the average (.61 → .70, tests/bench), and where an arm learns fast its average lags
    behind it, and may say the opposite of what it came to.

    Args:
        fix: Its `improves` names the metric.
        metric: The user's main metric.
    """
    weights = AVERAGED if any(turn.knob in PACING for turn in fix.turns) else BETTER
    if fix.improves in OF_CLASSES or fix.improves == "loss":
        return f"{weights}{fix.improves}"
    if fix.improves in ("metric", metric):
        return f"{weights}{metric}"
    return None


def plain_score(name: str) -> str:
    """Return what a score measures, whichever weights of an arm it is of."""
    return name.removeprefix(AVERAGED).removeprefix(BETTER)


def steadies(fix: Fix) -> bool:
    """Tell whether a fix ends a swing of the weights: that shows within a few dozen steps, and beside controls that swing."""
    return any(turn.knob in STEADYING for turn in fix.turns)


def regularises(fix: Fix, held: Mapping[str, Value]) -> bool:
    """Tell whether a fix only turns up what keeps a net from learning its examples by heart."""
    return bool(fix.turns) and all(
        turn.knob in REGULARISING | {"weight_decay"} and _rises(turn.to, held.get(turn.knob)) for turn in fix.turns
    )


def least_horizon(fix: Fix, held: Mapping[str, Value]) -> int:
    """Return how many steps a fork of this fix needs before its effect can show: 2/(1 - β2) for another β2 (knobs.md)."""
    betas = [float(value) for turn in fix.turns if turn.knob == "beta2" for value in (turn.to, held.get("beta2", 0.0))]
    return max((ceil(BETA_TURNOVERS / max(1 - beta, 1e-6)) for beta in betas), default=0)


def _rises(to: Value, held: Value | None) -> bool:
    return isinstance(to, bool | int | float) and isinstance(held, bool | int | float) and to > held
