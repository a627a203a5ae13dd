"""The probe `memory_holders`: what in this process grows with every step, and by which name the code knows it.

Python's collector knows every container. They are counted, a few steps are taken, and they are counted again: a list that
has become longer by one a step is what creeps. Its name is found by asking who refers to it: a module's variables, the
attributes of an object, the variables that a function closes over.

Limits: what only C code holds is not seen, nor what grows in a worker. The steps of the probe are taken back with the run;
what the user's own code has put into a list meanwhile stays there. It takes some seconds for a million objects, once.
"""

import gc
import sys
import types
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import compress, repeat
from operator import is_
from typing import Any
from weakref import ref

import numpy as np
import torch

from trainer.stepping.step import take_step
from trainer.training import Training

STEPS = 8
GROWS_LEAST = STEPS // 2
"""Items more, over these steps: a container that takes one every other step creeps, too."""
TOLD_MOST = 5
LOOKED_AT_MOST = 4096
"""Items of one container that are looked at, evenly; the rest are taken to be alike."""
REFERRERS_DEPTH = 3
"""From a container to a name: an attribute's dictionary, its object, and what holds that."""
CONTAINERS = (list, dict, set, frozenset, deque)
HOLD_NO_DICT: frozenset[type] = frozenset(
    {
        tuple, property, staticmethod, classmethod, ref, types.FunctionType, types.BuiltinFunctionType, types.CodeType,
        types.GetSetDescriptorType, types.WrapperDescriptorType, types.MethodDescriptorType, types.MemberDescriptorType,
    }
)  # fmt: skip
"""Most of all objects, and nothing that keeps a dictionary of numbers or arrays by itself: they are passed over."""
NAMELESS = "a container that no name leads to"


@dataclass(frozen=True)
class Grown:
    """A container that has grown; see `rules.growth_facts.Holder`."""

    where: str
    kind: str
    length: int
    added: int
    holds: str
    graphs: int
    tensor_bytes: int


def memory_holders(training: Training) -> dict[str, Any]:
    """Take a few steps and tell what is longer than before.

    Returns:
        `steps` taken. `growing`: containers, those with graphs first, then the largest: `where`, `kind`, `length`, `added`,
        `holds` (type of most items), `graphs` (tensors with one), `tensor_bytes`. `tensors_before`, `tensors_after`,
        `graphs_before`, `graphs_after`: live tensors, and those of them that hold the graph they were computed by.
    """
    for batch in training.supply.look_ahead(1):  # what is made once, in the first step of a kind, is no growth
        take_step(training, batch)
    lengths, before = _census()
    steps = 0
    for batch in training.supply.look_ahead(STEPS):
        take_step(training, batch)
        steps += 1
    grown, after = _grown(lengths)
    return {
        "steps": steps,
        "growing": [asdict(one) for one in grown[:TOLD_MOST]],
        "tensors_before": before[0],
        "tensors_after": after[0],
        "graphs_before": before[1],
        "graphs_after": after[1],
    }


def _census() -> tuple[dict[int, int], tuple[int, int]]:
    """Return the length of every container by its identity, and how many tensors live and hold a graph."""
    gc.collect()
    objects = gc.get_objects()
    tensors = _of_kind(objects, _is_tensor)
    counted = len(tensors), sum(_has_graph(one) for one in tensors)
    return {id(one): len(one) for one in _containers(objects)}, counted


def _grown(lengths: dict[int, int]) -> tuple[list[Grown], tuple[int, int]]:
    gc.collect()
    objects = gc.get_objects()
    tensors = _of_kind(objects, _is_tensor)
    counted = len(tensors), sum(_has_graph(one) for one in tensors)
    longer = [one for one in _containers(objects) if len(one) - lengths.get(id(one), len(one)) >= GROWS_LEAST]
    longer = [one for one in longer if one is not objects and one is not tensors and one is not lengths]
    del objects, tensors
    found = [(_weighed(one, len(one) - lengths[id(one)]), one) for one in longer]
    found.sort(key=lambda pair: (-pair[0].graphs, -pair[0].tensor_bytes, -pair[0].length))
    ours = {id(longer), id(found), *map(id, found)}
    return [replace(told, where=_name_of(one, ours) or NAMELESS) for told, one in found[:TOLD_MOST]], counted


def _containers(objects: list[Any]) -> list[Any]:
    """Return all containers; those that hold only numbers and text are not tracked, and found by who refers to them."""
    tracked = _of_kind(objects, _is_container)
    holders = _of_kind(objects, lambda kind: kind not in HOLD_NO_DICT)
    found = gc.get_referents(*holders)
    named = {id(one): one for one in compress(found, map(is_, map(type, found), repeat(dict)))}
    return [*tracked, *(one for one in named.values() if not gc.is_tracked(one))]


def _of_kind(objects: list[Any], wanted: Callable[[type], bool]) -> list[Any]:
    """Return the objects whose type is wanted; no object is asked itself, for some answer by importing a package."""
    kinds = {kind for kind in set(map(type, objects)) if wanted(kind)}
    return list(compress(objects, map(kinds.__contains__, map(type, objects))))


def _is_container(kind: type) -> bool:
    return issubclass(kind, CONTAINERS)


def _is_tensor(kind: type) -> bool:
    return issubclass(kind, torch.Tensor)


def _has_graph(tensor: torch.Tensor) -> bool:
    return tensor.grad_fn is not None


def _weighed(container: Any, added: int) -> Grown:
    """Return what a container holds; its name is found later, for that takes longer."""
    items = _some(container)
    share = len(container) / max(len(items), 1)
    tensors = [tensor for item in items for tensor in _tensors_in(item)]
    kinds = Counter(type(item).__name__ for item in items)
    return Grown(
        where="",
        kind=type(container).__name__,
        length=len(container),
        added=added,
        holds=kinds.most_common(1)[0][0] if kinds else "nothing",
        graphs=round(share * sum(_has_graph(tensor) for tensor in tensors if isinstance(tensor, torch.Tensor))),
        tensor_bytes=round(share * sum(int(tensor.nbytes) for tensor in tensors)),
    )


def _some(container: Any) -> list[Any]:
    """Return items of a container, of a dictionary its values, evenly."""
    items = list(container.values() if isinstance(container, dict) else container)
    return items[:: -(-len(items) // LOOKED_AT_MOST)] if items else []


def _tensors_in(item: Any) -> list[Any]:
    """Return the tensors and arrays that an item is, or directly holds."""
    parts = [item]
    if isinstance(item, dict):
        parts = list(item.values())
    elif isinstance(item, list | tuple):
        parts = list(item)
    return [one for one in parts if isinstance(one, torch.Tensor | np.ndarray)]


def _name_of(container: Any, ours: set[int], depth: int = REFERRERS_DEPTH) -> str:
    """Return the name by which the code knows an object; nothing where it has none within a few hops."""
    if name := _local(container):
        return name
    referrers = gc.get_referrers(container)
    ours = ours | {id(referrers)}
    for one in referrers:
        if id(one) not in ours and (name := _named_by(one, container)):
            return name
    if depth <= 1:
        return ""
    for one in referrers:
        if id(one) in ours or isinstance(one, types.FrameType) or not _leads_on(one):
            continue
        if name := _name_of(one, ours | {id(container)}, depth - 1):
            return name if isinstance(one, types.CellType) else f"{name}{_key_of(one, container)}"
    return ""


def _leads_on(one: Any) -> bool:
    """Tell whether an object may lie on the way from a name to a container."""
    return isinstance(one, (*CONTAINERS, tuple, types.CellType, types.MethodType)) and not isinstance(one, type)


def _key_of(outer: Any, inner: Any) -> str:
    if isinstance(outer, dict):
        return next((f"[{key!r}]" for key, value in outer.items() if value is inner), "")
    return "[…]"


def _named_by(one: Any, container: Any) -> str:
    """Return the name that one referrer gives it: a variable of a module or a function, an attribute, a default."""
    if isinstance(one, dict):
        name = next((key for key, value in one.items() if value is container and isinstance(key, str)), "")
        owner = _owner_of(one) if name else ""
        return f"{owner}.{name}" if owner else ""
    if isinstance(one, types.CellType):
        return _closed_over(one)
    if isinstance(one, types.FunctionType):
        return f"a default of {one.__qualname__} in {one.__module__}"
    attributes = getattr(one, "__dict__", None) if type(one).__module__ != "builtins" else None
    if isinstance(attributes, dict):
        name = next((key for key, value in attributes.items() if value is container), "")
        return f"{type(one).__name__}.{name}" if name else ""
    return ""


def _owner_of(names: dict[str, Any]) -> str:
    """Return whose attributes these are: a module, an object, a class."""
    if "__name__" in names and "__builtins__" in names:
        return str(names["__name__"])
    for one in gc.get_referrers(names):
        if not isinstance(one, dict | list | tuple | types.FrameType) and getattr(one, "__dict__", None) is names:
            return type(one).__name__
    return ""


def _closed_over(cell: types.CellType) -> str:
    """Return the variable of a function whose cell this is."""
    for closure in gc.get_referrers(cell):
        for function in gc.get_referrers(closure) if isinstance(closure, tuple) else ():
            if (
                isinstance(function, types.FunctionType)
                and isinstance(closure, tuple)
                and function.__closure__ is closure
            ):
                names = dict(zip(function.__code__.co_freevars, closure, strict=True))
                name = next((name for name, held in names.items() if held is cell), "")
                return f"{name} of {function.__qualname__} in {function.__module__}"
    return ""


def _local(container: Any) -> str:
    """Return the variable of a function that is running now."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        if not str(frame.f_globals.get("__name__", "")).startswith(
            ("trainer.probing.holders", "trainer.probing.probes")
        ):
            for name, value in frame.f_locals.items():
                if value is container and frame.f_code.co_name != "<module>":
                    return f"{name} of {frame.f_code.co_qualname} in {frame.f_globals.get('__name__', '')}"
        frame = frame.f_back
    return ""
