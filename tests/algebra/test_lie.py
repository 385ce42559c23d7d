"""Lie algebras: closure, discrete elements, infinitesimal images against real exponentials."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from eqspec.algebra import constructors
from eqspec.algebra import images as im
from eqspec.algebra.counting import hom_dimension, invariants_dimension
from eqspec.algebra.families import classical_group, cyclic
from eqspec.algebra.forms import invariant_form
from eqspec.algebra.groups import Group, GroupError
from eqspec.algebra.homomorphism import NotFunctorial, homomorphism_fault
from eqspec.algebra.images import Infinitesimal, NoElement
from eqspec.algebra.lie import NotClosed, NotNormal, lie_group
from eqspec.algebra.representations import Representation, from_images, tensor_product
from eqspec.algebra.solver import check_basis, hom_basis
from eqspec.lowering.letters import exponential, moved_by

Rows = list[list[Fraction]]


def rows(entries: Sequence[Sequence[int | Fraction]]) -> Rows:
    return [[Fraction(v) for v in row] for row in entries]


def unit(n: int, *entries: tuple[int, int, int]) -> Rows:
    result = rows([[0] * n for _ in range(n)])
    for i, j, value in entries:
        result[i][j] = Fraction(value)
    return result


def turn(n: int, i: int, j: int) -> Rows:
    return unit(n, (i, j, -1), (j, i, 1))


J = turn(2, 0, 1)
SO2 = lie_group(2, {"J": J}, {})
O2 = lie_group(2, {"J": J}, {"s": rows([[1, 0], [0, -1]])})
SO3 = lie_group(3, {"X": turn(3, 1, 2), "Y": turn(3, 0, 2), "Z": turn(3, 0, 1)}, {})
SHEAR = lie_group(2, {"N": unit(2, (0, 1, 1))}, {})
UNIPOTENT = lie_group(3, {"P": unit(3, (0, 1, 1)), "Q": unit(3, (0, 2, 1))}, {})
GL2 = lie_group(
    2,
    {f"E{i}{j}": unit(2, (i, j, 1)) for i in range(2) for j in range(2)},
    {"m": rows([[-1, 0], [0, 1]])},
)


def vector(group: Group) -> Representation:
    return constructors.vector("V", "G", group)


def both(group: Group, source: Sequence[Representation], target: Sequence[Representation]) -> int:
    basis = hom_basis(source, target)
    assert check_basis(basis, source, target)
    assert hom_dimension(source, target) == len(basis)
    return len(basis)


@pytest.mark.parametrize(
    ("group", "classical"),
    [
        (SO2, classical_group("special_orthogonal", 2)),
        (O2, classical_group("orthogonal", 2)),
        (SO3, classical_group("special_orthogonal", 3)),
        (GL2, classical_group("general_linear", 2)),
    ],
    ids=["SO2", "O2", "SO3", "GL2"],
)
def test_the_same_group_given_twice(group: Group, classical: Group) -> None:
    """By its Lie algebra and by rational elements: the same dimensions for all small tensors."""
    for p, q in ((1, 0), (0, 1), (2, 0), (1, 1)):
        for r, s in ((1, 0), (0, 1), (2, 0), (1, 1), (2, 1)):
            found = []
            for g in (group, classical):
                x, y = (constructors.tensor("T", "G", g, *order) for order in ((p, q), (r, s)))
                found.append(both(g, [x], [y]))
            assert found[0] == found[1], (p, q, r, s)
    for g in (group, classical):
        det = vector(g).pseudoscalar()
        found.append(both(g, [det], [vector(g), vector(g)]))
    assert found[-1] == found[-2]


def test_a_shear() -> None:
    """End(V) = 2, where the trivial representation on the plane, with the same character, has 4."""
    v = vector(SHEAR)
    assert both(SHEAR, [v], [v]) == 2
    assert both(SHEAR, [v, v.dual()], []) == 2


def test_invariants_and_coinvariants_differ() -> None:
    """For {[[1, t, s], [0, 1, 0], [0, 0, 1]]}: one invariant, two coinvariants, and two maps to the
    regular representation of a factor that V does not carry (the target counts invariants)."""
    v = vector(UNIPOTENT)
    assert invariants_dimension([v]) == 1
    assert hom_dimension([v], []) == 2
    regular = constructors.regular("C.regular", "C", cyclic(2))
    assert both(UNIPOTENT, [v], [regular]) == 2
    assert both(UNIPOTENT, [regular], [v]) == 1


@pytest.mark.parametrize(
    "group", [SO2, O2, SO3, SHEAR, UNIPOTENT, GL2], ids=lambda g: g.description
)
def test_images_are_derivatives(group: Group) -> None:
    """Sums, duals, determinants and products of images against exponentials of the matrices."""
    v = vector(group)
    reps = [
        v,
        v.dual(),
        v.pseudoscalar(),
        tensor_product("T", [v, 2, v.dual()]),
        tensor_product("U", [v]),
    ]
    if v.is_orthogonal:
        reps.append(v.axial())
    for g, image in enumerate(group.model):
        if not isinstance(image, Infinitesimal):
            continue
        e = exponential(v, "G", g)
        back = np.linalg.inv(e)
        wanted = [
            e,
            back.T,
            np.array([[np.linalg.det(e)]]),
            np.kron(np.kron(e, np.eye(2)), back.T),
            e,
            np.linalg.det(e) * e,
        ]
        for rep, matrix in zip(reps, wanted, strict=False):
            assert np.allclose(exponential(rep, "G", g), matrix, atol=1e-12)
            assert np.allclose(exponential(rep, "G", g, -1), np.linalg.inv(matrix), atol=1e-12)
            found = moved_by(rep, (("G", g, 1), ("G", g, 1)))
            squared = np.eye(rep.degree) if not isinstance(found, np.ndarray) else found
            assert np.allclose(squared, matrix @ matrix, atol=1e-12)
        assert v.is_orthogonal == all(
            np.allclose(exponential(v, "G", k) @ exponential(v, "G", k).T, np.eye(v.degree))
            for k, other in enumerate(group.model)
            if isinstance(other, Infinitesimal)
        )


def test_the_basis_commutes_with_the_exponentials() -> None:
    x, y = [vector(GL2), vector(GL2).dual()], [vector(GL2), vector(GL2).dual()]
    basis = hom_basis(x, y).dense()
    for g, image in enumerate(GL2.model):
        e = (
            exponential(vector(GL2), "G", g)
            if isinstance(image, Infinitesimal)
            else np.array([[float(v) for v in row] for row in im.rows_of(image)])
        )
        moved = np.kron(e, np.linalg.inv(e).T)
        for b in basis:
            assert np.allclose(moved @ b, b @ moved, atol=1e-12)


def test_orthogonal_composites() -> None:
    """V (x) V* of a scaling is orthogonal though neither part is; V (x) V is not."""
    scaling = lie_group(2, {"A": rows([[1, 0], [0, 1]])}, {})
    v = vector(scaling)
    assert not v.is_orthogonal
    assert tensor_product("T", [v, v.dual()]).is_orthogonal
    assert not tensor_product("T", [v, v]).is_orthogonal
    squeeze = vector(lie_group(2, {"A": rows([[1, 0], [0, -1]])}, {}))
    assert not tensor_product("T", [squeeze, squeeze.dual()]).is_orthogonal


def test_an_algebra_that_is_not_closed() -> None:
    with pytest.raises(NotClosed, match="not closed") as caught:
        lie_group(3, {"X": turn(3, 1, 2), "Y": turn(3, 0, 2)}, {})
    assert caught.value.name == "Y"
    # with the bracket that the error names it is
    lie_group(3, {"X": turn(3, 1, 2), "Y": turn(3, 0, 2), "K": rows(caught.value.missing)}, {})
    # a slip in one sign of a closed algebra
    wrong = turn(3, 0, 1)
    wrong[0][1] = Fraction(1)
    with pytest.raises(NotClosed):
        lie_group(3, {"X": turn(3, 1, 2), "Y": turn(3, 0, 2), "Z": wrong}, {})


def test_discrete_elements_that_do_not_fit() -> None:
    with pytest.raises(NotNormal, match="determinant 0"):
        lie_group(2, {"J": J}, {"s": rows([[1, 1], [1, 1]])})
    with pytest.raises(NotNormal, match="out of itself"):
        lie_group(2, {"J": J}, {"s": rows([[2, 0], [0, 1]])})
    lie_group(2, {"N": unit(2, (0, 1, 1))}, {"s": rows([[2, 0], [0, 1]])})


def test_groups_that_are_none() -> None:
    for algebra, discrete in (({}, {}), ({"Z": unit(2)}, {})):
        with pytest.raises(GroupError):
            lie_group(2, algebra, discrete)
    with pytest.raises(GroupError):
        lie_group(65, {"Z": unit(65, (0, 1, 1))}, {})


def test_discrete_elements_alone() -> None:
    """A finite group is one of `matrices`; an infinite one is known by its generators."""
    assert lie_group(2, {}, {"q": rows([[0, -1], [1, 0]])}).order == 4
    group = lie_group(2, {}, {"u": rows([[1, 1], [0, 1]])})
    assert group.order is None
    assert both(group, [vector(group)], [vector(group)]) == 2


def test_half_a_weight_is_refused() -> None:
    """Every relation of the algebra holds for J/2, but exp(2 pi J) = 1 would act by -1."""
    half = from_images(
        "H", (("G", SO2),), 2, {("G", 0): im.matrix([[0, Fraction(-1, 2)], [Fraction(1, 2), 0]])}
    )
    with pytest.raises(NotFunctorial):
        homomorphism_fault(half)
    identity = from_images("1", (("G", SO2),), 2, {("G", 0): im.identity(2)})
    assert homomorphism_fault(identity) is None


def test_a_one_parameter_group_is_no_element() -> None:
    a = im.infinitesimal(J)
    for ask in (
        lambda: im.rows_of(a),
        lambda: im.sparse_rows_of(a),
        lambda: im.trace(a),
        lambda: im.determinant(a),
        lambda: im.compose(a, a),
        lambda: im.kron(a, im.matrix([[2]])),
    ):
        with pytest.raises(NoElement):
            ask()
    assert im.infinitesimal([[0, 0], [0, 0]]) == im.identity(2)
    assert im.kron(a, im.identity(2)).degree == 4
    assert im.commuting(a, im.identity(2))[1] == im.matrix([[0, 0], [0, 0]])


def test_invariant_forms() -> None:
    """The plane has a positive form under turns, none under shears, an indefinite one under boosts."""
    form = invariant_form(vector(SO2))
    assert form is not None
    assert form.definite
    boost = lie_group(2, {"K": rows([[0, 1], [1, 0]])}, {})
    form = invariant_form(vector(boost))
    assert form is not None
    assert not form.definite
