"""`irrep(k)` of rotations and of SU(2): homomorphisms, orthogonality, Schur, Clebsch-Gordan."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache, reduce

import numpy as np
import pytest

from eqspec.algebra import constructors
from eqspec.algebra import images as im
from eqspec.algebra.counting import hom_dimension
from eqspec.algebra.families import classical_group
from eqspec.algebra.forms import invariant_form
from eqspec.algebra.groups import Group
from eqspec.algebra.harmonics import (
    LARGEST_HARMONIC,
    Polynomial,
    _image,
    harmonics,
    irrep,
    irreps,
    norms,
)
from eqspec.algebra.representations import Representation, RepresentationError, same_action
from eqspec.algebra.solver import check_basis, hom_basis

GROUPS = {
    "SO2": classical_group("special_orthogonal", 2),
    "O2": classical_group("orthogonal", 2),
    "SO3": classical_group("special_orthogonal", 3),
    "O3": classical_group("orthogonal", 3),
    "SU2": classical_group("special_unitary", 2),
}


@lru_cache(maxsize=256)
def rep(name: str, k: int) -> Representation:
    return irrep(f"{name}.irrep({k})", name, GROUPS[name], k)


def both(source: Sequence[Representation], target: Sequence[Representation]) -> int:
    basis = hom_basis(source, target)
    assert check_basis(basis, source, target)
    assert hom_dimension(source, target) == len(basis)
    return len(basis)


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize("k", [0, 1, 2, 3, 4, 5])
def test_products_go_to_products(name: str, k: int) -> None:
    """The matrix of a product of elements is the product of their matrices, far from generators."""
    group = GROUPS[name]
    vectors = [im.explicit(im.matrix(im.rows_of(g))) for g in group.model]
    rng = np.random.default_rng(k)
    for _ in range(3):
        g, h = (
            reduce(im.compose, [vectors[int(rng.integers(len(vectors)))] for _ in range(3)])
            for _ in range(2)
        )
        gh = im.explicit(im.compose(g, h))
        product = im.compose(
            _image(group.family, im.explicit(g), k), _image(group.family, im.explicit(h), k)
        )
        assert _image(group.family, gh, k) == im.explicit(product)
    back = im.explicit(im.inverse(g))
    assert _image(group.family, back, k) == im.explicit(
        im.inverse(_image(group.family, im.explicit(g), k))
    )


@pytest.mark.parametrize("name", ["SO2", "O2", "SO3", "O3", "SU2"])
@pytest.mark.parametrize("k", [1, 2, 3, 4, 6])
def test_schur(name: str, k: int) -> None:
    """The commutant is R, C for SO(2), and H for the spinors of SU(2)."""
    expected = {"SO2": 2, "SU2": 4 if k % 2 else 1}.get(name, 1)
    assert both([rep(name, k)], [rep(name, k)]) == expected
    assert both([rep(name, k)], [rep(name, k + 1)]) == 0
    assert both([rep(name, k)], [rep(name, k - 1)]) == 0
    assert both([rep(name, k)], []) == 0


@pytest.mark.parametrize(("j", "k"), [(1, 1), (1, 2), (2, 2), (2, 3)])
def test_clebsch_gordan(j: int, k: int) -> None:
    """j (x) k holds each of |j-k| ... j+k once; under mirrors of space those of the right parity."""
    for m in range(j + k + 2):
        inside = abs(j - k) <= m <= j + k
        assert both([rep("SO3", j), rep("SO3", k)], [rep("SO3", m)]) == inside
        natural = inside and (j + k + m) % 2 == 0
        assert both([rep("O3", j), rep("O3", k)], [rep("O3", m)]) == natural
        det = constructors.vector("V", "O3", GROUPS["O3"]).pseudoscalar()
        pseudo = inside and (j + k + m) % 2 == 1
        assert both([rep("O3", j), rep("O3", k)], [rep("O3", m), det]) == pseudo


@pytest.mark.parametrize("k", range(6))
def test_characters_of_rotations(k: int) -> None:
    """The trace of a rotation by t is sin((2k + 1) t/2) / sin(t/2)."""
    r = GROUPS["SO3"].generators.index("r")
    t = math.acos(3 / 5)
    trace = float(im.trace(rep("SO3", k).image("SO3", r)))
    assert math.isclose(trace, math.sin((2 * k + 1) * t / 2) / math.sin(t / 2), abs_tol=1e-12)
    plane = rep("SO2", k).image("SO2", GROUPS["SO2"].generators.index("r"))
    assert math.isclose(float(im.trace(plane)), 2 * math.cos(k * t) if k else 1, abs_tol=1e-12)
    # the element i of SU(2) is a turn by pi: eigenvalues i^k, i^(k-2), ...
    number = GROUPS["SU2"].generators.index("k")
    spin = sum((1j) ** (k - 2 * j) for j in range(k + 1)).real * (2 if k % 2 else 1)
    assert math.isclose(float(im.trace(rep("SU2", k).image("SU2", number))), spin, abs_tol=1e-12)


def value(p: Polynomial, x: np.ndarray) -> np.ndarray:
    return sum(
        float(v) * np.prod([x[:, i] ** e for i, e in enumerate(exponents)], axis=0)
        for exponents, v in p.items()
    )


@pytest.mark.parametrize("k", [1, 2, 3, 5, 8])
def test_orthogonal_on_the_sphere(k: int) -> None:
    """By quadrature: the Gram matrix is diagonal with `norms`, which lie within a factor of 4."""
    nodes, weights = np.polynomial.legendre.leggauss(k + 2)
    angles = 2 * np.pi * np.arange(2 * k + 3) / (2 * k + 3)
    z, a = (grid.reshape(-1) for grid in np.meshgrid(nodes, angles, indexing="ij"))
    w = np.repeat(weights, len(angles))
    s = np.sqrt(1 - z**2)
    points = np.stack([s * np.cos(a), s * np.sin(a), z], axis=1)
    values = np.stack([value(p, points) for p in harmonics(3, k)])
    gram = (values * w) @ values.T
    expected = np.array([float(v) for v in norms(k)])
    assert np.allclose(gram, np.diag(expected) * gram[k, k] / expected[k], atol=1e-9 * gram[k, k])
    assert max(norms(k)) < 4 * min(norms(k))
    # the usual order: sines for m < 0, cosines for m > 0, no turn about z for m = 0
    assert [bool(np.allclose(v[a == 0], 0)) for v in values] == [True] * k + [False] * (k + 1)


@pytest.mark.parametrize("k", [1, 2, 4, 7])
def test_harmonic(k: int) -> None:
    for p in harmonics(3, k):
        laplacian: Polynomial = {}
        for e, v in p.items():
            for i in range(3):
                if e[i] > 1:
                    lower = tuple(x - 2 * (j == i) for j, x in enumerate(e))
                    step = v * e[i] * (e[i] - 1)
                    laplacian[lower] = laplacian.get(lower, Fraction(0)) + step
        assert not any(laplacian.values())


def test_the_form_is_diagonal() -> None:
    for k in (2, 3):
        form = invariant_form(rep("O3", k))
        assert form is not None
        assert form.definite
        scale = form.diagonal
        assert scale is not None
        assert len({a / b for a, b in zip(scale, norms(k), strict=True)}) == 1


def test_the_first_ones_are_vectors() -> None:
    for name in GROUPS:
        vector = constructors.vector("V", name, GROUPS[name])
        assert both([vector], [rep(name, 1)]) == both([vector], [vector])
    for name in ("SO2", "O2", "SU2"):
        vector = constructors.vector("V", name, GROUPS[name])
        assert same_action(vector, rep(name, 1))
    vector = constructors.vector("V", "O3", GROUPS["O3"])
    assert len(hom_basis([vector], [rep("O3", 1)])) == 1  # coordinates (y, z, x)
    (found,) = hom_basis([vector], [rep("O3", 1)]).dense()
    assert found.tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]


def test_tensors_are_sums_of_irreps() -> None:
    """T(2) = 0 + 1 + 2 in space (1 as pseudovector under mirrors), End of each 1."""
    for name, answer in (("SO3", 3), ("O3", 2)):
        tensor = constructors.tensor("T", name, GROUPS[name], 2, 0)
        assert both([tensor], [irreps("I", name, GROUPS[name], 0, 2)]) == answer
        assert both([tensor], [irreps("I", name, GROUPS[name], 3, 4)]) == 0


@pytest.mark.parametrize(
    "group",
    [
        classical_group("orthogonal", 4),
        classical_group("lorentz", 1, 2),
        classical_group("special_linear", 2),
        classical_group("special_unitary", 3),
        classical_group("scaling", 3),
        classical_group("symplectic", 2),
    ],
    ids=lambda group: group.description,
)
def test_refused_elsewhere(group: Group) -> None:
    with pytest.raises(RepresentationError, match="rotations"):
        irrep("X", "G", group, 1)


def test_bounds() -> None:
    with pytest.raises(RepresentationError, match="go up to"):
        irrep("X", "G", GROUPS["SO3"], LARGEST_HARMONIC + 1)
    with pytest.raises(RepresentationError, match="empty"):
        irreps("X", "G", GROUPS["SO3"], 2, 1)


def test_motions_of_space_turn_harmonics() -> None:
    group = classical_group("euclidean", 3)
    found = irrep("E.irrep", "E", group, 2)
    assert found.image("E", len(group.generators) - 1).is_identity
    assert both([found], [found]) == 1


def test_a_wrong_sign_is_no_intertwiner() -> None:
    """The negative: with one coordinate turned around nothing commutes any more."""
    r = rep("O3", 2)
    images = tuple(
        tuple(
            im.compose(im.compose(im.matrix(np.diag([1, 1, 1, 1, -1]).tolist()), g), im.identity(5))
            for g in row
        )
        for row in r.images
    )
    wrong = Representation("X", r.groups, 5, (5,), images)
    assert len(hom_basis([r], [wrong])) == 0
