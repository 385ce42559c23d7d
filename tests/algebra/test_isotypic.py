"""Irreducible coordinates: every intertwiner is block-diagonal in them, and no block is smaller than it must be."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product
from random import Random

import numpy as np
import pytest
from algebra_cases import LEGS, representations_of, small_groups

from eqspec.algebra import images as im
from eqspec.algebra import isotypic as module
from eqspec.algebra.characters import cosine, real_characters, sine
from eqspec.algebra.constructors import natural, regular, trivial, vector
from eqspec.algebra.counting import hom_dimension
from eqspec.algebra.families import (
    alternating,
    classical_group,
    cyclic,
    dihedral,
    permutation_group,
    quaternion,
    symmetric,
)
from eqspec.algebra.groups import Group
from eqspec.algebra.isotypic import Isotypic, isotypic
from eqspec.algebra.lattice import hflip, shift
from eqspec.algebra.products import semidirect, wreath
from eqspec.algebra.representations import Representation, Term, direct_sum, from_images
from eqspec.algebra.solver import hom_basis
from eqspec.algebra.subgroups import induced_images, subgroup


def linear_group(p: int) -> Group:
    """SL(2, p) as permutations of the vectors that are not 0."""
    vectors = [v for v in product(range(p), repeat=2) if any(v)]
    shears = {"a": [(1, 1), (0, 1)], "b": [(1, 0), (1, 1)]}
    moved = {
        name: tuple(
            vectors.index((sum(map(int.__mul__, r, v)) % p, sum(map(int.__mul__, s, v)) % p))
            for v in vectors
        )
        for name, (r, s) in shears.items()
    }
    return permutation_group(len(vectors), moved)


def dicyclic(n: int) -> Group:
    """<r, h>: r of order 2n, h^4 = 1, h r h^-1 = r^-1; its quotient by r^n h^2 is dicyclic in the strict
    sense, so that all three types occur."""
    return semidirect(cyclic(2 * n), cyclic(4), [[((0, -1),)]], ["r", "h"], f"C{2 * n} : C4")


def turned(rep: Representation, rng: Random) -> Representation:
    """The same representation in another orthonormal basis: rational matrices with many entries."""
    n = rep.degree
    v = [rng.randrange(-2, 3) for _ in range(n - 1)] + [1]
    size = sum(x * x for x in v)
    mirror = im.matrix(
        [[int(i == j) - Fraction(2 * v[i] * v[j], size) for j in range(n)] for i in range(n)]
    )
    images = {
        (name, g): im.explicit(im.compose(im.compose(mirror, rep.image(name, g)), mirror))
        for name, group in rep.groups
        for g in range(len(group.generators))
    }
    return from_images(rep.label + " turned", rep.groups, n, images)


def induced(group: Group, rng: Random) -> Representation:
    """From a cyclic subgroup: its regular representation, or its sign if it has one."""
    words = group.elements()
    word = words[rng.randrange(len(words))]
    small = subgroup(group, [word], ["h"])
    assert small.order is not None
    own = trivial("t", "H", small)
    if small.order % 2 == 0:
        own = from_images("s", (("H", small),), 1, {("H", 0): im.Monomial((0,), (-1,))})
    images = dict(enumerate(induced_images(group, small, own, "H")))
    keyed = {("G", g): image for g, image in images.items()}
    return from_images("induced", (("G", group),), images[0].degree, keyed)


def samples(group: Group, rng: Random, largest: int) -> list[Representation]:
    found = [rep for rep in representations_of("G", group) if rep.factors]
    found += [induced(group, rng) for _ in range(2)]
    small = [rep for rep in found if rep.degree <= 4]
    if small:
        found.append(direct_sum("product", [Term((rng.choice(small), rng.choice(small)))]))
        found.append(direct_sum("sum", [Term((rng.choice(small),)), Term((2, rng.choice(small)))]))
        found.append(turned(rng.choice(small), rng))
    return [
        rep for rep in found if rep.factors and rep.degree <= largest and isotypic(rep) is not None
    ]


def promised(x: Isotypic, y: Isotypic, maps: np.ndarray) -> float:
    """How far the maps are from the form that is promised."""
    moved = y.matrix @ maps @ x.matrix.T
    rest = moved.copy()
    row = 0
    for target in y.components:
        column = 0
        for source in x.components:
            if source.name == target.name:
                d, a, b = source.copies, target.inner, source.inner
                block = moved[:, row : row + d * a, column : column + d * b].reshape(-1, d, a, d, b)
                first = block[:, 0, :, 0]
                same = np.einsum("iab,kl->ikalb", first, np.eye(d))
                rest[:, row : row + d * a, column : column + d * b] -= same.reshape(
                    -1, d * a, d * b
                )
            column += source.copies * source.inner
        row += target.copies * target.inner
    return float(np.abs(rest).max(initial=0.0))


GROUPS = [group for group in small_groups() if 1 < (group.order or 0) <= 72]
MORE = [
    linear_group(3),
    dicyclic(2),
    dicyclic(5),
    wreath(cyclic(4), cyclic(2), ["r", "s"], "C4^2 : 2"),
]


def test_maps_are_block_diagonal_in_irreducible_coordinates() -> None:
    rng = Random(7)
    seen, types = 0, set()
    for group in [*GROUPS, *MORE]:
        found = samples(group, rng, 24)
        for v in found:
            whole = isotypic(v)
            assert whole is not None
            n = sum(part.copies * part.inner for part in whole.components)
            assert whole.matrix.shape == (v.degree, n)
            assert np.abs(whole.matrix @ whole.matrix.T - np.eye(n)).max() < 4e-15
            types |= {part.commutant for part in whole.components}
        for _ in range(min(5, len(found) ** 2)):
            v, w = rng.choice(found), rng.choice(found)
            x, y = isotypic(v), isotypic(w)
            assert x is not None and y is not None
            counts = {part.name: part.multiplicity * part.commutant for part in x.components}
            expected = sum(
                counts[part.name] * part.multiplicity
                for part in y.components
                if part.name in counts
            )
            assert hom_dimension((v,), (w,)) == expected, (group, v, w)
            if v.degree * w.degree <= 256:
                maps = hom_basis((v,), (w,)).dense()
                assert promised(x, y, maps) < 1e-13 * max(1.0, float(np.abs(maps).max(initial=0)))
                seen += len(maps)
    assert seen > 250 and types == {1, 2, 4}


def test_a_matrix_that_is_not_adapted_is_seen() -> None:
    """The negative control of the test above, and of the check inside."""
    v = regular("v", "G", dihedral(4))
    x = isotypic(v)
    assert x is not None
    maps = hom_basis((v,), (v,)).dense()
    assert promised(x, x, maps) < 1e-14
    swapped = Isotypic(x.components, x.matrix[[0, 1, 2, 3, 4, 6, 5, 7]], False)
    assert promised(swapped, swapped, maps) > 0.1
    prepared = module._circular(dihedral(4), [v.image("G", 0), v.image("G", 1)])
    assert prepared is not None
    irreducible, _, steps = prepared
    letters = [v.image("G", 0), v.image("G", 1)]
    parts = list(x.components)
    assert module._reduced(x.matrix, parts, irreducible, letters, steps)
    assert not module._reduced(swapped.matrix, parts, irreducible, letters, steps)
    assert not module._reduced(x.matrix * 1.001, parts, irreducible, letters, steps)


def test_known_components() -> None:
    def sizes(rep: Representation) -> list[tuple[int, int, int]]:
        found = isotypic(rep)
        assert found is not None
        return [(part.degree, part.commutant, part.multiplicity) for part in found.components]

    plane = [(1, 1, 1)] * 4 + [(2, 1, 2)]
    assert sizes(regular("r", "G", dihedral(4))) == plane
    assert sizes(regular("r", "G", quaternion())) == [(1, 1, 1)] * 4 + [(4, 4, 1)]
    assert sizes(natural("n", "G", symmetric(5))) == [(1, 1, 1), (4, 1, 1)]
    icosahedral = [(1, 1, 1), (3, 1, 3), (3, 1, 3), (4, 1, 4), (5, 1, 5)]
    assert sizes(regular("r", "G", alternating(5))) == icosahedral
    tetrahedral = [(1, 1, 1), (2, 2, 1), (3, 1, 3), (4, 2, 2), (4, 4, 1)]
    assert sorted(sizes(regular("r", "G", linear_group(3)))) == tetrahedral
    # no subgroup has a real character that the parts of degree 3 hold once
    frobenius = semidirect(cyclic(7), cyclic(9), [[((0, 2),)]], ["r", "h"], "C7 : C9")
    expected = [(1, 1, 1)] + [(2, 2, 1)] * 4 + [(6, 2, 3)] * 3
    assert sorted(sizes(regular("r", "G", frobenius))) == expected
    found = isotypic(regular("r", "G", dihedral(4)))
    assert found is not None  # printed in emitted code: no noise
    sizes_of = {abs(value) for value in found.matrix.reshape(-1).tolist()}
    assert sizes_of == {0.0, math.sqrt(1 / 8), 0.5}
    names = [part.name for part in found.components]
    assert names == ["trivial", "sign s", "sign r", "sign r, s", "turn 1"]


@pytest.mark.parametrize("n", [2, 5, 8, 12])
def test_cyclic_axes_are_discrete_fourier_transforms(n: int) -> None:
    found = isotypic(regular("r", "G", cyclic(n)))
    assert found is not None and found.fourier
    x = np.random.default_rng(n).normal(size=n)
    spectrum = np.fft.rfft(x, norm="ortho")
    spectrum[1 : (n + 1) // 2] *= np.sqrt(2)
    pairs = np.stack([spectrum.real, spectrum.imag], axis=1).reshape(-1)
    kept = [0, *range(2, 2 * ((n + 1) // 2)), *([n] if n % 2 == 0 else [])]
    assert np.abs(found.matrix @ x - pairs[kept]).max() < 1e-14
    moved = isotypic(regular("r", "G", dihedral(n)))
    assert moved is not None and not moved.fourier


def test_large_cyclic_and_dihedral_groups_need_no_list() -> None:
    long = isotypic(regular("r", "G", cyclic(513)))
    assert long is not None and len(long.components) == 257
    short = isotypic(shift("s", "G", cyclic(10**12), 4))
    assert short is not None
    assert [part.name for part in short.components] == [
        "trivial",
        f"turn {10**12 // 4}",
        "sign r",
    ]
    mirror = isotypic(hflip("m", "G", cyclic(10**9), 6))
    assert mirror is not None and [part.inner for part in mirror.components] == [3, 3]


def test_what_has_no_irreducible_coordinates() -> None:
    two = cyclic(2)
    shear = from_images("shear", (("G", two),), 2, {("G", 0): im.matrix([[1, 1], [0, -1]])})
    assert not shear.is_orthogonal and isotypic(shear) is None
    assert isotypic(trivial("one", "G", two)) is None
    assert isotypic(LEGS) is None  # two factors
    assert isotypic(vector("v", "G", classical_group("orthogonal", 3))) is None
    assert isotypic(natural("n", "G", symmetric(8))) is None  # beyond the bound
    assert isotypic(regular("r", "G", cyclic(module.LARGEST_DEGREE + 1))) is None


def test_characters_are_exact() -> None:
    found = real_characters(alternating(5))
    assert found is not None
    golden = {value for one in found for value in one.values if value != round(value)}
    wanted = [(1 - np.sqrt(5)) / 2, (1 + np.sqrt(5)) / 2]
    assert len(golden) == 2 and np.abs(np.array(sorted(golden)) - wanted).max() < 5e-16
    for n in (1, 2, 3, 4, 6, 8, 12, 30):
        angles = 2 * np.pi * np.arange(-n, 2 * n) / n
        ours = [[cosine(k, n), sine(k, n)] for k in range(-n, 2 * n)]
        assert np.abs(np.array(ours) - np.stack([np.cos(angles), np.sin(angles)], 1)).max() < 2e-15
    assert [cosine(k, 12) for k in (0, 2, 3, 4, 6)] == [1.0, 0.5, 0.0, -0.5, -1.0]
