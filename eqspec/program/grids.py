"""Instructions on grids: convolution along the dimensions of a picture, a volume or a sequence.

All of these take x of shape (channels, *grid), the channels merged into one dimension, as PyTorch has
them. Strides and the like hold one number for every dimension of the grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from eqspec.program.pooling import (
    AdaptivePool,
    Pad,
    Pool,
    Resize,
    pooling_flops,
    pooling_shape,
)

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Conv:
    """``args = (x, weight)`` or ``(x, weight, bias)``: a cross-correlation, as `torch.nn.functional.conv2d`.

    The weight has shape (channels of the result, channels of x / groups, *window). ``padding`` zeros come
    before the first entry and after the last (`Pad` makes others). ``transposed``: the adjoint of a
    convolution, as `conv_transpose2d`; then the weight has shape (channels of x, channels of the result /
    groups, *window), and padding takes entries of the result away; ``extra`` entries come after its last.
    """

    args: tuple[int, ...]
    stride: Shape
    padding: Shape
    dilation: Shape
    groups: int = 1
    transposed: bool = False
    extra: Shape = ()  # of a transposed convolution; () for none


OnGrid = Conv | Pool | AdaptivePool | Resize | Pad


def grid_shape(instruction: OnGrid, of: Sequence[Shape]) -> Shape:
    """The shape of the result. AssertionError where the operands do not fit."""
    x = of[0]
    match instruction:
        case Conv():
            return _conv_shape(instruction, x, of[1], of[2] if len(of) > 2 else None)
        case Pool() | AdaptivePool() | Resize() | Pad():
            return pooling_shape(instruction, x)


def grid_flops(instruction: OnGrid, of: Sequence[Shape], result: Shape) -> int:
    """A multiplication and an addition are two."""
    match instruction:
        case Conv(transposed=True):
            return 2 * prod(of[0]) * prod(of[1][1:])
        case Conv():
            return 2 * prod(result) * prod(of[1][1:])
        case Pool() | AdaptivePool() | Resize() | Pad():
            return pooling_flops(instruction, of[0], result)


def _conv_shape(conv: Conv, x: Shape, weight: Shape, bias: Shape | None) -> Shape:
    window, sizes, groups = weight[2:], x[1:], conv.groups
    assert len(window) == len(sizes) == len(conv.stride) == len(conv.dilation), (conv, x, weight)
    assert len(conv.padding) == len(sizes) and x[0] % groups == 0, (conv, x, weight)
    if conv.transposed:
        assert weight[0] == x[0], (conv, x, weight)
        channels = weight[1] * groups
    else:
        assert weight[1] * groups == x[0] and weight[0] % groups == 0, (conv, x, weight)
        channels = weight[0]
    assert bias is None or bias == (channels,), (conv, bias)
    found = [channels]
    for n, k, s, p, d in zip(sizes, window, conv.stride, conv.padding, conv.dilation, strict=True):
        span = d * (k - 1) + 1
        if conv.transposed:
            size = s * (n - 1) + span - 2 * p + (conv.extra[len(found) - 1] if conv.extra else 0)
        else:
            assert n + 2 * p >= span, (conv, x, weight)
            size = (n + 2 * p - span) // s + 1
        assert size > 0, (conv, x, weight)
        found.append(size)
    return tuple(found)
