"""Instructions on grids as PyTorch expressions.

In: an instruction and the texts of its arguments. Out: the function and the arguments of a call. The
functions of `torch.nn.functional` take one batch dimension: the emitted helper `_on_grid` merges all
leading ones and takes them apart again.
"""

from __future__ import annotations

from collections.abc import Sequence

from eqspec.program.grids import Conv, OnGrid, Padding, Shape


def grid_call(instruction: OnGrid, shapes: Sequence[Shape], args: Sequence[str]) -> tuple[str, ...]:
    """The arguments of `_on_grid`; ``shapes`` are those of the instruction's arguments."""
    match instruction:
        case Conv():
            return _conv(instruction, shapes, args)


def _conv(conv: Conv, shapes: Sequence[Shape], args: Sequence[str]) -> tuple[str, ...]:
    rank = len(conv.stride)
    x, *weights = args
    padding: Padding | None = conv.padding
    if conv.mode != "zero" or any(before != after for before, after in conv.padding):
        x = f"_on_grid({', '.join(pad_call(x, rank, conv.padding, conv.mode))})"
        padding = None
    name = f"F.conv{'_transpose' if conv.transposed else ''}{rank}d"
    options = [
        *option("stride", conv.stride, 1),
        *option("padding", [before for before, _ in padding or ()], 0),
        *([f"groups={conv.groups}"] if conv.groups > 1 else []),
        *option("dilation", conv.dilation, 1),
    ]
    return (name, x, str(rank + 1), *weights, *options)


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
