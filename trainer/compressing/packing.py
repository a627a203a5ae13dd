"""Weights are packed for the disk: pruned ones as a bit mask with 16-bit values, int8 ones with their scales.

Packing decides the bytes of a file and nothing else: unpacked, a weight is a dense float tensor again, so a packed model
runs wherever the model ran, with the same arithmetic and the same speed. It needs no compiler and no extra package.

Int8 follows the usual symmetric scheme with one scale for each output channel (Jacob et al. 2018, arXiv 1712.05877, for
weights alone); the mask costs one bit a weight, which beats 32-bit indices from a density of about 3 % up.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

LEVELS = 127
"""Symmetric int8 leaves -128 out, so that zero stays zero."""

HALF_MOST = 6e4
"""Half precision ends at 65504; weights are seldom over 10."""

PACKED_FROM = 256
"""Smaller tensors stay as they are: the entries of a mask or scale in the header cost more than they save."""


@dataclass(frozen=True)
class Packing:
    """How weights of two dimensions and more are written; all else is written as it is."""

    method: Literal["plain", "mask", "int8"] = "plain"


def packable(weight: Tensor) -> bool:
    """Tell whether a tensor is a weight worth packing: floating point, two dimensions or more, not tiny."""
    return weight.is_floating_point() and weight.ndim > 1 and weight.numel() >= PACKED_FROM


def pack(weights: dict[str, Tensor], packing: Packing) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return tensors to write, and JSON that says how to unpack them."""
    tensors: dict[str, Tensor] = {}
    packed: dict[str, Any] = {}
    for name, weight in weights.items():
        if packing.method == "plain" or not packable(weight):
            tensors[name] = weight.contiguous()
            continue
        packed[name] = {"method": packing.method, "shape": list(weight.shape), "dtype": str(weight.dtype)[6:]}
        if packing.method == "mask":
            kept = weight.flatten() != 0
            tensors[f"{name}:mask"] = _to_bits(kept)
            tensors[f"{name}:values"] = _halved(weight.flatten()[kept])
        else:
            tensors[f"{name}:int8"], tensors[f"{name}:scale"] = to_int8(weight)
    return tensors, packed


def unpack(tensors: dict[str, Tensor], packed: dict[str, Any]) -> dict[str, Tensor]:
    """Return the weights that `pack` was given: the nearest ones that 16 bits (mask) or 8 bits (int8) can say."""
    weights = {name: tensor for name, tensor in tensors.items() if name.rpartition(":")[0] not in packed}
    for name, how in packed.items():
        dtype = getattr(torch, how["dtype"])
        if how["method"] == "mask":
            count = torch.Size(how["shape"]).numel()
            weight = torch.zeros(count, dtype=dtype)
            weight[_from_bits(tensors[f"{name}:mask"], count)] = tensors[f"{name}:values"].to(dtype)
        else:
            weight = from_int8(tensors[f"{name}:int8"], tensors[f"{name}:scale"]).to(dtype)
        weights[name] = weight.reshape(how["shape"])
    return weights


def to_int8(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return int8 values in the weight's shape, and a float32 scale for each output channel, [O]."""
    rows = weight.detach().float().flatten(1)
    scale = (rows.abs().amax(1) / LEVELS).clamp(min=torch.finfo(torch.float32).tiny)
    return (rows / scale[:, None]).round().to(torch.int8).reshape(weight.shape), scale


def from_int8(values: Tensor, scale: Tensor) -> Tensor:
    """Return the float32 weight of int8 values and their scales."""
    return (values.flatten(1).float() * scale[:, None]).reshape(values.shape)


def _halved(values: Tensor) -> Tensor:
    """Return values in half precision, off by 0.05 % at most; unchanged where one is too large for it."""
    fits = not len(values) or bool(values.abs().max() <= HALF_MOST)
    return values.half() if fits else values


def _to_bits(mask: Tensor) -> Tensor:
    padded = torch.zeros(-(-len(mask) // 8) * 8, dtype=torch.uint8)
    padded[: len(mask)] = mask.to(torch.uint8)
    places = torch.tensor([1, 2, 4, 8, 16, 32, 64, 128], dtype=torch.uint8)
    return (padded.reshape(-1, 8) * places).sum(1).to(torch.uint8)


def _from_bits(bits: Tensor, count: int) -> Tensor:
    places = torch.tensor([1, 2, 4, 8, 16, 32, 64, 128], dtype=torch.uint8)
    return ((bits[:, None] & places) != 0).flatten()[:count]
