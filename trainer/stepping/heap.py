"""Freed memory stays with the process while a run trains on the host: the next step asks for it again.

glibc gives large blocks back to the system as soon as they are freed, and the next step's activations fault them in anew, page
by page, zeroed by the kernel: a fifth of a step of a small convolutional net. So blocks come from the heap where it may hold
them, and the heap's free end is kept, up to a share of the memory that is there. What was set from outside (`MALLOC_…`,
`GLIBC_TUNABLES`) stays; another allocator, or another C library, is left alone.

References: mallopt(3), `M_TRIM_THRESHOLD` and `M_MMAP_THRESHOLD`; PyTorch, «Performance Tuning Guide», on allocators.
"""

import ctypes
import os

import torch

from trainer.stepping.memory import free_host_bytes

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
"""Parameters of mallopt (malloc.h)."""

LARGEST_BYTES = 256 << 20
"""Blocks from the heap are at most so large: the activations of a large batch, a few times over."""

PAD_BYTES = 64 << 20
"""The heap grows by so much at once."""

KEPT_SHARE = 0.25
"""Of the memory that is free: more is never kept at the heap's end."""

KEPT_MOST_BYTES = (2 << 30) - 1
"""As much as mallopt's argument can say."""

OWN_WORDS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_", "MALLOC_TOP_PAD_")
"""What a user sets in the environment to the same end."""


def keep_freed_memory(device: torch.device) -> bool:
    """Let glibc keep what is freed, for a run that trains on the host; return whether it does now."""
    own = any(word in os.environ for word in OWN_WORDS) or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "")
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if device.type != "cpu" or own or mallopt is None:
        return False
    kept = min(int(KEPT_SHARE * free_host_bytes()), KEPT_MOST_BYTES)
    pad = min(PAD_BYTES, kept)
    asked = ((MMAP_THRESHOLD, LARGEST_BYTES), (TRIM_THRESHOLD, kept), (TOP_PAD, pad))
    taken = [bool(mallopt(name, value)) for name, value in asked]
    return all(taken)
