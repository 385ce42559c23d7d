"""Irreducible representations: irreducible over the reals, pairwise different, complete; numbered as said."""

from __future__ import annotations

from math import cos, gcd, pi

import pytest
from algebra_cases import small_groups

from eqspec.algebra import constructors
from eqspec.algebra.classes import partitions
from eqspec.algebra.counting import hom_dimension
from eqspec.algebra.families import (
    alternating,
    cyclic,
    dihedral,
    klein,
    quaternion,
    symmetric,
)
from eqspec.algebra.groups import Group
from eqspec.algebra.homomorphism import homomorphism_fault
from eqspec.algebra.images import explicit, is_orthogonal, trace
from eqspec.algebra.irreps import hook_degree, irrep
from eqspec.algebra.products import direct, semidirect, wreath
from eqspec.algebra.representations import Representation, from_images, word_image
from eqspec.algebra.splitting import NoIrrep, orbits_of, split

GROUPS = [
    *(group for group in small_groups() if group.order is not None and group.order <= 120),
    direct([quaternion(), cyclic(2)], ["i", "j", "r"]),
    direct([dihedral(4), cyclic(2)], ["r", "s", "t"]),
    direct([cyclic(2)] * 4, list("abcd")),
    wreath(cyclic(2), cyclic(4), ["r", "t"], "C2 wr C4"),
    semidirect(
        quaternion(), cyclic(3), [[((1, 1),), ((0, 1), (1, 1))]], ["i", "j", "r"], "SL(2, 3)"
    ),
    semidirect(cyclic(9), cyclic(6), [[((0, 2),)]], ["r", "h"], "affine(9)"),
]
NAMES = [f"{group.description[:30]}-{k}" for k, group in enumerate(GROUPS)]


def represent(group: Group, matrices: object) -> Representation:
    assert isinstance(matrices, tuple)
    images = {("G", k): explicit(image) for k, image in enumerate(matrices)}
    return from_images("irrep", (("G", group),), matrices[0].degree, images)


def collected(group: Group, make: object) -> tuple[list[Representation], int]:
    """All that exist, by number, and how many are refused as irrational."""
    assert callable(make)
    found, refused = [], 0
    for number in range(10_000):
        try:
            found.append(represent(group, make(group, number)))
        except NoIrrep as error:
            if "has the irreducible representations" in error.message:
                break
            refused += 1
    return found, refused


def indicator(group: Group, rep: Representation) -> int:
    """The mean of chi(g^2): 1 real, 0 complex, -2 quaternionic for what is irreducible over the reals."""
    total = sum(trace(word_image(rep, "G", word + word)) for word in group.elements())
    assert group.order is not None
    assert total % group.order == 0
    return int(total // group.order)


@pytest.mark.parametrize("group", GROUPS, ids=NAMES)
@pytest.mark.parametrize("make", [irrep, split], ids=["numbered", "split"])
def test_irreducible_different_and_complete(group: Group, make: object) -> None:
    found, refused = collected(group, make)
    ends = []
    for rep in found:
        assert homomorphism_fault(rep) is None
        end = hom_dimension((rep,), (rep,))
        # over the reals: End is R, C or H, and the indicator says that nothing splits
        assert (end, indicator(group, rep)) in [(1, 1), (2, 0), (4, -2)]
        ends.append(end)
    for k, rep in enumerate(found):
        assert all(hom_dimension((rep,), (other,)) == 0 for other in found[k + 1 :])
    held = sum(rep.degree**2 // end for rep, end in zip(found, ends, strict=True))
    assert group.order is not None
    assert held == group.order if not refused else held < group.order
    assert [word_image(found[0], "G", ((k, 1),)).is_identity for k in range(len(group.generators))]
    assert found[0].degree == 1


@pytest.mark.parametrize("group", GROUPS, ids=NAMES)
def test_characters_over_the_rationals(group: Group) -> None:
    """Orthogonal, as many as rational classes, squares of degrees sum to the order."""
    orbits = orbits_of(group)
    assert group.order is not None
    assert len(orbits) == len(group.rational_classes())
    assert sum(orbit.count * orbit.degree**2 for orbit in orbits) == group.order
    assert set(orbits[0].values) == {1}
    for k, orbit in enumerate(orbits):
        for other in orbits[k + 1 :]:
            assert sum(a * b for a, b in zip(orbit.values, other.values, strict=True)) == 0
    degrees = [orbit.rational_degree for orbit in orbits]
    assert degrees == sorted(degrees)


def test_cyclic_turns_by_its_number() -> None:
    for n in (1, 2, 3, 4, 6, 8, 12):
        for k in range(n // 2 + 1):
            order = n // gcd(n, k)
            if order not in (1, 2, 3, 4, 6):
                with pytest.raises(NoIrrep, match=rf"turns by 2 pi.*/{order}"):
                    irrep(cyclic(n), k)
                continue
            (image,) = irrep(cyclic(n), k)
            double = 1 if image.degree == 2 else 2
            assert abs(float(trace(image)) * double - 2 * cos(2 * pi * k / n)) < 1e-12


def test_dihedral_signs_come_first() -> None:
    for n in (3, 4, 6):
        group = dihedral(n)
        made = semidirect(cyclic(n), cyclic(2), [[((0, -1),)]], ["r", "s"], "D")
        signs = 4 if n % 2 == 0 else 2
        for k in range(signs + (n - 1) // 2):
            try:
                images = irrep(group, k)
            except NoIrrep:
                continue
            assert irrep(made, k) == images
            if k < signs:
                assert [int(trace(i)) for i in images] == [1 - 2 * (k // 2), 1 - 2 * (k % 2)]
            else:
                angle = 2 * pi * (k - signs + 1) / n
                assert abs(float(trace(images[0])) - 2 * cos(angle)) < 1e-12
                assert trace(images[1]) == 0


def test_symmetric_by_partitions() -> None:
    for n in (2, 3, 4, 5):
        group = symmetric(n)
        shapes = partitions(n)
        reps = [represent(group, irrep(group, k)) for k in range(len(shapes))]
        assert [rep.degree for rep in reps] == [hook_degree(shape) for shape in shapes]
        natural = constructors.natural("natural", "G", group)
        assert hom_dimension((natural,), (reps[0],)) == 1
        assert hom_dimension((natural,), (reps[1],)) == 1
        sign = constructors.sign("sign", "G", group)
        assert hom_dimension((sign,), (reps[-1],)) == 1
        for k, rep in enumerate(reps):  # the transposed partition is the product with the sign
            turned = tuple(sum(1 for row in shapes[k] if row > j) for j in range(shapes[k][0]))
            other = reps[shapes.index(turned)]
            assert hom_dimension((rep, sign), (other,)) == 1
    big = symmetric(8)
    assert homomorphism_fault(represent(big, irrep(big, 2))) is None


def test_small_families() -> None:
    for k in range(4):
        a, b = irrep(klein(), k)
        assert (trace(a), trace(b)) == (1 - 2 * (k // 2), 1 - 2 * (k % 2))
        assert irrep(quaternion(), k) == irrep(klein(), k)
    four = represent(quaternion(), irrep(quaternion(), 4))
    assert four.degree == 4
    assert all(is_orthogonal(image) for _, _, image in four.generator_images())
    assert [orbit.rational_degree for orbit in orbits_of(alternating(4))] == [1, 2, 3]


@pytest.mark.parametrize(
    ("group", "number", "message"),
    [
        (cyclic(5), 1, r"cos\(2 pi/5\) is no rational number \(its field has degree 2"),
        (cyclic(5), 3, "has the irreducible representations 0 to 2"),
        (dihedral(5), 2, r"turns by 2 pi/5"),
        (dihedral(7), 9, "has the irreducible representations 0 to 4"),
        (alternating(5), 3, "falls into 2 parts of degree 3"),
        (alternating(5), 4, "has the irreducible representations 0 to 3"),
        (alternating(7), 1, "are computed up to 384 elements"),
        (symmetric(13), 1, "up to n = 12"),
        (symmetric(12), 20, "has degree"),
        (klein(), 4, "0 to 3"),
        (quaternion(), 5, "0 to 4"),
    ],
)
def test_what_is_refused(group: Group, number: int, message: str) -> None:
    with pytest.raises(NoIrrep, match=message) as told:
        irrep(group, number)
    assert told.value.help
