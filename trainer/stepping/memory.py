"""How much memory the trainer uses: the device's peak, or the resident size where the device is the host."""

import resource
import sys
from pathlib import Path

import torch

from trainer.words import Held

PAGE_UNIT = 1 if sys.platform == "darwin" else 1024
"""getrusage counts bytes on macOS and kibibytes elsewhere."""

STATM = Path("/proc/self/statm")
"""Pages: of the whole address space, resident, and of these with a file or other processes behind them."""


def peak_bytes(device: torch.device) -> int:
    """Return the peak of allocated memory since the last call; on the host the peak of the process."""
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        return peak
    if device.type == "mps":
        return torch.mps.current_allocated_memory()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * PAGE_UNIT


def reserved_bytes(device: torch.device) -> int:
    """Return what the allocator holds; 0 on the host."""
    if device.type == "cuda":
        return torch.cuda.memory_reserved(device)
    if device.type == "mps":
        return torch.mps.driver_allocated_memory()
    return 0


def held(device: torch.device) -> Held:
    """Return what is held now: between two steps, parameters, optimizer state, and whatever nobody has let go of."""
    device_bytes = 0
    if device.type == "cuda":
        device_bytes = torch.cuda.memory_allocated(device)
    elif device.type == "mps":
        device_bytes = torch.mps.current_allocated_memory()
    return Held(device_bytes=device_bytes, host_bytes=private_bytes())


def private_bytes() -> int:
    """Return the resident memory that this process alone has; 0 where the system does not tell."""
    try:
        _, resident, shared, *_ = STATM.read_bytes().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * resource.getpagesize()


def free_bytes(device: torch.device) -> int:
    """Return the memory that is free on the device (for the host: what can be had without swapping)."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return free_host_bytes()


def free_host_bytes() -> int:
    """Return the memory of the host that can be had without swapping."""
    import psutil

    return int(psutil.virtual_memory().available)
