"""What a user's data set remembers between two items: counters and random generators of its own.

A trial fetches examples that the run fetches again. Where the data set counts what it has dealt, or draws from a generator
that it keeps, the run would go on with other examples than without the trial. So these are part of a state of the run. What
can only be moved on (a Python generator, the reader of an open file) cannot be put back: there nothing is tried.

Limit: with loader processes each has a data set of its own, whose state nobody sees from here.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import GEN_CLOSED, getgeneratorstate
from io import IOBase
from types import GeneratorType, ModuleType
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

DEEPEST = 4
"""A data set within a data set, with a transform, with a generator."""
MOST_OBJECTS = 256
"""Objects that are looked into; a data set of a million small objects keeps its state elsewhere."""


@dataclass(frozen=True)
class OwnState:
    """Numbers and generators of a data set, as they were."""

    numbers: tuple[tuple[Any, str, int | float], ...] = ()
    """Whose, the attribute's name, and its value."""
    drawn: tuple[tuple[Any, Any], ...] = ()
    """Random generators, each with its state."""


def take(dataset: object) -> OwnState:
    """Return what a data set remembers now."""
    numbers: list[tuple[Any, str, int | float]] = []
    drawn: list[tuple[Any, Any]] = []
    for owner, name, value in _attributes(dataset):
        if isinstance(value, int | float) and not isinstance(value, bool):
            numbers.append((owner, name, value))
        elif isinstance(value, random.Random):
            drawn.append((value, value.getstate()))
        elif isinstance(value, np.random.Generator):
            drawn.append((value, value.bit_generator.state))
        elif isinstance(value, np.random.RandomState | torch.Generator):
            drawn.append((value, value.get_state()))
    return OwnState(tuple(numbers), tuple(drawn))


def put_back(state: OwnState) -> None:
    """Let a data set remember what it did then."""
    for owner, name, value in state.numbers:
        if vars(owner).get(name) != value:
            vars(owner)[name] = value
    for generator, then in state.drawn:
        match generator:
            case random.Random():
                generator.setstate(then)
            case np.random.Generator():
                generator.bit_generator.state = then
            case _:
                generator.set_state(then)


def moves_on_alone(dataset: object) -> str:
    """Return the name of what a data set keeps and nobody can put back; nothing where there is no such thing."""
    for _, name, value in _attributes(dataset):
        if isinstance(value, GeneratorType) and getgeneratorstate(value) == GEN_CLOSED:
            continue
        if isinstance(value, Iterator) and not isinstance(value, IOBase):
            return name
    return ""


def _attributes(dataset: object) -> Iterator[tuple[Any, str, Any]]:
    """Yield the attributes of a data set and of what it is made of: whose, name and value."""
    seen: set[int] = set()
    waiting = [(dataset, 0)]
    while waiting and len(seen) < MOST_OBJECTS:
        owner, depth = waiting.pop()
        if id(owner) in seen or not _is_looked_into(owner):
            continue
        seen.add(id(owner))
        for name, value in tuple(vars(owner).items()):
            yield owner, name, value
            parts = value if isinstance(value, list | tuple) and len(value) <= MOST_OBJECTS else (value,)
            if depth < DEEPEST:
                waiting.extend((part, depth + 1) for part in parts)


def _is_looked_into(value: object) -> bool:
    """Tell whether a value may hold more of the data set's state: an object, and no array, net, class or module."""
    closed = (torch.Tensor, torch.nn.Module, np.ndarray, np.generic, type, ModuleType, DataLoader, IOBase)
    is_function = hasattr(value, "__code__") or hasattr(value, "__func__")
    return isinstance(getattr(value, "__dict__", None), dict) and not isinstance(value, closed) and not is_function
