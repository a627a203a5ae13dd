"""Activation checkpointing: the activations inside a network's repeated blocks are computed again in the backward pass.

Only what enters a block is kept; the rest is made anew when its gradient is due (Chen et al. 2016, «Training Deep Nets with
Sublinear Memory Cost», by `torch.utils.checkpoint`). The mathematics stay the same: random numbers are drawn again from the
same state, and what a forward pass moves besides (running statistics of batch norm) moves once and not twice. It costs at
most one more forward pass. The blocks are wrapped for the time of a forward pass alone: between two of them the network is
the user's own, so that copies, exports and state dicts know nothing of it.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

NO_BLOCKS = (
    "the model has no repeated blocks (in an nn.Sequential or nn.ModuleList) whose activations could be computed again"
)

CONTAINERS = (nn.Sequential, nn.ModuleList)

LEAST_LAYERS = 3
"""Layers with weights in a plain nn.Sequential: with fewer, all that could be given up is needed at the end anyway."""


@dataclass(frozen=True)
class Block:
    """A module whose forward pass is run again; a plain nn.Sequential is run again layer by layer."""

    name: str
    module: nn.Module
    parts: tuple[tuple[str, tuple[nn.Module, ...]], ...] = ()
    """Of a plain nn.Sequential: a layer with weights and what follows it up to the next; the last part is not run again."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of what is run again."""
        return tuple(name for name, _ in self.parts[:-1]) or (self.name,)


def blocks_of(model: nn.Module, name: str = "") -> list[Block]:
    """Return the blocks of a model whose activations need not be kept, from input to output; none within another."""
    children = [(f"{name}.{own}" if name else own, module) for own, module in model.named_children()]
    if not isinstance(model, CONTAINERS):
        return [block for place, child in children for block in blocks_of(child, place)]
    repeated = Counter(type(child) for _, child in children if _is_block(child))
    found = []
    for place, child in children:
        inner = blocks_of(child, place)
        if repeated[type(child)] > 1 and _is_block(child) and not (isinstance(child, CONTAINERS) and inner):
            inner = [Block(place, child)] if not isinstance(child, nn.ModuleList) else []
        found += inner
    return found or _plain(model, name, children)


def _is_block(module: nn.Module) -> bool:
    """Tell whether a module has layers inside, and weights in them; a scripted one has no forward pass to wrap."""
    inside = next(module.children(), None) is not None and next(module.parameters(), None) is not None
    return inside and not isinstance(module, torch.jit.ScriptModule)


def _plain(model: nn.Module, name: str, children: list[tuple[str, nn.Module]]) -> list[Block]:
    """Return a plain nn.Sequential as one block of several parts; nothing where it has too few layers."""
    if not isinstance(model, nn.Sequential):
        return []
    parts: list[tuple[str, list[nn.Module]]] = []
    for place, child in children:
        if not parts or any(parameter.dim() > 1 for parameter in child.parameters()):
            parts.append((place, []))
        parts[-1][1].append(child)
    if len(parts) < LEAST_LAYERS:
        return []
    return [Block(name, model, tuple((place, tuple(modules)) for place, modules in parts))]


def names_of(model: nn.Module) -> tuple[str, ...]:
    """Return the names of what is computed again, from input to output; empty where there is nothing to gain."""
    return tuple(name for block in blocks_of(model) for name in block.names)


@contextmanager
def recomputed(model: nn.Module) -> Iterator[None]:
    """Let the forward passes of a model inside keep no more than what enters each of its blocks."""
    wrapped: list[tuple[dict[str, Any], Any]] = []
    try:
        for block in blocks_of(model):
            own = vars(block.module)
            wrapped.append((own, own.get("forward")))
            own["forward"] = _in_parts(block) if block.parts else partial(_again, block.module, block.module.forward)
        yield
    finally:
        for own, forward in wrapped:
            if forward is None:
                own.pop("forward", None)
            else:
                own["forward"] = forward


def _in_parts(block: Block) -> Callable[[Any], Any]:
    """Return the forward pass of a plain nn.Sequential, part by part."""

    def forward(passed: Any) -> Any:
        for _, modules in block.parts[:-1]:
            run = nn.Sequential(*modules)
            passed = _again(run, run.forward, passed)
        for module in block.parts[-1][1]:
            passed = module(passed)
        return passed

    return forward


def _again(module: nn.Module, forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run the forward pass of a module so that it is run again when its gradient is due."""
    return checkpoint(
        lambda given, named: forward(*given, **named),
        args,
        kwargs,
        use_reentrant=False,
        context_fn=partial(_contexts, module),
    )


def _contexts(module: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Return the contexts of the first pass through a module and of the second, which begins with the same buffers.

    What the first pass has moved is put back for the second, and then as it is now. A tensor's version tells that it was
    moved, but not that the kernel of a batch norm has moved its statistics: vectors are taken to be moved.
    """
    moved: list[tuple[torch.Tensor, torch.Tensor]] = []

    @contextmanager
    def first() -> Iterator[None]:
        before = [(buffer, buffer._version, buffer.detach().clone()) for buffer in module.buffers()]
        yield
        moved.extend((one, old) for one, version, old in before if one.dim() <= 1 or one._version != version)

    @contextmanager
    def second() -> Iterator[None]:
        now = [buffer.detach().clone() for buffer, _ in moved]
        _put(moved)
        try:
            yield
        finally:
            _put([(buffer, value) for (buffer, _), value in zip(moved, now, strict=True)])

    return first(), second()


@torch.no_grad()
def _put(values: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
    for buffer, value in values:
        buffer.copy_(value)
