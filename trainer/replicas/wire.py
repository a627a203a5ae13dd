"""What goes between the trainer and its followers: short words by a pipe, tensors by torch.distributed.

A tensor is never pickled: its type and shape go into a word, its bytes into a buffer that gloo (processor) or NCCL (CUDA)
carries. The group is opened directly, not as torch's default group, so a task that uses `torch.distributed` itself is left
alone. It lives on this machine alone, and the followers meet by a file in a folder of the run's user.
"""

import json
import os
from collections.abc import Iterable, Sequence
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

Spec = list[Any]
"""[type, shape] of a tensor, as JSON types."""

NCCL_HABITS = {"TORCH_NCCL_BLOCKING_WAIT": "1", "TORCH_NCCL_ENABLE_MONITORING": "0"}
"""A collective that fails raises in the trainer, which goes on alone; by default it would end the process."""


def open_group(device: torch.device, meeting: Path, rank: int, size: int, patience_s: float) -> Any:
    """Join the group of the processes of one run; it returns when all are there.

    Args:
        device: Of this process.
        meeting: A file that all of them name; none has made it yet.
        rank: 0 is the trainer.
        size: Processes, the trainer among them.
        patience_s: Seconds after which a collective that hangs raises.

    Raises:
        RuntimeError: when the others do not come.
    """
    from torch import distributed

    store = distributed.FileStore(str(meeting), size)  # type: ignore[attr-defined]
    patience = timedelta(seconds=patience_s)
    if device.type == "cuda":
        for name, value in NCCL_HABITS.items():
            os.environ.setdefault(name, value)
        nccl = distributed.ProcessGroupNCCL.Options()
        nccl._timeout = patience
        return distributed.ProcessGroupNCCL(store, rank, size, nccl)
    gloo = distributed.ProcessGroupGloo._Options()  # type: ignore[attr-defined]
    gloo._devices = [distributed.ProcessGroupGloo.create_device(hostname="127.0.0.1")]
    gloo._timeout = patience
    return distributed.ProcessGroupGloo(store, rank, size, gloo)


def broadcast(group: Any, buffer: Tensor) -> Any:
    """Begin to give every follower what lies in the trainer's buffer; return the work to wait for."""
    from torch import distributed

    options = distributed.BroadcastOptions()
    options.rootRank = 0
    return group.broadcast([buffer], options)


def reduce(group: Any, buffer: Tensor) -> Any:
    """Begin to add up everybody's buffer into the trainer's; return the work to wait for."""
    from torch import distributed

    options = distributed.ReduceOptions()
    options.rootRank = 0
    return group.reduce([buffer], options)


def say(control: Connection, word: dict[str, Any]) -> None:
    """Say a word.

    Raises:
        OSError: when nobody is there any more.
    """
    control.send_bytes(json.dumps(word).encode())


def hear(control: Connection) -> dict[str, Any]:
    """Wait for the next word.

    Raises:
        EOFError, OSError: when nobody is there any more.
    """
    word: dict[str, Any] = json.loads(control.recv_bytes())
    return word


def spec_of(tensor: Tensor) -> Spec:
    """Return type and shape of a tensor."""
    return [str(tensor.dtype).removeprefix("torch."), list(tensor.shape)]


def _bytes_of(spec: Spec) -> int:
    return int(getattr(torch, spec[0]).itemsize * torch.Size(spec[1]).numel())


def _by_width(specs: Sequence[Spec]) -> list[int]:
    """Return the order in which tensors lie in a buffer: the widest type first, so that each is aligned."""
    return sorted(range(len(specs)), key=lambda at: -getattr(torch, specs[at][0]).itemsize)


def pack(tensors: Sequence[Tensor]) -> Tensor:
    """Return the bytes of tensors in one buffer, [bytes] uint8, on their device."""
    order = _by_width([spec_of(tensor) for tensor in tensors])
    return torch.cat([tensors[at].detach().reshape(-1).contiguous().view(torch.uint8) for at in order])


def room_for(specs: Sequence[Spec], device: torch.device) -> Tensor:
    """Return a buffer for tensors of these types and shapes."""
    return torch.empty(sum(map(_bytes_of, specs)), dtype=torch.uint8, device=device)


def unpack(buffer: Tensor, specs: Sequence[Spec]) -> list[Tensor]:
    """Return the tensors of a buffer, in the order of `specs`; they share its memory."""
    found, begin = [torch.empty(0)] * len(specs), 0
    for at in _by_width(specs):
        end = begin + _bytes_of(specs[at])
        found[at] = buffer[begin:end].view(getattr(torch, specs[at][0])).view(specs[at][1])
        begin = end
    return found


def taken_apart(value: Any, tensors: list[Tensor]) -> Any:
    """Return how a structure of tensors is built, as JSON types; its tensors are appended to `tensors`.

    Raises:
        TypeError: when there is something in it besides tensors that JSON does not know.
    """
    if isinstance(value, Tensor):
        tensors.append(value)
        return {"tensor": spec_of(value)}
    if isinstance(value, dict):
        return {"dict": [[key, taken_apart(part, tensors)] for key, part in value.items()]}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [taken_apart(part, tensors) for part in value]}
    json.dumps(value)
    return {"value": value}


def specs_in(built: Any) -> list[Spec]:
    """Return types and shapes of the tensors of a structure, in the order in which it was taken apart."""
    ((kind, parts),) = built.items()
    if kind == "tensor":
        return [parts]
    if kind == "value":
        return []
    return [spec for part in parts for spec in specs_in(part[1] if kind == "dict" else part)]


def put_together(built: Any, tensors: Iterable[Tensor]) -> Any:
    """Return the structure that was taken apart, of these tensors."""
    rest = iter(tensors)

    def made(described: Any) -> Any:
        ((kind, parts),) = described.items()
        if kind == "tensor":
            return next(rest)
        if kind == "value":
            return parts
        if kind == "dict":
            return {key: made(part) for key, part in parts}
        return tuple(map(made, parts)) if kind == "tuple" else list(map(made, parts))

    return made(built)


def state_of(model: nn.Module, loss: Any) -> dict[str, Tensor]:
    """Return every parameter and buffer of a network, and of a loss that is a module, by name and in its order."""
    whole = nn.ModuleDict({"model": model} | ({"loss": loss} if isinstance(loss, nn.Module) else {}))
    return dict(sorted({**dict(whole.named_parameters()), **dict(whole.named_buffers())}.items()))


def gradients_of(model: nn.Module, total: Tensor) -> list[Tensor]:
    """Return the gradients in one buffer for each type, the loss with them.

    Args:
        model: After its backward passes.
        total: The sum of their losses, a scalar.

    Returns:
        The buffers, by type. A parameter without a gradient counts as zeros.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    flat = {
        name: [(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in group]
        for name, group in _by_type(trained).items()
    }
    flat.setdefault("torch.float32", []).append(total.float().reshape(1))
    return [torch.cat(flat[name]) for name in sorted(flat)]


def mask_of(model: nn.Module) -> str:
    """Return a 1 for every trainable parameter that has a gradient, a 0 for one that has none.

    Raises:
        TypeError: when a gradient is sparse.
    """
    gradients = [p.grad for p in model.parameters() if p.requires_grad]
    if any(gradient is not None and gradient.is_sparse for gradient in gradients):
        raise TypeError("sparse gradients cannot be added up across processes")
    return "".join("01"[gradient is not None] for gradient in gradients)


def set_gradients(model: nn.Module, buffers: list[Tensor], masks: Iterable[str]) -> Tensor:
    """Put added-up gradients into the parameters; return the added-up loss, a scalar.

    Args:
        model: Whose parameters get them.
        buffers: As `gradients_of` returns them.
        masks: Everybody's; a parameter gets a gradient where anybody had one for it.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    has = {id(p): any(mask[at] == "1" for mask in masks) for at, p in enumerate(trained)}
    groups = _by_type(trained)
    total = buffers[0].new_zeros(())
    for name, buffer in zip(sorted({*groups, "torch.float32"}), buffers, strict=True):
        begin = 0
        for p in groups.get(name, ()):
            if has[id(p)]:
                p.grad = torch.empty_like(p) if p.grad is None else p.grad
                p.grad.copy_(buffer[begin : begin + p.numel()].view(p.shape))
            begin += p.numel()
        if name == "torch.float32":
            total = buffer[-1]
    return total


def _by_type(parameters: list[nn.Parameter]) -> dict[str, list[nn.Parameter]]:
    found: dict[str, list[nn.Parameter]] = {}
    for p in parameters:
        found.setdefault(str(p.dtype), []).append(p)
    return found
