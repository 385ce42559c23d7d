"""Is every map of a basis an intertwiner? Decided exactly, on the generators.

In: a basis and the parts of source and target. Out: the largest entry of rho_Y(g) L - L rho_X(g).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra import images as im
from eqspec.algebra.bases import Basis, OrbitBasis
from eqspec.algebra.images import Monomial
from eqspec.algebra.representations import Representation, Term, joined

Parts: TypeAlias = Sequence[Representation]


def residual(basis: Basis, source: Parts, target: Parts) -> Fraction:
    """The largest entry of rho_target(g) L - L rho_source(g) over all generators and basis maps;
    exact."""
    worst = Fraction(0)
    x, y = side(source), side(target)
    if basis.shape != (y.degree, x.degree):
        raise ValueError(f"maps of shape {basis.shape} between degrees {x.degree} and {y.degree}")
    vectors: NDArray[np.object_] | None = None
    for name, g in generators_of(source, target):
        a, b = im.commuting(x.image(name, g), y.image(name, g))
        if isinstance(basis, OrbitBasis) and isinstance(a, Monomial) and isinstance(b, Monomial):
            worst = max(worst, _orbit_residual(basis, a, b))
            continue
        if vectors is None:
            vectors = basis.numerators.astype(object)
        scale_a, left = _integral(im.rows_of(a))
        scale_b, right = _integral(im.rows_of(b))
        for vector in vectors:
            gap = right.dot(vector) * scale_a - vector.dot(left) * scale_b
            largest = max((abs(int(v)) for v in gap.reshape(-1)), default=0)
            worst = max(worst, Fraction(largest, scale_a * scale_b))
    return worst


def check_basis(basis: Basis, source: Parts, target: Parts) -> bool:
    """Is every element of the basis an intertwiner, exactly?"""
    return residual(basis, source, target) == 0


def _orbit_residual(basis: OrbitBasis, a: Monomial, b: Monomial) -> Fraction:
    """The largest deviation of L[b(o), a(i)] = s_b(o) s_a(i) L[o, i] over basis maps, entry by
    entry."""
    rows, columns = np.asarray(b.images), np.asarray(a.images)
    labels = basis.labels[np.ix_(rows, columns)]
    signs = basis.signs[np.ix_(rows, columns)]
    moved = basis.signs * np.outer(np.asarray(b.signs), np.asarray(a.signs)).astype(np.int8)
    same = labels == basis.labels
    if bool(np.all(same & (signs == moved))):
        return Fraction(0)
    return Fraction(2 if bool(np.any(same & (signs != moved))) else 1)


def side(parts: Parts) -> Representation:
    """The tensor product of the parts as one representation, with its matrices formed on demand."""
    term = Term(tuple(parts))
    return Representation(
        "side", joined([part.groups for part in parts]), term.degree, term.shape, terms=(term,)
    )


def generators_of(source: Parts, target: Parts) -> list[tuple[str, int]]:
    """The generators of all acting factors, in order of appearance. RepresentationError if a name
    means two groups."""
    groups = joined([part.groups for part in (*source, *target)])
    acting = frozenset(f for part in (*source, *target) for f in part.factors)
    return [(f, g) for f, group in groups if f in acting for g in range(len(group.generators))]


def _integral(rows: Sequence[Sequence[Fraction]]) -> tuple[int, NDArray[np.object_]]:
    scale = lcm(*(value.denominator for row in rows for value in row))
    return scale, np.array([[int(value * scale) for value in row] for row in rows], dtype=object)
