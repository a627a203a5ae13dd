"""What training makes small: the loss, with weights, logit adjustment, focus and smoothing that can be turned while it runs.

Two numbers come of it. `__call__` is what the optimizer sees; `plain` is what the run is judged by: never weighted,
adjusted, focused or smoothed, never of scaled targets, so that a turn of any knob cannot make its own success.

The loss of a batch is the sum over its examples divided by a normaliser, never a mean of means: a window of several
micro-batches, each divided by the examples of the whole window, has the gradient of the whole batch.
"""

from math import nan
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.config import ClassWeights
from trainer.task import Loss

Kind = Literal["classification", "regression", "multilabel"]

WEIGHT_CAP = 10.0
"""A class may count at most ten times an average one: beyond, a handful of examples steers every step."""

STANDARD_ALREADY = "the loss is the standard one already"
OWN_LOSS = "the task brings its own loss: weights and smoothing cannot be laid over it"
NO_CLASSES = "only a classification has classes to weigh or to smooth over"
BY_COUNT = ("class_weights", "logit_adjustment")
"""Knobs that need the class counts of the training split."""
OF_CLASSES = (*BY_COUNT, "focal", "label_smoothing")
"""Knobs of a cross entropy."""


class Objective:
    """The loss of a run.

    Args:
        kind: what is learned; it chooses the built-in loss (cross entropy, MSE, BCE with logits).
        loss: the user's own loss `loss(outputs, targets)`, a scalar mean; used as it is. A plain
            `nn.CrossEntropyLoss()` is the built-in cross entropy by another name, so its knobs turn.
        class_counts: examples of each class in the training split; class weights need them.
        target_variance: of a regression's training targets, [K]; the built-in MSE is divided by it, so that 1 is the
            loss of the best constant, whatever the target's units. Left out: plain MSE.
    """

    def __init__(
        self,
        kind: Kind,
        loss: Loss | None = None,
        class_counts: tuple[int, ...] | None = None,
        target_variance: Tensor | None = None,
    ) -> None:
        self.kind = kind
        self.user_loss = loss
        self.unavailable: dict[str, str] = {}
        """Knobs that cannot turn with this loss, and why."""
        self._counts = torch.tensor(class_counts or (), dtype=torch.float64)
        self._class_weights: ClassWeights = "none"
        self._weights: Tensor | None = None
        self._variance = target_variance
        self._device = torch.device("cpu")
        self._smoothing = 0.0
        self._adjustment = 0.0
        self._log_prior: Tensor | None = None
        self.focal = 0.0
        """How much less an example counts the surer the net is of its class: the loss times (1 - p)^focal; 0 = all alike."""
        self._scale: tuple[Tensor, Tensor] | None = None
        self.standard = False
        """The built-in loss of the kind is taken in place of the user's own (knob `loss`)."""
        self._built_in = loss is None or (kind == "classification" and _is_plain_cross_entropy(loss))
        if self._built_in:
            self.unavailable["loss"] = STANDARD_ALREADY
        if kind != "classification":
            self.unavailable |= dict.fromkeys(OF_CLASSES, NO_CLASSES)
        elif not self._built_in:
            self.unavailable |= dict.fromkeys(OF_CLASSES, OWN_LOSS)
        elif not class_counts:
            self.unavailable |= dict.fromkeys(BY_COUNT, "the class counts of the training split are not known")

    @property
    def target_variance(self) -> Tensor | None:
        """What the built-in MSE is divided by, [K]; nothing where it is plain."""
        return self._variance

    @property
    def class_weights(self) -> ClassWeights:
        """How classes are weighed: `none`, `sqrt` = √(N/(C·n)), `balanced` = N/(C·n), each capped at 10."""
        return self._class_weights

    @class_weights.setter
    def class_weights(self, value: ClassWeights) -> None:
        self._class_weights = value
        self._weights = None if value == "none" else weights_of(self._counts, value).float().to(self._device)

    @property
    def logit_adjustment(self) -> float:
        """Times the log frequency of each class that is added to its output in the loss; 0 = none, 1 = all classes alike.

        The outputs without it then answer as if all classes were equally frequent (Menon et al. 2021, arXiv 2007.07314,
        section 4.2), however sure of the common classes a step has to be to make its loss small.
        """
        return self._adjustment

    @logit_adjustment.setter
    def logit_adjustment(self, value: float) -> None:
        self._adjustment = value
        self._log_prior = None
        if value:
            counts = self._counts.clamp(min=1.0)  # a class without examples is taken as having one
            self._log_prior = (value * (counts / counts.sum()).log()).float().to(self._device)

    @property
    def label_smoothing(self) -> float:
        """Share of each target that is spread over all classes, 0 to 1."""
        return self._smoothing

    @label_smoothing.setter
    def label_smoothing(self, value: float) -> None:
        self._smoothing = value

    @property
    def in_spreads(self) -> bool:
        """Whether what is trained on is taken in spreads about the mean of the target."""
        return self._scale is not None or self._variance is not None

    def take_in_spreads(self, scale: tuple[Tensor, Tensor] | None) -> None:
        """Train on outputs and targets in spreads about a mean, or, without one, as they are.

        Args:
            scale: Mean and spread, in shapes that broadcast to one example's target (`trainer.surgery.target_scale`).
        """
        self._scale = None if scale is None else (scale[0].to(self._device), scale[1].to(self._device))

    @property
    def own(self) -> Loss | None:
        """The user's own loss where it is in use."""
        return None if self.standard else self.user_loss

    def balanced(self, outputs: Tensor, targets: Tensor) -> float:
        """Return the mean over the classes present of their mean plain loss; NaN where that cannot be told.

        Rare classes get better in it long before the first of their examples is recognised. The user's own loss is asked
        class by class; it may be one that takes no such batch.
        """
        if self.kind != "classification" or outputs.ndim != 2 or targets.ndim != 1:
            return nan
        if self.own is not None and not self._built_in:
            return self._own_balanced(outputs, targets)
        if self._built_in and "class_weights" in self.unavailable:
            return nan
        losses = self._examples(outputs.float(), targets, None, 0.0)
        sums = torch.zeros(outputs.shape[1], device=losses.device).index_add_(0, targets, losses)
        counts = torch.bincount(targets, minlength=outputs.shape[1])
        return float((sums[counts > 0] / counts[counts > 0]).mean())

    def _own_balanced(self, outputs: Tensor, targets: Tensor) -> float:
        total, classes = 0.0, torch.unique(targets).tolist()
        for one in classes:
            of_it = targets == one
            try:
                with torch.no_grad():
                    value = float(self._own(outputs[of_it], targets[of_it]))
            except Exception:  # the user's code, asked for what the training never asks of it
                return nan
            total += value / int(of_it.sum()) if _is_sum(self.user_loss) else value
        return total / len(classes) if classes else nan

    def to(self, device: torch.device) -> Self:
        """Move weights, and a loss that is a module, to the device."""
        self._device = device
        if self._weights is not None:
            self._weights = self._weights.to(device)
        if self._log_prior is not None:
            self._log_prior = self._log_prior.to(device)
        if self._variance is not None:
            self._variance = self._variance.to(device)
        self.take_in_spreads(self._scale)
        if isinstance(self.user_loss, nn.Module):
            self.user_loss.to(device)
        return self

    def __call__(self, outputs: Tensor, targets: Tensor, normaliser: int | None = None) -> Tensor:
        """Return the loss to step on, a scalar.

        Args:
            outputs: of the model, [B, …].
            targets: [B] int64, or [B] or [B, K] float32.
            normaliser: examples in the whole accumulation window; left out: those of this batch.
        """
        if self._scale is not None:
            mean, spread = self._scale
            outputs, targets = (outputs.float() - mean) / spread, (targets - mean) / spread
        return self._stepped_on(outputs, targets, normaliser)

    def told(self, stepped_on: Tensor, outputs: Tensor, targets: Tensor, normaliser: int) -> Tensor:
        """Return the loss of a step as it is told, a scalar without a gradient: in the target's own unit."""
        if self._scale is None:
            return stepped_on.detach()
        with torch.no_grad():
            return self._stepped_on(outputs.detach(), targets, normaliser)

    def _stepped_on(self, outputs: Tensor, targets: Tensor, normaliser: int | None) -> Tensor:
        if self.own is None or (self._built_in and self._altered):
            if self._log_prior is not None:
                outputs = outputs.float() + self._log_prior
            if self._weights is None and not self.focal and normaliser in (None, targets.shape[0]):
                return self._mean(outputs, targets, self._smoothing)
            losses = self._examples(outputs, targets, self._weights, self._smoothing, self.focal)
            return losses.sum() / (normaliser or len(losses))
        value = self._own(outputs, targets)
        if normaliser is None or _is_sum(self.user_loss):
            return value
        return value * (len(targets) / normaliser)

    @property
    def _altered(self) -> bool:
        """Whether a knob makes the loss another than the plain one."""
        return self._weights is not None or self._log_prior is not None or bool(self._smoothing or self.focal)

    def plain(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss to judge by: the mean over the batch, unweighted and unsmoothed, a scalar."""
        if self.own is None:
            return self._mean(outputs, targets, 0.0)
        return self._own(outputs, targets)

    def per_example(self, outputs: Tensor, targets: Tensor) -> Tensor | None:
        """Return the plain loss of each example, [B]; nothing where the user's own loss hides it."""
        return self._examples(outputs, targets, None, 0.0) if self._built_in or self.standard else None

    def _own(self, outputs: Tensor, targets: Tensor) -> Tensor:
        assert self.user_loss is not None
        value = self.user_loss(outputs, targets)
        return value.mean() if value.ndim else value

    def _mean(self, outputs: Tensor, targets: Tensor, smoothing: float) -> Tensor:
        """Return the mean over the batch of a built-in loss, a scalar.

        Where each example has one class that was counted, one kernel does: no target is left out of its mean.
        """
        if self.kind == "classification" and len(self._counts) and targets.ndim == 1:
            return functional.cross_entropy(outputs.float(), targets, label_smoothing=smoothing)
        return self._examples(outputs, targets, None, smoothing).mean()

    def _examples(
        self, outputs: Tensor, targets: Tensor, weights: Tensor | None, smoothing: float, focal: float = 0.0
    ) -> Tensor:
        """Return built-in losses [B]; figures of one example (pixels, columns) are averaged."""
        outputs = outputs.float()
        match self.kind:
            case "classification":
                losses = functional.cross_entropy(
                    outputs, targets, weight=weights, label_smoothing=smoothing, reduction="none"
                )
                if focal:
                    losses = losses * doubt_of(outputs, targets) ** focal
            case "regression":
                losses = functional.mse_loss(_aligned(outputs, targets), targets, reduction="none")
                losses = losses if self._variance is None else losses / self._variance
            case "multilabel":
                aligned = _aligned(outputs, targets)
                losses = functional.binary_cross_entropy_with_logits(aligned, targets, reduction="none")
        return losses.flatten(1).mean(1) if losses.ndim > 1 else losses


def doubt_of(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return one less the probability of the right class, in the shape of the targets (Lin et al. 2017, arXiv 1708.02002).

    It is held above 0, where a power of it below one has no finite slope; an ignored target has no doubt.

    Args:
        outputs: [B, C, …].
        targets: Classes, [B, …].
    """
    doubt = -torch.expm1(-functional.cross_entropy(outputs, targets, reduction="none"))
    return doubt.clamp(min=torch.finfo(doubt.dtype).eps)


def weights_of(counts: Tensor, scheme: ClassWeights) -> Tensor:
    """Return the weight of each class, [C], with mean 1 over the training examples, so that the step size stays.

    The root is the milder form: full balance multiplies the gradient noise of the rarest class as well
    (compare Cui et al. 2019, «Class-Balanced Loss», arXiv 1901.05555).

    Args:
        counts: examples of each class, [C]; a class without any gets the cap.
        scheme: `none`, `sqrt` or `balanced`.
    """
    if scheme == "none":
        return torch.ones_like(counts)
    ratios = counts.sum() / (len(counts) * counts)
    capped = (ratios.sqrt() if scheme == "sqrt" else ratios).clamp(max=WEIGHT_CAP)
    return capped * (counts.sum() / (counts * capped).sum())


def _aligned(outputs: Tensor, targets: Tensor) -> Tensor:
    """Give [B, 1] outputs the shape of [B] targets (or the other way round): broadcasting would compare all with all."""
    if outputs.shape != targets.shape and outputs.numel() == targets.numel():
        return outputs.reshape(targets.shape)
    return outputs


def _is_plain_cross_entropy(loss: Any) -> bool:
    return (
        type(loss) is nn.CrossEntropyLoss
        and loss.weight is None
        and loss.label_smoothing == 0.0
        and loss.reduction == "mean"
    )


def _is_sum(loss: Any) -> bool:
    """Tell a loss that adds up its examples: the sums of micro-batches are the sum of the batch already."""
    return getattr(loss, "reduction", "mean") == "sum"
