"""A model's own class is mixed with what stands before or behind its forward pass, and given back as it was.

The object stays the same one: whoever holds it (an optimizer, the user's own code) holds it still, with a few buffers more or
less. They are saved, exported and loaded with the model's weights, and whoever calls the model calls the part with it. Several
parts can be put on and taken off in any order; the class is the same whichever came first.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

REACH = 10.0
"""Spreads: what lies further from a feature's mean is taken as lying there, so that no single input throws the weights about."""

PARTS, OWN = "mixed_parts", "mixed_own"
"""Attributes of the class that is made: what was mixed in, and the class that it was mixed into."""


class Standardised(nn.Module):
    """A model that standardises its inputs: takes their mean from them and divides them by their spread."""

    standardised_mean: Tensor
    standardised_spread: Tensor

    def forward(self, inputs: Tensor) -> Any:
        """Pass the standardised inputs on to the model's own forward; what is no number becomes the mean, 0."""
        scaled = (inputs - self.standardised_mean) / self.standardised_spread
        return super().forward(scaled.nan_to_num(0.0, 0.0, 0.0).clamp(-REACH, REACH))


class InTargetUnits(nn.Module):
    """A model that learns its targets in spreads about their mean, and says them in their own unit."""

    target_mean: Tensor
    target_spread: Tensor

    def forward(self, *inputs: Any, **named: Any) -> Tensor:
        """Return what the model's own forward says, in the target's own unit."""
        outputs: Tensor = super().forward(*inputs, **named)
        return outputs * self.target_spread + self.target_mean


Part = type[Standardised] | type[InTargetUnits]
BUFFERS: Mapping[Part, tuple[str, str]] = {
    Standardised: ("standardised_mean", "standardised_spread"),
    InTargetUnits: ("target_mean", "target_spread"),
}
"""Names of each part's mean and spread, at the root of the model."""


def is_on(model: nn.Module, part: Part) -> bool:
    """Tell whether a model has a part."""
    return isinstance(model, part)


def put_on(model: nn.Module, part: Part, mean: Tensor, spread: Tensor) -> None:
    """Let a part's forward pass go around that of the model's own class; a model that has it is given other numbers.

    Args:
        model: On its device.
        part: Which one.
        mean: In a shape that broadcasts to one example (`Standardised`) or to what the model says of it (`InTargetUnits`).
        spread: Likewise.
    """
    _become(model, {*_parts(model), part})
    device = next((tensor.device for tensor in model.parameters()), mean.device)
    for name, tensor in zip(BUFFERS[part], (mean, spread), strict=True):
        model.register_buffer(name, tensor.to(device))


def take_off(model: nn.Module, part: Part) -> None:
    """Give a model the class back that it had without this part, without the part's buffers."""
    if is_on(model, part):
        _become(model, {one for one in _parts(model) if one is not part})
        for name in BUFFERS[part]:
            del model._buffers[name]


def fit(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Give a model the parts that these weights are of, and no others; a name that is the model's own is left alone."""
    for part, (mean, spread) in BUFFERS.items():
        if not is_on(model, part) and hasattr(model, mean):
            continue
        if mean in weights and spread in weights:
            put_on(model, part, torch.zeros_like(weights[mean]), torch.ones_like(weights[spread]))
        else:
            take_off(model, part)


def own_tensors(model: nn.Module, *parts: Part) -> dict[str, Tensor]:
    """Return mean and spread of these parts, or of all, under their names; nothing of a part that the model has not."""
    worn = (part for part in parts or BUFFERS if is_on(model, part))
    return {name: model.get_buffer(name) for part in worn for name in BUFFERS[part]}


def refusal(model: nn.Module, part: Part) -> str:
    """Return why a part cannot be mixed into a model that is without it; nothing where it can."""
    if isinstance(model, torch.jit.ScriptModule) or "forward" in vars(model):
        return "the model is compiled, or has a forward of its own besides its class's: nothing can be put around it"
    if taken := next((name for name in BUFFERS[part] if hasattr(model, name)), ""):
        return f"the model has a {taken} of its own"
    try:
        type(type(model).__name__, (type(model),), {"__module__": type(model).__module__})
    except Exception as refused:  # the user's own: what their class does when another is derived from it
        return f"no class can be derived from {type(model).__name__}: {type(refused).__name__}: {' '.join(str(refused).split())}"
    return ""


def _parts(model: nn.Module) -> tuple[Part, ...]:
    parts: tuple[Part, ...] = vars(type(model)).get(PARTS, ())
    return parts


def _become(model: nn.Module, parts: set[Part]) -> None:
    own = vars(type(model)).get(OWN, type(model))
    inner = tuple(sorted(parts, key=lambda part: part.__name__))
    made = type(own.__name__, (*inner, own), {"__module__": own.__module__, PARTS: inner, OWN: own}) if inner else own
    model.__class__ = made
