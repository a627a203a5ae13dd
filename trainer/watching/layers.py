"""Per-layer measurements of one step: gradient and weight norms, the update, dead and saturated units.

Besides, what a step shows of the code around the net: gradients that were there before the backward pass, tensors that the
optimizer does not hold or does not move, and what enters the first module with weights.
"""

from math import isfinite
from typing import Any

import torch
from torch import nn

from trainer.stepping.optim import parameters_of
from trainer.watching.entrance import Entrance
from trainer.watching.input_share import input_share
from trainer.wire import LayersMeasured
from trainer.words import Layer

RECTIFIERS = (nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.ReLU6)
SQUASHERS = (nn.Tanh, nn.Sigmoid)

DEAD_SHARE = 0.01
"""A unit that is active on under 1 % of the batch's examples counts as dead (rules.md)."""

SATURATED_INPUT = 5.0
"""Beyond ±5 tanh and sigmoid have slopes under 0.01 (rules.md)."""

IDENTICAL = 1e-6
"""Rows of the first layer closer than that can never learn different things (rules.md)."""

PULLED = 1e-5
"""Of the largest gradient of a tensor: a bias in front of a batch norm has nothing but rounding, and rests with reason."""
NEAR = 1e-2
"""Of a unit's norm: units closer than that were meant to be one (random ones lie 1.4 norms apart)."""

KNOWN = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
"""Layers of which a row of the weight is what one unit takes in."""


def weighted_layers(model: nn.Module) -> list[tuple[str, nn.Module, nn.Parameter]]:
    """Return (name, module, weight) of every layer whose weight has two dimensions or more, in order of definition."""
    found = []
    for name, module in model.named_modules():
        weight = getattr(module, "weight", None)
        if isinstance(weight, nn.Parameter) and weight.dim() >= 2 and weight.requires_grad:
            found.append((name or "model", module, weight))
    return found


class LayerProbe:
    """Measures the layers during one step: hooks during the forward pass, norms around the update."""

    def __init__(self, model: nn.Module) -> None:
        self._layers = weighted_layers(model)
        self._trainable = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        self._gradients_left = sum(p.grad is not None and bool(p.grad.any()) for _, p in self._trainable)
        self.entrance = Entrance(model)
        self._gradients: list[torch.Tensor] = []
        self._shares: list[torch.Tensor | None] = []
        self._before: list[tuple[nn.Parameter, torch.Tensor]] = []
        self._pulled: list[bool] = []
        self._activity: dict[str, dict[str, Any]] = {}
        self._handles = []
        self._given_up = False
        last = ""
        names = {id(module): name for name, module, _ in self._layers}
        for module in model.modules():
            last = names.get(id(module), last)
            if last and isinstance(module, RECTIFIERS + SQUASHERS):
                self._handles.append(module.register_forward_hook(self._watch(last)))
        self._names: dict[int, str] = {id(p): name for name, p in model.named_parameters()}

    def _watch(self, name: str) -> Any:
        def hook(module: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
            if not isinstance(output, torch.Tensor) or not arguments or not isinstance(arguments[0], torch.Tensor):
                return
            activity = self._activity.setdefault(name, {})
            entering = arguments[0].detach()
            if isinstance(module, SQUASHERS):
                activity["saturated"] = (entering.abs() > SATURATED_INPUT).float().mean()
            else:
                active = (entering > 0).float()
                axes = [axis for axis in range(active.dim()) if axis != (1 if active.dim() > 2 else active.dim() - 1)]
                activity["dead"] = (active.mean(dim=axes) < DEAD_SHARE).float().mean()
            activity["std"] = output.detach().float().std()

        return hook

    @property
    def given_up(self) -> bool:
        """Whether memory was too short for the copy of the weights: there is nothing to report."""
        return self._given_up

    def give_up(self) -> None:
        """Look no further, and let go of what is held: watching must not cost a run its memory."""
        self._given_up = True
        self._before, self._gradients, self._shares, self._pulled = [], [], [], []
        self._activity.clear()
        self.entrance.close()
        for handle in self._handles:
            handle.remove()

    def before(self, model: nn.Module) -> None:
        """Look at the gradients and remember the weights, after the backward pass."""
        self.entrance.close()
        for handle in self._handles:
            handle.remove()
        self._gradients = [
            weight.grad.detach().float().norm() if weight.grad is not None else torch.zeros(())
            for _, _, weight in self._layers
        ]
        self._shares = [
            input_share(module, weight, first=place == 0) for place, (_, module, weight) in enumerate(self._layers)
        ]
        self._before = [(p, p.detach().clone()) for p in model.parameters() if p.requires_grad and p.grad is not None]
        gradients = [p.grad.detach() for p, _ in self._before if p.grad is not None]
        norms = torch.stack([norm.float() for norm in torch._foreach_norm(gradients)]).tolist() if gradients else []
        taken = all(isfinite(norm) for norm in norms)  # else the guard or the scaler leaves the step out
        largest = max(norms, default=0.0)
        self._pulled = [taken and norm > PULLED * largest for norm in norms]

    def report(self, optimizer: torch.optim.Optimizer) -> LayersMeasured:
        """Return the measurements, read from the device now: after the update, before the next step."""
        old_of = {id(parameter): old for parameter, old in self._before}
        layers = []
        for (name, module, weight), gradient, share in zip(self._layers, self._gradients, self._shares, strict=True):
            norm = float(weight.detach().float().norm())
            old = old_of.get(id(weight))
            update = float((weight.detach() - old).float().norm()) if old is not None else 0.0
            began = weight.detach() if old is None else old
            known = isinstance(module, KNOWN)
            activity = self._activity.get(name, {})
            layers.append(
                Layer(
                    name=name,
                    kind=type(module).__name__,
                    grad_norm=float(gradient),
                    weight_norm=norm,
                    update_ratio=update / norm if norm > 0 else 0.0,
                    dead_share=_number(activity.get("dead")),
                    saturated_share=_number(activity.get("saturated")),
                    weight_std=float(began.float().std()) if began.numel() > 1 else None,
                    fan_in=began[0].numel() if known else 0,
                    fan_out=len(began) * began[0, 0].numel() if known else 0,
                    units=len(began) if known else 0,
                    twin_share=twin_share(began, _bias(module, old_of)) if known else None,
                    activation_std=_number(activity.get("std")),
                    input_share=_number(share),
                )
            )
        unchanged = tuple(
            self._names.get(id(parameter), "?")
            for (parameter, old), pulled in zip(self._before, self._pulled, strict=True)
            if pulled and torch.equal(parameter.detach(), old)
        )
        held, moving = _held(optimizer)
        return LayersMeasured(
            layers=tuple(layers),
            first_rows_identical=self._first_rows_identical(),
            unchanged=unchanged,
            left_out=tuple(name for name, p in self._trainable if id(p) not in held),
            idle=tuple(name for name, p in self._trainable if id(p) in held - moving) if moving else (),
            gradients_left=self._gradients_left,
            tensors=len(self._trainable),
        )

    def _first_rows_identical(self) -> bool:
        if not self._layers:
            return False
        rows = self._layers[0][2].detach().flatten(1).float()
        return rows.shape[0] > 1 and bool((rows - rows[0]).abs().max() < IDENTICAL)


def _held(optimizer: torch.optim.Optimizer) -> tuple[set[int], set[int]]:
    """Return which tensors an optimizer holds, and which of them in a group whose rate is not 0."""
    held = {id(parameter) for parameter in parameters_of(optimizer)}
    groups = [group for group in optimizer.param_groups if group["lr"] != 0]
    return held, {id(parameter) for group in groups for parameter in group["params"]}


def _bias(module: nn.Module, old_of: dict[int, torch.Tensor]) -> torch.Tensor | None:
    """Return the biases of a layer before the update; nothing where it has none."""
    bias = getattr(module, "bias", None)
    if not isinstance(bias, nn.Parameter):
        return None
    return old_of.get(id(bias), bias.detach())


def twin_share(weight: torch.Tensor, bias: torch.Tensor | None) -> float | None:
    """Return the share of units that are the same as another one; nothing for a single unit.

    Units are sorted by one projection, so that twins come to lie side by side wherever they stand in the layer.

    Args:
        weight: [units, …].
        bias: [units], where the layer has one.
    """
    if len(weight) < 2:
        return None
    rows = weight.flatten(1).float()
    if bias is not None:
        rows = torch.cat([rows, bias.float()[:, None]], 1)
    places = torch.arange(1, rows.shape[1] + 1, device=rows.device, dtype=rows.dtype)
    rows = rows[(rows @ places.sin()).argsort()]
    near = (rows[1:] - rows[:-1]).norm(dim=1) <= NEAR * rows[1:].norm(dim=1)
    edge = near.new_zeros(1)
    return float((torch.cat([near, edge]) | torch.cat([edge, near])).float().mean())


def _number(value: torch.Tensor | None) -> float | None:
    return None if value is None else float(value)
