"""The table of ops: one line for each file, with the names that it brings.

`OPS` holds what a spec may call, `INTERNAL` what the layer graph makes by itself (inputs apart). A file
is imported when one of its ops is first asked for, so that checking a spec costs the ops that it calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from eqspec.ops.contract import Op

_FILES: Mapping[str, str] = {
    "linear": "linear",
    "embedding": "embedding",
    "conv": "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d",
    "steerable": "steerable_conv2d",
    "attention": "attention",
    "patches": "patch_embedding",
    "pointwise": "relu leaky_relu abs tanh sin atan asinh erf softsign tanhshrink softshrink hardtanh"
    " sign round hardshrink gelu silu mish elu celu selu relu6 sigmoid hardsigmoid hardswish softplus"
    " logsigmoid exp cos square floor",
    "pool": "pool",
    "invariants": "invariants",
    "pools": "avg_pool1d avg_pool2d avg_pool3d max_pool1d max_pool2d max_pool3d adaptive_avg_pool1d"
    " adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d"
    " adaptive_max_pool3d",
    "resize": "resize upsample pad",
    "norm": "norm norm_relu",
    "gated": "gated",
    "bilinear": "dot tensor_product",
    "contraction": "contract",
    "normalise": "layer_norm rms_norm",
    "batch_norm": "batch_norm",
    "group_norm": "instance_norm group_norm",
    "dropout": "dropout stop_gradient",
    "averaging": "equitune multi_equitune fuse",
    "coset": "coset",
    "weighting": "lambda_equitune",
    "choosing": "equizero multi_equizero",
    "greps": "greps",
    "frames": "frame",
    "positions": "center difference",
    "structure": "+ concat identity",
}


class _Table(Mapping[str, Op]):
    """Ops by name, each from the file that brings it (its ``OPS``)."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = {name: file for file, names in files.items() for name in names.split()}
        self._found: dict[str, Op] = {}

    def __getitem__(self, name: str) -> Op:
        if name not in self._found:
            module = import_module(f"{__name__}.{self._files[name]}")
            ops: tuple[Op, ...] = (*module.OPS, *getattr(module, "INTERNAL", ()))
            self._found.update((op.name, op) for op in ops)
        return self._found[name]

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


OPS: Mapping[str, Op] = _Table(_FILES)
INTERNAL: Mapping[str, Op] = _Table({"structure": "field block call"})


def op_named(name: str) -> Op:
    """The op that made a node.

    Raises:
        KeyError: the node is an input.
    """
    return OPS[name] if name in OPS else INTERNAL[name]
