"""Invariant forms: kept by every generator exactly, definite where that is said, found where one is."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction

import pytest
from algebra_cases import HEXAGON, TRIANGLE, representations_of, small_groups

from eqspec.algebra import constructors
from eqspec.algebra.families import matrix_group, symmetric
from eqspec.algebra.forms import (
    Form,
    invariant_form,
    is_dual_pair,
    is_invariant,
    is_positive_definite,
)
from eqspec.algebra.groups import Group
from eqspec.algebra.images import Rational, compose, determinant, inverse, matrix, rows_of
from eqspec.algebra.representations import Representation, Term, direct_sum, tensor_product


def several(*matrices: Sequence[Sequence[Rational]]) -> Representation:
    """An action by these matrices, of any order: forms look at the matrices of generators alone."""
    degree = len(matrices[0])
    group = Group("g", "test", (), tuple(f"g{k}" for k in range(len(matrices))), 1)
    images = tuple(matrix(rows) for rows in matrices)
    return Representation("m", (("G", group),), degree, (degree,), (images,))


def skewed(rng: random.Random) -> Representation:
    """Signed permutations of a random degree in a random basis."""
    degree = rng.randint(1, 4)
    base = [[Fraction(int(i == j)) for j in range(degree)] for i in range(degree)]
    for _ in range(degree):
        i, j = rng.randrange(degree), rng.randrange(degree)
        if i != j:
            factor = rng.randint(-2, 2)
            base[i] = [a + factor * b for a, b in zip(base[i], base[j], strict=True)]
    p = matrix(base)
    letters = []
    for _ in range(2):
        order = rng.sample(range(degree), degree)
        rows = [[0] * degree for _ in range(degree)]
        for i, j in enumerate(order):
            rows[j][i] = rng.choice((-1, 1))
        q = matrix(rows)
        letters.append([list(row) for row in rows_of(compose(compose(p, q), inverse(p)))])
    return several(*letters)


def check(rep: Representation, form: Form) -> None:
    rows = form.dense()
    assert is_invariant(rep, rows)
    assert determinant(matrix(rows)) != 0
    sign = 1 if form.symmetric else -1
    assert all(rows[i][j] == sign * rows[j][i] for i in range(len(rows)) for j in range(len(rows)))
    assert form.definite == is_positive_definite(rows)


@pytest.mark.parametrize("group", small_groups(), ids=lambda g: g.description)
def test_representations_of_finite_groups_have_a_positive_form(group: Group) -> None:
    for rep in representations_of("G", group):
        form = invariant_form(rep)
        assert form is not None
        assert form.definite
        assert form.is_identity == rep.is_orthogonal
        check(rep, form)


@pytest.mark.parametrize("seed", range(20))
def test_a_positive_form_is_found_in_any_basis(seed: int) -> None:
    rep = skewed(random.Random(seed))
    form = invariant_form(rep)
    assert form is not None and form.definite
    check(rep, form)


LORENTZ = [[5, 3, 0], [3, 5, 0], [0, 0, 4]]
BOOST = [[Fraction(v, 4) for v in row] for row in LORENTZ]
TURN = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]


def test_the_form_of_boosts_is_indefinite_and_not_called_definite() -> None:
    form = invariant_form(several(BOOST, TURN))
    assert form is not None
    assert form.symmetric and not form.definite
    assert form.diagonal == (1, -1, -1)


def test_on_a_tensor_power_the_forms_multiply() -> None:
    vector = several(BOOST, TURN)
    form = invariant_form(tensor_product("t", [vector, vector]))
    assert form is not None and not form.definite
    assert form.diagonal == tuple(a * b for a in (1, -1, -1) for b in (1, -1, -1))
    check(tensor_product("t", [vector, vector]), form)


def test_the_form_of_a_symplectic_group_is_antisymmetric() -> None:
    rep = several([[1, 1], [0, 1]], [[1, 0], [1, 1]])  # SL(2) = Sp(2)
    form = invariant_form(rep)
    assert form is not None
    assert not form.symmetric and not form.definite
    assert form.dense() == [[0, 1], [-1, 0]]
    squared = tensor_product("t", [rep, rep])
    form = invariant_form(squared)
    assert form is not None and form.symmetric and not form.definite
    check(squared, form)


@pytest.mark.parametrize(
    "matrices",
    [
        [[[1, 1], [0, 1]]],  # a shear keeps only degenerate symmetric forms and omega ...
        [[[2]]],  # a scaling none
        [[[2, 0], [0, 1]], [[1, 1], [0, 1]], [[1, 0], [1, 1]]],  # nor does GL(2)
    ],
    ids=["shear", "scaling", "general linear"],
)
def test_where_there_is_no_symmetric_form_none_is_made_up(matrices: list[list[list[int]]]) -> None:
    rep = several(*matrices)
    form = invariant_form(rep)
    if form is not None:
        assert not form.symmetric  # the shear lies in SL(2)
        check(rep, form)
    dual = rep.dual()
    assert is_dual_pair(rep, dual)
    assert is_dual_pair(rep, rep) == rep.is_orthogonal


def test_of_several_forms_a_positive_one_is_chosen() -> None:
    """A rotation of infinite order in a skew basis, twice: forms of every signature are kept."""
    turn = [[Fraction(3, 5), Fraction(-4, 5)], [Fraction(4, 5), Fraction(3, 5)]]
    base = matrix([[1, 1], [0, 1]])
    rows = rows_of(compose(compose(base, matrix(turn)), inverse(base)))
    one = [list(row) for row in rows]
    rep = several(one)
    form = invariant_form(rep)
    assert form is not None and form.definite
    double = several([[*row, 0, 0] for row in one] + [[0, 0, *row] for row in one])
    form = invariant_form(double)
    assert form is not None and form.definite
    check(double, form)


def test_a_sum_of_a_length_and_an_area_has_no_form_of_either_kind() -> None:
    area = several([[1, 1], [0, 1]], [[1, 0], [1, 1]])
    length = several([[0, 1], [1, 0]], [[1, 0], [0, -1]])
    assert invariant_form(direct_sum("s", [Term((area,)), Term((length,))])) is None


def test_matrix_groups_of_finite_order() -> None:
    for generators in (HEXAGON, TRIANGLE):
        group = matrix_group(2, generators)
        rep = constructors.vector("v", "G", group)
        form = invariant_form(rep)
        assert form is not None and form.definite and not form.is_identity
        check(rep, form)
        assert not is_dual_pair(rep, rep)
        assert is_dual_pair(rep, rep.dual())


def test_a_large_group_is_not_enumerated() -> None:
    """The five-dimensional part of S_7 in the basis e_i - e_6 has 5040 matrices."""
    t, c = [list(range(7)), list(range(7))]
    t[0], t[1] = 1, 0
    c = [*range(1, 7), 0]

    def rows(images: list[int]) -> list[list[int]]:
        made = [[0] * 6 for _ in range(6)]
        for i in range(6):
            for point, sign in ((images[i], 1), (images[6], -1)):
                if point < 6:
                    made[point][i] += sign
        return made

    rep = Representation(
        "m", (("S", symmetric(7)),), 6, (6,), ((matrix(rows(t)), matrix(rows(c))),)
    )
    form = invariant_form(rep)
    assert form is not None and form.definite
    assert form.dense() == [[Fraction(1 + (i == j)) for j in range(6)] for i in range(6)]
    check(rep, form)


def test_the_scale_is_a_power_of_two() -> None:
    for group in small_groups():
        for rep in representations_of("G", group):
            form = invariant_form(rep)
            assert form is not None
            largest = max(abs(v) for row in form.sparse for _, v in row)
            assert 1 <= largest * form.scale < 2
            assert (
                form.scale.numerator == 1
                and form.scale.denominator & (form.scale.denominator - 1) == 0
            )


def test_duals_of_tensors_are_seen_part_by_part() -> None:
    vector = several(BOOST, TURN)
    up, down = vector, vector.dual()
    mixed = tensor_product("t", [up, up, down] * 3)
    other = tensor_product("t", [down, down, up] * 3)
    assert is_dual_pair(mixed, other)  # 19,683 entries a side: no matrix is formed
    assert not is_dual_pair(mixed, mixed)
    assert not is_dual_pair(tensor_product("t", [up, down]), tensor_product("t", [up, up]))
    form = invariant_form(tensor_product("t", [up] * 5))
    assert form is not None and not form.definite
