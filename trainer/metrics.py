"""How good the outputs of a whole split are: the task's metrics, their standard errors, and the best constant's.

Metrics are computed from gathered outputs, never averaged over batches: a mean of batch figures is another figure.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import nan, sqrt
from typing import Any

import torch
from torch import Tensor

from trainer.stepping.objective import Kind, Objective
from trainer.user_metrics import MetricError, UserMetric, call, user_metric

RARE_SHARE = 1 / 3
"""A class with under a third of the median training count is rare: fewer than its peers by more than chance gives."""

JACKKNIFE_GROUPS = 20
"""The error of a metric without a closed form comes from leaving out a twentieth at a time. Fewer groups leave
the error itself too uncertain (a sixth, with 20); more cost as many calls of the metric."""

ROUNDING = 1e-6
"""Of the largest value of a column: a spread below it is what float32 makes of one number."""

MAIN_METRICS: dict[str, str] = {"classification": "accuracy", "regression": "r2", "multilabel": "f1_macro"}


@dataclass(frozen=True)
class Measured:
    """The figures of one split. Dictionaries have the main metric first."""

    values: dict[str, float]
    standard_errors: dict[str, float]
    """Of each metric, over the draw of the examples; NaN where it cannot be told."""
    recalls: tuple[float, ...] = ()
    """By class; NaN for a class that the split lacks."""
    confusion: tuple[tuple[int, ...], ...] = ()
    """Rows are true classes, columns believed ones."""
    one_example: dict[str, float] = field(default_factory=dict)
    """Of the metrics that count examples: the most that one example is worth."""
    wrong: Tensor | None = field(default=None, compare=False)
    """[N] bool: which examples are taken for another class; nothing where there are no classes."""

    @property
    def main(self) -> float:
        """The main metric."""
        return next(iter(self.values.values()))

    @property
    def standard_error(self) -> float:
        """Of the main metric."""
        return next(iter(self.standard_errors.values()))


@dataclass
class Metrics:
    """The metrics of a task.

    Args:
        kind: what is learned.
        classes: how many; 0 for a regression.
        class_counts: examples of each class in the training split; they say which classes are rare.
        user: metrics of the user's own; the first of them becomes the main one.
    """

    kind: Kind
    classes: int = 0
    class_counts: tuple[int, ...] = ()
    user: Sequence[Any] = ()
    _own: list[UserMetric] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        for metric in self.user:
            self._own.append(user_metric(metric, taken={own.name for own in self._own}))

    @property
    def main(self) -> str:
        """Name of the main metric."""
        return self._own[0].name if self._own else MAIN_METRICS[self.kind]

    @property
    def higher_is_better(self) -> bool:
        """Which way the main metric is to go."""
        return self._own[0].higher_is_better if self._own else True

    def measure(self, outputs: Tensor, targets: Tensor) -> Measured:
        """Return every metric of a split.

        Args:
            outputs: of the model for all N examples, [N, …].
            targets: [N] int64, or [N] or [N, K] float32.

        Raises:
            MetricError: when a metric of the user's fails.
        """
        outputs, targets = outputs.detach().float(), targets.detach()
        metrics: dict[str, float] = {}
        errors: dict[str, float] = {}
        for own in self._own:
            metrics[own.name] = call(own, outputs, targets)
            errors[own.name] = jackknife(lambda o, t, own=own: call(own, o, t), outputs, targets)  # type: ignore[misc]
        scores = self._built_in(outputs, targets)
        return Measured(
            values=metrics | {name: value for name, value in scores.values.items() if name not in metrics},
            standard_errors=errors | {name: e for name, e in scores.standard_errors.items() if name not in errors},
            recalls=scores.recalls,
            confusion=scores.confusion,
            one_example={name: worth for name, worth in scores.one_example.items() if name not in metrics},
            wrong=scores.wrong,
        )

    def main_value(self, outputs: Tensor, targets: Tensor) -> float:
        """Return the main metric alone, without its error.

        Raises:
            MetricError: when it fails.
        """
        outputs, targets = outputs.detach().float(), targets.detach()
        return call(self._own[0], outputs, targets) if self._own else self._built_in(outputs, targets).main

    def paired_error(self, before: Tensor, after: Tensor, targets: Tensor) -> float:
        """Return the standard error of the main metric's difference between two models on the same examples.

        Args:
            before: outputs of one model, [N, …].
            after: of the other, [N, …].
            targets: [N] or [N, K].
        """
        if self.main == "accuracy" and not self._own:
            gained = (after.argmax(1) == targets).double() - (before.argmax(1) == targets).double()
            return float(gained.std(correction=0)) / sqrt(max(len(targets), 1))
        both = torch.stack((before, after), dim=1)
        return jackknife(lambda o, t: self.main_value(o[:, 1], t) - self.main_value(o[:, 0], t), both, targets)

    def _built_in(self, outputs: Tensor, targets: Tensor) -> Measured:
        match self.kind:
            case "classification" if outputs.ndim == 2 and targets.ndim == 1 and outputs.shape[1] == self.classes:
                return _classification(outputs, targets, self.rare_classes())
            case "regression" if outputs.numel() == targets.numel():
                return _regression(outputs.reshape(targets.shape), targets.float())
            case "multilabel" if outputs.numel() == targets.numel():
                return _multilabel(outputs.reshape(targets.shape), targets)
        if not self._own:
            raise MetricError(
                f"outputs of shape {list(outputs.shape)} do not fit targets of shape {list(targets.shape)}: "
                "make the model return one logit a class (one value a target column), or give Task(metrics=…)"
            )
        return Measured({}, {})

    def rare_classes(self) -> tuple[int, ...]:
        """Return the classes with less than a third of the median training count."""
        if not self.class_counts:
            return ()
        median = float(torch.tensor(self.class_counts, dtype=torch.float64).quantile(0.5))
        return tuple(index for index, count in enumerate(self.class_counts) if count < RARE_SHARE * median)

    def baseline(
        self, objective: Objective, train_targets: Tensor, targets: Tensor, output_shape: tuple[int, ...]
    ) -> tuple[float, float]:
        """Return metric and loss of the best constant predictor, fitted to the training split, on another split.

        Args:
            objective: its plain loss is taken.
            train_targets: targets of the training split.
            targets: targets of the split to score on, [N] or [N, K].
            output_shape: what the model returns for one example, [C], [K] or [].

        Returns:
            (metric, loss); NaN each where a constant in the form of the model's outputs cannot be made or scored.
        """
        metric, loss = nan, nan
        for constant in self._constants(train_targets, output_shape):
            outputs = constant.expand(len(targets), *constant.shape).clone()
            try:
                value = float(objective.plain(outputs, targets).detach())
                score = self.measure(outputs, targets).main
            except (MetricError, RuntimeError, ValueError, IndexError):
                continue
            if not loss <= value:
                metric, loss = score, value
        return metric, loss

    def best_constant(self, train_targets: Tensor, targets: Tensor, output_shape: tuple[int, ...]) -> float:
        """Return the most that a constant gets by the main metric; NaN where none can be made or scored.

        Args:
            train_targets: targets of the training split.
            targets: targets of the split to score on, [N] or [N, K].
            output_shape: what the model returns for one example, [C], [K] or [].
        """
        constants = self._constants(train_targets, output_shape)
        if self.kind == "multilabel" and constants:  # F1 asks for no restraint: to claim every label may be worth most
            constants.append(torch.ones(output_shape))
        scores = []
        for constant in constants:
            outputs = constant.expand(len(targets), *constant.shape).clone()
            with suppress(MetricError, RuntimeError, ValueError, IndexError):
                scores.append(self.main_value(outputs, targets))
        known = [score for score in scores if score == score]
        return (max if self.higher_is_better else min)(known, default=nan)

    def _constants(self, train_targets: Tensor, output_shape: tuple[int, ...]) -> list[Tensor]:
        """Return candidates: log odds of the classes, or mean and median (the best constants of MSE and L1)."""
        if self.kind == "classification":
            if output_shape != (self.classes,):
                return []
            counts = torch.bincount(train_targets.long(), minlength=self.classes).float()
            return [((counts + 1) / (counts + 1).sum()).log()]
        train_targets = train_targets.float()
        if train_targets[0].numel() != torch.Size(output_shape).numel():
            return []
        mean = train_targets.mean(0)
        if self.kind == "multilabel":
            return [torch.logit(mean.clamp(1e-4, 1 - 1e-4)).reshape(output_shape)]
        return [mean.reshape(output_shape), train_targets.quantile(0.5, dim=0).reshape(output_shape)]


def jackknife(metric: Callable[[Tensor, Tensor], float], outputs: Tensor, targets: Tensor) -> float:
    """Return the standard error of any metric by the delete-a-group jackknife (Wolter 2007, chapter 4)."""
    if len(targets) < 2 * JACKKNIFE_GROUPS:
        return nan
    place = torch.arange(len(targets), device=targets.device) % JACKKNIFE_GROUPS
    values = []
    for group in range(JACKKNIFE_GROUPS):
        kept = place != group
        try:
            values.append(metric(outputs[kept.to(outputs.device)], targets[kept]))
        except MetricError:
            return nan
    replicates = torch.tensor(values, dtype=torch.float64)
    spread = (replicates - replicates.mean()).square().sum()
    return float((spread * (JACKKNIFE_GROUPS - 1) / JACKKNIFE_GROUPS).sqrt())


def _classification(outputs: Tensor, targets: Tensor, rare: tuple[int, ...]) -> Measured:
    classes = outputs.shape[1]
    believed = outputs.argmax(1).to(targets.device)
    confusion = torch.bincount(targets * classes + believed, minlength=classes**2).reshape(classes, classes).cpu()
    support = confusion.sum(1).double()
    recalls = confusion.diagonal().double() / support
    variances = recalls * (1 - recalls) / support
    present = support > 0
    accuracy = float(confusion.diagonal().sum() / max(len(targets), 1))
    balanced, balanced_error = _mean_recall(recalls, variances, present)
    is_rare = torch.zeros(classes, dtype=torch.bool)
    is_rare[list(rare)] = True
    if not (is_rare & present).any():
        is_rare = recalls == recalls[present].min() if bool(present.any()) else present
        is_rare &= is_rare.cumsum(0) == 1
    rare_recall, rare_error = _mean_recall(recalls, variances, is_rare & present)
    return Measured(
        values={"accuracy": accuracy, "balanced_accuracy": balanced, "rare_recall": rare_recall},
        standard_errors={
            "accuracy": sqrt(accuracy * (1 - accuracy) / max(len(targets), 1)),
            "balanced_accuracy": balanced_error,
            "rare_recall": rare_error,
        },
        recalls=tuple(recalls.tolist()),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        one_example={
            "accuracy": 1 / max(len(targets), 1),
            "balanced_accuracy": _most_worth(support, present),
            "rare_recall": _most_worth(support, is_rare & present),
        },
        wrong=believed != targets,
    )


def _most_worth(support: Tensor, chosen: Tensor) -> float:
    """Return what an example of the smallest chosen class is worth in their mean recall."""
    count = int(chosen.sum())
    return 1 / (count * float(support[chosen].min())) if count else 0.0


def _mean_recall(recalls: Tensor, variances: Tensor, chosen: Tensor) -> tuple[float, float]:
    count = int(chosen.sum())
    if not count:
        return nan, nan
    return float(recalls[chosen].mean()), float(variances[chosen].sum().sqrt() / count)


def _regression(outputs: Tensor, targets: Tensor) -> Measured:
    """R² (mean over the columns), RMSE and MAE; errors by linearisation, the closed form of the jackknife.

    A column that does not vary in this split (the corner of an image) has nothing to explain: R² leaves it out, and is NaN
    where no column varies.
    """
    outputs, targets = outputs.double(), targets.double()
    count = len(targets)
    outputs, targets = outputs.reshape(count, -1), targets.reshape(count, -1)
    squared = (outputs - targets).square()
    around_mean = (targets - targets.mean(0)).square()
    varied = around_mean.mean(0) > (ROUNDING * targets.abs().amax(0)) ** 2
    spread = around_mean.mean(0)[varied]
    unexplained = squared.mean(0)[varied] / spread
    influence = ((squared[:, varied] - unexplained * around_mean[:, varied]) / spread).mean(1)
    by_example = squared.mean(1)
    rmse = float(by_example.mean().sqrt())
    absolute = (outputs - targets).abs().mean(1)
    return Measured(
        values={"r2": float((1 - unexplained).mean()), "rmse": rmse, "mae": float(absolute.mean())},
        standard_errors={
            "r2": float(influence.std(correction=0)) / sqrt(count),
            "rmse": float(by_example.std(correction=0)) / (2 * rmse * sqrt(count)) if rmse else 0.0,
            "mae": float(absolute.std(correction=0)) / sqrt(count),
        },
    )


def _multilabel(outputs: Tensor, targets: Tensor) -> Measured:
    right = ((outputs > 0) == (targets > 0.5)).double().mean(1)
    return Measured(
        values={"f1_macro": _f1_macro(outputs, targets), "accuracy": float(right.mean())},
        standard_errors={
            "f1_macro": jackknife(_f1_macro, outputs, targets),
            "accuracy": float(right.std(correction=0)) / sqrt(len(right)),
        },
    )


def _f1_macro(outputs: Tensor, targets: Tensor) -> float:
    """Return F1 averaged over the labels that occur or are claimed; a label with neither says nothing."""
    claimed, true = outputs > 0, targets > 0.5
    hits = (claimed & true).sum(0).double()
    occurrences = (claimed.sum(0) + true.sum(0)).double()
    seen = occurrences > 0
    return float((2 * hits[seen] / occurrences[seen]).mean()) if bool(seen.any()) else nan
