"""The ways in which a linear map is lowered in given coordinates.

    weight     the expanded weight, picked from the free ones
    diagrams   contractions of points or tensors, where the static rule of `drawing` says so
    sums       sums over classes of points, where they span (`sums`); what has none stays as it is
    dense      the expanded weight of what is drawn: what the diagrams do to unit vectors

The free weights are the same in all. The first form of a layer is its reference.

In: the pairs of blocks of a layer. Out: the names of its forms; the weight of a drawn pair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import prod
from typing import TYPE_CHECKING

from eqspec.graph.sizes import is_dynamic
from eqspec.graph.types import Block, PlainAxis
from eqspec.ops.clusters import Pair, axis_size, pair_of
from eqspec.ops.drawing import drawing_of
from eqspec.ops.sums import cluster_sums

if TYPE_CHECKING:
    from eqspec.program.builder import Builder

MOST_ENTRIES = 1 << 22  # of a weight that is made from unit vectors, and of the table of these
UNITS = "~units"


def forms_of(pairs: Iterable[Pair]) -> tuple[str, ...]:
    """The forms of a layer with these pairs, the reference first."""
    pairs = tuple(pairs)
    drawn = [pair for pair in pairs if drawing_of(pair.source, pair.target, pair.each) is not None]
    found = ["diagrams" if drawn else "weight"]
    if any(_has_sums(pair) for pair in pairs):
        found.append("sums")
    if drawn and all(_has_matrix(pair) for pair in drawn):
        found.append("dense")
    return tuple(found)


def _has_sums(pair: Pair) -> bool:
    drawing = drawing_of(pair.source, pair.target, pair.each)
    if drawing is None:
        return cluster_sums(pair) is not None
    by_target = drawing.basis.by_target
    return any(_has_sums(drawing.remaining(target, len(own))) for target, own in by_target)


def _has_matrix(pair: Pair) -> bool:
    rows, columns = (_entries(block, pair.each) for block in (pair.target, pair.source))
    if is_dynamic(rows, columns):
        return False
    return columns * max(rows, columns) <= MOST_ENTRIES


def _entries(block: Block, each: tuple[str, ...]) -> int:
    return prod(prod(axis.shape) for axis in without_each(block, each).axes)


def without_each(block: Block, each: tuple[str, ...]) -> Block:
    """A block at one index of the axes along which the same map is used."""
    axes = (a for a in block.axes if not (isinstance(a, PlainAxis) and a.name in each))
    return Block(tuple(axes))


def dense_pair(
    b: Builder,
    pair: Pair,
    x: int,
    inner: Callable[[Builder, Pair, int], int | None],
) -> int | None:
    """One product with the matrix of a pair, of which ``inner`` makes instructions in its reference form: its
    columns are what they make of unit vectors. None if the space of maps is zero."""
    source, target = (without_each(block, pair.each) for block in (pair.source, pair.target))
    columns, rows = (prod(prod(a.shape) for a in block.axes) for block in (source, target))
    unit = PlainAxis(columns, UNITS)
    units = b.diagonal_embed(b.number([1.0] * columns, "unit vectors, one a row"), (0, 1))
    whole = pair_of(Block((unit, *source.axes)), Block((unit, *target.axes)), (UNITS,))
    made = inner(b, whole, b.reshape(units, whole.source.shape))
    if made is None:
        return None
    weight = b.permute(b.reshape(made, (columns, rows)), (1, 0))
    sizes = [axis_size(pair.source, k) for k in range(len(pair.source.axes))]
    rest = [k for k in range(len(sizes)) if k not in pair.source_each]
    x = b.permute(b.reshape(x, sizes), [*pair.source_each, *rest])
    each = [sizes[k] for k in pair.source_each]
    y = b.linear(b.reshape(x, [*each, columns]), weight)
    rest = [k for k in range(len(pair.target.axes)) if k not in pair.target_each]
    y = b.reshape(y, [*each, *(axis_size(pair.target, k) for k in rest)])
    layout = [*pair.target_each, *rest]
    y = b.permute(y, [layout.index(k) for k in range(len(layout))])
    return b.reshape(y, pair.target.shape)
