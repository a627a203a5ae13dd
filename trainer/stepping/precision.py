"""Precision that can be switched between two steps: autocast and, for fp16, a loss scaler; and TF32 on CUDA."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


TF32_CAPABILITY = (8, 0)
"""Compute capability from which tensor cores multiply in TF32 (NVIDIA, «A100 Tensor Core GPU Architecture», 2020)."""


def why_no_tf32(device: torch.device) -> str:
    """Say why fp32 matrices cannot be multiplied in TF32 here; empty where they can."""
    if device.type != "cuda":
        return "TF32 is a type of NVIDIA's tensor cores: this run trains on another device"
    if torch.cuda.get_device_capability(device) < TF32_CAPABILITY:
        return "this GPU has no TF32: it came with compute capability 8.0"
    return ""


def multiplies_in_tf32() -> bool:
    """Tell whether matrices of fp32 are multiplied with fewer bits in this process."""
    return torch.get_float32_matmul_precision() != "highest"


def multiply_in_tf32(on: bool) -> None:
    """Multiply fp32 matrices in TF32, or exactly; what the user's own code has asked for beyond TF32 stays while it is on.

    It is a setting of the process. Convolutions have one of their own, which torch has on already.
    """
    if on != multiplies_in_tf32():
        torch.set_float32_matmul_precision("high" if on else "highest")


class Precision:
    """The precision of forward and backward; weights and moments stay in fp32."""

    def __init__(self, device: torch.device, dtypes: tuple[str, ...]) -> None:
        self._device = device
        self._dtypes = dtypes
        self.name = "off"
        """off, bf16 or fp16: what is really in use."""
        self._unscaled = torch.amp.GradScaler(device.type, enabled=False)
        self._scaled: torch.amp.GradScaler | None = None
        self.scaler = self._unscaled

    def set(self, name: str) -> None:
        """Switch; `auto` takes the best type of this device (off where there is none).

        The loss scale that fp16 has found is kept while another type is in use.
        """
        best = self._dtypes[0] if self._dtypes else "off"
        wanted = best if name == "auto" else name
        if wanted == self.name:
            return
        self.name = wanted
        if self.name == "fp16" and self._scaled is None:
            self._scaled = torch.amp.GradScaler(self._device.type)
        self.scaler = self._scaled if self.name == "fp16" and self._scaled is not None else self._unscaled

    def renew_scaler(self) -> None:
        """Make a scaler of the same scale that has not seen this step yet: the step is run again."""
        if self.scaler.is_enabled():
            state = self.scaler.state_dict()
            self.scaler = torch.amp.GradScaler(self._device.type)
            self.scaler.load_state_dict(state)

    def context(self) -> AbstractContextManager[Any]:
        """Return the context of a forward pass."""
        if self.name == "off":
            return nullcontext()
        return torch.autocast(self._device.type, dtype=DTYPES[self.name])
