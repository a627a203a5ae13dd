"""A device whose memory can be counted and limited, where there is none: for tests, and for measurements on a host.

Every kernel that runs while it counts is seen (a torch dispatch mode), in the forward pass, in the backward pass and in
the optimizer alike: the storages that it makes are added, and taken off again the moment they are freed. A kernel whose
result does not fit raises `torch.OutOfMemoryError`, as an allocator does: in the middle of what it was doing.

Limits: the kernel has run by then, so a fused update that fails is done nevertheless; work space inside a kernel,
rounding to blocks and fragmentation are not counted; inputs count only where the step makes a copy of them. Counting
costs about 20 µs a kernel.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import ref

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class SimulatedMemory(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of live tensors, and refuses those beyond a limit (0 = none)."""

    def __init__(self, limit_bytes: int = 0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.limit_bytes = limit_bytes
        self.held_bytes = 0
        self.peak_bytes = 0
        self._held: dict[int, tuple[Any, int]] = {}
        self._counting = False

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled under it: without this, torch loads its compiler to make sure."""
        return False

    @contextmanager
    def counting(self, *resident: Any) -> Iterator[None]:
        """Count what is made inside; `resident` are structures of tensors that lie on the device already.

        What was made outside and given to an optimizer or a parameter since the last time is among them.
        """
        for tensor in tree_leaves(resident):
            self._add(tensor)
        if self._counting:
            yield
            return
        self._counting = True
        try:
            with self:
                yield
        finally:
            self._counting = False

    def reset_peak(self) -> None:
        """Begin a new peak at what is held now."""
        self.peak_bytes = self.held_bytes

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run a kernel and count what it made.

        Raises:
            torch.OutOfMemoryError: when that is more than there is room for; it is let go again.
        """
        made = func(*args, **(kwargs or {}))
        before = self.held_bytes
        given = {one.untyped_storage()._cdata for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)}
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor) and tensor.untyped_storage()._cdata not in given:
                self._add(tensor)
        if self.limit_bytes and self.held_bytes > self.limit_bytes and self.held_bytes > before:
            asked, self.peak_bytes = self.held_bytes - before, max(self.peak_bytes, before)
            raise torch.OutOfMemoryError(
                f"train.memory_limit: {before / 2**20:.3f} of {self.limit_bytes / 2**20:.3f} MiB are in use, "
                f"and {asked / 2**20:.3f} MiB more are needed"
            )
        self.peak_bytes = max(self.peak_bytes, self.held_bytes)
        return made

    def _add(self, value: Any) -> None:
        if not isinstance(value, torch.Tensor):
            return
        storage = value.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._held and self._held[key][0]() is not None:
            return
        self._held[key] = (ref(storage, lambda _: self._drop(key)), size)
        self.held_bytes += size

    def _drop(self, key: int) -> None:
        self.held_bytes -= self._held.pop(key)[1]
