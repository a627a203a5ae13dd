"""A metric of the user's own: a function over (outputs, targets), or an object of torchmetrics' form."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor


class MetricError(Exception):
    """A metric of the user's cannot be computed; the text has the error."""


@dataclass(frozen=True)
class UserMetric:
    """A metric of the user's: a function over (outputs, targets), or a torchmetrics object."""

    name: str
    higher_is_better: bool
    call: Callable[[Tensor, Tensor], float]


def user_metric(metric: Any, taken: set[str]) -> UserMetric:
    """Return a metric under a name that is not taken yet.

    Raises:
        MetricError: when it is neither a function nor an object with reset, update and compute.
    """
    is_stateful = all(callable(getattr(metric, name, None)) for name in ("reset", "update", "compute"))
    if not is_stateful and not callable(metric):
        raise MetricError(f"a metric must be a function (outputs, targets) or a torchmetrics object, not {metric!r}")
    plain = getattr(metric, "__name__", type(metric).__name__)
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain).lower() if plain != "<lambda>" else "metric"
    while name in taken:
        stem, _, number = name.rpartition("_")
        name = f"{stem}_{int(number) + 1}" if stem and number.isdigit() else f"{name}_2"
    return UserMetric(
        name=name,
        higher_is_better=getattr(metric, "higher_is_better", True) is not False,
        call=(lambda outputs, targets: _stateful(metric, outputs, targets)) if is_stateful else metric,
    )


def _stateful(metric: Any, outputs: Tensor, targets: Tensor) -> float:
    metric.reset()
    metric.update(outputs, targets)
    return float(metric.compute())


def call(metric: UserMetric, outputs: Tensor, targets: Tensor) -> float:
    """Return the metric of a whole split, computed on the host.

    Raises:
        MetricError: when the user's code fails.
    """
    try:
        return float(metric.call(outputs.cpu(), targets.cpu()))
    except Exception as error:
        raise MetricError(f"the metric {metric.name} raises {type(error).__name__}: {error}") from error
