"""The weights of the orbits of a pair that is lowered by diagrams, computed from those of its diagrams.

A diagram of points is 1 over a power of n at the index pairs where its blocks are constant, and 0 elsewhere, so
it is constant on the orbits of index pairs: w[orbit] is a sum of weights of diagrams with exact coefficients. What
follows is the expanded weight of any pair with orbits, with these in place of free weights.

In: a pair of blocks. Out: instructions for weights of the shape that `blockmaps.free_weights` has. Diagrams of
tensors have no orbits and no such weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra.bases import Basis, OrbitBasis
from eqspec.algebra.diagrams import DiagramBasis, Pattern
from eqspec.algebra.solver import solved_basis
from eqspec.graph.sizes import is_dynamic
from eqspec.limits import limits
from eqspec.ops.clusters import Pair, Part, axis_size, representation
from eqspec.ops.contractions import suffix_of
from eqspec.ops.drawing import Drawing, drawing_of

if TYPE_CHECKING:
    from eqspec.program.builder import Builder

MOST_COEFFICIENTS = 1 << 12
MOST_ENTRIES = 1 << 24  # of an expanded weight


@dataclass(frozen=True)
class Step:
    """One cluster of a pair, drawn: a pattern of the target and the patterns of the source with it."""

    drawing: Drawing
    target: Pattern
    sources: tuple[Pattern, ...]


@dataclass(frozen=True)
class Leaf:
    """What mixes channels when all is drawn that is drawn: plain axes and other clusters, with the name of its
    weights."""

    pair: Pair
    name: str
    steps: tuple[Step, ...]


def has_matrix(pair: Pair) -> bool:
    """Are all one-sided clusters drawn, all drawings of points, the others permuted, and the expanded weight
    small enough to be built?"""
    rows, columns = pair.middle_shape
    if is_dynamic(rows, columns) or rows * columns > min(MOST_ENTRIES, limits().weight_entries):
        return False
    parts = (*pair.shared, *pair.invariant, *pair.symmetric)
    for part in parts:
        size = prod(axis_size(pair.source, k) for k in part.source)
        size *= prod(axis_size(pair.target, k) for k in part.target)
        if is_dynamic(size) or size > limits().table_entries // 4:
            return False
    leaves = _leaves(pair, "", ())
    if leaves is None:
        return False
    count = 0
    for leaf in leaves:
        own = prod(len(step.sources) for step in leaf.steps)
        for part in leaf.pair.shared:
            basis = _basis(leaf.pair, part)
            if not isinstance(basis, OrbitBasis):
                return False
            own *= basis.dimension
        count += own
    return count**2 <= MOST_COEFFICIENTS


def drawn_weights(
    b: Builder,
    pair: Pair,
    name: str,
    bound: float,
    free_weights: Callable[[Builder, Pair, str, float], int],
) -> int:
    """The weights of the orbits: axes of `blockmaps.free_weights`, flat: those of the target, of counts
    of its vectors, of the source, of counts of its invariants, of the orbits, the last cluster first."""
    leaves = _leaves(pair, name, ())
    assert leaves is not None, "the form is offered where there is a matrix"
    rows = prod(axis_size(pair.target, k) for k in pair.target_plain)
    columns = prod(axis_size(pair.source, k) for k in pair.source_plain)
    parts: list[int] = []
    tables: list[NDArray[np.int64]] = []
    groups = (pair.symmetric, pair.invariant, tuple(reversed(pair.shared)))
    orbits = {part: _representatives(pair, part) for group in groups for part in group}
    for leaf in leaves:
        sizes = [axis_size(leaf.pair.source, k) for k in leaf.pair.source_plain]
        free = free_weights(b, leaf.pair, leaf.name, bound)
        count = prod(len(step.sources) for step in leaf.steps)
        others = [(part, len(orbits[_same(orbits, part)][0])) for part in leaf.pair.shared[::-1]]
        before, last = prod(sizes[:-1]), prod(sizes[-1:]) // count
        kinds = prod(dimension for _, dimension in others)
        free = b.permute(b.reshape(free, (rows, before, count, last, kinds)), (0, 2, 4, 1, 3))
        parts.append(b.reshape(free, (rows, count * kinds, columns)))
        # the last cluster was stacked last: its patterns run slowest
        steps = leaf.steps[::-1]
        choices = [
            (step.drawing.part, [_values(step, source, orbits) for source in step.sources])
            for step in steps
        ]
        choices += [(part, list(np.eye(dimension, dtype=np.int64))) for part, dimension in others]
        for chosen in product(*(own for _, own in choices)):
            by_part = {
                part.factors: value for (part, _), value in zip(choices, chosen, strict=True)
            }
            values = [_kron([by_part[part.factors] for part in group]) for group in groups]
            tables.append(values[0][:, None] * _kron(values[1:]))
    entries = np.stack(tables)
    spec = "ypz,pmo->ymzo"
    if entries.shape[1] == 1:
        spec, entries = "ypz,po->yzo", entries[:, 0]
    table = b.number(entries, "weights of the orbits from those of the diagrams")
    made = b.einsum(spec, b.concat(parts, 1), table)
    averaged = {
        step.drawing.part.factors: _averaged(step) for leaf in leaves for step in leaf.steps
    }
    return b.scale(made, 1 / prod(averaged.values()))


def _leaves(pair: Pair, name: str, steps: tuple[Step, ...]) -> list[Leaf] | None:
    """What remains of a pair, in the order in which its weights are made; None if not all is drawn by points."""
    drawing = drawing_of(pair.source, pair.target, pair.each)
    if drawing is None:
        return None if pair.invariant or pair.symmetric else [Leaf(pair, name, steps)]
    if not isinstance(drawing.basis, DiagramBasis):
        return None
    found: list[Leaf] = []
    for target, sources in drawing.basis.by_target:
        rest = drawing.remaining(target, len(sources))
        suffix = suffix_of(target, drawing)
        inner = _leaves(rest, name + suffix, (*steps, Step(drawing, target, sources)))
        if inner is None:
            return None
        found += inner
    return found


Indices = tuple[NDArray[np.int64], NDArray[np.int64]]


def _basis(pair: Pair, part: Part) -> Basis:
    source = tuple(representation(pair.source, k) for k in part.source)
    target = tuple(representation(pair.target, k) for k in part.target)
    return solved_basis(source, target)


def _same(orbits: Iterable[Part], part: Part) -> Part:
    """The cluster of the whole pair with these factors; its axes have other numbers there."""
    return next(own for own in orbits if own.factors == part.factors)


def _kron(values: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    result: NDArray[np.int64] = np.ones(1, dtype=np.int64)
    for own in values:
        result = (result[:, None] * own).reshape(-1)
    return result


def _representatives(pair: Pair, part: Part) -> Indices:
    """For every orbit of index pairs of a cluster an entry of the target and one of the source."""
    basis = _basis(pair, part)
    assert isinstance(basis, OrbitBasis), "points are permuted"
    labels, first = np.unique(basis.labels.reshape(-1), return_index=True)
    first = first[labels >= 0]
    rows, columns = np.divmod(first, basis.shape[1])
    return rows, columns


def _values(step: Step, source: Pattern, orbits: dict[Part, Indices]) -> NDArray[np.int64]:
    """The entries of a diagram at one index pair of every orbit, times `_averaged`."""
    n = step.drawing.size
    rows, columns = orbits[_same(orbits, step.drawing.part)]
    j = _digits(rows, n, len(step.drawing.target_legs))
    i = _digits(columns, n, len(step.drawing.source_legs))
    inside = np.ones(len(rows), dtype=bool)
    for blocks, index in ((step.target.blocks, j), (source.blocks, i)):
        for first, *others in blocks:
            for leg in others:
                inside &= index[first] == index[leg]
    for to, given in zip(step.target.through, source.through, strict=True):
        inside &= j[to[0]] == i[given[0]]
    found: NDArray[np.int64] = inside.astype(np.int64) * (_averaged(step) // n ** len(source.free))
    return found


def _averaged(step: Step) -> int:
    """Over how many points the means of a cluster are taken, at most."""
    basis = step.drawing.basis
    assert isinstance(basis, DiagramBasis)
    free = (len(source.free) for _, sources in basis.by_target for source in sources)
    return int(step.drawing.size ** max(free))


def _digits(numbers: NDArray[np.int64], n: int, legs: int) -> Sequence[NDArray[np.int64]]:
    return np.unravel_index(numbers, (n,) * legs) if legs else ()
