"""What it means that a run learns badly: the signal that gradient and layer rules need beside their own.

Published thresholds on gradients and activations alarm on healthy runs; together with a loss that neither is low nor
falls they do not.
"""

from math import isfinite

from rules.facts import KnobFacts, LossFacts, ProbeFacts, RunFacts, TaskFacts

CHANCE_SHARE = 0.98
"""Share of the chance loss: within 2 % of the best constant predictor, nothing has been learned."""
HIGH_LOSS_SHARE = 0.5
"""Share of the chance loss: above a half, most of what can be learned is still ahead."""
STALLED_FALL_SHARE = 0.02
"""Fall over a tenth of the run: a healthy run that is far from its end falls faster."""
ROSE_FACTOR = 1.1
"""Times the first loss (or chance): the first one is of a single batch, and off by some per cent."""
FAR_START_FACTOR = 2.0
"""Times the chance loss: only a net whose outputs are on another scale than its target starts that far off."""
START_SPREADS = 3.0
"""Spreads of the batch loss, for such a start: a target that was not scaled gave a first batch 30 % below the rest."""
LAYER_CHECKS = 3
"""Measurements of the layers: fewer are moved by one batch, or fall on a skipped step."""
LAST_PROBE_SHARE = 0.8
"""Of the run: what a probe finds out later cannot pay for it any more."""
SWEEP_FACTOR = 10.0
"""No sweep of 90 disagreed tenfold with a good rate (bad starts, measured): by itself it says that a rate is wrong."""
SWEEP_MARGIN = 3.0
"""A threefold disagreement is one in six of good rates, nine in ten of rates ten times too high: it needs a symptom."""


def at_chance(task: TaskFacts, loss: LossFacts) -> bool:
    """Tell whether the smoothed loss is no better than the best constant predictor's."""
    return loss.now >= CHANCE_SHARE * task.baseline_loss


def stalled_high(task: TaskFacts, loss: LossFacts) -> bool:
    """Tell whether the loss is high and has stopped falling, or is not a number at all."""
    high = not loss.now <= HIGH_LOSS_SHARE * task.baseline_loss
    return high and not loss.fall_share >= STALLED_FALL_SHARE


def learns_badly(run: RunFacts, task: TaskFacts, loss: LossFacts) -> bool:
    """Tell whether a run that has warmed up is stuck at a high loss; one that is no number is NUM101's matter."""
    return run.warm and isfinite(loss.now) and stalled_high(task, loss)


def has_not_begun(run: RunFacts, task: TaskFacts, loss: LossFacts) -> bool:
    """Tell whether a run that has warmed up learns badly, or has only come down to chance from where it began.

    A net whose last bias alone learns falls to chance and no further: together with layers that no gradient reaches, or whose
    units are dead, that need not be watched for longer.
    """
    return learns_badly(run, task, loss) or (run.warm and isfinite(loss.now) and at_chance(task, loss))


def rose(task: TaskFacts, loss: LossFacts) -> bool:
    """Tell whether the loss has been well above where it began: steps that are too short never do that."""
    spread = START_SPREADS * loss.noise_share if loss.at_start > FAR_START_FACTOR * task.baseline_loss else 0.0
    limit = ROSE_FACTOR * (1 + spread) * max(loss.at_start, task.baseline_loss)
    return max((value for _, value in loss.curve), default=loss.now) > limit


def skill(task: TaskFacts, metric: float) -> float:
    """Return how far a metric is on the way from the constant predictor (0) to perfection (1); NaN stays NaN."""
    perfect = 1.0 if task.higher_is_better else 0.0
    span = perfect - task.baseline_metric
    return (metric - task.baseline_metric) / span if span else 0.0


def rate_over_pick(knobs: KnobFacts, probes: ProbeFacts) -> float:
    """Return the rate over the sweep's pick; NaN when no sweep was made or it could not tell."""
    return knobs.number("lr") / probes.lr_pick if "lr_sweep" in probes.done else float("nan")
