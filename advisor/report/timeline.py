"""The curves of a run on one axis of steps, as lists for plots."""

from bisect import bisect_right
from collections.abc import Sequence
from math import nan
from typing import Any

from advisor.story.story import Story
from advisor.story.thinned import Thinned

MARKS_MOST = 120
"""More marks than this cannot be told apart on a plot."""


def timeline(story: Story) -> dict[str, Any]:
    """Return the curves of the branch that counts, its evaluations, its marks, its trials and what was abandoned.

    `loss`, `grad_norm`, `lr`, `step_s` and `memory_bytes` lie on `steps`; `metric`, `val_loss` and `train_metric` lie
    on `metric_steps`. At most 500 points each. `layers` holds the gradient norms of the layers: a row a layer, on its own steps.
    """
    steps = story.series.loss.steps
    metric = story.started.task.metric if story.started else ""
    return {
        "steps": list(steps),
        "loss": list(story.series.loss.values),
        **{
            name: _onto(steps, series)
            for name, series in story.series.all().items()
            if name in ("grad_norm", "lr", "step_s", "memory_bytes")
        },
        "layers": story.layer_history.table(),
        "metric_steps": [one.step for one in story.evaluations],
        "metric": [one.metrics.get(metric, nan) for one in story.evaluations],
        "val_loss": [one.loss for one in story.evaluations],
        "train_metric": [one.train_metrics.get(metric, nan) for one in story.evaluations],
        "marks": [
            {"step": mark.step, "kind": mark.kind, "text": mark.text} for mark in list(story.marks)[-MARKS_MOST:]
        ],
        "trials": [
            {
                "from_step": one.step,
                "to_step": one.step if one.ended_step is None else one.ended_step,
                "text": one.fix.name,
                "outcome": one.outcome or "undecided",
            }
            for one in story.interventions
            if one.trial
        ],
        "abandoned": [
            {
                "from_step": branch.from_step,
                "to_step": branch.to_step,
                "steps": [step for step, _ in branch.loss],
                "loss": [loss for _, loss in branch.loss],
            }
            for branch in story.abandoned
        ],
    }


def _onto(steps: Sequence[int], series: Thinned) -> list[float]:
    """Return a series on other steps: the newest value at or before each; NaN before the first."""
    places = [bisect_right(series.steps, step) - 1 for step in steps]
    return [series.values[at] if at >= 0 else nan for at in places]
