"""Which entries of a linear map carry the same weight: the picture of a space of equivariant maps.

In: a node whose maps a compile solves. Out: for every pair of blocks its clusters, each as a table of
classes: two entries are of one class iff they agree, up to sign, in every map of the space. That is read
from the exact basis, integers and orbits, so no number decides by being nearly another. The space of a
pair is the tensor product of its clusters, times all matrices between the channels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra.solver import DenseBasis, OrbitBasis, RoutesDisagree, SolverTooLarge
from eqspec.graph.model import Module, Node
from eqspec.graph.sizes import is_dynamic
from eqspec.graph.types import Axis, Block, RepAxis, stilled
from eqspec.ops.blockmaps import pair_basis
from eqspec.ops.clusters import Pair, Part, axis_size, pair_of
from eqspec.ops.embedding import Table
from eqspec.ops.kernels import Kernels
from eqspec.ops.linear import LinearMaps
from eqspec.tools.pictures.pixels import Labels, Signs

Number = TypeVar("Number", np.int64, np.int8)

MOST_ENTRIES = 1 << 20
"""Entries of a cluster that are solved for a picture."""


@dataclass(frozen=True, eq=False)
class Shared:
    """The table of one cluster: ``labels[o, i]`` is the class of an entry, -1 where every map is zero.

    ``source`` and ``target`` are its axes, ``size`` the rows and columns of the map. Where a kernel or a
    grid is among the axes of the source, the table is made of tiles of ``tile`` entries, one for every
    pair of the other indices. ``lengths`` are the sizes of all axes; ``at`` is the number that a size of
    run time among them has in the table. ``problem`` stands where there is no table."""

    factors: tuple[str, ...]
    source: tuple[str, ...]
    target: tuple[str, ...]
    size: tuple[int, int]
    lengths: tuple[int, ...]
    at: str
    dimension: int | None = None
    labels: Labels | None = None
    signs: Signs | None = None
    tile: tuple[int, int] | None = None
    problem: str = ""


@dataclass(frozen=True)
class MapSpace:
    """The maps from a block of a feature to a block of another: ``dimension`` with ``channels`` pairs of
    channels."""

    source: str
    target: str
    op: str
    clusters: tuple[Shared, ...]
    channels: int
    dimension: int


def map_spaces(module: Module, node: Node) -> Iterator[MapSpace]:
    """The spaces of maps that a node solves, in order of its arguments; none for other ops."""
    match node.data:
        case LinearMaps() as maps:
            ends = [maps.end(k, module.node(arg).type) for k, arg in enumerate(node.args)]
            target = maps.end(-1, node.type)
            for number, source in enumerate(ends):
                for s, left in enumerate(source.blocks):
                    for t, right in enumerate(target.blocks):
                        pair = pair_of(left, right, maps.each)
                        yield _space(module, node, number, pair, maps.dimensions[number][s][t], ())
        case Kernels() as maps:
            for number, arg in enumerate(node.args):
                for s, left in enumerate(stilled(module.node(arg).type).blocks):
                    for t, right in enumerate(stilled(node.type).blocks):
                        made = maps.pair(left, maps.sources[number][s], right, t)
                        dimension = maps.dimensions[number][s][t]
                        yield _space(module, node, number, made.pair, dimension, made.window_axes)
        case Table() as table:
            words = Block((table.block(node.type.blocks[0]).axes[0],))
            for t, right in enumerate(node.type.blocks):
                rows = Block(right.axes[table.places :])
                yield _space(module, node, 0, pair_of(words, rows), table.dimensions[t], ())


def _space(
    module: Module, node: Node, number: int, pair: Pair, dimension: int, windows: Sequence[int]
) -> MapSpace:
    parts = (*pair.shared, *pair.invariant, *pair.symmetric)
    channels = math.prod(axis_size(pair.source, k) for k in pair.source_plain if k not in windows)
    channels *= math.prod(axis_size(pair.target, k) for k in pair.target_plain)
    return MapSpace(
        _written(module, node.args[number]),
        _layer(module, node.name),
        node.op,
        tuple(_shared(pair, part, windows) for part in parts),
        channels,
        dimension,
    )


def _written(module: Module, name: str) -> str:
    """A feature by its name, a step of an expression as it is written."""
    node = module.node(name)
    if node.declared:
        return name
    text = " ".join(module.source.text[node.span.start : node.span.end].split())
    return text or name


def _layer(module: Module, name: str) -> str:
    """The layer to which a step belongs."""
    while not module.node(name).declared and "." in name:
        outer = name.rpartition(".")[0]
        if not any(node.name == outer for node in module.nodes):
            break
        name = outer
    return name


def _shared(pair: Pair, part: Part, windows: Sequence[int]) -> Shared:
    source = tuple(str(pair.source.axes[k]) for k in part.source)
    target = tuple(str(pair.target.axes[k]) for k in part.target)
    rows = math.prod(axis_size(pair.target, k) for k in part.target)
    columns = math.prod(axis_size(pair.source, k) for k in part.source)
    lengths = tuple(
        size
        for block, axes in ((pair.source, part.source), (pair.target, part.target))
        for k in axes
        for size in block.axes[k].shape
    )
    at = ", ".join(f"{n} = {int(n)}" for n in dict.fromkeys(lengths) if is_dynamic(n))
    empty = Shared(part.factors, source, target, (rows, columns), lengths, at)
    if rows * columns > MOST_ENTRIES:
        return _without(empty, f"{rows:,} x {columns:,} entries are too many to draw")
    try:
        basis = pair_basis(pair, part)
    except (SolverTooLarge, RoutesDisagree) as error:
        return _without(empty, str(error))
    labels, signs = classes(basis)
    tile = None
    inner = [k for k in part.source if k in windows] or [
        k for k in part.source if _is_grid(pair.source.axes[k])
    ][:1]
    if inner:
        sizes_of = [axis_size(pair.source, k) for k in part.source]
        last = [part.source.index(k) for k in inner]
        window = [size for k in inner for size in pair.source.axes[k].shape]
        labels, tile = _tiles(_last(labels, sizes_of, last), window)
        signs, _ = _tiles(_last(signs, sizes_of, last), window)
    return replace(empty, dimension=basis.dimension, labels=labels, signs=signs, tile=tile)


def _is_grid(axis: Axis) -> bool:
    return isinstance(axis, RepAxis) and axis.rep.spatial and len(axis.shape) > 1


def _without(empty: Shared, problem: str) -> Shared:
    return replace(empty, problem=problem)


def classes(basis: OrbitBasis | DenseBasis) -> tuple[Labels, Signs]:
    """The class and the sign of every entry, shapes (out, in). Two entries are of one class iff the
    columns of their values in all basis maps are equal up to sign."""
    if isinstance(basis, OrbitBasis):
        return basis.labels, basis.signs
    shape = basis.shape
    if not basis.dimension:
        return np.full(shape, -1, dtype=np.int64), np.zeros(shape, dtype=np.int8)
    values = basis.numerators.reshape(basis.dimension, -1)
    leading = values[(values != 0).argmax(axis=0), np.arange(values.shape[1])]
    signs = np.sign(leading).astype(np.int8)
    _, first, where = np.unique(values * signs, axis=1, return_index=True, return_inverse=True)
    where = where.reshape(-1)
    # classes are numbered by their first entry; zero is none
    zero = np.logical_not(np.any(values, axis=0)).reshape(-1)
    order = [k for k in np.argsort(first, kind="stable") if not zero[first[k]]]
    number = np.full(len(first), -1, dtype=np.int64)
    number[order] = np.arange(len(order))
    return number[where].reshape(shape), signs.reshape(shape)


def _last(table: NDArray[Number], sizes: Sequence[int], last: Sequence[int]) -> NDArray[Number]:
    """The columns in another order: some of the axes that they number come last."""
    order = [k for k in range(len(sizes)) if k not in last] + list(last)
    split = table.reshape(table.shape[0], *sizes)
    return split.transpose(0, *(1 + k for k in order)).reshape(table.shape)


def _tiles(
    table: NDArray[Number], window: Sequence[int]
) -> tuple[NDArray[Number], tuple[int, int]]:
    """From one column for each index and place of a window to a window for every pair of indices; those
    of a single index stand side by side."""
    outer, size = table.shape[0], math.prod(window)
    inner = table.shape[1] // size
    high = window[-2] if len(window) > 1 else 1
    wide = size // high
    rest = size // (high * window[-1])
    if inner == 1:
        outer, inner = 1, outer
    split = table.reshape(outer, inner, rest, high, window[-1])
    turned = split.transpose(0, 3, 1, 2, 4).reshape(outer * high, inner * wide)
    return turned, (high, wide)
