"""Optimizers by name, with weight decay on weights only, and their knobs turned in place."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from trainer.stepping.ema import laid_like

FUSED_TYPES = ("cuda", "cpu")
"""Devices whose fused kernels torch ships for SGD, Adam and AdamW: one pass over the parameters instead of several."""


class UserOptimizerError(Exception):
    """The user's optimizer cannot be used; the text says what to do."""


def decay_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return parameter groups: weights decay, biases and norms (every tensor of one dimension) do not."""
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.dim() >= 2], "weight_decay": weight_decay, "decays": True},
        {"params": [p for p in trainable if p.dim() < 2], "weight_decay": 0.0, "decays": False},
    ]
    return [group for group in groups if group["params"]]


def build_optimizer(
    name: str, model: nn.Module, *, lr: float, momentum: float, beta2: float, weight_decay: float
) -> torch.optim.Optimizer:
    """Return a fresh optimizer.

    Args:
        name: sgd, momentum, nesterov, adam, adamw or rmsprop.
        model: Its parameters, on their device already.
        lr: Base rate; the loop sets the rate of every step.
        momentum: Of momentum, nesterov and rmsprop.
        beta2: Of adam and adamw.
        weight_decay: Decoupled in adamw, added to the gradient elsewhere.
    """
    groups = decay_groups(model, weight_decay)
    fused = all(p.device.type in FUSED_TYPES and p.is_floating_point() for p in model.parameters())
    match name:
        case "sgd":
            return torch.optim.SGD(groups, lr=lr, fused=fused)
        case "momentum" | "nesterov":
            return _with_momentum(
                torch.optim.SGD(groups, lr=lr, momentum=momentum, nesterov=name == "nesterov", fused=fused)
            )
        case "adam":
            return torch.optim.Adam(groups, lr=lr, betas=(0.9, beta2), fused=fused)
        case "adamw":
            return torch.optim.AdamW(groups, lr=lr, betas=(0.9, beta2), fused=fused)
        case "rmsprop":
            return torch.optim.RMSprop(groups, lr=lr, momentum=momentum)
    raise ValueError(f"no optimizer is called {name!r}")


def _with_momentum(optimizer: torch.optim.SGD) -> torch.optim.SGD:
    """Return it with momenta of zero, which is what its first step makes of none.

    The fused kernel would leave them uninitialised when that first step is left out for being non-finite.
    """
    for parameter in parameters_of(optimizer):
        optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return optimizer


def adopt_optimizer(made: Any, model: nn.Module) -> torch.optim.Optimizer:
    """Return the user's own optimizer: a ready one, or a function from the model to one.

    Raises:
        UserOptimizerError: when it is neither, or trains none of the model's parameters.
    """
    optimizer = made if isinstance(made, torch.optim.Optimizer) else made(model)
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise UserOptimizerError(f"task.optimizer gave a {type(optimizer).__name__}, not a torch.optim.Optimizer")
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    if not any(id(parameter) in held for parameter in model.parameters()):
        raise UserOptimizerError("task.optimizer holds none of the model's parameters: build it from this model")
    for group in optimizer.param_groups:
        group["lr_ratio"] = float(group["lr"])
    highest = max(group["lr_ratio"] for group in optimizer.param_groups) or 1.0
    for group in optimizer.param_groups:
        group["lr_ratio"] /= highest
    return optimizer


def settings_of(optimizer: torch.optim.Optimizer) -> dict[str, str | float]:
    """Return what a ready optimizer is set to, by the names of the knobs; what it has no setting for is left out.

    Groups may differ: the largest decay and momentum, and the longest memory, are told. An optimizer that is none of
    those that have a name here goes without one.
    """
    told: dict[str, str | float] = {"lr": rate_of(optimizer)}
    groups = optimizer.param_groups
    for name in ("weight_decay", "momentum"):
        if any(name in group for group in groups):
            told[name] = max(float(group.get(name, 0.0)) for group in groups)
    if any("betas" in group for group in groups):
        told["beta2"] = max(float(group["betas"][1]) for group in groups if "betas" in group)
    match optimizer:
        case torch.optim.SGD():
            fast = "nesterov" if any(group["nesterov"] for group in groups) else "momentum"
            told["optimizer"] = fast if told["momentum"] else "sgd"
        case torch.optim.Adam():
            decoupled = any(group.get("decoupled_weight_decay", False) for group in groups)
            told["optimizer"] = "adamw" if decoupled or isinstance(optimizer, torch.optim.AdamW) else "adam"
        case torch.optim.RMSprop():
            told["optimizer"] = "rmsprop"
    return told


def rate_of(optimizer: torch.optim.Optimizer) -> float:
    """Return the highest rate of its groups."""
    return max(float(group["lr"]) for group in optimizer.param_groups)


def set_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the rate of every group, each by its ratio to the highest (1 unless the user's own optimizer differs)."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("lr_ratio", 1.0)


def set_weight_decay(optimizer: torch.optim.Optimizer, weight_decay: float) -> None:
    """Set the decay of the groups that decay."""
    for group in optimizer.param_groups:
        if group.get("decays", group.get("weight_decay", 0.0) > 0):
            group["weight_decay"] = weight_decay
            group["decays"] = True


def set_momentum(optimizer: torch.optim.Optimizer, momentum: float) -> None:
    """Set the momentum where the optimizer has one that is in use."""
    for group in optimizer.param_groups:
        if group.get("momentum", 0.0) > 0:
            group["momentum"] = momentum


def set_beta2(optimizer: torch.optim.Optimizer, beta2: float) -> None:
    """Set the decay of the second moment where there is one."""
    for group in optimizer.param_groups:
        if "betas" in group:
            group["betas"] = (group["betas"][0], beta2)


def lay_out_moments(optimizer: torch.optim.Optimizer) -> None:
    """Give every moment the memory layout of its parameter, which may have changed, or been lost on disk."""
    for parameter, state in optimizer.state.items():
        for name, moment in state.items():
            if isinstance(moment, torch.Tensor):
                state[name] = laid_like(moment, parameter)


def parameters_of(optimizer: torch.optim.Optimizer) -> Iterator[nn.Parameter]:
    """Yield every parameter that the optimizer moves."""
    for group in optimizer.param_groups:
        yield from group["params"]
