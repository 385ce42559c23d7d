"""Property tests: two routes to every dimension, exact and complete bases, mutants caught."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import gcd
from typing import TypeAlias

import numpy as np
import pytest
from algebra_cases import representations_of, small_groups
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from eqspec.algebra import images as im
from eqspec.algebra.counting import hom_dimension, invariants_dimension, total_degree
from eqspec.algebra.families import cyclic
from eqspec.algebra.groups import Group
from eqspec.algebra.homomorphism import homomorphism_fault
from eqspec.algebra.images import Image, Monomial, matrix
from eqspec.algebra.nullspace import (
    PRIMES,
    SolverTooLarge,
    SparseRow,
    null_space,
    rational_reconstruction,
)
from eqspec.algebra.orbits import signed_orbits
from eqspec.algebra.representations import Representation, Term, direct_sum, from_images
from eqspec.algebra.restriction import restricted
from eqspec.algebra.solver import (
    DenseBasis,
    OrbitBasis,
    RoutesDisagree,
    check_basis,
    cross_check,
    hom_basis,
    residual,
    solved_basis,
)

GROUPS = [group for group in small_groups() if group.order <= 24]
FAST = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


def conjugated(rep: Representation, rows: list[list[int]]) -> Representation:
    """The same representation in another basis: no longer orthogonal."""
    change = matrix(rows)
    images = {
        (name, g): im.explicit(
            im.compose(im.compose(change, rep.image(name, g)), im.inverse(change))
        )
        for name, group in rep.groups
        for g in range(len(group.generators))
    }
    return from_images(rep.label + "'", rep.groups, rep.degree, images)


@st.composite
def factors(draw: st.DrawFn) -> dict[str, Group]:
    return {name: draw(st.sampled_from(GROUPS)) for name in "AB"}


@st.composite
def primitives(
    draw: st.DrawFn, largest: int = 6, groups: dict[str, Group] | None = None
) -> Representation:
    known = draw(factors()) if groups is None else groups
    name = draw(st.sampled_from("AB"))
    options = [rep for rep in representations_of(name, known[name]) if rep.degree <= largest]
    rep = draw(st.sampled_from(options))
    match draw(st.integers(0, 5)):
        case 0 if rep.degree <= 3:
            d = rep.degree
            shear = [[int(i == j) + 2 * int(j == i + 1) for j in range(d)] for i in range(d)]
            return conjugated(rep, shear)
        case 1:
            return rep.dual()
        case 2 if rep.is_orthogonal:
            return rep.axial()
        case _:
            return rep


@st.composite
def axes(
    draw: st.DrawFn, degree: int, groups: dict[str, Group] | None = None
) -> list[Representation]:
    known = draw(factors()) if groups is None else groups
    result: list[Representation] = []
    for _ in range(draw(st.integers(0, 3))):
        rep = draw(primitives(6, known))
        if draw(st.integers(0, 4)) == 0:
            other = draw(primitives(3, known))
            rep = direct_sum("sum", [Term((draw(st.integers(1, 2)), rep)), Term((other,))])
        if total_degree([*result, rep]) <= degree:
            result.append(rep)
    return result


Sides: TypeAlias = tuple[list[Representation], list[Representation]]


@st.composite
def sides(draw: st.DrawFn, source: int, target: int, monomial: bool = False) -> Sides:
    """Axes of a source and a target under the same two factors."""
    known = draw(factors())
    found = draw(axes(source, known)), draw(axes(target, known))
    assume(not monomial or all(rep.is_signed_permutation for rep in (*found[0], *found[1])))
    return found


@FAST
@given(sides(18, 12))
def test_characters_and_solver_agree_and_bases_are_exact(spaces: Sides) -> None:
    source, target = spaces
    basis = solved_basis(tuple(source), tuple(target))
    assert check_basis(basis, source, target)
    assert len(basis) == hom_dimension(source, target)
    flat = basis.dense().reshape(len(basis), basis.shape[0] * basis.shape[1])
    assert len(basis) == 0 or np.linalg.matrix_rank(flat) == len(basis)
    duals = hom_dimension([rep.dual() for rep in target], [rep.dual() for rep in source])
    assert duals == len(basis)


@FAST
@given(sides(12, 8, monomial=True))
def test_orbits_span_the_exact_null_space(spaces: Sides) -> None:
    """The orbit basis against the null space of the same equations, as equal spans."""
    source, target = spaces
    orbit = hom_basis(source, target)
    assert isinstance(orbit, OrbitBasis)
    wholes = [direct_sum("", [Term(tuple(parts))]) for parts in (source, target)]
    rows: list[SparseRow] = []
    o, i = orbit.shape
    for name, group in {**dict(wholes[0].groups), **dict(wholes[1].groups)}.items():
        for g in range(len(group.generators)):
            a, b = (np.array(im.rows_of(side.image(name, g)), dtype=object) for side in wholes)
            block = np.kron(b, np.eye(i, dtype=object)) - np.kron(np.eye(o, dtype=object), a.T)
            rows += [{j: int(v) for j, v in enumerate(row) if v} for row in block]
    vectors = null_space(rows, o * i)
    assert len(vectors) == len(orbit)
    dense = np.zeros((len(vectors), o * i))
    for k, vector in enumerate(vectors):
        for j, value in vector.items():
            dense[k, j] = value
    joint = np.concatenate([dense, orbit.dense().reshape(len(orbit), o * i)])
    assert joint.size == 0 or np.linalg.matrix_rank(joint) == len(vectors)


@FAST
@given(sides(18, 12, monomial=True))
def test_orbit_labels_are_canonical(spaces: Sides) -> None:
    source, target = spaces
    basis = hom_basis(source, target)
    assert isinstance(basis, OrbitBasis)
    labels, signs = basis.labels.reshape(-1), basis.signs.reshape(-1)
    firsts = [int(np.flatnonzero(labels == k)[0]) for k in range(len(basis))]
    assert firsts == sorted(firsts)
    assert all(signs[first] == 1 for first in firsts)
    assert ((labels < 0) == (signs == 0)).all()


@FAST
@given(axes(18))
def test_composites_are_what_their_matrices_say(parts: list[Representation]) -> None:
    """Counting on terms equals counting on the formed matrices; restriction equals `under`."""
    whole = direct_sum("", [Term(tuple(parts))])
    assert homomorphism_fault(whole) is None
    images = {
        (name, g): whole.image(name, g)
        for name, group in whole.groups
        for g in range(len(group.generators))
    }
    written = from_images("", whole.groups, whole.degree, images)
    assert homomorphism_fault(written) is None
    assert invariants_dimension([written]) == invariants_dimension([whole])
    for name in sorted(whole.factors):
        alone = restricted(whole, frozenset({name}))
        assert invariants_dimension([alone]) == invariants_dimension([whole], under=[name])
        assert invariants_dimension([written], under=[name]) == invariants_dimension([alone])


@FAST
@given(primitives(), st.data())
def test_perturbed_images_are_faults(rep: Representation, data: st.DataObject) -> None:
    """One image times 2 breaks every relation that holds it an unbalanced number of times."""
    name, group = rep.groups[0]
    assume(group.order > 1)
    at = data.draw(st.integers(0, len(group.generators) - 1))
    images: dict[tuple[str, int], Image] = {
        (name, g): rep.image(name, g) for g in range(len(group.generators))
    }
    images[name, at] = im.scale(images[name, at], Fraction(2))
    fault = homomorphism_fault(from_images("mutant", rep.groups, rep.degree, images))
    assert fault is not None
    assert fault.found != fault.expected
    assert fault.error > 0


@FAST
@given(factors(), st.data())
def test_mutated_bases_are_caught(known: dict[str, Group], data: st.DataObject) -> None:
    x, y = (data.draw(primitives(4, known)) for _ in range(2))
    basis = hom_basis([x], [y])
    assume(len(basis) > 0)
    numerators = basis.numerators.copy()
    o, i = (data.draw(st.integers(0, n - 1)) for n in basis.shape)
    numerators[0, o, i] += 1
    single = np.zeros((1, *basis.shape), dtype=np.int64)
    single[0, o, i] = 1
    # the changed basis is exact iff the elementary change commutes with the group by itself
    mutant, change = DenseBasis(numerators), DenseBasis(single)
    assert residual(mutant, [x], [y]) == 0 or residual(change, [x], [y]) != 0
    assert check_basis(mutant, [x], [y]) == check_basis(change, [x], [y])


def test_residual_of_orbits_sees_labels_and_signs() -> None:
    sign = from_images("", (("g", cyclic(2)),), 2, {("g", 0): Monomial((1, 0), (1, 1))})
    basis = hom_basis([sign], [sign])
    assert isinstance(basis, OrbitBasis)
    labels, signs = basis.labels.copy(), basis.signs.copy()
    signs[0, 0] = -1
    assert residual(replace(basis, signs=signs), [sign], [sign]) == 2
    labels[0, 0] = 1
    assert residual(replace(basis, labels=labels), [sign], [sign]) == 1
    with pytest.raises(ValueError, match="between degrees"):
        residual(basis, [sign], [])


def test_routes_that_disagree_are_an_error() -> None:
    rep = from_images("", (("g", cyclic(2)),), 2, {("g", 0): Monomial((1, 0), (1, 1))})
    with pytest.raises(RoutesDisagree, match="characters count 2 maps, the solver finds 1"):
        cross_check(DenseBasis(np.ones((1, 2, 2), dtype=np.int64)), [rep], [rep])
    shared = solved_basis((rep,), (rep,))
    assert isinstance(shared, OrbitBasis)
    with pytest.raises(ValueError, match="read-only"):
        shared.labels[0, 0] = 5


def test_signed_orbits() -> None:
    labels, signs, count = signed_orbits([Monomial((1, 0, 2, 4, 3), (-1, -1, -1, 1, 1))], 5)
    assert labels.tolist() == [0, 0, -1, 1, 1]
    assert signs.tolist() == [1, -1, 0, 1, 1]
    assert count == 2
    assert signed_orbits([], 3)[2] == 3


# ---- null spaces ----


@FAST
@given(
    st.integers(1, 6).flatmap(
        lambda n: st.lists(
            st.lists(st.integers(-9, 9), min_size=n, max_size=n), min_size=1, max_size=7
        )
    )
)
def test_null_space_is_exact_and_complete(rows: list[list[int]]) -> None:
    width = len(rows[0])
    vectors = null_space([dict(enumerate(row)) for row in rows], width)
    rank = len(reduced(rows))
    assert len(vectors) == width - rank
    for vector in vectors:
        assert all(sum(row[j] * v for j, v in vector.items()) == 0 for row in rows)
        assert gcd(*vector.values()) == 1
    assert len(reduced([[v.get(j, 0) for j in range(width)] for v in vectors])) == len(vectors)


def reduced(rows: list[list[int]]) -> list[list[Fraction]]:
    work, rank = [[Fraction(v) for v in row] for row in rows], 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((k for k in range(rank, len(work)) if work[k][column]), None)
        if pivot is None:
            continue
        work[rank], work[pivot] = work[pivot], work[rank]
        for k in range(rank + 1, len(work)):
            ratio = work[k][column] / work[rank][column]
            work[k] = [a - ratio * b for a, b in zip(work[k], work[rank], strict=True)]
        rank += 1
    return work[:rank]


def test_a_bad_prime_does_not_decide() -> None:
    assert null_space([{0: 1, 1: 1}, {0: 1, 1: 1 + PRIMES[0]}], 2) == []
    assert null_space([{0: PRIMES[0]}], 1) == []
    assert null_space([{0: PRIMES[0], 1: 1}], 2) == [{0: -1, 1: PRIMES[0]}]


def test_large_entries_need_several_primes() -> None:
    a, b = 10**9 + 7, 998_244_353
    (vector,) = null_space([{0: a, 1: -b}], 2)
    assert vector == {1: a, 0: b}
    assert rational_reconstruction(pow(b, -1, PRIMES[0]) * a % PRIMES[0], PRIMES[0]) != Fraction(
        a, b
    )


def test_solver_bounds() -> None:
    with pytest.raises(SolverTooLarge, match="beyond 62 bits"):
        null_space([{0: 2**61 + 1, 1: 2**63 + 9}], 2)
    with pytest.raises(SolverTooLarge, match="equations in"):
        null_space([{j: 1, j + 1: 1} for j in range(9_000)], 9_001)
    plain = Representation("", (), 10_000, (10_000,))
    with pytest.raises(SolverTooLarge, match="are labelled"):
        hom_basis([plain], [plain])
    turn = from_images("", (("g", cyclic(3)),), 3, {("g", 0): Monomial((1, 2, 0), (1, 1, 1))})
    rep = conjugated(turn, [[1, 2, 0], [0, 1, 2], [0, 0, 1]])
    with pytest.raises(SolverTooLarge, match="unknowns are solved exactly"):
        hom_basis([rep] * 4, [rep] * 4)


def test_null_space_of_nothing() -> None:
    assert null_space([], 2) == [{0: 1}, {1: 1}]
    assert null_space([{0: 0}], 1) == [{0: 1}]
