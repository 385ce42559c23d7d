"""Instructions that pool, resize and pad grids.

As in `grids`, x has shape (channels, *grid), and strides and the like hold one number for every dimension
of the grid. `poolruns` says what they do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Shape = tuple[int, ...]
Padding = tuple[tuple[int, int], ...]
Resizing = Literal["nearest", "nearest-exact", "linear", "bilinear", "trilinear", "bicubic", "area"]
"""The words of `torch.nn.functional.interpolate`."""


@dataclass(frozen=True)
class Pool:
    """Mean or maximum of every window, as `avg_pool2d` and `max_pool2d`. ``ceil``: the last window may
    stand over; ``count_padding``: zeros of the padding count in a mean."""

    args: tuple[int, ...]
    how: Literal["avg", "max"]
    kernel: Shape
    stride: Shape
    padding: Shape
    dilation: Shape
    ceil: bool = False
    count_padding: bool = True

    def result(self, size: int, dim: int) -> int:
        k, s, p, d = self.kernel[dim], self.stride[dim], self.padding[dim], self.dilation[dim]
        free = size + 2 * p - d * (k - 1) - 1
        count = (free + s - 1 if self.ceil else free) // s + 1
        return count - 1 if self.ceil and (count - 1) * s >= size + p else count


@dataclass(frozen=True)
class AdaptivePool:
    """Mean or maximum over the entries floor(i W / o) to ceil((i + 1) W / o), as `adaptive_avg_pool2d`."""

    args: tuple[int, ...]
    how: Literal["avg", "max"]
    sizes: Shape


@dataclass(frozen=True)
class Resize:
    """`interpolate` to ``sizes``; these are always given, a factor would be rounded."""

    args: tuple[int, ...]
    sizes: Shape
    mode: Resizing
    corners: bool = False
    antialias: bool = False


@dataclass(frozen=True)
class Pad:
    """Entries before the first and after the last of every one of the last dimensions; negative numbers
    take entries off."""

    args: tuple[int, ...]
    padding: Padding
    mode: Literal["zero", "circular", "reflect", "replicate"] = "zero"


Pooling = Pool | AdaptivePool | Resize | Pad


def pooling_shape(instruction: Pooling, x: Shape) -> Shape:
    """The shape of the result. AssertionError where the operand does not fit."""
    match instruction:
        case Pool(kernel=kernel):
            assert len(x) == len(kernel) + 1, (instruction, x)
            return (x[0], *(instruction.result(n, d) for d, n in enumerate(x[1:])))
        case AdaptivePool(sizes=sizes) | Resize(sizes=sizes):
            assert len(x) == len(sizes) + 1, (instruction, x)
            return (x[0], *sizes)
        case Pad(padding=padding):
            front = len(x) - len(padding)
            ends = zip(x[front:], padding, strict=True)
            return (*x[:front], *(n + before + after for n, (before, after) in ends))


def pooling_flops(instruction: Pooling, x: Shape, result: Shape) -> int:
    match instruction:
        case Pool(kernel=kernel):
            return math.prod(result) * math.prod(kernel)
        case AdaptivePool():
            return math.prod(x)
        case Resize(mode=mode, sizes=sizes):
            taps = {"nearest": 0, "nearest-exact": 0, "bicubic": 4}.get(mode, 2)
            return 2 * taps ** len(sizes) * math.prod(result) if taps else 0
        case Pad():
            return 0
