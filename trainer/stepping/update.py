"""The update of the parameters by torch's fused kernels, without what `Optimizer.step` does around them in Python.

On a net of a hundred thousand weights the kernels of AdamW take a tenth of what surrounds them: a record for the profiler,
a look for graph capture, a sorting by device, a step counter for each parameter. Here the counters of all parameters are
entries of one vector, so that one addition moves them. The kernels are the same with the same arguments: parameters, moments
and counters are equal to the bit.

The kernels are not part of torch's public interface: before the first use they have to do, on a few numbers, what the
optimizer's own `step` does. What is not plain Adam, AdamW or SGD with fused kernels is updated by its own `step`, and so is any
step that has hooks, is wrapped by a scheduler, or leaves a parameter without a gradient.
"""

from collections.abc import Callable
from functools import cache
from operator import is_
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

Kernel = Callable[[Tensor | None], None]
"""Updates one group; takes what torch calls `found_inf`."""


class Update:
    """Updates the parameters of an optimizer. It holds nothing of one but its step counters, so that what is old can go."""

    def __init__(self) -> None:
        self._counters: list[Tensor] = []
        self._counted = self._one = torch.empty(0)
        """The counters' vector, of which each of them is an entry, and a tensor that holds 1: a number would become one anew."""

    def __call__(self, optimizer: Optimizer) -> None:
        """Do what `optimizer.step()` does."""
        kernels = self._kernels(optimizer)
        if kernels is None:
            optimizer.step()
            return
        found_inf = getattr(optimizer, "found_inf", None)
        with torch.no_grad():
            if self._counters:
                self._counted.add_(self._one)
            for kernel in kernels:
                kernel(found_inf)
            if self._counters and found_inf is not None:
                self._counted.sub_(found_inf)

    def _kernels(self, optimizer: Optimizer) -> list[Kernel] | None:
        """Return what updates the groups; nothing where the optimizer's own step has to."""
        kind: Any = type(optimizer)
        if kind not in (SGD, Adam, AdamW) or _looked_at(optimizer):
            return None
        state, groups = optimizer.state, optimizer.param_groups
        gradients = [[one.grad for one in group["params"]] for group in groups]
        if not all(map(_is_plain, groups)) or any(one is None for some in gradients for one in some):
            return None
        if not _agrees(kind, groups[0]["params"][0].device):
            return None
        moves = [kind is not SGD or bool(group["momentum"]) for group in groups]
        held = [
            [state[one] for one in group["params"]] if has else [] for group, has in zip(groups, moves, strict=True)
        ]
        try:
            if not self._count([one for some in held for one in some] if kind is not SGD else []):
                return None
            return list(map(_kernel, groups, gradients, held))
        except KeyError:  # a moment that the optimizer has still to make
            return None

    def _count(self, stepped: list[dict[str, Any]]) -> bool:
        """Let all counters be entries of one vector; return whether they can be."""
        counters = [held["step"] for held in stepped]
        if len(counters) == len(self._counters) and all(map(is_, counters, self._counters)):
            return True
        if len({(one.device, one.dtype, one.shape) for one in counters}) > 1:
            return False
        self._counters = []
        if counters:
            self._counted = torch.stack(counters)
            self._counters, self._one = list(self._counted.unbind()), torch.ones_like(self._counted[0])
            for held, counter in zip(stepped, self._counters, strict=True):
                held["step"] = counter
        return True


def _kernel(group: dict[str, Any], gradients: list[Any], held: list[dict[str, Any]]) -> Kernel:
    """Return the update of one group.

    Raises:
        KeyError: where a moment is missing.
    """
    parameters = group["params"]
    if "betas" not in group:
        buffers = [one["momentum_buffer"] for one in held]
        if any(one is None for one in buffers):
            raise KeyError("momentum_buffer")
        return lambda found_inf: torch._fused_sgd_(
            parameters,
            gradients,
            buffers,
            weight_decay=group["weight_decay"],
            momentum=group["momentum"],
            lr=group["lr"],
            dampening=group["dampening"],
            nesterov=group["nesterov"],
            maximize=group["maximize"],
            is_first_step=False,
            found_inf=found_inf,
        )
    kernel = torch._fused_adamw_ if group["decoupled_weight_decay"] else torch._fused_adam_
    moments, squares, steps = ([one[name] for one in held] for name in ("exp_avg", "exp_avg_sq", "step"))
    beta1, beta2 = group["betas"]
    return lambda found_inf: kernel(
        parameters,
        gradients,
        moments,
        squares,
        [],
        steps,
        lr=group["lr"],
        beta1=beta1,
        beta2=beta2,
        weight_decay=group["weight_decay"],
        eps=group["eps"],
        amsgrad=False,
        maximize=group["maximize"],
        found_inf=found_inf,
    )


@cache
def _agrees(kind: Any, device: torch.device) -> bool:
    """Tell whether the kernel does on a few numbers what the optimizer's own step does, with this version of torch."""
    try:
        few = [nn.Parameter(torch.linspace(-1.0, 1.0, 5, device=device)) for _ in range(2)]
        options: dict[str, Any] = {"lr": 0.1, "weight_decay": 0.1, "fused": True}
        options |= {"momentum": 0.9} if kind is SGD else {}
        ours, own = (kind([one], **options) for one in few)
        for one, optimizer in zip(few, (ours, own), strict=True):
            one.grad = torch.full_like(one, 0.3)
            optimizer.step()
        held = ours.state[few[0]]
        with torch.no_grad():
            if kind is not SGD:
                held["step"].add_(1)
            _kernel(ours.param_groups[0], [few[0].grad], [held])(None)
        own.step()
    except (AttributeError, KeyError, RuntimeError, TypeError):
        return False
    return torch.equal(few[0], few[1])


def _is_plain(group: dict[str, Any]) -> bool:
    """Tell whether a group can be given to a kernel as it is: all on one device, of one type, without what is seldom."""
    numbers = (group["lr"], group["weight_decay"], *group.get("betas", ()))
    return (
        bool(group["fused"])
        and not any(group.get(name) for name in ("amsgrad", "capturable", "differentiable"))
        and not any(isinstance(number, Tensor) for number in numbers)
        and len({(one.device, one.dtype) for one in group["params"]}) == 1
    )


def _looked_at(optimizer: Optimizer) -> bool:
    """Tell whether somebody has a hook on the steps of an optimizer, has wrapped them, or scales its gradients."""
    own = vars(optimizer)
    hooks = own["_optimizer_step_pre_hooks"] or own["_optimizer_step_post_hooks"]
    everywhere = _global_optimizer_pre_hooks or _global_optimizer_post_hooks
    return bool(hooks or everywhere) or "step" in own or own.get("grad_scale") is not None
