"""`linear` between features in irreducible coordinates: a small product for every slot.

A map of Hom_G(V, W) is, in the coordinates of `coordinates`, one matrix for each component, used for all its
copies: sum_i n_i m_i c_i numbers instead of dim V dim W (Schur). Its entries are linear in the free weights,
which are those of the other ways of lowering: the coefficients are found by moving every basis matrix into
the new coordinates. What only one side has is the trivial component's: an argument gives its invariants,
a target takes them (the edge theorem).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra.bases import DenseBasis, OrbitBasis
from eqspec.algebra.solver import RoutesDisagree
from eqspec.graph.model import Node
from eqspec.graph.sizes import is_dynamic
from eqspec.graph.types import Type
from eqspec.ops.blockmaps import free_weights, is_constant, lower_bias, pair_basis
from eqspec.ops.circulant import complex_blocks, frequencies, is_circulant
from eqspec.ops.clusters import Pair, Part, pair_of
from eqspec.ops.contract import LoweringSite, Registers
from eqspec.ops.coordinates import LETTERS, Coordinates, Frame, Piece, Slot, Spectrum, split
from eqspec.ops.drawing import drawing_of
from eqspec.ops.linear import LinearMaps, Term, sums_of
from eqspec.program.builder import Builder

MOST_WORK = 1 << 24  # products of two rows with a basis matrix, to find the coefficients
MOST_ENTRIES = 1 << 16  # of a table of coefficients
EXACT = 1e-9


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
        if part.source and part.target and is_circulant(basis, *_spectra(part, of, to)):
            continue
        rows = math.prod(to.sizes(part.target)) * math.prod(of.sizes(part.source))
        if rows * basis.dimension > MOST_WORK or basis.dimension**2 > MOST_ENTRIES:
            return False
    return True


def _spectra(part: Part, of: Coordinates, to: Coordinates) -> tuple[Spectrum, Spectrum]:
    """What replaces the axes of a shared cluster: of the target, of the source."""
    return (
        to.spectra[to.axes.index(part.target[0])],
        of.spectra[of.axes.index(part.source[0])],
    )


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
        free = [free_weights(b, one.pair, one.name, one.bound) for one in made.terms]
        biases: dict[tuple[int, ...], int] = {}
        if made.bias:
            maps = site.node.data
            assert isinstance(maps, LinearMaps)
            whole = lower_bias(b, made.target, maps.each, made.bias, made.bias_bound)
            assert whole is not None, "the count says that there are invariants"
            parts = split(b, to, whole)
            biases = {p.numbers: x for p, x in zip(to.pieces, parts, strict=True) if p.is_trivial}
        for piece, shape in zip(to.pieces, to.shapes, strict=True):
            terms: list[int] = []
            for one, weights in zip(made.terms, free, strict=True):
                of, registers = given[one.k][one.s]
                match = matching(one.pair, of, to, piece)
                if match is None:
                    continue
                x = registers[[p.numbers for p in of.pieces].index(match.numbers)]
                terms.append(_product(b, one, of, to, match, piece, x, weights))
            if piece.numbers in biases:
                terms.append(biases[piece.numbers])
            results.append(b.reshape(b.add(*terms), shape))
    return tuple(results)


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
    free: int,
) -> int:
    """The term of one piece of the source in one of the target, in the shape of the latter."""
    pair = one.pair
    source_plain = [k for k in of.others if k not in pair.source_each]
    target_plain = [k for k in to.others if k not in pair.target_each]
    weight = _weight(b, pair, of, to, match, piece, free)
    # x as (each ..., K, D, W x channels)
    sizes = of.sizes(of.others)
    x = b.reshape(x, (match.count, match.copies, match.inner, *sizes))
    each = [3 + of.others.index(k) for k in pair.source_each]
    inner = [3 + of.others.index(k) for k in source_plain]
    x = b.permute(x, [*each, 0, 1, 2, *inner])
    lead = of.sizes(pair.source_each)
    width = math.prod((match.inner, *of.sizes(source_plain)))
    copies = (match.copies,) if match.copies > 1 else ()
    height = b.shape(weight)[1]
    if match.count == 1:
        x = b.reshape(x, (*lead, *copies, width))
        y = b.linear(x, b.reshape(weight, (height, width)))
    else:
        x = b.reshape(x, (*lead, match.count, *copies, width))
        e, d = LETTERS[: len(lead)], "d" if copies else ""
        e = e.upper()
        y = b.einsum(f"{e}k{d}w,kvw->{e}k{d}v", x, weight)
    y = b.reshape(y, (*lead, piece.count, piece.copies, piece.inner, *to.sizes(target_plain)))
    axes = [*pair.target_each, -1, -2, -3, *target_plain]
    y = b.permute(y, [axes.index(k) for k in (-1, -2, -3, *to.others)])
    return b.reshape(y, (*piece.lead, *to.sizes(to.others)))


def _weight(
    b: Builder,
    pair: Pair,
    of: Coordinates,
    to: Coordinates,
    match: Piece,
    piece: Piece,
    free: int,
) -> int:
    """The matrices of a piece, of shape (K, W' x channels', W x channels), from the free weights, whose
    axes are those of `free_weights`."""
    letters = iter(LETTERS)
    plain_out = [k for k in to.others if k not in pair.target_each]
    plain_in = [k for k in of.others if k not in pair.source_each]
    out = {k: next(letters) for k in plain_out}
    into = {k: next(letters) for k in plain_in}
    tables: list[int] = []
    specs: list[str] = []
    batch, high, low = "", "", ""
    clusters = ""
    transformed: list[tuple[str, str, Slot]] = []
    for part in pair.shared:
        k, v, w, o = (next(letters) for _ in range(4))
        slot = piece.slots[to.axes.index(part.target[0])]
        basis, spectra = pair_basis(pair, part), _spectra(part, of, to)
        if is_circulant(basis, *spectra):
            p = next(letters) if slot.inner > 1 else ""
            transformed.append((o, k + p, slot))
            if not p:  # a number for every frequency
                clusters, batch = clusters + o, batch + k
                continue
            tables.append(complex_blocks(b))
            specs.append(p + v + w)
        else:
            table = coefficients(basis, *spectra, slot.number)
            tables.append(b.real(table, "entries of the blocks for every orbit"))
            specs.append(o + k + v + w)
        clusters += o
        batch, high, low = batch + k, high + v, low + w
    free_counts = ["", ""]
    for side, parts in enumerate((pair.symmetric, pair.invariant)):
        for part in parts:
            basis = pair_basis(pair, part)
            end = (to, of)[side]
            (axis,) = (part.target, part.source)[side]
            spectrum = end.spectra[end.axes.index(axis)]
            letter = next(letters)
            table = _one_sided(basis, spectrum)
            if is_constant(basis):
                table = table.reshape(-1)
                specs.append(letter)
            else:
                o = next(letters)
                free_counts[side] += o
                specs.append(o + letter)
            tables.append(b.real(table, "the invariants in irreducible coordinates"))
            if side == 0:
                high += letter
            else:
                low += letter
    places = [*out.values(), *free_counts[0], *into.values(), *free_counts[1]]
    dense = any(isinstance(pair_basis(pair, part), DenseBasis) for part in pair.shared)
    order = clusters if dense else clusters[::-1]
    spec = "".join(places) + order
    result = batch + high + "".join(out.values()) + low + "".join(into.values())
    weight = free
    for o, front, slot in transformed:
        weight = frequencies(b, weight, spec.index(o), slot)
        spec = front + spec.replace(o, "")
    if specs or result != spec:
        weight = b.einsum(",".join([spec, *specs]) + "->" + result, weight, *tables)
    rows = math.prod((piece.inner, *to.sizes(plain_out)))
    return b.reshape(weight, (match.count, rows, math.prod((match.inner, *of.sizes(plain_in)))))


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
