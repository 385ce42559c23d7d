"""Representations: conventions against NumPy, operations, composites, relation checks, refusals."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from algebra_cases import (
    HEXAGON,
    JOINT,
    LEGS,
    TRIANGLE,
    WORLD,
    plane,
    representations_of,
    signed,
    small_groups,
)

from eqspec.algebra import constructors, lattice
from eqspec.algebra import images as im
from eqspec.algebra.families import (
    alternating,
    cyclic,
    dihedral,
    klein,
    matrix_group,
    permutation_group,
    quaternion,
    symmetric,
)
from eqspec.algebra.groups import GroupTooLarge
from eqspec.algebra.homomorphism import homomorphism_fault
from eqspec.algebra.images import Matrix, Monomial, explicit, matrix, permutation
from eqspec.algebra.representations import (
    Representation,
    RepresentationError,
    Term,
    direct_sum,
    element_image,
    element_trace,
    entries,
    from_images,
    same_action,
    tensor_product,
)

C2, C4, D4 = cyclic(2), cyclic(4), dihedral(4)


def act(rep: Representation, generator: int, x: np.ndarray) -> np.ndarray:
    factor = rep.groups[0][0]
    image = rep.image(factor, generator)
    if isinstance(image, Monomial):
        y = np.zeros(rep.degree)
        y[list(image.images)] = np.array(image.signs) * x.reshape(-1)
    else:
        y = np.array([[float(v) for v in row] for row in image.rows]) @ x.reshape(-1)
    return y.reshape(x.shape)


def by_ops(rep: Representation, generator: int, x: np.ndarray) -> np.ndarray:
    ops = rep.lattice_ops(rep.groups[0][0], generator)
    assert ops is not None
    for op in ops:
        match op:
            case ("rot90", k, dims):
                x = np.rot90(x, k, dims)
            case ("flip", dims):
                x = np.flip(x, dims)
            case ("roll", step, dim):
                x = np.roll(x, step, dim)
            case ("transpose", (a, b)):
                x = np.swapaxes(x, a, b)
            case _:
                raise AssertionError(op)
    return x


@pytest.mark.parametrize(
    ("rep", "moves"),
    [
        (lattice.rot90("", "g", C4, 3, 3), [lambda x: np.rot90(x, 1, (-2, -1))]),
        (lattice.rot90("", "g", C4, 2, 4, 4), [lambda x: np.rot90(x, 1, (-2, -1))]),
        (lattice.rot180("", "g", C2, 3, 4), [lambda x: np.rot90(x, 2, (-2, -1))]),
        (lattice.hflip("", "g", C2, 3, 4), [lambda x: x[..., ::-1]]),
        (lattice.hflip("", "g", C2, 2, 3, 4), [lambda x: x[..., ::-1]]),
        (lattice.vflip("", "g", C2, 3, 4), [lambda x: x[..., ::-1, :]]),
        (lattice.transpose("", "g", C2, 4), [lambda x: x.T]),
        (lattice.reverse("", "g", C2, 5), [lambda x: x[::-1]]),
        (lattice.shift("", "g", cyclic(12), 6), [lambda x: np.roll(x, 1, -1)]),
        (
            lattice.grid("", "g", D4, 5, 5),
            [lambda x: np.rot90(x, 1, (-2, -1)), lambda x: x[:, ::-1]],
        ),
        (lattice.grid("", "g", klein(), 2, 3), [lambda x: x[:, ::-1], lambda x: x[::-1]]),
        (lattice.grid("", "g", dihedral(2), 2, 3), [lambda x: x[::-1, ::-1], lambda x: x[:, ::-1]]),
        (constructors.regular("", "g", cyclic(5)), [lambda x: np.roll(x, 1, -1)]),
    ],
)
def test_lattice_conventions(rep: Representation, moves: list) -> None:  # type: ignore[type-arg]
    x = np.random.default_rng(0).normal(size=rep.shape)
    for g, move in enumerate(moves):
        assert np.array_equal(act(rep, g, x), move(x))
        assert np.array_equal(by_ops(rep, g, x), move(x))
    assert homomorphism_fault(rep) is None
    assert rep.is_permutation


def test_dihedral_relation_of_rot90_and_hflip() -> None:
    rep = lattice.grid("", "g", D4, 4, 4)
    word = ((1, 1), (0, 1), (1, 1), (0, 1))
    assert element_image(rep, (("g", word),)).is_identity


def test_cycle_convention_moves_entries() -> None:
    rep = constructors.natural("", "S", permutation_group(3, {"a": (1, 2, 0)}))
    assert act(rep, 0, np.array([10.0, 20.0, 30.0])).tolist() == [30.0, 10.0, 20.0]


def test_regular_is_left_multiplication_in_element_order() -> None:
    rep = constructors.regular("", "D", dihedral(3))
    r, s = rep.image("D", 0), rep.image("D", 1)
    assert isinstance(r, Monomial)
    assert isinstance(s, Monomial)
    assert r.images == (1, 2, 0, 4, 5, 3)  # r * r^k s = r^(k+1) s
    assert s.images == (3, 5, 4, 0, 2, 1)  # s * r^k = r^-k s


def test_signs() -> None:
    def values(group: object) -> list[int]:
        rep = constructors.sign("", "g", group)  # type: ignore[arg-type]
        return [rep.image("g", k).signs[0] for k in range(len(group.generators))]  # type: ignore[union-attr,attr-defined]

    assert values(symmetric(4)) == [-1, -1]
    assert values(symmetric(5)) == [-1, 1]
    assert values(alternating(4)) == [1, 1]
    assert values(cyclic(6)) == [-1]
    assert values(dihedral(5)) == [1, -1]
    assert values(permutation_group(4, {"a": (1, 0, 3, 2), "b": (1, 0, 2, 3)})) == [1, -1]


def test_natural_with_shape() -> None:
    rep = constructors.natural("", "S", symmetric(6), (2, 3))
    assert rep.shape == (2, 3)
    assert rep.degree == 6


def test_covector_is_the_inverse_transpose() -> None:
    group = matrix_group(2, {"q": [[0, 2], [Fraction(1, 2), 0]]})
    v, c = constructors.vector("", "H", group), constructors.covector("", "H", group)
    assert v.image("H", 0) == matrix([[0, 2], [Fraction(1, 2), 0]])
    assert c.image("H", 0) == matrix([[0, Fraction(1, 2)], [2, 0]])
    assert same_action(v.dual(), c)
    assert entries(v, "H", 0) == {Fraction(2), Fraction(1, 2)}
    assert not v.is_signed_permutation
    assert not v.is_orthogonal
    hexagon = constructors.vector("", "H", matrix_group(2, HEXAGON))
    assert entries(hexagon, "H", 0) is None
    assert not hexagon.is_orthogonal


def test_axial_pseudoscalar_and_selection() -> None:
    axial = WORLD.axial()
    assert axial.image("Sagittal", 0) == signed((0, 1, 2), (-1, 1, -1))
    assert axial.image("Front", 0) == signed((0, 1, 2), (1, -1, -1))
    assert WORLD.pseudoscalar().image("Front", 0) == signed((0,), (-1,))
    plane_part = WORLD.select([0, 1])
    assert plane_part.points == ("x", "y")
    assert plane_part.label == "world[x, y]"
    assert plane_part.image("Sagittal", 0) == signed((0, 1), (1, -1))
    assert LEGS.select([0, 1, 2, 3]).degree == 4
    turned = WORLD.select([2, 0])
    assert turned.image("Front", 0) == signed((0, 1), (1, -1))


def test_the_selection_y_of_a_shear_like_reflection_is_refused() -> None:
    rep = plane("g", C2, [[1, 0], [1, -1]])
    assert homomorphism_fault(rep) is None
    for index in (0, 1):
        with pytest.raises(RepresentationError, match="mixes the selected coordinates"):
            rep.select([index])
    assert rep.select([1, 0]).degree == 2


def test_values_are_equal_by_action_not_by_label() -> None:
    one, other = (lattice.hflip(label, "g", C2, 4) for label in ("a", "b"))
    assert one == other
    assert hash(one) == hash(other)
    assert lattice.hflip("", "h", C2, 4) != one
    written = from_images("", (("g", C2),), 4, {("g", 0): permutation((3, 2, 1, 0))})
    assert written != one
    assert same_action(written, one)


def test_composites() -> None:
    rep = direct_sum("flat", [Term((2, JOINT, LEGS)), Term((WORLD,)), Term((5,))])
    assert rep.degree == 24 + 3 + 5
    assert rep.shape == (32,)
    assert rep.factors == {"Sagittal", "Front"}
    dense = np.array([[float(v) for v in row] for row in im.rows_of(rep.image("Sagittal", 0))])
    a, b, c = (
        np.array([[float(v) for v in row] for row in im.rows_of(part.image("Sagittal", 0))])
        for part in (JOINT, LEGS, WORLD)
    )
    expected = np.eye(32)
    expected[:24, :24] = np.kron(np.eye(2), np.kron(a, b))
    expected[24:27, 24:27] = c
    assert np.array_equal(dense, expected)
    element = (("Front", ((0, 1),)), ("Sagittal", ((0, 1),)))
    assert element_trace(rep, element) == im.trace(element_image(rep, element))
    assert homomorphism_fault(rep) is None
    assert tensor_product("", [WORLD, 2]).shape == (3, 2)


def test_sign_times_sign_is_a_permutation() -> None:
    sign = constructors.sign("", "g", C2)
    assert not sign.is_permutation
    assert tensor_product("", [sign, sign]).is_permutation
    assert sign.is_signed_permutation


def test_product_regular_is_row_by_row() -> None:
    rep = constructors.product_regular("B.regular", (("A", C2), ("B", cyclic(3))))
    assert rep.degree == 6
    assert rep.image("A", 0) == permutation((3, 4, 5, 0, 1, 2))
    assert rep.image("B", 0) == permutation((1, 2, 0, 4, 5, 3))


def test_large_images_cost_nothing_until_they_are_listed() -> None:
    rep = lattice.hflip("", "g", C2, 512, 512, 512)
    assert rep.degree == 512**3
    assert element_trace(rep, (("g", ((0, 1),)),)) == 0
    odd = lattice.rot90("", "g", C4, 100_001, 100_001)
    assert element_trace(odd, (("g", ((0, 1),)),)) == 1


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 3), (4, 4), (3, 2, 2)])
def test_lattice_arithmetic_equals_point_arithmetic(size: tuple[int, ...]) -> None:
    moves = [lattice.grid("", "g", D4, *size).any_image("g", k) for k in (0, 1)]
    moves.append(lattice.vflip("", "g", C2, *size).any_image("g", 0))
    moves.append(im.lattice_map(size, range(len(size)), [1] * len(size), [1] * len(size)))
    for a, b in product(moves, repeat=2):
        assert explicit(im.compose(a, b)) == im.compose(explicit(a), explicit(b))
        assert explicit(im.inverse(a)) == im.inverse(explicit(a))
        joint = im.compose(a, b)
        assert im.trace(joint) == im.trace(explicit(joint))
        assert joint.is_identity == explicit(joint).is_identity
        assert explicit(im.kron(a, b)) == im.kron(explicit(a), explicit(b))


def test_matrix_arithmetic() -> None:
    a = matrix([[1, 2], [3, 4]])
    assert isinstance(a, Matrix)
    assert im.determinant(a) == -2
    assert im.compose(a, im.inverse(a)) == im.identity(2)
    assert im.power(a, -2) == im.inverse(im.compose(a, a))
    assert matrix([[0, -1], [1, 0]]) == signed((1, 0), (1, -1))
    assert im.determinant(signed((1, 0), (1, -1))) == 1
    assert im.trace(im.kron(a, a)) == 25
    with pytest.raises(ZeroDivisionError):
        im.inverse(matrix([[1, 1], [1, 1]]))
    with pytest.raises(ValueError, match="square"):
        matrix([[1, 2]])
    with pytest.raises(ValueError, match="not a permutation"):
        permutation((0, 0))
    with pytest.raises(ValueError, match="degrees"):
        im.compose(a, im.identity(3))


@pytest.mark.parametrize("group", small_groups(), ids=lambda g: g.description[:40])
def test_every_built_in_representation_is_one(group: object) -> None:
    for rep in representations_of("G", group):  # type: ignore[arg-type]
        assert homomorphism_fault(rep) is None, rep
        assert homomorphism_fault(rep.dual()) is None, rep
        assert homomorphism_fault(rep.pseudoscalar()) is None, rep
        if rep.is_orthogonal:
            assert homomorphism_fault(rep.axial()) is None, rep


def test_faults_name_the_relation_and_a_witness() -> None:
    fault = homomorphism_fault(plane("R", C4, [[0, -1], [1, Fraction(1, 100)]]))
    assert fault is not None
    assert fault.relation == "r^4 = 1"
    assert fault.found != fault.expected
    assert 0 < fault.error < 0.1
    swapped = from_images(
        "",
        (("D", D4),),
        4,
        {("D", 0): permutation((1, 2, 3, 0)), ("D", 1): permutation((1, 0, 2, 3))},
    )
    fault = homomorphism_fault(swapped)
    assert fault is not None
    assert fault.relation == "(s r)^2 = 1"
    assert fault.factors == ("D",)


def test_rot90_and_a_flip_do_not_commute() -> None:
    groups = (("Rot", C4), ("Flip", C2))
    images = {
        ("Rot", 0): lattice.rot90("", "g", C4, 2, 2).image("g", 0),
        ("Flip", 0): lattice.hflip("", "g", C2, 2, 2).image("g", 0),
    }
    fault = homomorphism_fault(from_images("", groups, 4, images))
    assert fault is not None
    assert fault.relation == "Rot.r Flip.r = Flip.r Rot.r"
    assert fault.factors == ("Rot", "Flip")


def test_decimals_that_almost_hold_are_still_a_fault() -> None:
    c, s = Fraction("0.7071067811865476"), Fraction("0.7071067811865476")
    fault = homomorphism_fault(plane("R", cyclic(8), [[c, -s], [s, c]]))
    assert fault is not None
    assert 0 < fault.error < 1e-14
    fault = homomorphism_fault(plane("R", cyclic(10**6), [[c, -s], [s, c]]))
    assert fault is not None


def test_groups_without_relations_are_checked_along_a_tree() -> None:
    group = permutation_group(4, {"a": (1, 2, 3, 0), "b": (1, 0, 2, 3)})  # symmetric(4)
    good = from_images(
        "", (("G", group),), 1, {("G", 0): signed((0,), (-1,)), ("G", 1): signed((0,), (-1,))}
    )
    bad = from_images(
        "", (("G", group),), 1, {("G", 0): signed((0,), (-1,)), ("G", 1): signed((0,), (1,))}
    )
    assert homomorphism_fault(good) is None
    fault = homomorphism_fault(bad)
    assert fault is not None
    assert " = " in fault.relation
    big = permutation_group(9, {"t": (1, 0, *range(2, 9)), "c": (*range(1, 9), 0)})
    images = {("G", 0): signed((0,), (1,)), ("G", 1): signed((0,), (-1,))}
    assert homomorphism_fault(constructors.natural("", "G", big)) is None
    assert homomorphism_fault(constructors.sign("", "G", big)) is None
    assert homomorphism_fault(constructors.natural("", "G", big).axial()) is None
    with pytest.raises(GroupTooLarge):
        homomorphism_fault(from_images("", (("G", big),), 1, images))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: lattice.rot90("rot90", "g", C4, 5, 7),
            "rot90 turns a square grid: 5 x 7 is not square",
        ),
        (lambda: lattice.rot90("rot90", "g", C2, 5, 5), "rot90 has order 4"),
        (lambda: lattice.rot90("rot90", "g", D4, 5, 5), "says how one generator acts"),
        (lambda: lattice.rot90("rot90", "g", C4, 5), "needs at least 2 sizes"),
        (lambda: lattice.hflip("hflip", "g", cyclic(3), 5), "hflip has order 2"),
        (lambda: lattice.hflip("hflip", "g", C2, 0), "at least 1"),
        (
            lambda: lattice.shift("shift", "g", C4, 6),
            r"shift\(6\) needs cyclic\(n\) with 6 dividing n",
        ),
        (lambda: lattice.shift("shift", "g", D4, 4), "not dihedral"),
        (lambda: lattice.grid("grid", "g", C2, 4, 4), "several ways"),
        (lambda: lattice.grid("grid", "g", D4, 4, 5), "not square"),
        (lambda: lattice.grid("grid", "g", cyclic(8), 4, 4), "has no action on a grid"),
        (lambda: lattice.grid("grid", "g", quaternion(), 4, 4), "has no action on a grid"),
        (lambda: constructors.sign("sign", "g", cyclic(3)), "has no sign"),
        (lambda: constructors.sign("sign", "g", quaternion()), "sign is not defined"),
        (lambda: constructors.natural("natural", "g", C4), "has no natural"),
        (lambda: constructors.natural("natural", "g", symmetric(6), (2, 2)), "2 x 2 has 4 points"),
        (lambda: constructors.vector("vector", "g", C4), "not given by matrices"),
        (lambda: constructors.covector("covector", "g", C4), "not given by matrices"),
        (lambda: constructors.regular("regular", "g", symmetric(9)), "would have 362,880 entries"),
        (lambda: plane("g", C2, [[1, 1], [1, 1]]), "determinant 0"),
        (
            lambda: from_images("x", (("g", D4),), 1, {("g", 0): im.identity(1)}),
            "gives no image to the generator g.s",
        ),
        (
            lambda: from_images("x", (("g", C2),), 2, {("g", 0): im.identity(1)}),
            "has degree 1, not 2",
        ),
        (
            lambda: from_images(
                "x", (("g", C2),), 1, {("g", 0): im.identity(1), ("h", 0): im.identity(1)}
            ),
            "unknown generator",
        ),
        (
            lambda: from_images("x", (("g", C2),), 1, {("g", 0): im.identity(1)}, ["a", "b"]),
            "2 names for 1",
        ),
        (
            lambda: constructors.vector("v", "g", matrix_group(2, TRIANGLE)).axial(),
            "orthogonal matrices only",
        ),
        (lambda: WORLD.select([0, 0]), "distinct coordinates"),
        (lambda: WORLD.select([3]), "distinct coordinates"),
        (lambda: WORLD.select([]), "distinct coordinates"),
        (
            lambda: direct_sum(
                "", [Term((lattice.hflip("", "g", C2, 2),)), Term((lattice.hflip("", "g", C4, 2),))]
            ),
            "the factor g is both",
        ),
    ],
)
def test_refusals(build: object, message: str) -> None:
    with pytest.raises(RepresentationError, match=message):
        build()  # type: ignore[operator]
