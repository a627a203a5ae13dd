"""Losses that add up their examples: what such a loss comes to for a batch of the size that trains."""

from collections.abc import Sequence

from advisor.signals.signals import Signals
from rules.outcome_facts import adds_up
from trainer.words import SCORED_AT_ONCE, TaskInfo


def share_of_a_batch(signals: Signals, told: TaskInfo, passes: Sequence[int]) -> float:
    """Return what a training batch has of a loss that was taken in some passes; 1 where the loss is a mean, or nobody knows.

    Args:
        signals: Of the run.
        told: Its task.
        passes: Examples of each; their losses were weighed by these.
    """
    asked = signals.outputs
    if asked is None or not adds_up(asked.outputs.sum_factor) or "batch_size" not in signals.knobs or not sum(passes):
        return 1.0
    batch = min(float(signals.knobs["batch_size"].value), told.train_examples)
    return batch * sum(passes) / sum(size * size for size in passes)


def passes_over(examples: int) -> tuple[int, ...]:
    """Return the examples of each forward pass of an evaluation over so many."""
    whole, rest = divmod(examples, SCORED_AT_ONCE)
    return (*(SCORED_AT_ONCE,) * whole, *((rest,) if rest else ()))
