"""Diagrams against counts, orbits and null spaces: known numbers, and the same spaces."""

from __future__ import annotations

import random

import numpy as np
import pytest

from eqspec.algebra.constructors import natural, sign
from eqspec.algebra.counting import hom_dimension
from eqspec.algebra.diagrams import DiagramBasis, diagram_basis, set_partitions
from eqspec.algebra.families import alternating, symmetric
from eqspec.algebra.groups import Group
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
