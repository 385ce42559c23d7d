"""Irreducible representations of the rotations of the plane and of space, and of SU(2), over Q.

In: one of these groups and a number. Out: a `Representation` with exact matrices.

`irrep(k)` of O(n) and SO(n), n = 2 or 3, acts on the harmonic polynomials of degree k by
(g p)(x) = p(g^-1 x). In space they are, for m = -k ... k,

    p_(k,m) = s_(k,m) Q_(k,|m|)(z, r^2) times Im (x + iy)^|m| for m < 0, Re (x + iy)^m for m >= 0,

with Q the |m|-th derivative of the Legendre polynomial of degree k, made homogeneous by r^2 and
primitive over the integers, and s a power of two. They are orthogonal on the sphere, so that they
differ from the usual orthonormal real spherical harmonics (z the polar axis, m < 0 the sines) by a
positive number for each m alone, `norms` gives its square up to one common factor; s makes all norms
equal up to a factor of 2. In the plane they are Re and Im of (x + iy)^k, of equal norms. So the
matrices are those of the usual basis conjugated by a diagonal matrix near the identity.

`irrep(k)` of SU(2) has spin k/2. For odd k it is the k-th symmetric power of C^2 on its real form
(real parts, then imaginary parts; basis s_j e_0^(k-j) e_1^j), of degree 2(k + 1); for even k it is
real, and is irrep(k/2) of the rotation of space by which the group acts on its Lie algebra.

Source: Brocker and tom Dieck, Representations of Compact Lie Groups, II.5 and II.10; Courant and
Hilbert I, VII.5 for the polynomials.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import comb, factorial, gcd, isqrt
from typing import TypeAlias

from eqspec.algebra import images as im
from eqspec.algebra.constructors import vector
from eqspec.algebra.elimination import inverse_rows
from eqspec.algebra.groups import Group
from eqspec.algebra.images import Image
from eqspec.algebra.representations import (
    Representation,
    RepresentationError,
    Term,
    direct_sum,
)

LARGEST_HARMONIC = 12

Exponents: TypeAlias = tuple[int, ...]
Polynomial: TypeAlias = dict[Exponents, Fraction]
Rows: TypeAlias = Sequence[Sequence[Fraction]]

ROTATIONS = ("orthogonal", "special_orthogonal", "euclidean", "special_euclidean")


def irrep(label: str, factor: str, group: Group, k: int) -> Representation:
    """Irreducible representation k. RepresentationError for other groups, and beyond the bound."""
    if not _has_irreps(group):
        raise RepresentationError(
            f"`irrep` of an infinite group is built for rotations of the plane and of space and for"
            f" special_unitary(2), not for {group.description}",
            "`tensor(p, q)` holds it",
        )
    if k > LARGEST_HARMONIC:
        raise RepresentationError(f"{label}: numbers go up to {LARGEST_HARMONIC}")
    on_vectors = vector(label, factor, group)
    images = tuple(
        _image(group.family, on_vectors.image(factor, g), k) for g in range(len(group.generators))
    )
    degree = images[0].degree
    return Representation(
        label, ((factor, group),), degree, (degree,), (images,), kind=("irrep", k, 0)
    )


def irreps(label: str, factor: str, group: Group, first: int, last: int) -> Representation:
    """The direct sum of irrep(first) ... irrep(last), on one axis."""
    if last < first:
        raise RepresentationError(f"{label} is empty", "write `irreps(0..2)`")
    parts = [irrep(f"{factor}.irrep({k})", factor, group, k) for k in range(first, last + 1)]
    return direct_sum(label, [Term((part,)) for part in parts])


def _has_irreps(group: Group) -> bool:
    if group.family == "special_unitary":
        return group.parameters == (2,)
    return group.family in ROTATIONS and group.parameters in ((2,), (3,))


@lru_cache(maxsize=4096)
def _image(family: str, g: Image, k: int) -> Image:
    if k == 0:
        return im.identity(1)
    if family != "special_unitary":
        return _on_harmonics(g, k)
    return _symmetric_power(g, k) if k % 2 else _on_harmonics(_adjoint(g), k // 2)


# ---- harmonic polynomials ----


@lru_cache(maxsize=64)
def harmonics(n: int, k: int) -> tuple[Polynomial, ...]:
    """The basis of the harmonic polynomials of degree k in n = 2 or 3 variables."""
    if n == 2:
        real, imaginary = _circular(k, 2)
        return (real, imaginary)
    found = []
    for m in range(-k, k + 1):
        real, imaginary = _circular(abs(m), 3)
        whole = _product(_legendre(k, abs(m)), imaginary if m < 0 else real)
        divisor = gcd(*(int(value) for value in whole.values()))
        found.append({e: value / divisor for e, value in whole.items()})
    middle = fischer(found[k], found[k])
    return tuple(
        {e: value * _power_of_two(middle / fischer(p, p)) for e, value in p.items()} for p in found
    )


def norms(k: int) -> tuple[Fraction, ...]:
    """The squared norms on the sphere of the basis in space, up to one common factor."""
    return tuple(fischer(p, p) for p in harmonics(3, k))


def fischer(p: Polynomial, q: Polynomial) -> Fraction:
    """<p, q> = p(d/dx) q: on harmonic polynomials of one degree the integral over the sphere up to a
    factor."""
    total = Fraction(0)
    for exponents, value in p.items():
        weight = value * q.get(exponents, Fraction(0))
        for e in exponents:
            weight *= factorial(e)
        total += weight
    return total


def _power_of_two(ratio: Fraction) -> Fraction:
    """2^e with 1/2 < ratio / 4^e <= 2: by it a vector is scaled so that its norm changes by the ratio."""
    scale = Fraction(1)
    while ratio > 2 * scale**2:
        scale *= 2
    while ratio <= scale**2 / 2:
        scale /= 2
    return scale


def _circular(m: int, n: int) -> tuple[Polynomial, Polynomial]:
    """The real and the imaginary part of (x + iy)^m, in n variables."""
    parts: tuple[Polynomial, Polynomial] = ({}, {})
    rest = (0,) * (n - 2)
    for j in range(m + 1):
        parts[j % 2][(m - j, j, *rest)] = Fraction(comb(m, j) * (-1) ** (j // 2))
    return parts


def _legendre(k: int, m: int) -> Polynomial:
    """The m-th derivative of the Legendre polynomial, homogeneous of degree k - m in z and r, times
    2^k: sum over j of (-1)^j C(k, j) C(2k - 2j, k) d^m z^(k - 2j) r^2j."""
    total: Polynomial = {}
    for j in range((k - m) // 2 + 1):
        power = k - 2 * j
        factor = Fraction((-1) ** j * comb(k, j) * comb(2 * k - 2 * j, k))
        factor *= Fraction(factorial(power), factorial(power - m))
        radius: Polynomial = {(0, 0, power - m): factor}
        for _ in range(j):
            square: Polynomial = {
                (2, 0, 0): Fraction(1),
                (0, 2, 0): Fraction(1),
                (0, 0, 2): Fraction(1),
            }
            radius = _product(radius, square)
        for exponents, value in radius.items():
            total[exponents] = total.get(exponents, Fraction(0)) + value
    return {e: value for e, value in total.items() if value}


def _product(p: Polynomial, q: Polynomial) -> Polynomial:
    result: Polynomial = {}
    for a, v in p.items():
        for b, w in q.items():
            e = tuple(x + y for x, y in zip(a, b, strict=True))
            result[e] = result.get(e, Fraction(0)) + v * w
    return result


def _on_harmonics(g: Image, k: int) -> Image:
    """The matrix of p(x) -> p(g^-1 x); g is orthogonal, so (g^-1 x)_i is column i of g times x."""
    n = g.degree
    basis = harmonics(n, k)
    columns = list(zip(*im.rows_of(g), strict=True))
    units = [tuple(int(i == j) for j in range(n)) for i in range(n)]
    forms = [{units[j]: v for j, v in enumerate(column) if v} for column in columns]
    powers: list[list[Polynomial]] = []
    for form in forms:
        powers.append([{(0,) * n: Fraction(1)}])
        for _ in range(k):
            powers[-1].append(_product(powers[-1][-1], form))
    # a harmonic polynomial is known by its terms of degree 0 and 1 in the last variable
    places = _places(n, k)
    moved = []
    for p in basis:
        total: Polynomial = {}
        for exponents, value in p.items():
            term: Polynomial = {(0,) * n: value}
            for i, e in enumerate(exponents):
                if e:
                    term = _product(term, powers[i][e])
            for e2, v in term.items():
                total[e2] = total.get(e2, Fraction(0)) + v
        moved.append([total.get(place, Fraction(0)) for place in places])
    table = _coordinates(n, k)
    return im.matrix(
        [
            [sum((table[i][j] * row[j] for j in range(len(places))), Fraction(0)) for row in moved]
            for i in range(len(basis))
        ]
    )


def _places(n: int, k: int) -> list[Exponents]:
    if n == 2:
        return [(k, 0), (k - 1, 1)]
    found: list[Exponents] = [(k - b, b, 0) for b in range(k + 1)]
    return found + [(k - 1 - b, b, 1) for b in range(k)]


@lru_cache(maxsize=64)
def _coordinates(n: int, k: int) -> Rows:
    """From the terms at `_places` to coordinates in the basis."""
    basis = harmonics(n, k)
    rows = tuple(tuple(p.get(place, Fraction(0)) for p in basis) for place in _places(n, k))
    return inverse_rows(rows)


# ---- SU(2) ----


def _complex_entries(g: Image) -> list[list[tuple[Fraction, Fraction]]]:
    """The 2 x 2 complex matrix of an element on the real form (real parts, imaginary parts)."""
    rows = im.rows_of(g)
    return [[(rows[i][j], rows[2 + i][j]) for j in range(2)] for i in range(2)]


def _adjoint(g: Image) -> Image:
    """The rotation by which an element of SU(2) acts on its Lie algebra, in the basis i, j, k of
    quaternions. With g = a + bi + cj + dk as [[a + bi, c + di], [-c + di, a - bi]]."""
    ((a, b), (c, d)), _ = _complex_entries(g)
    return im.matrix(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a - b * b + c * c - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a - b * b - c * c + d * d],
        ]
    )


Gaussian: TypeAlias = tuple[Fraction, Fraction]


def _times(a: Gaussian, b: Gaussian) -> Gaussian:
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def _symmetric_power(g: Image, k: int) -> Image:
    """The action on s_j e_0^(k-j) e_1^j: the product of the images of the factors."""
    entries = _complex_entries(g)
    scales = [Fraction(2) ** _half_log(comb(k, j)) for j in range(k + 1)]
    columns = []
    for j in range(k + 1):
        total: list[Gaussian] = [(Fraction(1), Fraction(0))]  # by powers of e_1
        for place in range(k):
            first, second = (entries[i][0 if place < k - j else 1] for i in range(2))
            longer: list[Gaussian] = [(Fraction(0), Fraction(0))] * (len(total) + 1)
            for e, value in enumerate(total):
                for shift, entry in ((0, first), (1, second)):
                    step = _times(value, entry)
                    before = longer[e + shift]
                    longer[e + shift] = (before[0] + step[0], before[1] + step[1])
            total = longer
        columns.append(
            [
                (v[0] * scales[j] / scales[i], v[1] * scales[j] / scales[i])
                for i, v in enumerate(total)
            ]
        )
    size = range(k + 1)
    real = [[columns[j][i][0] for j in size] for i in size]
    imaginary = [[columns[j][i][1] for j in size] for i in size]
    upper = [[*real[i], *(-v for v in imaginary[i])] for i in size]
    return im.matrix([*upper, *([*imaginary[i], *real[i]] for i in size)])


def _half_log(value: int) -> int:
    """The whole number nearest to half of log2: the monomials have norms 1 / sqrt(C(k, j))."""
    return (isqrt(2 * value)).bit_length() - 1
