"""Diagrams against counts, orbits and null spaces: known numbers, and the same spaces."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from eqspec.algebra.constructors import covector, natural, sign, vector
from eqspec.algebra.counting import hom_dimension
from eqspec.algebra.diagrams import DiagramBasis, diagram_basis, set_partitions
from eqspec.algebra.families import alternating, classical_group, matrix_group, symmetric
from eqspec.algebra.groups import Group
from eqspec.algebra.matchings import spanning, tensor_basis
from eqspec.algebra.representations import Representation, tensor_product
from eqspec.algebra.solver import hom_basis

BELL = (1, 1, 2, 5, 15, 52, 203)


def points(group: Group) -> Representation:
    return natural("S.natural", "S", group)


@pytest.mark.parametrize("legs", range(7))
def test_set_partitions_are_counted_by_the_bell_numbers(legs: int) -> None:
    found = set_partitions(legs)
    assert len(set(found)) == len(found) == BELL[legs]
    for sources in range(legs + 1):
        basis = DiagramBasis(legs + 1, sources, legs - sources)
        assert basis.dimension == len(set(basis.diagrams)) == BELL[legs]


@pytest.mark.parametrize("n", range(1, 7))
@pytest.mark.parametrize("legs", range(1, 7))
def test_there_are_as_many_diagrams_as_characters_count(n: int, legs: int) -> None:
    rep = points(symmetric(n))
    for sources in range(legs + 1):
        basis = DiagramBasis(n, sources, legs - sources)
        expected = hom_dimension((rep,) * sources, (rep,) * (legs - sources))
        assert basis.dimension == len(set(basis.diagrams)) == expected


def same_space(first: np.ndarray, second: np.ndarray) -> bool:  # type: ignore[type-arg]
    """Do the rows of both span one space?"""
    a, b = (np.linalg.svd(x, full_matrices=False) for x in (first, second))
    rows_a, rows_b = (x[2][x[1] > 1e-8] for x in (a, b))
    if len(rows_a) != len(rows_b):
        return False
    return float(np.max(np.abs(rows_a - rows_a @ rows_b.T @ rows_b), initial=0.0)) < 1e-8


@pytest.mark.parametrize("seed", range(25))
def test_diagrams_span_the_space_of_the_orbits(seed: int) -> None:
    rng = random.Random(seed)
    while True:
        n, sources, targets = rng.randint(2, 6), rng.randint(0, 3), rng.randint(0, 3)
        if sources + targets > 0 and n ** (sources + targets) <= 2_000:
            break
    rep = points(symmetric(n))
    source, target = (rep,) * sources, (rep,) * targets
    basis = diagram_basis(source, target)
    assert basis is not None
    mine = basis.dense().reshape(len(basis), -1)
    theirs = hom_basis(source, target).dense().reshape(len(basis), -1)
    assert np.linalg.matrix_rank(mine) == len(basis)
    assert same_space(mine, theirs)
    # a basis with one diagram less, or with another one in its place, is another space
    if len(basis) > 1:
        assert not same_space(mine[1:], theirs)


@pytest.mark.parametrize(("n", "recognised"), [(5, False), (6, True), (7, True)])
def test_the_alternating_group_has_the_same_maps_when_it_is_large(n: int, recognised: bool) -> None:
    rep = points(alternating(n))
    basis = diagram_basis((rep, rep), (rep, rep))
    assert (basis is not None) == recognised
    if basis is not None:
        assert basis.dimension == hom_dimension((rep, rep), (rep, rep)) == 15
        theirs = hom_basis((rep, rep), (rep, rep)).dense().reshape(15, -1)
        assert same_space(basis.dense().reshape(15, -1), theirs)


def test_what_is_no_tensor_power_is_left_to_the_solver() -> None:
    s, t = symmetric(4), symmetric(5)
    one, other = points(s), natural("T.natural", "T", t)
    odd = sign("S.sign", "S", s)
    assert diagram_basis((one, odd), (one,)) is None
    assert diagram_basis((one, odd), (one, odd)) is not None
    assert diagram_basis((one,), (other,)) is None
    assert diagram_basis((tensor_product("T2", (one, one)),), (one,)) is None
    assert diagram_basis((), ()) is None
    assert diagram_basis((one,) * 5, (one,) * 4) is None


def test_two_signs_change_nothing() -> None:
    group = symmetric(4)
    rep, odd = points(group), sign("S.sign", "S", group)
    basis = diagram_basis((rep, odd), (odd, rep, rep))
    assert basis is not None
    theirs = hom_basis((rep, odd), (odd, rep, rep)).dense().reshape(len(basis), -1)
    assert same_space(basis.dense().reshape(len(basis), -1), theirs)


# ---- matchings ---------------------------------------------------------------------------------------

CLASSICAL = (
    ("orthogonal", (2,)), ("orthogonal", (3,)), ("orthogonal", (5,)),
    ("special_orthogonal", (2,)), ("special_orthogonal", (3,)), ("special_orthogonal", (4,)),
    ("lorentz", (1, 1)), ("lorentz", (1, 3)), ("special_lorentz", (1, 2)),
    ("special_lorentz", (1, 3)), ("symplectic", (2,)), ("symplectic", (4,)),
    ("general_linear", (2,)), ("general_linear", (3,)),
    ("special_linear", (2,)), ("special_linear", (3,)),
)  # fmt: skip
DOUBLE_FACTORIALS = {2: 1, 4: 3, 6: 15, 8: 105}


@pytest.mark.parametrize(("legs", "count"), DOUBLE_FACTORIALS.items())
def test_matchings_are_counted_by_double_factorials(legs: int, count: int) -> None:
    group = classical_group("orthogonal", max(2, legs // 2))
    rep = vector("G.vector", "G", group)
    for sources in range(legs + 1):
        basis = tensor_basis((rep,) * sources, (rep,) * (legs - sources))
        assert basis is not None
        assert len(list(spanning(basis))) == len(basis.matchings) == basis.dimension == count


@pytest.mark.parametrize(
    ("family", "sizes", "counts"),
    [
        ("orthogonal", (4,), (3, 15, 105)),
        ("orthogonal", (3,), (3, 15, 91)),
        ("orthogonal", (2,), (3, 10, 35)),
        ("special_orthogonal", (3,), (3, 15, 91)),
        ("special_orthogonal", (2,), (6, 20, 70)),
        ("special_lorentz", (1, 3), (4, 25, 196)),
        ("symplectic", (4,), (3, 14, 84)),
        ("special_linear", (2,), (2, 5, 14)),
        ("general_linear", (2,), (2, 5, 14)),
    ],
)
def test_known_dimensions(family: str, sizes: tuple[int, ...], counts: tuple[int, ...]) -> None:
    rep = vector("G.vector", "G", classical_group(family, *sizes))
    for k, count in zip((2, 3, 4), counts, strict=True):
        basis = tensor_basis((rep,) * k, (rep,) * k)
        assert basis is not None
        assert len(basis.matchings) == basis.dimension == count


@pytest.mark.parametrize(("family", "sizes"), CLASSICAL)
def test_as_many_diagrams_are_independent_as_characters_count(
    family: str, sizes: tuple[int, ...]
) -> None:
    group = classical_group(family, *sizes)
    up, down = vector("G.vector", "G", group), covector("G.covector", "G", group)
    found = 0
    for k in range(4):
        for m in range(4):
            for source, target in (
                ((up,) * k, (up,) * m),
                ((up,) * k, (down,) * m),
                ((down,) * k, (up, down)[:m] + (up,) * max(0, m - 2)),
            ):
                basis = tensor_basis(source, target)
                if basis is None:
                    big = group.family == "special_orthogonal" and sum(sizes) > 4
                    assert big or not (k + m and hom_dimension(source, target))
                    continue
                found += 1
                assert len(basis.matchings) == basis.dimension == hom_dimension(source, target)
                assert sum(len(sources) for _, sources in basis.by_target) == basis.dimension
    assert found >= 4


def test_axial_vectors_and_pseudoscalars_take_the_levi_civita_symbol() -> None:
    rep = vector("G.vector", "G", classical_group("orthogonal", 3))
    axial, pseudo = rep.axial(), rep.pseudoscalar()
    cases: list[tuple[tuple[Representation, ...], tuple[Representation, ...], int]] = [
        ((rep, rep), (axial,), 1),
        ((rep, rep), (rep, pseudo), 1),
        ((rep, rep, rep), (pseudo,), 1),
        ((axial, rep), (pseudo,), 1),
        ((axial,), (axial,), 1),
        ((rep, rep), (axial, rep), 0),
        ((axial, rep), (axial, rep), 3),
        ((rep, rep), (axial, rep, rep), 6),
    ]
    for source, target, count in cases:
        assert hom_dimension(source, target) == count
        basis = tensor_basis(source, target)
        if not count:
            assert basis is None
            continue
        assert basis is not None
        symbols = {len(matching.symbols) for matching in basis.matchings}
        assert len(basis.matchings) == count
        assert symbols == ({1} if basis.odd else {0})


def test_other_groups_and_representations_are_left_to_the_solver() -> None:
    shear = matrix_group(2, {"r": [[0, -1], [1, -1]], "s": [[0, 1], [1, 0]]})
    own = vector("G.vector", "G", shear)
    assert tensor_basis((own, own), (own,)) is None
    five = vector("G.vector", "G", classical_group("special_orthogonal", 5))
    assert tensor_basis((five,) * 2, (five,) * 2) is not None
    assert tensor_basis((five,) * 2, (five,) * 3) is None
    rep = vector("G.vector", "G", classical_group("general_linear", 2))
    assert tensor_basis((rep, rep.pseudoscalar()), (rep,)) is None
    assert tensor_basis((rep,), (rep, rep)) is None


def test_a_dimension_that_is_too_large_is_seen() -> None:
    rep = vector("G.vector", "G", classical_group("orthogonal", 2))
    basis = tensor_basis((rep, rep, rep), (rep, rep, rep))
    assert basis is not None
    assert len(basis.matchings) == 10
    with pytest.raises(ValueError, match="11 maps, 10 diagrams"):
        assert replace(basis, dimension=11).matchings
