"""Dimensions for matrix groups with known answers, by characters and by the exact solver."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from eqspec.algebra import constructors, weyl
from eqspec.algebra import images as im
from eqspec.algebra.counting import coinvariants_dimension, hom_dimension, invariants_dimension
from eqspec.algebra.families import classical_group, cyclic
from eqspec.algebra.groups import Group
from eqspec.algebra.representations import Representation, from_images
from eqspec.algebra.solver import check_basis, hom_basis

Order = tuple[int, int]


def tensor(group: Group, order: Order) -> list[Representation]:
    return [constructors.tensor("T", "G", group, *order)] if sum(order) else []


def both(group: Group, source: Order, target: Order) -> int:
    """By characters, then by the null space (with every map checked on the generators)."""
    x, y = tensor(group, source), tensor(group, target)
    counted = hom_dimension(x, y)
    basis = hom_basis(x, y)
    assert check_basis(basis, x, y)
    assert counted == len(basis)
    return counted


def odd(n: int) -> int:
    """(n - 1)!! for even n, 0 for odd n: perfect matchings of n points."""
    if n % 2:
        return 0
    result = 1
    for k in range(1, n, 2):
        result *= k
    return result


@pytest.mark.parametrize("n", [2, 3, 4, 5])
@pytest.mark.parametrize(("k", "order"), [(1, 1), (0, 2), (1, 2), (2, 2), (1, 3)])
def test_orthogonal_tensors_are_matchings(n: int, k: int, order: int) -> None:
    if n >= (k + order) / 2:
        assert both(classical_group("orthogonal", n), (k, 0), (order, 0)) == odd(k + order)


@pytest.mark.parametrize("order", range(7))
@pytest.mark.parametrize("k", range(4))
def test_double_factorials_up_to_order_six(k: int, order: int) -> None:
    """All k <= l with k + l <= 6, by both routes, for the smallest n in the stable range."""
    if k <= order and 0 < k + order <= 6:
        group = classical_group("orthogonal", 3)
        assert both(group, (k, 0), (order, 0)) == odd(k + order)


@pytest.mark.parametrize("total", range(1, 15))
def test_matchings_by_characters_alone(total: int) -> None:
    """(k + l - 1)!! wherever n >= (k + l)/2, and fewer below."""
    for n in (2, 3, 4, 7, 8):
        vector = constructors.vector("V", "G", classical_group("orthogonal", n))
        found = invariants_dimension([vector] * total)
        if 2 * n >= total:
            assert found == odd(total)
        elif total % 2 == 0:
            assert found < odd(total)


CASES = [  # cases.md, "Dimensions of Hom_G": (group, source, target, answer)
    ("orthogonal", (3,), (2, 0), (3, 0), 0),
    ("orthogonal", (3,), (3, 0), (3, 0), 15),
    ("orthogonal", (3,), (4, 0), (4, 0), 91),
    ("orthogonal", (2,), (3, 0), (3, 0), 10),
    ("special_orthogonal", (2,), (1, 0), (1, 0), 2),
    ("special_orthogonal", (2,), (2, 0), (2, 0), 6),
    ("special_orthogonal", (2,), (3, 0), (3, 0), 20),
    ("special_orthogonal", (3,), (2, 0), (3, 0), 6),
    ("special_orthogonal", (3,), (3, 0), (3, 0), 15),
    ("special_orthogonal", (3,), (4, 0), (4, 0), 91),
    ("lorentz", (1, 3), (2, 0), (2, 0), 3),
    ("lorentz", (1, 3), (3, 0), (3, 0), 15),
    ("special_lorentz", (1, 3), (2, 0), (2, 0), 4),
    ("special_lorentz", (1, 3), (3, 0), (3, 0), 25),
    ("symplectic", (4,), (2, 0), (2, 0), 3),
    ("special_linear", (2,), (2, 0), (2, 0), 2),
    ("general_linear", (2,), (1, 1), (1, 1), 2),
    ("general_linear", (3,), (1, 1), (1, 1), 2),
    ("special_unitary", (2,), (1, 0), (1, 0), 4),
    ("special_unitary", (3,), (1, 0), (1, 0), 2),
    # beside the list: where determinants, forms and duals must be told apart
    ("special_linear", (3,), (3, 0), (0, 0), 1),
    ("general_linear", (3,), (3, 0), (0, 0), 0),
    ("general_linear", (2,), (1, 0), (0, 1), 0),
    ("general_linear", (1,), (2, 0), (2, 0), 1),
    ("symplectic", (2,), (1, 0), (0, 1), 1),
    ("symplectic", (4,), (4, 0), (0, 0), 3),
    ("lorentz", (1, 1), (1, 0), (1, 0), 1),
    ("special_lorentz", (1, 1), (1, 0), (1, 0), 2),
    ("special_lorentz", (1, 2), (3, 0), (0, 0), 1),
    ("lorentz", (1, 2), (3, 0), (0, 0), 0),
    ("special_unitary", (3,), (3, 0), (0, 0), 2),
    ("special_unitary", (4,), (2, 0), (0, 0), 2),
    ("scaling", (3,), (1, 1), (1, 1), 81),
    ("scaling", (3,), (1, 0), (0, 1), 0),
]


@pytest.mark.parametrize(("family", "sizes", "source", "target", "answer"), CASES)
def test_known_answers_by_both_routes(
    family: str, sizes: tuple[int, ...], source: Order, target: Order, answer: int
) -> None:
    assert both(classical_group(family, *sizes), source, target) == answer


def test_dipole() -> None:
    """[S.natural] + [S.natural, O3.vector] -> [O3.vector]: one map."""
    from eqspec.algebra.families import symmetric

    points = constructors.natural("S.natural", "S", symmetric(5))
    vector = constructors.vector("O3.vector", "O3", classical_group("orthogonal", 3))
    assert hom_dimension([points], [vector]) == 0
    assert hom_dimension([points, vector], [vector]) == 1
    assert len(hom_basis([points, vector], [vector])) == 1


FAMILIES = [
    ("orthogonal", (2,)),
    ("orthogonal", (3,)),
    ("orthogonal", (4,)),
    ("special_orthogonal", (2,)),
    ("special_orthogonal", (3,)),
    ("special_orthogonal", (4,)),
    ("lorentz", (1, 2)),
    ("lorentz", (2, 2)),
    ("special_lorentz", (1, 2)),
    ("special_lorentz", (1, 3)),
    ("symplectic", (2,)),
    ("symplectic", (4,)),
    ("special_linear", (2,)),
    ("special_linear", (3,)),
    ("general_linear", (1,)),
    ("general_linear", (2,)),
    ("special_unitary", (2,)),
    ("special_unitary", (3,)),
    ("scaling", (2,)),
]


@pytest.mark.parametrize(("family", "sizes"), FAMILIES)
@pytest.mark.parametrize("seed", range(4))
def test_random_representations_by_both_routes(
    family: str, sizes: tuple[int, ...], seed: int
) -> None:
    """Products of vectors, covectors, determinants, and axial vectors in both directions."""
    rng = np.random.default_rng([seed, *sizes, len(family)])
    group = classical_group(family, *sizes)
    vector = constructors.vector("V", "G", group)
    letters = [vector, constructors.covector("W", "G", group), vector.pseudoscalar()]
    letters.append(vector.pseudoscalar().dual())
    if vector.is_orthogonal:
        letters.append(vector.axial())
    sides: list[list[Representation]] = [[], []]
    entries = 1
    for _ in range(6):
        part = letters[int(rng.integers(len(letters)))]
        if entries * part.degree <= 1_300:
            entries *= part.degree
            sides[int(rng.integers(2))].append(part)
    source, target = sides
    assert all(part.kind is not None for part in (*source, *target))
    basis = hom_basis(source, target)
    assert check_basis(basis, source, target)
    assert hom_dimension(source, target) == len(basis)
    assert invariants_dimension(target) == len(hom_basis([], target))
    assert coinvariants_dimension(source) == len(hom_basis(source, []))


def test_no_character_no_answer() -> None:
    """A finite group, or a representation whose kind is not known, is counted by another route."""
    vector = ("vector", 0, 0)
    assert weyl.invariants(cyclic(4), [(vector, 2)]) is None
    group = classical_group("orthogonal", 3)
    assert weyl.invariants(group, [(None, 2)]) is None
    assert weyl.invariants(group, [(vector, 2)]) == 1
    unknown = from_images(
        "X", (("G", group),), 3, {("G", k): im.explicit(g) for k, g in enumerate(group.model)}
    )
    assert unknown.kind is None
    assert hom_dimension([unknown], [unknown]) == 1


def test_a_generator_that_is_monomial_only_in_a_product() -> None:
    """2P on V and P/2 on V* give a permutation on V (x) V*, which must not be forgotten."""
    group = classical_group("general_linear", 2)
    turned = im.matrix([[0, 2], [2, 0]])
    rep = Representation("X", (("G", group),), 2, (2,), ((turned,) * len(group.generators),))
    found = hom_basis([rep, rep.dual()], [])
    assert check_basis(found, [rep, rep.dual()], [])
    assert len(found) == len(hom_basis([rep], [rep])) == 2


def test_counting_needs_no_numpy() -> None:
    code = (
        "import sys; sys.modules['numpy'] = None\n"
        "from eqspec.algebra import constructors as c\n"
        "from eqspec.algebra.families import classical_group\n"
        "from eqspec.algebra.counting import hom_dimension\n"
        "t = c.tensor('T', 'L', classical_group('lorentz', 1, 3), 4, 0)\n"
        "assert hom_dimension([t], [t]) == 105\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
