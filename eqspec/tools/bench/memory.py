"""The bytes of all tensors that are alive at once.

On a CPU they are counted operation by operation: `tracemalloc` does not see the memory of torch, and that of
the process depends on its allocator. Every storage that an operation returns is counted from then until it
is freed; what was there before is not. The number is the same on every run. On CUDA the allocator counts.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

CPU = torch.device("cpu")


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]  # of torch
    """``peak``: the most bytes at once, within the block."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # of torch
        self.live: dict[int, int] = {}
        self.before: set[int] = set()
        self.now = self.peak = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here; to skip the compiler torch would import it, which takes seconds."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        for tensor in tree_leaves((args, kwargs)):
            if isinstance(tensor, torch.Tensor):
                key = tensor.untyped_storage()._cdata
                if key not in self.live:
                    self.before.add(key)
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self._count(tensor.untyped_storage())
        return result

    def _count(self, storage: Any) -> None:
        key = storage._cdata
        if key in self.live or key in self.before:
            return
        self.live[key] = storage.nbytes()
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._free, key)

    def _free(self, key: int) -> None:
        self.now -= self.live.pop(key, 0)


def keep_memory() -> bool:
    """Ask the allocator of glibc to keep what is freed, as it does in a process with much on its heap: else
    a small process gives the top of its heap back, and every call pays for fresh pages, the more the
    more steps it has. Blocks over 32 MiB are still mapped anew, as they are everywhere. False: another
    allocator."""
    trim_threshold, mmap_threshold = -1, -3  # of <malloc.h>
    try:
        library = ctypes.CDLL("libc.so.6")
        return bool(
            library.mallopt(mmap_threshold, 32 << 20) and library.mallopt(trim_threshold, 2**31 - 1)
        )
    except (OSError, AttributeError):
        return False


def peak_bytes(run: Callable[[], object], device: torch.device = CPU) -> int:
    """Of the tensors that one call makes."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        run()
        torch.cuda.synchronize(device)
        return int(torch.cuda.max_memory_allocated(device)) - before
    with LiveBytes() as live:
        run()
    return int(live.peak)
