"""`linear` between features in irreducible coordinates: a small product for every slot.

A map of Hom_G(V, W) is, in the coordinates of `coordinates`, one matrix for each component, used for all its
copies: sum_i n_i m_i c_i numbers instead of dim V dim W (Schur). Its entries are linear in the free weights,
which are those of the other ways of lowering: the coefficients are found by moving every basis matrix into
the new coordinates. What only one side has is the trivial component's: an argument gives its invariants,
a target takes them (the edge theorem).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra.bases import DenseBasis, OrbitBasis
from eqspec.algebra.solver import RoutesDisagree
from eqspec.graph.model import Node
from eqspec.graph.sizes import is_dynamic
from eqspec.graph.types import Block, Type
from eqspec.ops.blockmaps import free_weights, is_constant, pair_basis
from eqspec.ops.circulant import complex_blocks, is_circulant
from eqspec.ops.clusters import Pair, Part, pair_of
from eqspec.ops.contract import LoweringSite, Registers
from eqspec.ops.coordinates import LETTERS, Coordinates, Frame, Piece, Spectrum
from eqspec.ops.drawing import drawing_of
from eqspec.ops.linear import LinearMaps, Term, sums_of
from eqspec.program.builder import Builder

MOST_WORK = 1 << 24  # products of two rows with a basis matrix, to find the coefficients
MOST_ENTRIES = 1 << 16  # of a table of coefficients
EXACT = 1e-9
SUM_AND_DIFFERENCE = np.array([[1.0, 1.0], [1.0, -1.0]])  # two numbers, by one step for each


def over(node: Node, types: tuple[Type, ...], frame: Frame) -> bool:
    """Can the layer be lowered in this frame? Every acted axis must be replaced, and every component of
    the target reached."""
    maps = node.data
    assert isinstance(maps, LinearMaps)
    if maps.places:
        return False
    ends = [block for type_ in (*types, node.type) for block in type_.blocks]
    if is_dynamic(*(size for block in ends for size in block.shape)):
        return False
    for t, target in enumerate(node.type.blocks):
        to = frame.of(target)
        reached: set[tuple[int, ...]] = set()
        for k, type_ in enumerate(types):
            for s, source in enumerate(type_.blocks):
                if not maps.dimensions[k][s][t]:
                    continue
                of = frame.of(source)
                pair = pair_of(source, target, maps.each)
                if drawing_of(source, target, maps.each) or not _fits(pair, of, to):
                    return False
                for piece in to.pieces:
                    if matching(pair, of, to, piece) is not None:
                        reached.add(piece.numbers)
        if any(piece.numbers not in reached for piece in to.pieces):
            return False
    return True


def _fits(pair: Pair, of: Coordinates, to: Coordinates) -> bool:
    """Is every cluster one axis at most on each side, replaced, and small enough?"""
    for part in (*pair.shared, *pair.invariant, *pair.symmetric):
        if not (set(part.source) <= set(of.axes) and set(part.target) <= set(to.axes)):
            return False
        if len(part.source) > 1 or len(part.target) > 1:
            return False
        basis = pair_basis(pair, part)
        if part.source and part.target and is_circulant(basis, *_ends(part, of, to)):
            continue
        rows = math.prod(to.sizes(part.target)) * math.prod(of.sizes(part.source))
        if rows * basis.dimension > MOST_WORK or basis.dimension**2 > MOST_ENTRIES:
            return False
    return True


def matching(pair: Pair, of: Coordinates, to: Coordinates, piece: Piece) -> Piece | None:
    """The piece of the source from which a piece of the target is made; None if it gives nothing."""
    for part in pair.symmetric:
        if not piece.slots[to.axes.index(part.target[0])].is_trivial:
            return None
    slots = []
    for k, spectrum in zip(of.axes, of.spectra, strict=True):
        number = 0
        for part in pair.shared:
            if part.source == (k,):
                number = piece.slots[to.axes.index(part.target[0])].number
        slot = spectrum.slot(number)
        if slot is None:
            return None
        slots.append(slot)
    return Piece(tuple(slots))


def lower(site: LoweringSite) -> Registers:
    """Raises `RoutesDisagree` where a basis matrix is not made of blocks."""
    frame, b = site.frame, site.builder
    assert frame is not None
    given = [_by_block(frame, type_, xs) for type_, xs in zip(site.types, site.args, strict=True)]
    results: list[int] = []
    for made in sums_of(site):
        to = frame.of(made.target)
        weights = [
            _weights(
                b,
                one.pair,
                given[one.k][one.s][0],
                to,
                free_weights(b, one.pair, one.name, one.bound),
            )
            for one in made.terms
        ]
        biases: dict[tuple[int, ...], int] = {}
        if made.bias:
            maps = site.node.data
            assert isinstance(maps, LinearMaps)
            (trivial,) = (piece for piece in to.pieces if piece.is_trivial)
            biases[trivial.numbers] = _bias(b, to, maps.each, made.bias, made.bias_bound)
        for piece, shape in zip(to.pieces, to.shapes, strict=True):
            terms: list[int] = []
            for one, matrices in zip(made.terms, weights, strict=True):
                of, registers = given[one.k][one.s]
                match = matching(one.pair, of, to, piece)
                if match is None:
                    continue
                x = registers[[p.numbers for p in of.pieces].index(match.numbers)]
                weight = matrices[piece.numbers]
                terms.append(_product(b, one, of, to, match, piece, x, weight))
            if piece.numbers in biases:
                terms.append(biases[piece.numbers])
            results.append(b.add(*(b.reshape(term, shape) for term in terms)))
    return tuple(results)


def _bias(b: Builder, to: Coordinates, each: Sequence[str], name: str, bound: float) -> int:
    """The bias of `lower_bias`, in the trivial component: a map from nothing, by the same free weights. Of
    the shape of that piece."""
    pair = pair_of(Block(()), to.block, each)
    counts = [pair_basis(pair, part) for part in pair.symmetric]
    free = [*to.sizes(pair.target_plain), *(c.dimension for c in counts if not is_constant(c))]
    x = b.reshape(b.parameter(name, (math.prod(free),), bound), free)
    (trivial,) = (piece for piece in to.pieces if piece.is_trivial)
    x = _matrices(b, pair, Coordinates(pair.source), to, Piece(()), trivial, [], x)
    x = b.reshape(x, (*trivial.lead, *to.sizes(pair.target_plain)))
    for k in sorted(pair.target_each):
        x = b.expand(x, len(trivial.lead) + to.others.index(k), to.sizes((k,))[0])
    return x


def _by_block(
    frame: Frame, type_: Type, registers: Registers
) -> list[tuple[Coordinates, Registers]]:
    found, at = [], 0
    for coordinates in frame.of_type(type_):
        count = len(coordinates.pieces)
        found.append((coordinates, registers[at : at + count]))
        at += count
    return found


def _product(
    b: Builder,
    one: Term,
    of: Coordinates,
    to: Coordinates,
    match: Piece,
    piece: Piece,
    x: int,
    weight: int,
) -> int:
    """The term of one piece of the source in one of the target, in the shape of the latter."""
    pair = one.pair
    source_plain = [k for k in of.others if k not in pair.source_each]
    target_plain = [k for k in to.others if k not in pair.target_each]
    # x as (each ..., K, D, W x channels), with K and D in the order of the target's axes
    slots = match.slots
    n = len(slots)
    parts = [*(s.count for s in slots), *(s.copies for s in slots), *(s.inner for s in slots)]
    x = b.reshape(x, (*parts, *of.sizes(of.others)))
    aims = {part.source[0]: part.target[0] for part in pair.shared}
    order = sorted(range(n), key=lambda k: aims.get(of.axes[k], -1))
    each = [3 * n + of.others.index(k) for k in pair.source_each]
    inner = [3 * n + of.others.index(k) for k in source_plain]
    copy_axes = [n + k for k in order]
    x = b.permute(x, [*each, *order, *copy_axes, *range(2 * n, 3 * n), *inner])
    lead = of.sizes(pair.source_each)
    width = math.prod((match.inner, *of.sizes(source_plain)))
    copies = (match.copies,) if match.copies > 1 else ()
    height = b.shape(weight)[1]
    if match.count == 1:
        x = b.reshape(x, (*lead, *copies, width))
        y = b.linear(x, b.reshape(weight, (height, width)))
    else:
        x = b.reshape(x, (*lead, match.count, *copies, width))
        e, d = LETTERS[: len(lead)].upper(), "d" if copies else ""
        y = b.einsum(f"{e}k{d}w,kvw->{e}k{d}v", x, weight)
    y = b.reshape(y, (*lead, piece.count, piece.copies, piece.inner, *to.sizes(target_plain)))
    axes = [*pair.target_each, -1, -2, -3, *target_plain]
    y = b.permute(y, [axes.index(k) for k in (-1, -2, -3, *to.others)])
    return b.reshape(y, (*piece.lead, *to.sizes(to.others)))


def _weights(
    b: Builder, pair: Pair, of: Coordinates, to: Coordinates, free: int
) -> dict[tuple[int, ...], int]:
    """For every piece of the target its matrices, of shape (K, W' x channels', W x channels), from the free
    weights, whose axes are those of `free_weights`. The orbits of each cluster in turn become the entries of
    all its blocks, an axis in front, so that a block is a slice."""
    parts = list(pair.shared)
    if all(isinstance(pair_basis(pair, part), OrbitBasis) for part in parts):
        parts.reverse()  # as the axes of the free weights stand
    x = free
    blocks: list[dict[int, tuple[int, int]]] = []  # by the number of a slot: start and size
    for part in reversed(parts):
        target, source = _ends(part, of, to)
        letters = LETTERS[: len(b.shape(x))]
        if is_circulant(pair_basis(pair, part), target, source):
            x = b.fourier(x, len(letters) - 1)
            blocks.insert(0, {slot.number: (slot.start, slot.size) for slot in target.slots})
            continue
        tables: list[NDArray[np.float64]] = []
        places: dict[int, tuple[int, int]] = {}
        for slot in target.slots:
            if source.slot(slot.number) is not None:
                table = coefficients(pair_basis(pair, part), target, source, slot.number)
                start = sum(len(rows) for rows in tables)
                tables.append(table.reshape(len(table), -1).T)
                places[slot.number] = start, len(tables[-1])
        hint = "entries of the blocks, one a row, by the orbits"
        table = np.concatenate(tables)
        if np.array_equal(table, SUM_AND_DIFFERENCE):
            size = b.shape(x)[:-1]
            first, second = (b.narrow(x, len(size), k, 1) for k in (0, 1))
            both = (b.add(first, second), b.subtract(first, second))
            x = b.stack([b.reshape(part, size) for part in both], 0)
        else:
            x = b.einsum(f"y{letters[-1]},{letters}->y{letters[:-1]}", b.real(table, hint), x)
        blocks.insert(0, places)
    found: dict[tuple[int, ...], int] = {}
    for piece in to.pieces:
        match = matching(pair, of, to, piece)
        if match is None:
            continue
        y = x
        for dim, (part, places) in enumerate(zip(parts, blocks, strict=True)):
            number = piece.slots[to.axes.index(part.target[0])].number
            y = b.narrow(y, dim, *places[number])
        found[piece.numbers] = _matrices(b, pair, of, to, match, piece, parts, y)
    return found


def _matrices(
    b: Builder,
    pair: Pair,
    of: Coordinates,
    to: Coordinates,
    match: Piece,
    piece: Piece,
    parts: list[Part],
    x: int,
) -> int:
    """One piece, from (entries of each of ``parts`` ..., channels', counts', channels, counts)."""
    letters = iter(LETTERS)
    into_plain = [k for k in of.others if k not in pair.source_each]
    out_plain = [k for k in to.others if k not in pair.target_each]
    batch: dict[int, str] = {}  # by the axis of the target
    high: dict[int, str] = {}
    low: dict[int, str] = {}  # by the axis of the source
    shape: list[int] = []
    spec = ""
    tables: list[int] = []
    specs: list[str] = []
    factor = 1.0
    for part in parts:
        slot = piece.slots[to.axes.index(part.target[0])]
        other = match.slots[of.axes.index(part.source[0])]
        k, v, w = (next(letters) for _ in range(3))
        batch[part.target[0]], high[part.target[0]], low[part.source[0]] = k, v, w
        if is_circulant(pair_basis(pair, part), *_ends(part, of, to)):
            factor *= math.sqrt(to.sizes(part.target)[0] / slot.inner)
            if slot.inner == 2:  # a complex number for every frequency
                p = next(letters)
                shape += [slot.count, 2]
                spec += k + p
                tables.append(complex_blocks(b))
                specs.append(p + v + w)
                continue
        shape += [slot.count, slot.inner, other.inner]
        spec += k + v + w
    x = b.reshape(x, (*shape, *b.shape(x)[len(parts) :]))
    plain = ["".join(next(letters) for _ in axes) for axes in (out_plain, into_plain)]
    for side, ends in enumerate((pair.symmetric, pair.invariant)):
        spec += plain[side]
        for part in ends:
            (axis,) = (part.target, part.source)[side]
            end = (to, of)[side]
            basis = pair_basis(pair, part)
            table = _one_sided(basis, end.spectra[end.axes.index(axis)])
            if is_constant(basis) and table.size == 1:
                factor *= float(table[0, 0])
                continue
            letter = next(letters)
            (high, low)[side][axis] = letter
            if is_constant(basis):
                table = table.reshape(-1)
                specs.append(letter)
            else:
                count = next(letters)
                spec += count
                specs.append(count + letter)
            tables.append(b.real(table, "the invariants in irreducible coordinates"))
    result = "".join(batch[k] for k in sorted(batch)) + "".join(high[k] for k in sorted(high))
    result += plain[0] + "".join(low[k] for k in sorted(low)) + plain[1]
    if tables:
        x = b.einsum(",".join([spec, *specs]) + "->" + result, x, *tables)
    else:
        x = b.permute(x, [spec.index(letter) for letter in result])
    x = b.scale(x, factor)
    height = math.prod((piece.inner, *to.sizes(out_plain)))
    return b.reshape(x, (match.count, height, math.prod((match.inner, *of.sizes(into_plain)))))


def _ends(part: Part, of: Coordinates, to: Coordinates) -> tuple[Spectrum, Spectrum]:
    """What replaces the axes of a cluster, in the target and in the source."""
    return (
        to.spectra[to.axes.index(part.target[0])],
        of.spectra[of.axes.index(part.source[0])],
    )


def coefficients(
    basis: OrbitBasis | DenseBasis, target: Spectrum, source: Spectrum, number: int
) -> NDArray[np.float64]:
    """Of shape (dimension, K, W', W): every basis matrix in the coordinates of a slot, at its first copy.

    Raises:
        RoutesDisagree: a basis matrix differs between copies, or leads from one to another.
    """
    return _coefficients(basis, target, source, number)


@lru_cache(maxsize=256)
def _coefficients(
    basis: OrbitBasis | DenseBasis, target: Spectrum, source: Spectrum, number: int
) -> NDArray[np.float64]:
    high, low = target.slot(number), source.slot(number)
    assert high is not None and low is not None
    to, of = target.rows(high), source.rows(low)
    moved = np.einsum("kdva,oab,kewb->okdevw", to, basis.dense(), of, optimize=True)
    first = moved[:, :, 0, 0]
    expected = first[:, :, None, None] * np.eye(high.copies)[:, :, None, None]
    if not np.allclose(moved, expected, atol=EXACT * max(1.0, float(np.abs(moved).max()))):
        raise RoutesDisagree("a basis matrix does not do the same to all copies of a component")
    return _clean(first)


def _one_sided(basis: OrbitBasis | DenseBasis, spectrum: Spectrum) -> NDArray[np.float64]:
    """Of shape (dimension, W): invariant vectors in the coordinates of the trivial component."""
    slot = spectrum.slot(0)
    assert slot is not None, "there are invariants"
    flat = basis.dense().reshape(basis.dimension, -1)
    moved = flat @ spectrum.matrix.T
    own = moved[:, slot.start : slot.start + slot.size]
    if not np.isclose(np.sum(moved**2), np.sum(own**2)):
        raise RoutesDisagree("an invariant vector is not in the trivial component")
    return _clean(own)


def _clean(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Whole numbers where rounding alone is between, so that they are printed as such."""
    whole = np.round(table)
    return np.where(np.abs(table - whole) < 1e-13 * np.maximum(1.0, np.abs(whole)), whole, table)
