"""How long a small batch takes: the passes of several models are interleaved, so that a busy neighbour meets all alike."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from time import perf_counter
from typing import Any

import torch

EXAMPLES = 32
"""One small batch: neither a single example, which times the interpreter, nor a training batch."""

ROUNDS = 30
"""The median of 30 interleaved passes is steady to a few per cent beside a busy neighbour."""

WARM_UP = 5
"""Passes that are thrown away: allocators and kernels settle."""


@torch.no_grad()
def latencies(models: Sequence[Callable[[Any], Any]], inputs: Any, device: torch.device) -> tuple[float, ...]:
    """Return the median seconds of one pass for each model.

    Args:
        models: on the device, in evaluation mode.
        inputs: a batch [N, …] on the device, of which the first 32 examples are taken.
        device: where all of it is.
    """
    inputs = inputs[:EXAMPLES] if isinstance(inputs, torch.Tensor) else inputs
    times: list[list[float]] = [[] for _ in models]
    with _denormals_flushed():
        for passed in range(WARM_UP + ROUNDS):
            for model, taken in zip(models, times, strict=True):
                begun = perf_counter()
                model(inputs)
                if device.type != "cpu":
                    torch.accelerator.synchronize(device)
                if passed >= WARM_UP:
                    taken.append(perf_counter() - begun)
    return tuple(median(taken) for taken in times)


@contextmanager
def _denormals_flushed() -> Iterator[None]:
    """Keep numbers near zero from slowing the passes: with them a net can time up to nine times slower."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
