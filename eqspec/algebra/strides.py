"""Index tables as steps along axes: which reshaping of an axis makes classes of its entries axes.

In: classes of the entries 0 ... n - 1, as arrays (blocks, inputs, points of a class), see `sums.Piece`. Out: a
`Radix`: sizes whose product is n, and for every array the axes along which its three indices run. On pairs (i, j)
of n points the classes of equal i, and those of equal j, are the axes of (n, n): they are added without a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np

from eqspec.algebra.blocksystems import Points

Axes = tuple[int, ...]


@dataclass(frozen=True)
class Radix:
    """``sizes`` of the axes, and for every array the axes of its blocks, of its inputs and of the points of a
    class, the slowest first."""

    sizes: tuple[int, ...]
    axes: tuple[tuple[Axes, Axes, Axes], ...]


def radix_of(arrays: Sequence[Points], n: int) -> Radix | None:
    """The coarsest axes that fit all arrays, each of which holds every entry once; None if there are none."""
    steps = [_steps(array) for array in arrays]
    cuts = {1, n}
    for triple in steps:
        if triple is None:
            return None
        for runs in triple:
            for size, stride in runs:
                cuts |= {stride, stride * size}
    places = sorted(cuts, reverse=True)
    if any(large % small for large, small in pairwise(places)):
        return None
    sizes = tuple(large // small for large, small in pairwise(places))
    found = []
    for triple in steps:
        assert triple is not None
        axes = tuple(
            tuple(
                axis
                for size, stride in runs
                for axis in range(places.index(stride * size), places.index(stride))
            )
            for runs in triple
        )
        if sorted(a for part in axes for a in part) != list(range(len(sizes))):
            return None
        found.append((axes[0], axes[1], axes[2]))
    assert prod(sizes) == n
    return Radix(sizes, tuple(found))


Runs = list[tuple[int, int]]


def _steps(array: Points) -> tuple[Runs, Runs, Runs] | None:
    """The sizes and strides by which each of the three indices moves, if they move on their own."""
    first = int(array[0, 0, 0])
    along = (array[:, 0, 0] - first, array[0, :, 0] - first, array[0, 0, :] - first)
    total = along[0][:, None, None] + along[1][:, None] + along[2]
    if first or not np.array_equal(total, array):
        return None
    runs = [_runs(offsets) for offsets in along]
    if any(own is None for own in runs):
        return None
    return tuple(own for own in runs if own is not None)  # type: ignore[return-value]  # three


def _runs(offsets: Points) -> Runs | None:
    """Sizes and strides of nested steps, the slowest first; None if they are no nested steps."""
    runs: Runs = []
    while len(offsets) > 1:
        steps = np.diff(offsets)
        stride = int(steps[0])
        other = np.flatnonzero(steps != stride)
        size = int(other[0]) + 1 if len(other) else len(offsets)
        if stride <= 0 or len(offsets) % size:
            return None
        nested = offsets[::size]
        if not np.array_equal((nested[:, None] + stride * np.arange(size)).reshape(-1), offsets):
            return None
        runs.insert(0, (size, stride))
        offsets = nested
    return runs
