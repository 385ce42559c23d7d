"""Bases of the spaces of equivariant linear maps, solved exactly from the generators.

In: the parts (tensor factors) of source and target. Out: `OrbitBasis` where every matrix is a
signed permutation (the orbits of index pairs, found as connected components), else `DenseBasis`
with integer entries from an exact null space. This route shares nothing with `counting` but the
matrices, and `solved_basis` holds the two against each other. Floating point never decides
anything.

Sources: Burnside (orbits of pairs span the maps between permutation representations), and for
signed permutations the balanced components of the signed graph (Harary 1953) through its double
cover.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache, reduce
from math import lcm, prod

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra import images as im
from eqspec.algebra.bases import Basis, DenseBasis, OrbitBasis, bounded, kron_bases, rank
from eqspec.algebra.counting import CannotCount, clusters, hom_dimension
from eqspec.algebra.groups import Word, extend
from eqspec.algebra.images import Matrix, Monomial
from eqspec.algebra.nullspace import SolverTooLarge, SparseRow, null_space
from eqspec.algebra.orbits import orbits, signed_orbits
from eqspec.algebra.representations import Representation, joined, word_image
from eqspec.algebra.residuals import Parts, check_basis, generators_of, residual, side
from eqspec.limits import limits

UNKNOWN_LIMIT = 1 << 16  # entries of a map in one dense cluster
SHORT_WORDS = 200  # words tried for signed permutations
MOVES = 32  # of which so many are used


class RoutesDisagree(RuntimeError):  # noqa: N818 - says what happened
    """Characters and solver found different dimensions: a fault of the compiler, nothing may be
    emitted."""


@lru_cache(maxsize=512)
def solved_basis(source: tuple[Representation, ...], target: tuple[Representation, ...]) -> Basis:
    """`hom_basis`, held against the dimension by characters wherever they can be formed.

    RoutesDisagree if the two routes differ; SolverTooLarge beyond the bounds.
    """
    basis = hom_basis(source, target)
    cross_check(basis, source, target)
    arrays = (basis.labels, basis.signs) if isinstance(basis, OrbitBasis) else (basis.numerators,)
    for array in arrays:  # shared by all callers
        array.setflags(write=False)
    return basis


def cross_check(basis: Basis, source: Parts, target: Parts) -> int | None:
    """The dimension by characters, None where none can be formed. RoutesDisagree if it is not the
    size of the basis."""
    try:
        expected = hom_dimension(tuple(source), tuple(target))
    except CannotCount:
        return None
    if expected != len(basis) or expected != rank(basis):
        raise RoutesDisagree(
            f"characters count {expected} maps, the solver finds {rank(basis)} independent ones"
        )
    return expected


def hom_basis(source: Parts, target: Parts) -> Basis:
    """A basis of the maps L with rho_target(g) L = L rho_source(g) for all generators.

    Source and target are tensor products of their parts (row-major); an empty side is the trivial
    representation of degree 1. SolverTooLarge beyond `map_entries` entries; in one cluster of other
    matrices `UNKNOWN_LIMIT` entries or `unknowns` unknowns; or `basis_entries` entries of
    a dense basis.
    """
    if all(part.is_signed_permutation for part in (*source, *target)):
        return _orbit_basis(source, target)
    composite = any(part.terms is not None for part in (*source, *target))
    return _assembled(source, target) if composite else _by_clusters(source, target)


# ---- orbits ----


def _orbit_basis(source: Parts, target: Parts) -> OrbitBasis:
    o, i = prod(part.degree for part in target), prod(part.degree for part in source)
    if o * i > limits().map_entries:
        raise SolverTooLarge(
            f"maps of {o:,} x {i:,} entries: at most {limits().map_entries:,} are labelled"
        )
    moves = [
        joint_move([part.any_image(name, g) for part in (*target, *source)])
        for name, g in generators_of(source, target)
    ]
    labels, signs, dimension = orbits(moves, o * i)
    return OrbitBasis(labels.reshape(o, i), signs.reshape(o, i), dimension)


# ---- exact null spaces ----


def _by_clusters(source: Parts, target: Parts) -> Basis:
    """Solve each cluster alone and multiply; an axis on which nothing acts is one of its own."""
    found = clusters(tuple(source), tuple(target))
    pieces = [(c.source, c.target) for c in found]
    used = {k for s, _ in pieces for k in s}, {k for _, t in pieces for k in t}
    pieces += [((k,), ()) for k in range(len(source)) if k not in used[0]]
    pieces += [((), (k,)) for k in range(len(target)) if k not in used[1]]
    bases = [_cluster([source[k] for k in s], [target[k] for k in t]) for s, t in pieces]
    if not bases:
        return DenseBasis(np.ones((1, 1, 1), dtype=np.int64))
    whole = reduce(kron_bases, bases).numerators
    outputs = [k for _, t in pieces for k in t]
    inputs = [k for s, _ in pieces for k in s]
    n = len(whole)
    shape = [target[k].degree for k in outputs] + [source[k].degree for k in inputs]
    order = [1 + outputs.index(k) for k in range(len(target))]
    order += [1 + len(outputs) + inputs.index(k) for k in range(len(source))]
    o, i = prod(part.degree for part in target), prod(part.degree for part in source)
    return DenseBasis(whole.reshape(n, *shape).transpose(0, *order).reshape(n, o, i))


def _cluster(source: Parts, target: Parts) -> Basis:
    """One cluster: elements that act by signed permutations first, which leaves one unknown for
    each orbit of entries, then the exact null space of what the other generators demand."""
    if all(part.is_signed_permutation for part in (*source, *target)):
        return _orbit_basis(source, target)
    o, i = prod(part.degree for part in target), prod(part.degree for part in source)
    if o * i > UNKNOWN_LIMIT:
        raise SolverTooLarge(
            f"maps of {o:,} x {i:,} entries between matrices that are no signed permutations:"
            f" at most {UNKNOWN_LIMIT:,} are solved exactly"
        )
    covered, elements = _monomial_elements(source, target)
    moves = [joint_move([word_image(*at) for at in images]) for images in elements]
    labels, signs, count = orbits(moves, o * i)
    if count > limits().unknowns:
        raise SolverTooLarge(
            f"maps of {o:,} x {i:,} entries with {count:,} unknowns between matrices that are no"
            f" signed permutations: at most {limits().unknowns:,} unknowns are solved exactly"
        )
    x, y = side(source), side(target)
    places, turns = labels.tolist(), signs.tolist()
    rows: list[SparseRow] = []
    for name, g in generators_of(source, target):
        if (name, g) in covered:
            continue
        a, b = im.commuting(x.image(name, g), y.image(name, g))
        for equation in _equations(a, b):
            row: SparseRow = {}
            for j, value in equation.items():
                if places[j] >= 0:
                    row[places[j]] = row.get(places[j], 0) + turns[j] * value
            rows.append(row)
    vectors = null_space(rows, count)
    bounded(len(vectors), o, i)
    values = np.zeros((len(vectors), count + 1), dtype=np.int64)  # the last column stands for 0
    for k, vector in enumerate(vectors):
        for j, value in vector.items():
            values[k, j] = value
    return DenseBasis((values[:, labels] * signs).reshape(len(vectors), o, i))


def _monomial_elements(
    source: Parts, target: Parts
) -> tuple[set[tuple[str, int]], list[list[tuple[Representation, str, Word]]]]:
    """Elements of one factor that act by signed permutations on every part: the generators that do
    (also returned as a set: they need no equations), and short words such as c^-1 t c where t alone
    is one. Any words will do: they only spare unknowns."""
    parts = (*target, *source)
    groups = joined([part.groups for part in parts])
    covered = {
        (name, g)
        for name, g in generators_of(source, target)
        if all(isinstance(part.image(name, g), Monomial) for part in parts)
    }
    found: list[list[tuple[Representation, str, Word]]] = [
        [(part, name, ((g, 1),)) for part in parts] for name, g in sorted(covered)
    ]
    words_of = [
        name
        for name, group in groups
        # words of infinite groups grow; their generators are chosen so that they are enough
        if group.is_finite and any(name in part.factors for part in parts)
    ]
    extra: list[list[tuple[Representation, str, Word]]] = []
    for name in words_of:
        group = dict(groups)[name]
        letters = [(g, e) for g in range(len(group.generators)) for e in (1, -1)]
        words: list[Word] = [()]
        seen = {group.element(())}
        for word in words:
            for letter in letters:
                new = extend(word, *letter)
                element = group.element(new)
                if element in seen or len(words) == SHORT_WORDS:
                    continue
                seen.add(element)
                words.append(new)
                if not any(isinstance(word_image(part, name, new), Matrix) for part in parts):
                    extra.append([(part, name, new) for part in parts])
    return covered, [*found, *extra[:MOVES]]


def joint_move(images: Sequence[im.AnyImage]) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """The Kronecker product of signed permutations as arrays."""
    places, signs = np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.int8)
    for image in images:
        image = im.explicit(image)
        assert isinstance(image, Monomial)
        own, own_signs = np.asarray(image.images), np.asarray(image.signs, dtype=np.int8)
        places = (places[:, None] * len(own) + own).reshape(-1)
        signs = (signs[:, None] * own_signs).reshape(-1)
    return places, signs


def _equations(a: im.Image, b: im.Image) -> list[SparseRow]:
    """The entries of b L - L a = 0 as integer equations in the entries of L (row-major)."""
    width = a.degree
    right = im.sparse_rows_of(b)
    columns = im.sparse_rows_of(im.transpose(a))
    rows: list[SparseRow] = []
    for o in range(b.degree):
        for i in range(width):
            row: dict[int, Fraction] = {}
            for k, value in right[o]:
                row[k * width + i] = value
            for k, value in columns[i]:
                row[o * width + k] = row.get(o * width + k, Fraction(0)) - value
            common = lcm(*(value.denominator for value in row.values()))
            rows.append({j: int(value * common) for j, value in row.items()})
    return rows


# ---- composites ----


def _assembled(source: Parts, target: Parts) -> Basis:
    """Direct sums: a matrix of pairs of terms, each solved alone, in order of the first entry."""
    o, i = prod(part.degree for part in target), prod(part.degree for part in source)
    blocks: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = []
    count = 0
    for rows, out in _terms(target):
        for columns, inner in _terms(source):
            basis = hom_basis(inner, out).numerators
            count += len(basis)
            bounded(count, o, i)
            blocks.append((basis, rows, columns))
    result = np.zeros((count, o, i), dtype=np.int64)
    start = 0
    for basis, rows, columns in blocks:
        result[start : start + len(basis), rows[:, None], columns] = basis
        start += len(basis)
    first = (result.reshape(count, -1) != 0).argmax(axis=1) if count else np.zeros(0, np.int64)
    return DenseBasis(result[np.argsort(first, kind="stable")])


def _terms(parts: Parts) -> list[tuple[NDArray[np.int64], list[Representation]]]:
    """The tensor product of composites as a list of terms: the coordinates (row-major over the
    term's axes) and the primitive parts, plain sizes as representations on which nothing acts."""
    result: list[tuple[NDArray[np.int64], list[Representation]]] = [(np.zeros(1, np.int64), [])]
    for part in parts:
        pieces: list[tuple[NDArray[np.int64], list[Representation]]] = []
        if part.terms is None:
            pieces.append((np.arange(part.degree), [part]))
        else:
            start = 0
            for term in part.terms:
                for inner, primitive in _terms([_as_part(axis) for axis in term.axes]):
                    pieces.append((start + inner, primitive))
                start += term.degree
        result = [
            ((at[:, None] * part.degree + inner).reshape(-1), [*before, *primitive])
            for at, before in result
            for inner, primitive in pieces
        ]
    return result


def _as_part(axis: int | Representation) -> Representation:
    return Representation(str(axis), (), axis, (axis,)) if isinstance(axis, int) else axis


__all__ = [
    "Basis",
    "DenseBasis",
    "OrbitBasis",
    "RoutesDisagree",
    "SolverTooLarge",
    "check_basis",
    "cross_check",
    "hom_basis",
    "kron_bases",
    "residual",
    "signed_orbits",
    "solved_basis",
]
