"""The update of the parameters by torch's fused kernels, without what `Optimizer.step` does around them in Python.

On a net of a hundred thousand weights the kernels of AdamW take a tenth of what surrounds them: a record for the profiler,
a look for graph capture, a sorting by device, lists built anew for each group, a step counter for each parameter. Here the
lists are built once, and the counters of all parameters are entries of one vector, so that one addition moves them. The
kernels are the same with the same arguments: parameters, moments and counters are equal to the bit.

The kernels are not part of torch's public interface: before the first use they have to do, on a few numbers, what the
optimizer's own `step` does. What is not plain Adam, AdamW or SGD with fused kernels is updated by its own `step`, and so is any
step that has hooks, is wrapped by a scheduler, or leaves a parameter without a gradient.
"""

from functools import cache
from operator import is_
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

Held = dict[str, Any]
"""What an optimizer holds of one parameter."""


class Update:
    """Updates the parameters of an optimizer; what it knows of one is forgotten when it meets another."""

    def __init__(self) -> None:
        self._state: Any = None
        self._states = -1
        self._straight = False
        self._held: list[list[Held]] = []
        """Of each group, of each parameter."""
        self._counters: list[Tensor] = []
        self._counted = self._one = torch.empty(0)
        """The counters' vector, of which each of them is an entry, and a tensor that holds 1: a number would become one anew."""

    def __call__(self, optimizer: Optimizer) -> None:
        """Do what `optimizer.step()` does."""
        if not self._knows(optimizer):
            self._learn(optimizer)
        groups = optimizer.param_groups
        gradients = [[p.grad for p in group["params"]] for group in groups] if self._straight else []
        if not gradients or any(one is None for some in gradients for one in some) or _looked_at(optimizer):
            optimizer.step()
            return
        found_inf = getattr(optimizer, "found_inf", None)
        with torch.no_grad():
            if self._counters:
                self._counted.add_(self._one)
            for group, some, held in zip(groups, gradients, self._held, strict=True):
                _run_kernel(group, some, held, found_inf)
            if self._counters and found_inf is not None:
                self._counted.sub_(found_inf)

    def _knows(self, optimizer: Optimizer) -> bool:
        """Tell whether what the optimizer holds is what was found in it."""
        if self._state is not optimizer.state or self._states != len(optimizer.state):
            return False
        if not self._straight:
            return True
        sizes = [len(group["params"]) for group in optimizer.param_groups]
        counters = [one["step"] for held in self._held for one in held] if self._counters else []
        return sizes == [len(held) for held in self._held] and all(map(is_, counters, self._counters))

    def _learn(self, optimizer: Optimizer) -> None:
        """Find what is held, and let all counters be entries of one vector."""
        state, groups = optimizer.state, optimizer.param_groups
        self._state, self._states = state, len(state)
        self._held = [[state.get(p, {}) for p in group["params"]] for group in groups]
        kind: Any = type(optimizer)
        plain = kind in (SGD, Adam, AdamW) and all(map(_is_plain, groups, self._held))
        self._straight = plain and _agrees(kind, groups[0]["params"][0].device)
        every = [one for held in self._held for one in held]
        self._counters = []
        if self._straight and "betas" in groups[0] and len({one["step"].device for one in every}) == 1:
            self._counted = torch.stack([one["step"] for one in every])
            self._counters, self._one = list(self._counted.unbind()), torch.ones_like(self._counted[0])
            for one, counter in zip(every, self._counters, strict=True):
                one["step"] = counter


def _run_kernel(group: dict[str, Any], gradients: list[Any], held: list[Held], found_inf: Tensor | None) -> None:
    """Update one group."""
    if "betas" not in group:
        torch._fused_sgd_(
            group["params"],
            gradients,
            [one["momentum_buffer"] for one in held] if group["momentum"] else [],
            weight_decay=group["weight_decay"],
            momentum=group["momentum"],
            lr=group["lr"],
            dampening=group["dampening"],
            nesterov=group["nesterov"],
            maximize=group["maximize"],
            is_first_step=False,
            found_inf=found_inf,
        )
        return
    kernel = torch._fused_adamw_ if group["decoupled_weight_decay"] else torch._fused_adam_
    beta1, beta2 = group["betas"]
    kernel(
        group["params"],
        gradients,
        [one["exp_avg"] for one in held],
        [one["exp_avg_sq"] for one in held],
        [],
        [one["step"] for one in held],
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
            _run_kernel(ours.param_groups[0], [few[0].grad], [held], None)
        own.step()
    except (AttributeError, KeyError, RuntimeError, TypeError):
        return False
    return torch.equal(few[0], few[1])


def _is_plain(group: dict[str, Any], held: list[Held]) -> bool:
    """Tell whether a group can be given to a kernel as it is: all on one device, of one type, with all that it needs."""
    names = ("step", "exp_avg", "exp_avg_sq") if "betas" in group else ("momentum_buffer",) * bool(group["momentum"])
    numbers = (group["lr"], group["weight_decay"], *group.get("betas", ()))
    return (
        bool(group["fused"])
        and not any(group.get(name) for name in ("amsgrad", "capturable", "differentiable"))
        and not any(isinstance(number, Tensor) for number in numbers)
        and len({(p.device, p.dtype) for p in group["params"]}) == 1
        and all(isinstance(one.get(name), Tensor) for one in held for name in names)
    )


def _looked_at(optimizer: Optimizer) -> bool:
    """Tell whether somebody has a hook on the steps of an optimizer, has wrapped them, or scales its gradients."""
    own = vars(optimizer)
    hooks = own["_optimizer_step_pre_hooks"] or own["_optimizer_step_post_hooks"]
    everywhere = _global_optimizer_pre_hooks or _global_optimizer_post_hooks
    return bool(hooks or everywhere) or "step" in own or own.get("grad_scale") is not None
