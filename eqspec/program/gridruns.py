"""Instructions on grids in NumPy, for the interpreter.

A convolution is one product of matrices for every sample: the windows of the grid side by side, a view
until the product needs them in a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqspec.program.grids import Conv, OnGrid
from eqspec.program.pooling import AdaptivePool, Pad, Pool, Resize

Array = NDArray[np.float64]
CHUNK = 2**19  # numbers of columns that are made at once
MODES: dict[str, Any] = {"circular": "wrap", "reflect": "reflect", "replicate": "edge"}


def run_grid(instruction: OnGrid, args: Sequence[Array]) -> Array:
    """x has one leading batch axis; weights have none."""
    match instruction:
        case Conv(transposed=True):
            y = _transposed(instruction, args[0], args[1])
        case Conv():
            y = _convolved(instruction, args[0], args[1])
        case Pool() | AdaptivePool() | Resize() | Pad():
            from eqspec.program.poolruns import run_pooling  # which builds on this file

            return run_pooling(instruction, args[0])
    if len(args) > 2:
        y = y + args[2].reshape(-1, *(1,) * (y.ndim - 2))
    return y


def padded(x: Array, padding: Sequence[tuple[int, int]], mode: str) -> Array:
    """x with its last dimensions padded."""
    if not any(before or after for before, after in padding):
        return x
    widths = [*[(0, 0)] * (x.ndim - len(padding)), *padding]
    if mode == "zero":
        return np.pad(x, widths)
    return np.pad(x, widths, mode=MODES[mode])


def windows(
    x: Array, sizes: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Array:
    """All windows of the last dimensions, a view: (..., *positions, *sizes)."""
    rank = len(sizes)
    spans = [d * (k - 1) + 1 for k, d in zip(sizes, dilation, strict=True)]
    axes = tuple(range(-rank, 0))
    found = np.lib.stride_tricks.sliding_window_view(x, spans, axis=axes)
    at: Any = (..., *(slice(None, None, step) for step in (*stride, *dilation)))
    return np.asarray(found[at])


def _convolved(conv: Conv, x: Array, weight: Array) -> Array:
    rank = len(conv.stride)
    x = padded(x, [(p, p) for p in conv.padding], "zero")
    found = windows(x, weight.shape[2:], conv.stride, conv.dilation)
    positions = found.shape[2 : 2 + rank]
    # (batch, channels, *window, *positions): the products sum over channels and window
    order = [0, 1, *range(2 + rank, 2 + 2 * rank), *range(2, 2 + rank)]
    found = found.transpose(order)
    groups, rows = conv.groups, len(weight) // conv.groups
    matrix = weight.reshape(groups, rows, -1)
    result = np.empty((len(x), groups, rows, *positions), np.result_type(x, weight))
    lines = max(1, CHUNK // (groups * matrix.shape[2] * prod(positions[1:])))
    for sample, columns in enumerate(found):
        for start in range(0, positions[0], lines):  # a part at a time: the columns are large
            part = columns[(slice(None),) * (1 + rank) + (slice(start, start + lines),)]
            y = matrix @ part.reshape(groups, matrix.shape[2], -1)
            result[sample, :, :, start : start + lines] = y.reshape(
                groups, rows, -1, *positions[1:]
            )
    return result.reshape(len(x), len(weight), *positions)


def _transposed(conv: Conv, x: Array, weight: Array) -> Array:
    """Every entry of x adds its multiple of the window at its place."""
    batch, channels = x.shape[:2]
    sizes, window, groups = x.shape[2:], weight.shape[2:], conv.groups
    per_group = weight.reshape(groups, channels // groups, weight.shape[1], *window)
    given = x.reshape(batch, groups, channels // groups, prod(sizes))
    extra = conv.extra or (0,) * len(sizes)
    whole = [
        s * (n - 1) + d * (k - 1) + 1 + e
        for n, k, s, d, e in zip(sizes, window, conv.stride, conv.dilation, extra, strict=True)
    ]
    result = np.zeros((batch, groups * weight.shape[1], *whole), np.result_type(x, weight))
    for place in product(*map(range, window)):
        tap: Any = (..., *place)
        matrix = per_group[tap].transpose(0, 2, 1)
        term = (matrix @ given).reshape(batch, -1, *sizes)
        at: Any = tuple(
            slice(d * k, d * k + s * (n - 1) + 1, s)
            for k, d, s, n in zip(place, conv.dilation, conv.stride, sizes, strict=True)
        )
        result[(..., *at)] += term
    cut: Any = tuple(slice(p, n - p) for p, n in zip(conv.padding, whole, strict=True))
    return np.asarray(result[(..., *cut)])
