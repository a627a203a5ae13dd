"""Which evaluation is the best one, and which are kept when there are very many."""

from collections.abc import Sequence
from math import isnan, nan

from trainer import wire
from trainer.words import TaskInfo


def best_of(evaluations: Sequence[wire.Evaluated], task: TaskInfo) -> wire.Evaluated | None:
    """Return the evaluation with the best main metric; the older one of two equals; nothing when all are NaN."""
    sign = 1 if task.higher_is_better else -1
    scored = [one for one in evaluations if not isnan(one.metrics.get(task.metric, nan))]
    return max(scored, key=lambda one: (sign * one.metrics[task.metric], -one.step), default=None)


def thinned(evaluations: Sequence[wire.Evaluated], best: wire.Evaluated | None) -> list[wire.Evaluated]:
    """Return every other evaluation, the first, the best and the last among them."""
    last = len(evaluations) - 1
    return [one for at, one in enumerate(evaluations) if at % 2 == 0 or at == last or one is best]
