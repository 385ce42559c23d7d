"""How the axes of two blocks hang together: clusters of factors and acted axes, plain axes, `each`.

Pure Python: `check` needs it to bound the size of weights without loading NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from eqspec.algebra.counting import clusters
from eqspec.algebra.representations import Representation
from eqspec.graph.types import Block, PlainAxis


@dataclass(frozen=True)
class Pair:
    """A block of the source, a block of the target, and how their axes are used.

    Axis numbers count axes, not tensor dimensions. ``each`` are the axes at every index of which the
    same map is used, ``plain`` the others on which nothing acts.
    """

    source: Block
    target: Block
    source_each: tuple[int, ...]
    target_each: tuple[int, ...]
    source_plain: tuple[int, ...]
    target_plain: tuple[int, ...]
    shared: tuple[Part, ...]
    invariant: tuple[Part, ...]
    symmetric: tuple[Part, ...]
    each: tuple[str, ...] = ()

    @property
    def middle_shape(self) -> tuple[int, int]:
        """Rows and columns of the weight between the reduced source and the unexpanded target."""
        rows = math.prod(axis_size(self.target, k) for k in self.target_plain)
        columns = math.prod(axis_size(self.source, k) for k in self.source_plain)
        for part in self.shared:
            rows *= math.prod(axis_size(self.target, k) for k in part.target)
            columns *= math.prod(axis_size(self.source, k) for k in part.source)
        return rows, columns


@dataclass(frozen=True)
class Part:
    """A cluster, by the axes of the two blocks."""

    factors: tuple[str, ...]
    source: tuple[int, ...]
    target: tuple[int, ...]


def pair_of(source: Block, target: Block, each: Sequence[str] = ()) -> Pair:
    """Split the axes of two blocks into plain ones and clusters."""
    source_acted = [k for k, axis in enumerate(source.axes) if axis.factors]
    target_acted = [k for k, axis in enumerate(target.axes) if axis.factors]
    found = clusters(
        [representation(source, k) for k in source_acted],
        [representation(target, k) for k in target_acted],
    )
    parts = [
        Part(
            cluster.factors,
            tuple(source_acted[k] for k in cluster.source),
            tuple(target_acted[k] for k in cluster.target),
        )
        for cluster in found
    ]
    source_each = each_axes(source, each)
    target_each = each_axes(target, each)
    return Pair(
        source,
        target,
        source_each,
        target_each,
        tuple(k for k in range(len(source.axes)) if k not in source_acted and k not in source_each),
        tuple(k for k in range(len(target.axes)) if k not in target_acted and k not in target_each),
        tuple(part for part in parts if part.source and part.target),
        tuple(part for part in parts if not part.target),
        tuple(part for part in parts if not part.source),
        tuple(each),
    )


def each_axes(block: Block, each: Sequence[str]) -> tuple[int, ...]:
    return tuple(
        k
        for name in each
        for k, axis in enumerate(block.axes)
        if isinstance(axis, PlainAxis) and axis.name == name
    )


def axis_size(block: Block, k: int) -> int:
    return math.prod(block.axes[k].shape)


def representation(block: Block, k: int) -> Representation:
    axis = block.axes[k]
    assert not isinstance(axis, PlainAxis)
    return axis.rep


def middle_size(source: Block, target: Block, each: Sequence[str]) -> tuple[int, int]:
    """Entries of the expanded weight of a block pair, and of its largest table of index pairs."""
    pair = pair_of(source, target, each)
    rows, columns = pair.middle_shape
    labels = max(
        (
            math.prod(axis_size(source, k) for k in part.source)
            * math.prod(axis_size(target, k) for k in part.target)
            for part in (*pair.shared, *pair.invariant, *pair.symmetric)
        ),
        default=1,
    )
    return rows * columns, labels
