"""Pools, resizing and padding in NumPy, for the interpreter.

Interpolation and adaptive means are separable: a matrix along every dimension.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra.windows import nearest_places
from eqspec.program.gridruns import padded, windows
from eqspec.program.pooling import AdaptivePool, Pad, Pool, Pooling, Resize, Resizing, Shape

Array = NDArray[np.float64]


def run_pooling(instruction: Pooling, x: Array) -> Array:
    """x has one leading batch axis."""
    match instruction:
        case Pool():
            return _pooled(instruction, x)
        case AdaptivePool(how="avg", sizes=sizes):
            return _separable(x, [adaptive_matrix(n, o) for n, o in _sizes(x, sizes)])
        case AdaptivePool(sizes=sizes):
            return _adaptive_maximum(x, sizes)
        case Resize(sizes=sizes, mode=mode, corners=corners, antialias=antialias):
            matrices = [resize_matrix(n, o, mode, corners, antialias) for n, o in _sizes(x, sizes)]
            return _separable(x, matrices)
        case Pad(padding=padding, mode=mode):
            grown = tuple((max(a, 0), max(b, 0)) for a, b in padding)
            cut: Any = tuple(
                slice(max(-a, 0), n - max(-b, 0))
                for n, (a, b) in zip(x.shape[-len(padding) :], padding, strict=True)
            )
            return padded(x[(..., *cut)], grown, mode)


def _sizes(x: Array, sizes: Shape) -> list[tuple[int, int]]:
    return list(zip(x.shape[-len(sizes) :], sizes, strict=True))


def _separable(x: Array, matrices: Sequence[Array]) -> Array:
    """Each of the last dimensions times its matrix of shape (result, entries)."""
    for k, matrix in enumerate(matrices):
        axis = k - len(matrices)
        x = np.moveaxis(np.moveaxis(x, axis, -1) @ matrix.T, -1, axis)
    return x


def _pooled(pool: Pool, x: Array) -> Array:
    rank = len(pool.kernel)
    sizes = x.shape[-rank:]
    counts = [pool.result(n, d) for d, n in enumerate(sizes)]
    after = [  # as far as the last window reaches, which with `ceil` may be beyond the padding
        max(0, s * (o - 1) + d * (k - 1) + 1 - p - n)
        for n, o, k, s, p, d in zip(
            sizes, counts, pool.kernel, pool.stride, pool.padding, pool.dilation, strict=True
        )
    ]
    widths = [(0, 0)] * (x.ndim - rank) + list(zip(pool.padding, after, strict=True))
    filled = np.pad(x, widths, constant_values=0.0 if pool.how == "avg" else -np.inf)
    found = windows(filled, pool.kernel, pool.stride, pool.dilation)
    at: Any = (..., *(slice(o) for o in counts), *(slice(None),) * rank)
    axes = tuple(range(-rank, 0))
    if pool.how == "max":
        return np.asarray(found[at].max(axis=axes))
    total = np.asarray(found[at].sum(axis=axes))
    for d, (n, o) in enumerate(zip(sizes, counts, strict=True)):
        shape = [o if axis == d - rank else 1 for axis in axes]
        total = total / np.array(_divisors(pool, d, n, o), dtype=x.dtype).reshape(shape)
    return total


def _divisors(pool: Pool, dim: int, size: int, count: int) -> list[int]:
    """By how much torch divides the sum of every window: the part of it inside of the padding, or of the
    entries."""
    k, s, p = pool.kernel[dim], pool.stride[dim], pool.padding[dim]
    found = []
    for i in range(count):
        begin, end = i * s - p, min(i * s - p + k, size + p)
        found.append(end - begin if pool.count_padding else min(end, size) - max(begin, 0))
    return found


def _adaptive_maximum(x: Array, sizes: Shape) -> Array:
    for k, (n, o) in enumerate(_sizes(x, sizes)):
        axis = k - len(sizes)
        parts = [
            np.take(x, range(i * n // o, -(-(i + 1) * n // o)), axis=axis).max(axis=axis)
            for i in range(o)
        ]
        x = np.stack(parts, axis=axis)
    return x


@lru_cache(maxsize=256)
def adaptive_matrix(size: int, out: int) -> Array:
    matrix = np.zeros((out, size))
    for i in range(out):
        begin, end = i * size // out, -(-(i + 1) * size // out)
        matrix[i, begin:end] = 1 / (end - begin)
    return matrix


@lru_cache(maxsize=256)
def resize_matrix(size: int, out: int, mode: Resizing, corners: bool, antialias: bool) -> Array:
    """How `interpolate` makes the entries of a dimension; shape (out, size).

    Source: aten/src/ATen/native/UpSample.h (Keys 1981 for the cubic weights, with a = -3/4; -1/2 where
    the filter is widened against aliasing).
    """
    matrix = np.zeros((out, size))
    if mode == "area":
        return adaptive_matrix(size, out)
    if mode in ("nearest", "nearest-exact"):
        places = nearest_places(size, out, mode == "nearest-exact")
        matrix[np.arange(out), places] = 1.0
        return matrix
    cubic = mode == "bicubic"
    if antialias:
        return _antialiased(matrix, size / out, cubic)
    for i in range(out):
        if corners:
            source = i * (size - 1) / (out - 1) if out > 1 else 0.0
        else:
            source = (i + 0.5) * size / out - 0.5
        if not cubic:
            source = max(source, 0.0)
        first = math.floor(source)
        part = source - first
        weights = _cubic(part) if cubic else [1 - part, part]
        for j, weight in enumerate(weights, first - 1 if cubic else first):
            matrix[i, min(max(j, 0), size - 1)] += weight
    return matrix


def _cubic(part: float, a: float = -0.75) -> list[float]:
    return [_keys(part + 1 - j, a) for j in range(4)]


def _keys(distance: float, a: float) -> float:
    x = abs(distance)
    if x < 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * a if x < 2 else 0.0


def _antialiased(matrix: Array, scale: float, cubic: bool) -> Array:
    """The filter is as wide as an entry of the result, if that is wider than one of x."""
    out, size = matrix.shape
    wide = max(scale, 1.0)
    support = (2.0 if cubic else 1.0) * wide
    for i in range(out):
        centre = scale * (i + 0.5)
        begin = max(int(centre - support + 0.5), 0)
        end = min(int(centre + support + 0.5), size)
        for j in range(begin, end):
            distance = (j - centre + 0.5) / wide
            matrix[i, j] = _keys(distance, -0.5) if cubic else max(1.0 - abs(distance), 0.0)
        matrix[i] /= matrix[i].sum()
    return matrix
