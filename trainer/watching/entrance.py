"""What enters the net: caught where it meets the first weights, behind all that a loader or the net itself does to a batch."""

from typing import Any

import torch
from torch import nn


class Entrance:
    """Catches the first tensor that enters a module with parameters of its own, in one forward pass."""

    def __init__(self, model: nn.Module) -> None:
        self.inputs: torch.Tensor | None = None
        self._handles = [
            module.register_forward_pre_hook(self._catch)
            for module in model.modules()
            if next(module.parameters(recurse=False), None) is not None
        ]

    def _catch(self, _: nn.Module, arguments: tuple[Any, ...]) -> None:
        if self.inputs is None and arguments and isinstance(arguments[0], torch.Tensor):
            self.inputs = arguments[0].detach()

    def close(self) -> None:
        """Catch no more; what was caught stays."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
