"""Infinite matrix groups: generators inside the group, out of every smaller one, and refusals."""

from __future__ import annotations

from fractions import Fraction
from functools import reduce

import pytest

from eqspec.algebra import classical, constructors, lattice
from eqspec.algebra import images as im
from eqspec.algebra.averages import ActionTooLarge, action_image
from eqspec.algebra.counting import hom_dimension
from eqspec.algebra.families import classical_group, cyclic
from eqspec.algebra.groups import Group, GroupError, GroupTooLarge
from eqspec.algebra.homomorphism import NotFunctorial, homomorphism_fault
from eqspec.algebra.images import AnyImage
from eqspec.algebra.representations import (
    Representation,
    RepresentationError,
    from_images,
    same_action,
    tensor_product,
)
from eqspec.algebra.solver import hom_basis

Rows = list[list[int]]


def diagonal(*values: int) -> Rows:
    return [[v if i == j else 0 for j in range(len(values))] for i, v in enumerate(values)]


def standard(m: int) -> Rows:
    """[[0, 1], [-1, 0]]."""
    return [[int(j == i + m) - int(i == j + m) for j in range(2 * m)] for i in range(2 * m)]


def preserves(image: AnyImage, form: Rows) -> bool:
    return im.compose(im.compose(im.transpose(image), im.matrix(form)), image) == im.matrix(form)


FORMS = [
    ("orthogonal", (2,), diagonal(1, 1)),
    ("orthogonal", (3,), diagonal(1, 1, 1)),
    ("orthogonal", (5,), diagonal(1, 1, 1, 1, 1)),
    ("special_orthogonal", (2,), diagonal(1, 1)),
    ("special_orthogonal", (4,), diagonal(1, 1, 1, 1)),
    ("lorentz", (1, 1), diagonal(1, -1)),
    ("lorentz", (1, 3), diagonal(1, -1, -1, -1)),
    ("lorentz", (3, 2), diagonal(1, 1, 1, -1, -1)),
    ("special_lorentz", (1, 3), diagonal(1, -1, -1, -1)),
    ("symplectic", (2,), standard(1)),
    ("symplectic", (4,), standard(2)),
    ("symplectic", (6,), standard(3)),
    ("special_unitary", (2,), diagonal(1, 1, 1, 1)),
    ("special_unitary", (3,), diagonal(1, 1, 1, 1, 1, 1)),
    ("special_unitary", (3,), standard(3)),  # orthogonal and symplectic together: unitary
]


@pytest.mark.parametrize(("family", "sizes", "form"), FORMS)
def test_generators_preserve_the_form(family: str, sizes: tuple[int, ...], form: Rows) -> None:
    group = classical_group(family, *sizes)
    assert not group.is_finite
    assert all(preserves(image, form) for image in group.model)


def determinants(group: Group) -> set[Fraction]:
    return {Fraction(im.determinant(image)) for image in group.model}


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        (classical_group("orthogonal", 3), {1, -1}),
        (classical_group("special_orthogonal", 3), {1}),
        (classical_group("special_orthogonal", 4), {1}),
        (classical_group("lorentz", 1, 3), {1, -1}),
        (classical_group("special_lorentz", 1, 3), {1}),
        (classical_group("special_lorentz", 4, 4), {1}),
        (classical_group("special_linear", 3), {1}),
        (classical_group("special_linear", 4), {1}),
        (classical_group("general_linear", 1), {-1, 2}),
        (classical_group("general_linear", 3), {1, -1, 2}),
        (classical_group("special_unitary", 4), {1}),
    ],
    ids=lambda value: value.description if isinstance(value, Group) else "",
)
def test_determinants(group: Group, expected: set[int]) -> None:
    assert determinants(group) == expected


def test_the_identity_component_of_the_lorentz_group() -> None:
    """Time goes forward under every generator of SO+(1, 3), not under every one of O(1, 3)."""
    for family, signs in (("special_lorentz", {True}), ("lorentz", {True, False})):
        found = {im.rows_of(image)[0][0] > 0 for image in classical_group(family, 1, 3).model}
        assert found == signs


def bracket(a: list[list[Fraction]], b: list[list[Fraction]]) -> list[list[Fraction]]:
    n = range(len(a))
    return [
        [sum((a[i][k] * b[k][j] - b[i][k] * a[k][j] for k in n), Fraction(0)) for j in n] for i in n
    ]


def generated_algebra(group: Group, starts: list[list[list[int]]]) -> int:
    """The dimension of the Lie algebra that conjugates of `starts` by the generators generate."""
    basis: list[list[Fraction]] = []

    def is_new(matrix: list[list[Fraction]]) -> bool:
        vector = [v for row in matrix for v in row]
        for known in basis:
            pivot = next(k for k, v in enumerate(known) if v)
            factor = vector[pivot] / known[pivot]
            vector = [v - factor * w for v, w in zip(vector, known, strict=True)]
        if any(vector):
            basis.append(vector)
            return True
        return False

    members: list[list[list[Fraction]]] = []
    todo = [[[Fraction(v) for v in row] for row in start] for start in starts]
    images = [(im.matrix(im.rows_of(g)), im.inverse(g)) for g in group.model]
    while todo:
        x = todo.pop()
        if not is_new(x):
            continue
        for g, back in images:
            moved = im.compose(im.compose(g, im.matrix(x)), back)
            todo.append([list(row) for row in im.rows_of(moved)])
        todo += [bracket(x, y) for y in members]
        members.append(x)
    return len(basis)


def unit(n: int, entries: dict[tuple[int, int], int]) -> list[list[int]]:
    return [[entries.get((i, j), 0) for j in range(n)] for i in range(n)]


LIE = [  # (family, sizes, what the closure of an infinite generator contains, dimension)
    ("orthogonal", (2,), [unit(2, {(0, 1): -1, (1, 0): 1})], 1),
    ("orthogonal", (4,), [unit(4, {(0, 1): -1, (1, 0): 1})], 6),
    ("special_orthogonal", (3,), [unit(3, {(0, 1): -1, (1, 0): 1})], 3),
    ("special_orthogonal", (5,), [unit(5, {(0, 1): -1, (1, 0): 1})], 10),
    ("lorentz", (1, 3), [unit(4, {(0, 1): 1, (1, 0): 1})], 6),
    ("special_lorentz", (1, 3), [unit(4, {(0, 1): 1, (1, 0): 1})], 6),
    ("special_lorentz", (1, 1), [unit(2, {(0, 1): 1, (1, 0): 1})], 1),
    ("special_lorentz", (1, 2), [unit(3, {(0, 1): 1, (1, 0): 1})], 3),
    ("special_lorentz", (2, 3), [unit(5, {(0, 2): 1, (2, 0): 1})], 10),
    ("symplectic", (2,), [unit(2, {(0, 1): 1})], 3),
    ("symplectic", (4,), [unit(4, {(0, 2): 1}), unit(4, {(0, 3): 1, (1, 2): 1})], 10),
    ("symplectic", (6,), [unit(6, {(0, 3): 1}), unit(6, {(0, 4): 1, (1, 3): 1})], 21),
    ("special_linear", (2,), [unit(2, {(0, 1): 1})], 3),
    ("special_linear", (4,), [unit(4, {(0, 1): 1})], 15),
    ("general_linear", (3,), [unit(3, {(0, 1): 1}), unit(3, {(0, 0): 1})], 9),
    ("special_unitary", (2,), None, 3),
    ("special_unitary", (3,), None, 8),
    ("special_unitary", (4,), None, 15),
]


def logarithm(group: Group) -> list[list[int]]:
    """The direction of the last generator of SU(n): its antihermitian part, that is g - g^-1 (the
    closure of the powers of g contains exp of it)."""
    g = im.rows_of(group.model[-1])
    back = im.rows_of(im.inverse(group.model[-1]))
    rows = [[25 * (a - b) for a, b in zip(r, s, strict=True)] for r, s in zip(g, back, strict=True)]
    return [[int(v) for v in row] for row in rows]


@pytest.mark.parametrize(("family", "sizes", "starts", "dimension"), LIE)
def test_the_closure_has_the_whole_lie_algebra(
    family: str, sizes: tuple[int, ...], starts: list[Rows] | None, dimension: int
) -> None:
    """The table of decision 9, by linear algebra: conjugates and brackets span the Lie algebra."""
    group = classical_group(family, *sizes)
    assert generated_algebra(group, starts or [logarithm(group)]) == dimension


@pytest.mark.parametrize(
    ("family", "sizes", "said"),
    [
        ("orthogonal", (1,), "cyclic"),
        ("special_orthogonal", (1,), "at least 2"),
        ("symplectic", (3,), "even"),
        ("lorentz", (0, 3), "definite"),
        ("lorentz", (3, 0), "definite"),
        ("special_linear", (1,), "at least 2"),
        ("euclidean", (1,), "at least 2"),
        ("scaling", (0,), "at least 1"),
        ("orthogonal", (65,), "64"),
    ],
)
def test_parameters_that_describe_no_group(family: str, sizes: tuple[int, ...], said: str) -> None:
    with pytest.raises(GroupError, match=said):
        classical_group(family, *sizes)


O3 = classical_group("orthogonal", 3)


def test_an_infinite_group_is_never_listed() -> None:
    for ask in (O3.elements, O3.classes, O3.rational_classes):
        with pytest.raises(GroupTooLarge, match="infinite"):
            ask()
    assert O3.relations() is None
    vector = constructors.vector("O3.vector", "O3", O3)
    with pytest.raises(ActionTooLarge, match="infinite"):
        action_image([vector])
    with pytest.raises(RepresentationError, match="infinite"):
        constructors.regular("O3.regular", "O3", O3)
    with pytest.raises(RepresentationError):
        constructors.natural("O3.natural", "O3", O3)
    with pytest.raises(RepresentationError):
        constructors.sign("O3.sign", "O3", O3)


def test_a_scaling_is_no_quarter_turn() -> None:
    """It has one generator, as `cyclic(4)` has, but of infinite order."""
    group = classical_group("scaling", 2)
    with pytest.raises(RepresentationError, match="has none"):
        lattice.rot90("G.rot90", "G", group, 3, 3)
    with pytest.raises(RepresentationError):
        lattice.shift("G.shift", "G", group, 3)


def test_images_of_an_infinite_group_must_be_its_own_forms() -> None:
    n = len(O3.generators)
    for images in (
        list(O3.model),
        [im.inverse(im.transpose(g)) for g in O3.model],
        [im.matrix([[im.determinant(g)]]) for g in O3.model],
        [im.identity(2)] * n,
    ):
        named = {("O3", k): im.explicit(image) for k, image in enumerate(images)}
        rep = from_images("X", (("O3", O3),), images[0].degree, named)
        assert homomorphism_fault(rep) is None
    # the same with one sign changed: the relations of no word tell
    wrong = dict(enumerate(O3.model))
    wrong[1] = im.scale(wrong[1], -1)
    rep = from_images("X", (("O3", O3),), 3, {("O3", k): im.explicit(g) for k, g in wrong.items()})
    with pytest.raises(NotFunctorial):
        homomorphism_fault(rep)


def test_half_a_rotation_is_refused() -> None:
    """The generator with angle t is sent to one with t/2: no relation among words fails."""
    group = classical_group("special_orthogonal", 2)
    assert group.generators == ("q", "r")
    half = {  # cos t = 3/5, so tan(t/2) = 1/2; a quarter turn has no rational half: take its own
        ("T", 0): im.matrix([[0, -1], [1, 0]]),
        ("T", 1): im.matrix(
            [[Fraction(5, 13), Fraction(-12, 13)], [Fraction(12, 13), Fraction(5, 13)]]
        ),
    }
    with pytest.raises(NotFunctorial):
        homomorphism_fault(from_images("T.half", (("T", group),), 2, half))


@pytest.mark.parametrize("family", sorted(set(classical.FAMILIES) - set(classical.AFFINE)))
@pytest.mark.parametrize(("p", "q"), [(2, 0), (1, 1), (0, 2), (2, 1)])
def test_tensors_act_by_kronecker_products(family: str, p: int, q: int) -> None:
    sizes = (1, 2) if family in classical.ARITY else (2,)
    group = classical_group(family, *sizes)
    tensor = constructors.tensor("T", "G", group, p, q)
    up = constructors.vector("V", "G", group)
    n = up.degree
    assert tensor.shape == (n,) * (p + q)
    for g, image in enumerate(group.model):
        down = im.transpose(im.inverse(image))
        wanted = reduce(im.kron, [image] * p + [down] * q)
        assert tensor.image("G", g) == im.explicit(wanted)
    assert same_action(tensor.dual(), tensor_product("T", [up.dual()] * p + [up] * q))


def test_classes_of_composites_without_their_matrices() -> None:
    """Entries and orthogonality of a Kronecker product, against the matrix itself."""
    gl = classical_group("general_linear", 2)
    scaling = classical_group("scaling", 2)
    v, w = constructors.vector("V", "G", gl), constructors.covector("W", "G", gl)
    s, t = constructors.vector("S", "A", scaling), constructors.covector("T", "A", scaling)
    for axes in ([v, w], [s, t], [s, s], [v], [s, 3, t], [s, s, t]):
        rep = tensor_product("X", axes)
        matrices = [image for _, _, image in rep.generator_images()]
        assert rep.is_permutation == all(image.is_permutation for image in matrices)
        assert rep.is_signed_permutation == (
            not any(isinstance(im.explicit(image), im.Matrix) for image in matrices)
        )
        assert rep.is_orthogonal == all(im.is_orthogonal(image) for image in matrices)
    assert tensor_product("X", [s, t]).is_orthogonal  # 2 times 1/2
    assert not tensor_product("X", [s, s]).is_orthogonal


def test_a_tensor_without_indices_or_too_large_is_refused() -> None:
    for p, q, said in ((0, 0, "no index"), (8, 0, "4,096"), (0, 64, "4,096")):
        with pytest.raises(RepresentationError, match=said):
            constructors.tensor("T", "O3", O3, p, q)
    with pytest.raises(RepresentationError):
        constructors.tensor("T", "C", cyclic(3), 1, 0)


def test_forms_of_a_vector() -> None:
    vector = constructors.vector("O3.vector", "O3", O3)
    assert same_action(vector.dual(), vector)
    for g, image in enumerate(O3.model):
        assert vector.pseudoscalar().image("O3", g) == im.matrix([[im.determinant(image)]])
        assert vector.axial().image("O3", g) == im.scale(image, im.determinant(image))
    boosted = constructors.vector("L.vector", "L", classical_group("lorentz", 1, 3))
    with pytest.raises(RepresentationError, match="orthogonal"):
        boosted.axial()
    assert not same_action(boosted.dual(), boosted)
    turned: Representation = boosted.dual().dual()
    assert same_action(turned, boosted)


def test_motions_act_on_vectors_by_their_linear_part() -> None:
    for family, linear in (
        ("euclidean", "orthogonal"),
        ("special_euclidean", "special_orthogonal"),
    ):
        group, rotations = classical_group(family, 3), classical_group(linear, 3)
        assert group.generators == (*rotations.generators, "t")
        vector = constructors.vector("E.vector", "E", group)
        assert [vector.image("E", g) for g in range(len(rotations.generators))] == [
            im.explicit(image) for image in rotations.model
        ]
        assert vector.image("E", len(rotations.generators)).is_identity
        # the group itself is faithful: no power of the translation is the identity
        assert not im.power(group.model[-1], 5).is_identity
        tensor = constructors.tensor("T", "E", group, 2, 0)
        other = constructors.tensor("T", "O", rotations, 2, 0)
        assert hom_dimension([tensor], [tensor]) == hom_dimension([other], [other]) == 3
        assert len(hom_basis([tensor], [tensor])) == 3


def test_points_and_vectors_are_different() -> None:
    """On (x, 1) a motion acts linearly: maps to vectors kill the last coordinate's complement."""
    group = classical_group("euclidean", 2)
    names = {("E", k): im.explicit(image) for k, image in enumerate(group.model)}
    points = from_images("E.homogeneous", (("E", group),), 3, names)
    assert homomorphism_fault(points) is None
    vector = constructors.vector("E.vector", "E", group)
    assert hom_dimension([points], [vector]) == len(hom_basis([points], [vector])) == 0
    assert hom_dimension([vector], [points]) == len(hom_basis([vector], [points])) == 1
    assert hom_dimension([points], []) == 1  # the last coordinate
    assert hom_dimension([], [points]) == 0
