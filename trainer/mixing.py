"""A model's own class is mixed with what stands before or behind its forward pass, and given back as it was.

The object stays the same one: whoever holds it (an optimizer, the user's own code) holds it still, with a few buffers more or
less. Several parts can be mixed in and taken out in any order; the class is the same whichever came first.
"""

from collections.abc import Iterable

import torch
from torch import nn

PARTS, OWN = "mixed_parts", "mixed_own"
"""Attributes of the class that is made: what was mixed in, and the class that it was mixed into."""


def mix_in(model: nn.Module, part: type[nn.Module]) -> None:
    """Let a part's forward pass go around that of the model's own class; a model that has the part already keeps it."""
    _become(model, {*_parts(model), part})


def take_out(model: nn.Module, part: type[nn.Module]) -> None:
    """Give a model the class back that it had without this part."""
    _become(model, {one for one in _parts(model) if one is not part})


def refusal(model: nn.Module, names: Iterable[str]) -> str:
    """Return why nothing can be mixed into a model; nothing where it can.

    Args:
        model: Without the part.
        names: Of the buffers that the part brings.
    """
    if isinstance(model, torch.jit.ScriptModule) or "forward" in vars(model):
        return "the model is compiled, or has a forward of its own besides its class's: nothing can be put around it"
    if taken := next((name for name in names if hasattr(model, name)), ""):
        return f"the model has a {taken} of its own"
    try:
        type(type(model).__name__, (type(model),), {"__module__": type(model).__module__})
    except Exception as refused:  # the user's own: what their class does when another is derived from it
        return f"no class can be derived from {type(model).__name__}: {type(refused).__name__}: {' '.join(str(refused).split())}"
    return ""


def has_its_own(model: nn.Module, part: type[nn.Module], name: str) -> bool:
    """Tell whether a model's own class has something of the name of a part's buffer: that is none of the part's."""
    return not isinstance(model, part) and hasattr(model, name)


def _parts(model: nn.Module) -> tuple[type[nn.Module], ...]:
    parts: tuple[type[nn.Module], ...] = vars(type(model)).get(PARTS, ())
    return parts


def _become(model: nn.Module, parts: set[type[nn.Module]]) -> None:
    own = vars(type(model)).get(OWN, type(model))
    inner = tuple(sorted(parts, key=lambda part: part.__name__))
    made = type(own.__name__, (*inner, own), {"__module__": own.__module__, PARTS: inner, OWN: own}) if inner else own
    model.__class__ = made
