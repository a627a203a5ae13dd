"""A real PyTorch trainer whose knobs turn while it runs.

Importing this package loads no torch; `trainer.Task` and `trainer.load` are fetched when first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainer.export import load as load
    from trainer.task import Task as Task

FLOOR_MARK = "training-advisor/trainer"
"""Tells our `trainer` from a stranger's package of the same name."""

_HOMES = {"Task": "trainer.task", "load": "trainer.export"}

__all__ = ["FLOOR_MARK", "Task", "load"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'trainer' has no attribute {name!r}")
