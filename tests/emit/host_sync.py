"""What would make the host wait for a GPU, found on a CPU: modules run on tensors without numbers.

In: an emitted module and arguments, both on the device `meta`. Out: the operations by which a forward or
backward pass would read a number, a size that depends on numbers, or move data between host and device.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

# results or sizes that are known only when the numbers are
READS = {
    "_local_scalar_dense", "equal", "is_nonzero", "item", "masked_select", "nonzero",
    "nonzero_numpy", "unique2", "_unique", "_unique2", "unique_consecutive", "unique_dim",
    "bincount", "repeat_interleave.Tensor",
}  # fmt: skip
# solvers that look at a status which the device writes
CHECKS = {"_linalg_eigh", "linalg_qr", "_linalg_det", "linalg_inv_ex", "_linalg_svd"}


class HostSync(TorchDispatchMode):
    """Notes every operation that is not one of the device alone."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.rpartition("::")[2]
        full = f"{name}.{func._overloadname}"
        if name in READS or full in READS:
            self.found.append(f"{name} reads numbers")
        if name in CHECKS:
            self.found.append(f"{name} checks a status")
        if name == "index" and any(
            isinstance(i, torch.Tensor) and i.dtype in (torch.bool, torch.uint8) for i in args[1]
        ):
            self.found.append("index by a mask reads numbers")
        result = func(*args, **(kwargs or {}))
        results = result if isinstance(result, (tuple, list)) else (result,)
        for value in results:
            if isinstance(value, torch.Tensor) and value.device.type != "meta":
                self.found.append(f"{name} makes a tensor on the host")
        return result


def host_syncs(module: Any, args: Any, kwargs: Any, backward: bool) -> list[str]:
    """What stands between a module on `meta` and a stream of launches."""
    watch = HostSync()
    with watch, torch.set_grad_enabled(backward):
        value = module(*args, **kwargs)
        if backward:
            total = sum(y.sum() for y in tensors(value) if y.requires_grad)
            if isinstance(total, torch.Tensor):
                torch.autograd.backward(total)
    return list(dict.fromkeys(watch.found))


def tensors(value: Any) -> list[torch.Tensor]:
    """All tensors of what a module returns."""
    if isinstance(value, torch.Tensor):
        return [value]
    return [tensor for part in value for tensor in tensors(part)]


def on_meta(value: Any) -> Any:
    """Arguments without their numbers."""
    if isinstance(value, torch.Tensor):
        return value.to("meta")
    if isinstance(value, dict):
        return {name: on_meta(part) for name, part in value.items()}
    return type(value)(on_meta(part) for part in value)
