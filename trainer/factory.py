"""The user's own factory is found, imported and called; whatever goes wrong in it is told in one line."""

import importlib
import importlib.util
import inspect
import random
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from trainer.task import Task


class FactoryError(Exception):
    """The user's factory gave no task; the text says where in their code and why."""


def seed_all(seed: int) -> None:
    """Seed the random generators of python, numpy and torch: a user's code may draw from any of them."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def make_task(factory: str, seed: int) -> Task:
    """Call `path/to/file.py:function` and return its task.

    Raises:
        FactoryError: when the file or function is missing, raises, or returns something else than a `trainer.Task`.
    """
    return open_factory(factory, seed)()


def open_factory(factory: str, seed: int) -> Callable[[], Task]:
    """Import `path/to/file.py:function`; return what calls it and returns its task, raising as `make_task` does.

    The file's folder goes to the end of `sys.path`, so nothing of ours is shadowed by a file of the user's.
    All random generators are seeded; a function with a parameter `seed` is given it as well.

    Raises:
        FactoryError: when the file or function is missing.
    """
    place, colon, name = factory.rpartition(":")
    if not colon or not place or not name.isidentifier():
        raise FactoryError(f"task.factory is {factory!r}: write it as path/to/file.py:function")
    path = Path(place).expanduser().resolve()
    if not path.is_file():
        raise FactoryError(f"task.factory: {path}: no such file")
    seed_all(seed)
    module = _import(path)
    function = getattr(module, name, None)
    if not callable(function):
        offers = [key for key, value in vars(module).items() if inspect.isfunction(value) and not key.startswith("_")]
        raise FactoryError(f"task.factory: {path} has no function {name!r} (it has {', '.join(offers) or 'none'})")
    return lambda: _task(function, name, path, seed)


def _task(function: Callable[..., Any], name: str, path: Path, seed: int) -> Task:
    task = _call(function, name, path, seed)
    if not isinstance(task, Task):
        raise FactoryError(
            f"task.factory: {name} returned {type(task).__name__}: return a trainer.Task(model=…, train=…)"
        )
    if not isinstance(task.model, torch.nn.Module):
        raise FactoryError(f"task.factory: model is {type(task.model).__name__}: it must be a torch.nn.Module")
    return task


def their_error(error: BaseException, folder: Path) -> str:
    """Return `file:line: Type: message`, the place being the deepest one in the user's own folder.

    Args:
        error: what their code raised, or raised in ours because of it.
        folder: where their code lives.
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(folder)]
    text = " ".join(str(error).split()) or "no message"
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: SyntaxError: {error.msg}"
    place = f"{own[-1].filename}:{own[-1].lineno}: " if own else ""
    return f"{place}{type(error).__name__}: {text}"


def _import(path: Path) -> ModuleType:
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        found = importlib.util.find_spec(path.stem) if path.stem.isidentifier() else None
    except (ImportError, ValueError):
        found = None
    try:
        if found is not None and found.origin == str(path):
            return importlib.import_module(path.stem)
        return _import_beside(path)
    except (Exception, SystemExit) as error:
        raise FactoryError(f"task.factory: importing fails: {their_error(error, path.parent)}") from error


def _import_beside(path: Path) -> ModuleType:
    """Import a file whose name is taken by another module, under a name of its own."""
    name = f"own_task_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise FactoryError(f"task.factory: {path} is no Python file: give a .py file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _call(function: Callable[..., Any], name: str, path: Path, seed: int) -> Any:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        parameters = ()  # type: ignore[assignment]
    takes_seed = any(p.name == "seed" or p.kind is p.VAR_KEYWORD for p in parameters)
    try:
        return function(seed=seed) if takes_seed else function()
    except (Exception, SystemExit) as error:
        raise FactoryError(f"task.factory: {name} fails: {their_error(error, path.parent)}") from error
