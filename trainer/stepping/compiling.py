"""The compiled forward pass: beside the eager one, for whole batches in training, and never a reason to fail.

Both callables stay in memory, so the knob turns between two steps; so does its mode. Only pieces of the usual size are
compiled: the short last batch of an epoch, evaluations, probes, and steps in which hooks look at the layers run eagerly,
so that nothing is compiled twice (torch gives up silently after eight times). Random numbers are drawn as they are in
eager mode (`fallback_random`), so that snapshots stay exact and the arms of a trial are equal but for rounding.
"""

import importlib.util
import shutil
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

OFF = "off"
Forward = Callable[[Any], torch.Tensor]


def why_not(device: torch.device) -> str:
    """Say why nothing can be compiled for this device; empty where it can."""
    if device.type == "cpu" and not (shutil.which("g++") or shutil.which("clang++")):
        return "torch.compile needs a C++ compiler (g++) on this machine"
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        return "torch.compile needs the package triton for this device"
    if device.type not in ("cpu", "cuda"):
        return f"torch.compile is not tried on {device.type}"
    return ""


class Compiled:
    """The compiled forward passes of a model, by mode; each is compiled when it is first called."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._model: nn.Module | None = None
        self._by_mode: dict[str, Forward] = {}
        self.given_up = False
        """It cannot be compiled here: everything runs eagerly."""

    def __call__(self, model: nn.Module, mode: str, inputs: Any) -> torch.Tensor:
        """Return the outputs of the model, `mode` being the knob: `off`, or a mode of torch.compile."""
        if mode == OFF or self.given_up:
            return model(inputs)  # type: ignore[no-any-return]
        try:
            return self._forward(model, mode)(inputs)
        except torch._dynamo.exc.TorchDynamoException as failed:
            self.given_up = True
            self._by_mode.clear()
            lines = str(failed).strip().splitlines()
            self._tell(f"torch.compile fails here ({lines[0] if lines else type(failed).__name__}): it runs eagerly")
            return model(inputs)  # type: ignore[no-any-return]

    def _forward(self, model: nn.Module, mode: str) -> Forward:
        if self._model is not model:
            self._model, self._by_mode = model, {}
        if mode not in self._by_mode:
            import torch._dynamo
            import torch._inductor

            known = {} if mode == "default" else torch._inductor.list_mode_options(mode)
            options = {**known, "fallback_random": True}
            self._by_mode[mode] = torch.compile(model, dynamic=False, options=options)
        return self._by_mode[mode]
