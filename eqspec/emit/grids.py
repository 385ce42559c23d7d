"""Instructions on grids as PyTorch expressions.

In: an instruction and the texts of its arguments. Out: the function and the arguments of a call. The
functions of `torch.nn.functional` take one batch dimension: the emitted helper `_on_grid` merges all
leading ones and takes them apart again.
"""

from __future__ import annotations

from collections.abc import Sequence

from eqspec.program.grids import Conv, OnGrid
from eqspec.program.pooling import AdaptivePool, Pad, Padding, Pool, Resize


def grid_call(instruction: OnGrid, args: Sequence[str]) -> tuple[str, ...]:
    """The arguments of `_on_grid`."""
    match instruction:
        case Conv():
            return _conv(instruction, args)
        case Pool():
            return _pool(instruction, args[0])
        case AdaptivePool(how=how, sizes=sizes):
            rank = len(sizes)
            return (f"F.adaptive_{how}_pool{rank}d", args[0], str(rank + 1), tuple_of(sizes))
        case Resize():
            return _resize(instruction, args[0])
        case Pad(padding=padding, mode=mode):
            return pad_call(args[0], len(padding), padding, mode)


def _conv(conv: Conv, args: Sequence[str]) -> tuple[str, ...]:
    rank = len(conv.stride)
    x, *weights = args
    name = f"F.conv{'_transpose' if conv.transposed else ''}{rank}d"
    options = [
        *option("stride", conv.stride, 1),
        *option("padding", conv.padding, 0),
        *option("output_padding", conv.extra, 0),
        *([f"groups={conv.groups}"] if conv.groups > 1 else []),
        *option("dilation", conv.dilation, 1),
    ]
    return (name, x, str(rank + 1), *weights, *options)


def _pool(pool: Pool, x: str) -> tuple[str, ...]:
    rank = len(pool.kernel)
    entries_only = pool.how == "avg" and not pool.count_padding and any(pool.padding)
    options = [
        *([f"stride={sizes_text(pool.stride)}"] if pool.stride != pool.kernel else []),
        *option("padding", pool.padding, 0),
        *option("dilation", pool.dilation, 1),
        *(["ceil_mode=True"] if pool.ceil else []),
        *(["count_include_pad=False"] if entries_only else []),
    ]
    return (f"F.{pool.how}_pool{rank}d", x, str(rank + 1), sizes_text(pool.kernel), *options)


def _resize(resize: Resize, x: str) -> tuple[str, ...]:
    """With `size=` always: torch rounds the size that a factor gives, and keeps the factor."""
    options = [f"size={tuple_of(resize.sizes)}", f'mode="{resize.mode}"']
    if resize.corners:
        options.append("align_corners=True")
    if resize.antialias:
        options.append("antialias=True")
    return ("F.interpolate", x, str(len(resize.sizes) + 1), *options)


def tuple_of(values: Sequence[int]) -> str:
    return f"({values[0]},)" if len(values) == 1 else f"({', '.join(map(str, values))})"


def pad_call(x: str, rank: int, padding: Padding, mode: str) -> tuple[str, ...]:
    """`F.pad`, which takes the last dimension first."""
    widths = ", ".join(str(n) for pair in reversed(padding) for n in pair)
    kind = [] if mode == "zero" else [f'mode="{mode}"']
    return ("F.pad", x, str(rank + 1), f"({widths})", *kind)


def option(name: str, values: Sequence[int], default: int) -> list[str]:
    """`name=3` or `name=(3, 1)`; nothing where all are the default."""
    if all(value == default for value in values):
        return []
    return [f"{name}={sizes_text(values)}"]


def sizes_text(values: Sequence[int]) -> str:
    """One number where all are equal, else a tuple."""
    return str(values[0]) if len(set(values)) == 1 else f"({', '.join(map(str, values))})"
