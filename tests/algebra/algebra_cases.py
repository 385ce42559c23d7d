"""Groups and representations that several tests of the algebra share."""

from __future__ import annotations

from fractions import Fraction

from eqspec.algebra import constructors, lattice
from eqspec.algebra.families import (
    alternating,
    cyclic,
    dihedral,
    full_octahedral,
    klein,
    matrix_group,
    octahedral,
    permutation_group,
    quaternion,
    symmetric,
)
from eqspec.algebra.groups import Group
from eqspec.algebra.images import Monomial, matrix, permutation
from eqspec.algebra.products import semidirect, wreath
from eqspec.algebra.representations import Representation, Term, direct_sum, from_images

HEXAGON = {"q": [[0, -1], [1, 1]]}  # order 6, not orthogonal
TRIANGLE = {"q": [[0, -1], [1, -1]], "m": [[0, 1], [1, 0]]}  # order 6, dihedral, not orthogonal


def small_groups() -> list[Group]:
    return [
        *(cyclic(n) for n in (1, 2, 3, 4, 5, 6, 12)),
        *(dihedral(n) for n in (1, 2, 3, 4, 5, 6)),
        *(symmetric(n) for n in (1, 2, 3, 4, 5)),
        *(alternating(n) for n in (1, 2, 3, 4, 5, 6)),
        klein(),
        quaternion(),
        permutation_group(5, {"a": (1, 2, 0, 3, 4), "b": (0, 1, 2, 4, 3)}),
        permutation_group(4, {"a": (1, 0, 3, 2), "b": (2, 3, 0, 1)}),
        matrix_group(2, HEXAGON),
        matrix_group(2, TRIANGLE),
        matrix_group(
            3, {"p": [[0, 1, 0], [0, 0, 1], [1, 0, 0]], "z": [[-1, 0, 0], [0, -1, 0], [0, 0, 1]]}
        ),
        octahedral(),
        full_octahedral(),
        matrix_group(2, {"q": [[0, 1], [-1, 0]], "d": [[0, 1], [1, 0]]}),
        *product_groups(),
    ]


def product_groups() -> list[Group]:
    """Semidirect and wreath products: the affine maps of Z/5 and Z/7, C3 x| C4, A4, C2 wr S3, S3 wr C2."""
    return [
        semidirect(cyclic(5), cyclic(4), [[((0, 2),)]], ["r", "h"], "affine(5)"),
        semidirect(cyclic(7), cyclic(3), [[((0, 2),)]], ["r", "h"], "frobenius(21)"),
        semidirect(cyclic(3), cyclic(4), [[((0, -1),)]], ["r", "h"], "dicyclic(3)"),
        semidirect(klein(), cyclic(3), [[((1, 1),), ((0, 1), (1, 1))]], ["a", "b", "h"], "A4"),
        wreath(cyclic(2), symmetric(3), ["r", "t", "c"], "C2 wr S3"),
        wreath(symmetric(3), cyclic(2), ["t", "c", "r"], "S3 wr C2"),
    ]


def representations_of(factor: str, group: Group) -> list[Representation]:
    """Every built-in representation that the group has, at small sizes."""
    result = [constructors.trivial("trivial", factor, group)]
    if group.order <= 24:
        result.append(constructors.regular("regular", factor, group))
    for build in (
        constructors.natural,
        constructors.sign,
        constructors.vector,
        constructors.covector,
    ):
        try:
            result.append(build(build.__name__, factor, group))
        except ValueError:
            continue
    sizes: dict[str, list[tuple[int, ...]]] = {
        "shift": [(1,), (2,), (3,), (4,), (6,)],
        "rot90": [(1, 1), (2, 2), (3, 3), (2, 3, 3)],
        "rot180": [(2, 3)],
        "hflip": [(3,), (2, 3)],
        "vflip": [(2, 3)],
        "transpose": [(3,)],
        "reverse": [(4,)],
        "grid": [(2, 2), (3, 3), (2, 3), (2, 2, 2), (2, 3, 3)],
    }
    for name, choices in sizes.items():
        for choice in choices:
            try:
                result.append(lattice.LATTICE[name](name, factor, group, *choice))
            except ValueError:
                continue
    return result


def signed(images: tuple[int, ...], signs: tuple[int, ...] | None = None) -> Monomial:
    return Monomial(images, signs or (1,) * len(images))


def two_mirrors(
    label: str, points: list[str], sagittal: Monomial, front: Monomial
) -> Representation:
    """A representation of Sagittal x Front = C2 x C2."""
    groups = (("Sagittal", cyclic(2)), ("Front", cyclic(2)))
    images = {("Sagittal", 0): sagittal, ("Front", 0): front}
    return from_images(label, groups, len(points), images, points)


WORLD = two_mirrors(
    "world", ["x", "y", "z"], signed((0, 1, 2), (1, -1, 1)), signed((0, 1, 2), (-1, 1, 1))
)
LEGS = two_mirrors(
    "legs", ["LF", "LH", "RF", "RH"], permutation((2, 3, 0, 1)), permutation((1, 0, 3, 2))
)
JOINT = two_mirrors(
    "joint", ["HAA", "HFE", "KFE"], signed((0, 1, 2), (-1, 1, 1)), signed((0, 1, 2), (1, -1, -1))
)


def quadruped(omega: Representation) -> tuple[Representation, Representation, Representation]:
    """Observation (48), action (12) and command (3) of a legged robot; `omega` is how the angular
    velocity transforms: `WORLD.axial()` is right, `WORLD` the classical mistake."""
    command = [Term((WORLD.select([0, 1]),)), Term((omega.select([2]),))]
    joints = Term((JOINT, LEGS))
    parts = [Term((WORLD,)), Term((omega,)), Term((WORLD,)), *command, joints, joints, joints]
    return (
        direct_sum("observation", parts),
        direct_sum("action", [joints]),
        direct_sum("command", command),
    )


def plane(factor: str, group: Group, rows: list[list[int | Fraction]]) -> Representation:
    return from_images("plane", ((factor, group),), len(rows), {(factor, 0): matrix(rows)})
