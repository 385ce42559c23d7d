"""The full space of equivariant linear maps between two blocks, as instructions.

For one block of the source and one of the target the factors and the acted axes fall into clusters,
and Hom_G(X, Y) is the tensor product over the clusters of Hom_K(X_K, Y_K), times all matrices between
the plain axes. A cluster with axes on one side only is an invariant (of the source) or a symmetric
(of the target) part: the source is reduced first, a small map follows, the result is expanded last.

Sources: Schur; *Efficient Model-Agnostic Multi-Group Equivariant Networks*, Theorems 1 and 2 (the
edge theorem and its completeness); Burnside for the orbits of index pairs as a basis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial, reduce

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra.images import AnyImage, identity, kron
from eqspec.algebra.representations import Representation
from eqspec.algebra.solver import DenseBasis, OrbitBasis, solved_basis
from eqspec.graph.sizes import is_dynamic
from eqspec.graph.types import Block
from eqspec.ops.clusters import Pair, Part, axis_size, pair_of, representation
from eqspec.ops.contractions import Spread, fan_of_drawing, lower_drawing, lower_drawn_bias
from eqspec.ops.drawing import drawing_of
from eqspec.ops.drawnweights import drawn_weights
from eqspec.ops.sums import cluster_sums, lower_sums
from eqspec.program.builder import Builder
from eqspec.program.instructions import PairOrbits

LETTERS = "abcdefghijklmnopqrstuvwABCDEFGHIJKLMNOPQRSTUVW"  # x and y are kept for new axes


@dataclass(frozen=True)
class Fan:
    """What the initialisation needs to know of one block map: how many entries of the expanded weight
    are not zero in a row, and their mean square for free weights of variance one."""

    inputs: float
    energy: float


def basis_of(
    source: Sequence[Representation], target: Sequence[Representation]
) -> OrbitBasis | DenseBasis:
    """The basis of one cluster, solved, and held against the dimension by characters.

    Raises:
        RoutesDisagree: the two routes give different dimensions; nothing may be emitted.
        SolverTooLarge: beyond the documented bounds.
    """
    return solved_basis(tuple(source), tuple(target))


def pair_basis(pair: Pair, part: Part) -> OrbitBasis | DenseBasis:
    return basis_of(
        [representation(pair.source, k) for k in part.source],
        [representation(pair.target, k) for k in part.target],
    )


def fan_of(pair: Pair) -> Fan:
    drawing = drawing_of(pair.source, pair.target, pair.each)
    if drawing is not None:
        targets = [target for target, _ in drawing.basis.by_target]
        finest = max(targets, key=lambda target: len(target.through))
        rest = fan_of(drawing.remaining(finest, 1))
        return Fan(rest.inputs * fan_of_drawing(drawing), rest.energy)
    return fan_of_clusters(pair)


def fan_of_clusters(pair: Pair) -> Fan:
    """The same where every cluster is lowered by its matrices."""
    inputs = float(math.prod(axis_size(pair.source, k) for k in pair.source_plain))
    energy = 1.0
    for part in (*pair.shared, *pair.invariant, *pair.symmetric):
        basis = pair_basis(pair, part)
        width = math.prod(axis_size(pair.source, k) for k in part.source)
        if is_dynamic(width):  # these maps take means
            continue
        if isinstance(basis, OrbitBasis):
            filled = float(np.mean(basis.labels >= 0)) if part.source else 1.0
            inputs *= width * filled
        else:
            dense = basis.dense()
            inputs *= width
            energy *= float(np.sum(dense**2)) / (dense.shape[1] * dense.shape[2])
    return Fan(max(inputs, 1.0), max(energy, 1e-12))


def lower_pair(
    b: Builder, pair: Pair, x: int, name: str, bound: float, form: str = "weight"
) -> int | None:
    """Instructions of one block map; None if its space is zero.

    ``x`` is a block of the source; the result is a block of the target. ``name`` names the free
    weights, which are drawn from (-bound, bound) before the scale of the basis. ``form`` is one of those
    of `forms`.
    """
    source, target = pair.source, pair.target
    drawing = drawing_of(source, target, pair.each)
    drawn = None
    if drawing is not None and form == "dense":
        drawn = drawn_weights(b, pair, name, bound, free_weights)
    elif drawing is not None:
        spread = Spread()
        lower_drawing(b, drawing, x, name, bound, spread, partial(lower_pair, form=form))
        terms = spread.close(b)
        return b.reshape(b.add(*terms), target.shape) if terms else None
    x = b.reshape(x, [axis_size(source, k) for k in range(len(source.axes))])
    layout: list[int] = list(range(len(source.axes)))
    counts_in: list[int] = []
    for part in pair.invariant:
        reduced = reduce_part(b, x, layout, part, pair_basis(pair, part))
        if reduced is None:
            return None
        x, layout, count = reduced
        if count is not None:
            counts_in.append(count)
    keep = [k for k in layout if k >= 0]
    inner = [k for k in keep if k not in pair.source_each]
    order = [layout.index(k) for k in (*pair.source_each, *inner)]
    x = b.permute(x, [*order, *range(len(keep), len(keep) + len(counts_in))])
    each_shape = [axis_size(source, k) for k in pair.source_each]
    in_sizes = [axis_size(source, k) for k in inner] + counts_in

    symmetric = [(part, pair_basis(pair, part)) for part in pair.symmetric]
    if any(basis.dimension == 0 for _, basis in symmetric):
        return None
    counts_out = [basis.dimension for part, basis in symmetric if not is_constant(basis)]
    outer = sorted([*pair.target_plain, *(k for part in pair.shared for k in part.target)])
    out_sizes = [axis_size(target, k) for k in outer] + counts_out
    sums = cluster_sums(pair) if form == "sums" else None
    if sums is not None:
        x = b.reshape(x, [*each_shape, *in_sizes])
        y = lower_sums(
            b,
            pair,
            sums,
            x,
            [*inner, *(-1 for _ in counts_in)],
            [*outer, *(-1 for _ in counts_out[:1])],
            free_weights(b, pair, name, bound),
        )
    else:
        weight = weight_of(b, pair, outer, out_sizes, inner, in_sizes, name, bound, drawn)
        if weight is None:
            return None
        y = b.linear(b.reshape(x, [*each_shape, math.prod(in_sizes)]), weight)
    y = b.reshape(y, [*each_shape, *out_sizes])
    return expand_axes(b, y, target, [*pair.target_each, *outer], symmetric)


def lower_bias(
    b: Builder, target: Block, each: Sequence[str], name: str, bound: float
) -> int | None:
    """A bias in the invariants of a block, expanded to its shape; None if there are none."""
    empty = Block(())
    if drawing_of(empty, target, each) is not None:
        spread = Spread()
        spread_bias(b, target, each, name, bound, spread)
        terms = spread.close(b)
        return b.reshape(b.add(*terms), target.shape) if terms else None
    pair = pair_of(empty, target, each)
    symmetric = [(part, pair_basis(pair, part)) for part in pair.symmetric]
    if any(basis.dimension == 0 for _, basis in symmetric):
        return None
    counts = [basis.dimension for _, basis in symmetric if not is_constant(basis)]
    sizes = [axis_size(target, k) for k in pair.target_plain] + counts
    free = b.parameter(name, (math.prod(sizes),), bound)
    y = b.reshape(free, sizes)
    y = expand_axes(b, y, target, list(pair.target_plain), symmetric, skip=pair.target_each)
    for k in sorted(pair.target_each):
        y = b.expand(y, k, axis_size(target, k))
    return b.reshape(y, target.shape)


def lower_invariants(b: Builder, target: Block, source: Block, name: str, bound: float) -> int:
    """Numbers that every generator leaves alone, one for each index of two blocks whose entries are
    permuted: of shape (entries of the target, entries of the source)."""
    pair = pair_of(source, target)
    axes = [range(len(block.axes)) for block in (target, source)]
    sizes = [
        [axis_size(block, k) for k in own]
        for block, own in zip((target, source), axes, strict=True)
    ]
    if pair.invariant or pair.symmetric:
        both = Block((*target.axes, *source.axes))
        made = lower_bias(b, both, (), name, bound)
        assert made is not None, "constants are left alone"
        return b.reshape(made, (math.prod(sizes[0]), math.prod(sizes[1])))
    made = weight_of(b, pair, axes[0], sizes[0], axes[1], sizes[1], name, bound)
    assert made is not None, "constants are left alone"
    return made


def spread_bias(
    b: Builder, target: Block, each: Sequence[str], name: str, bound: float, spread: Spread
) -> bool:
    """A bias by diagrams, to be expanded with the other terms of its target; False if the target has
    none."""
    drawing = drawing_of(Block(()), target, each, wanted=True)
    if drawing is None:
        return False
    lower_drawn_bias(
        drawing, name, spread, lambda rest, label: lower_bias(b, rest, each, label, bound)
    )
    return True


def is_constant(basis: OrbitBasis | DenseBasis) -> bool:
    """Is the only invariant the constant vector?"""
    return (
        isinstance(basis, OrbitBasis)
        and basis.dimension == 1
        and bool(np.all(basis.labels == 0))
        and bool(np.all(basis.signs > 0))
    )


def reduce_part(
    b: Builder, x: int, layout: list[int], part: Part, basis: OrbitBasis | DenseBasis
) -> tuple[int, list[int], int | None] | None:
    """Forget the factors of an invariant cluster: its axes become one axis of coinvariants at the end
    (none if there is one coinvariant, the sum)."""
    if basis.dimension == 0:
        return None
    where = [layout.index(k) for k in part.source]
    rest = [k for k in layout if k not in part.source]
    if is_constant(basis):
        # a sum over a size of run time would grow with it; its mean spans the same space
        dynamic = is_dynamic(*(b.shape(x)[k] for k in where))
        return b.reduce(x, where, "mean" if dynamic else "sum"), rest, None
    order = [k for k in range(len(layout)) if k not in where] + where
    x = b.permute(x, order)
    shape = b.shape(x)
    lead = shape[: len(shape) - len(where)]
    size = math.prod(shape[len(lead) :])
    x = b.reshape(x, (*lead, size))
    if isinstance(basis, OrbitBasis):
        x = reduce_orbits(b, x, basis.labels.reshape(-1), basis.signs.reshape(-1), basis.dimension)
    else:
        letters = LETTERS[: len(lead)]
        table = b.number(basis.dense().reshape(basis.dimension, size), "coinvariants, one a row")
        x = b.einsum(f"{letters}x,yx->{letters}y", x, table)
    # a count axis is marked -1: it stays at the end
    return x, [*rest, -1], basis.dimension


def reduce_orbits(
    b: Builder, x: int, labels: NDArray[np.int64], signs: NDArray[np.int8], count: int
) -> int:
    """Signed sums over orbits along the last axis: entry l of the result is the sum of
    ``signs[i] * x[i]`` over the entries i with ``labels[i] == l``."""
    members = np.argsort(labels, kind="stable")
    members = members[
        np.count_nonzero(labels < 0) :
    ]  # orbit by orbit, without the entries that vanish
    orbit = labels[members]
    sizes = np.bincount(orbit, minlength=count)
    width = int(sizes.max())
    place = np.arange(len(members)) - (np.cumsum(sizes) - sizes)[orbit]
    index = np.zeros((count, width), dtype=np.int64)
    index[orbit, place] = members
    weights = np.zeros((count, width))
    weights[orbit, place] = signs[members]
    lead = b.shape(x)[:-1]
    if not (
        count * width == len(labels) and np.array_equal(index.reshape(-1), np.arange(len(labels)))
    ):
        x = b.take(x, len(lead), b.index(index.reshape(-1), "entries, orbit by orbit"))
    if width > 1:
        x = b.reshape(x, (*lead, count, width))
    if np.all(weights == 1):
        return b.reduce(x, [len(lead) + 1], "sum") if width > 1 else x
    letters = LETTERS[: len(lead)]
    if width == 1:
        table = b.number(weights[:, 0], "signs")
        return b.einsum(f"{letters}x,x->{letters}x", x, table)
    table = b.number(weights, "signs, 0 where an orbit is shorter")
    return b.einsum(f"{letters}xy,xy->{letters}x", x, table)


def expand_orbits(b: Builder, x: int, labels: NDArray[np.int64], signs: NDArray[np.int8]) -> int:
    """Repeat entry l of the last axis at all entries i with ``labels[i] == l``, with their signs."""
    lead = b.shape(x)[:-1]
    if not np.array_equal(labels, np.arange(b.shape(x)[-1])):
        index = b.index(np.maximum(labels, 0), "orbit of every entry")
        x = b.take(x, len(lead), index)
    weights = np.where(labels >= 0, signs, 0).astype(np.float64)
    if np.all(weights == 1):
        return x
    letters = LETTERS[: len(lead)]
    return b.einsum(f"{letters}x,x->{letters}x", x, b.number(weights, "sign of every entry"))


def expand_axes(
    b: Builder,
    y: int,
    target: Block,
    axes: list[int],
    symmetric: Sequence[tuple[Part, OrbitBasis | DenseBasis]],
    skip: Sequence[int] = (),
) -> int:
    """From the layout ``axes`` and one axis of invariants for every symmetric cluster that is not
    constant to the axes of the target in order, and its shape (without the axes ``skip``)."""
    layout: list[int] = list(axes)
    moving = [(part, basis) for part, basis in symmetric if not is_constant(basis)]
    for left, (part, basis) in reversed(list(enumerate(moving))):
        sizes = [axis_size(target, k) for k in part.target]
        lead = len(layout) + left
        if isinstance(basis, OrbitBasis):
            y = expand_orbits(b, y, basis.labels.reshape(-1), basis.signs.reshape(-1))
        else:
            letters = LETTERS[:lead]
            table = b.number(
                basis.dense().reshape(basis.dimension, math.prod(sizes)), "invariants, one a row"
            )
            y = b.einsum(f"{letters}x,xy->{letters}y", y, table)
        shape = b.shape(y)
        y = b.reshape(y, (*shape[:-1], *sizes))
        # the counts still to expand stand between the layout and the new axes: move them last
        order = [
            *range(len(layout)),
            *range(lead, lead + len(sizes)),
            *range(len(layout), lead),
        ]
        y = b.permute(y, order)
        layout.extend(part.target)
    y = b.permute(y, [layout.index(k) for k in sorted(layout)])
    constant = sorted(k for part, basis in symmetric if is_constant(basis) for k in part.target)
    present = sorted(layout)
    for k in constant:
        position = sum(1 for other in present if other < k)
        y = b.expand(y, position, axis_size(target, k))
        present.append(k)
        present.sort()
    if skip:
        return y
    return b.reshape(y, target.shape)


def weight_of(
    b: Builder,
    pair: Pair,
    outer: Sequence[int],
    out_sizes: Sequence[int],
    inner: Sequence[int],
    in_sizes: Sequence[int],
    name: str,
    bound: float,
    given: int | None = None,
) -> int | None:
    """The expanded weight, of shape (product of out_sizes, product of in_sizes). What is ``given`` stands in
    place of free weights.

    ``outer`` and ``inner`` are the axes of target and source to which the sizes belong, in any order; -1
    in ``inner`` is an axis of counts, and the sizes at the end that belong to none are counts too.
    """
    shape = (math.prod(out_sizes), math.prod(in_sizes))
    bases = [(part, pair_basis(pair, part)) for part in pair.shared]
    if any(basis.dimension == 0 for _, basis in bases):
        return None
    if not bases:
        return b.reshape(given, shape) if given is not None else b.parameter(name, shape, bound)
    # axes of the weight: those of the target, counts of invariants, those of the source, counts
    places: dict[tuple[str, int], int] = {}
    for k, axis in enumerate(outer):
        places["target", axis] = k
    for k, axis in enumerate(inner):
        if axis >= 0:
            places["source", axis] = len(out_sizes) + k
    sizes = [*out_sizes, *in_sizes]
    of_part = [
        [*(places["target", k] for k in part.target), *(places["source", k] for k in part.source)]
        for part, _ in bases
    ]
    acted = {place for part in of_part for place in part}
    plain = [place for place in range(len(sizes)) if place not in acted]
    if all(isinstance(basis, OrbitBasis) for _, basis in bases):
        orbit_bases = [basis for _, basis in bases if isinstance(basis, OrbitBasis)]
        generators = [_generators(pair, part) for part, _ in bases]
        weight = _orbit_weight(
            b, sizes, plain, of_part, orbit_bases, generators, len(out_sizes), name, bound, given
        )
    else:
        weight = _dense_weight(b, sizes, plain, of_part, [basis for _, basis in bases], name, bound)
    return b.reshape(weight, shape)


def free_weights(b: Builder, pair: Pair, name: str, bound: float) -> int:
    """The free weights of a pair alone, those that `weight_of` expands: one axis for each plain axis of
    the target and each count of its symmetric vectors, the same of the source and its invariants, then one
    for the basis of every shared cluster (the last cluster first where all are orbits)."""
    bases = [pair_basis(pair, part) for part in pair.shared]
    out = [axis_size(pair.target, k) for k in pair.target_plain]
    out += _counts(pair, pair.symmetric)
    into = [axis_size(pair.source, k) for k in pair.source_plain] + _counts(pair, pair.invariant)
    dimensions = [basis.dimension for basis in bases]
    if not bases:
        free = b.parameter(name, (math.prod(out), math.prod(into)), bound)
    elif all(isinstance(basis, OrbitBasis) for basis in bases):
        outer = sorted([*pair.target_plain, *(k for part in pair.shared for k in part.target)])
        lead = 0
        while lead < len(outer) and outer[lead] in pair.target_plain:
            lead += 1
        if lead == len(outer):  # no axis of the target moves: the counts are plain too
            lead = len(out)
        rows = math.prod(out[:lead])
        free = b.parameter(name, (rows, math.prod([*out[lead:], *into, *dimensions])), bound)
        dimensions.reverse()
    else:
        free = b.parameter(name, (math.prod([*out, *into, *dimensions]),), bound)
    return b.reshape(free, (*out, *into, *dimensions))


def _counts(pair: Pair, parts: Sequence[Part]) -> list[int]:
    bases = [pair_basis(pair, part) for part in parts]
    return [basis.dimension for basis in bases if not is_constant(basis)]


def _generators(pair: Pair, part: Part) -> tuple[tuple[AnyImage, AnyImage], ...]:
    """The matrices of every generator on the target and on the source of a cluster."""
    target = [representation(pair.target, k) for k in part.target]
    source = [representation(pair.source, k) for k in part.source]
    groups = {name: group for rep in (*target, *source) for name, group in rep.groups}
    return tuple(
        (
            _joint([rep.any_image(factor, g) for rep in target]),
            _joint([rep.any_image(factor, g) for rep in source]),
        )
        for factor in part.factors
        for g in range(len(groups[factor].generators))
    )


def _joint(images: Sequence[AnyImage]) -> AnyImage:
    return reduce(kron, images) if images else identity(1)


def _orbit_weight(
    b: Builder,
    sizes: Sequence[int],
    plain: Sequence[int],
    of_part: Sequence[Sequence[int]],
    bases: Sequence[OrbitBasis],
    generators_of_parts: Sequence[tuple[tuple[AnyImage, AnyImage], ...]],
    out_rank: int,
    name: str,
    bound: float,
    given: int | None,
) -> int:
    """Entries of the weight by their orbits: one `take` from the free weights.

    The leading plain axes of the target stay outside the table, so that it is small.
    """
    lead = 0
    while lead < out_rank and lead in plain:
        lead += 1
    rows = math.prod(sizes[:lead])
    table_shape = tuple(sizes[lead:])
    tables: dict[tuple[int, ...], NDArray[np.int64]] = {}
    origins: dict[tuple[int, ...], PairOrbits] = {}
    special = [
        k for k, basis in enumerate(bases) if np.any(basis.labels < 0) or np.any(basis.signs < 0)
    ]
    stride = 1
    for basis, at, generators in zip(bases, of_part, generators_of_parts, strict=True):
        labels = np.maximum(basis.labels, 0).reshape([sizes[p] for p in at])
        places, labels = _ordered(at, labels)
        where = tuple(p - lead for p in places)
        tables[where] = stride * labels
        if not special and places == tuple(at):
            origins[where] = PairOrbits(stride, generators)
        stride *= basis.dimension
    for place in reversed([p for p in plain if p >= lead]):
        if sizes[place] > 1:
            tables[(place - lead,)] = stride * np.arange(sizes[place])
        stride *= sizes[place]
    shape = (rows, stride)
    free = b.parameter(name, shape, bound) if given is None else b.reshape(given, shape)
    if special:
        free, at, choice = _signed(b, free, stride, sizes, lead, of_part, bases, special)
        tables[at] = tables[at] + choice if at in tables else choice
    if _is_plain(tables, table_shape, b.shape(free)[1]):
        return free
    parts = [(b.index(values, _hint(values), origins.get(at)), at) for at, values in tables.items()]
    table = b.index_sum(parts, table_shape)
    flat = b.reshape(table, (math.prod(table_shape),))
    return b.take(free, 1, flat)


def _signed(
    b: Builder,
    free: int,
    stride: int,
    sizes: Sequence[int],
    lead: int,
    of_part: Sequence[Sequence[int]],
    bases: Sequence[OrbitBasis],
    special: Sequence[int],
) -> tuple[int, tuple[int, ...], NDArray[np.int64]]:
    """Free weights, their negatives and zeros side by side; where and how the table chooses."""
    places = sorted({p for k in special for p in of_part[k]})
    shape = [sizes[p] for p in places]
    sign = np.ones(shape, dtype=np.int64)
    for k in special:
        basis = bases[k]
        own = np.where(basis.labels >= 0, basis.signs, 0).reshape([sizes[p] for p in of_part[k]])
        at, own = _ordered(of_part[k], own)
        sign = sign * own.reshape([sizes[p] if p in at else 1 for p in places])
    columns = [free]
    choice = np.zeros(shape, dtype=np.int64)
    if np.any(sign < 0):
        choice[sign < 0] = len(columns) * stride
        columns.append(b.scale(free, -1.0))
    if np.any(sign == 0):
        choice[sign == 0] = len(columns) * stride
        columns.append(b.scale(free, 0.0))
    return b.concat(columns, 1), tuple(p - lead for p in places), choice


def _is_plain(
    tables: dict[tuple[int, ...], NDArray[np.int64]], shape: tuple[int, ...], columns: int
) -> bool:
    """Is every free weight taken once, in order?"""
    if math.prod(shape) != columns:
        return False
    total = np.zeros(shape, dtype=np.int64)
    for at, values in tables.items():
        total = total + values.reshape([n if k in at else 1 for k, n in enumerate(shape)])
    return np.array_equal(total.reshape(-1), np.arange(columns))


def _hint(table: NDArray[np.int64]) -> str:
    return "channels" if table.ndim == 1 else "orbit of every index pair"


def _ordered(
    places: Sequence[int], array: NDArray[np.int64]
) -> tuple[tuple[int, ...], NDArray[np.int64]]:
    order = sorted(range(len(places)), key=lambda k: places[k])
    return tuple(places[k] for k in order), np.transpose(array, order)


def _dense_weight(
    b: Builder,
    sizes: Sequence[int],
    plain: Sequence[int],
    of_part: Sequence[Sequence[int]],
    bases: Sequence[OrbitBasis | DenseBasis],
    name: str,
    bound: float,
) -> int:
    """Linear combinations of basis matrices, cluster by cluster."""
    letters = LETTERS[: len(sizes)]
    count_letters = LETTERS[len(sizes) : len(sizes) + len(bases)]
    free_shape = [*(sizes[p] for p in plain), *(basis.dimension for basis in bases)]
    free = b.reshape(b.parameter(name, (math.prod(free_shape),), bound), free_shape)
    specs = ["".join(letters[p] for p in plain) + count_letters]
    args = [free]
    for basis, at, letter in zip(bases, of_part, count_letters, strict=True):
        dense = basis.dense().reshape([basis.dimension, *(sizes[p] for p in at)])
        args.append(b.number(dense, "basis of the equivariant maps"))
        specs.append(letter + "".join(letters[p] for p in at))
    return b.einsum(",".join(specs) + "->" + letters, *args)
