"""Irreducible representations of finite groups by rational matrices.

In: a group and a number. Out: the matrices of its generators, irreducible over the real numbers;
`NoIrrep` where they need irrational numbers or lie beyond the bounds. The numbering is documented for
every family in docs/language.md and does not change.

Sources: Serre, Linear Representations of Finite Groups, 5 and 13; Young's seminormal form in James and
Kerber, The Representation Theory of the Symmetric Group (1981), 2.3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import reduce
from math import factorial, gcd

from eqspec.algebra import images as im
from eqspec.algebra.classes import partitions, totient
from eqspec.algebra.groups import Group
from eqspec.algebra.images import AnyImage, Image, Monomial, Rational
from eqspec.algebra.products import dihedral_size
from eqspec.algebra.splitting import SPLITTING_LIMIT, NoIrrep, split

LARGEST_IRREP = 24
LARGEST_DEGREE = 12  # points of symmetric(n): characters of dense matrices are slow beyond

Matrices = tuple[AnyImage, ...]

TURNS = {
    1: [[1, 0], [0, 1]],
    2: [[-1, 0], [0, -1]],
    3: [[0, -1], [1, -1]],
    4: [[0, -1], [1, 0]],
    6: [[0, -1], [1, 1]],
}
"""A turn by a full circle over m in a lattice basis; no other m has a rational matrix of degree 2."""

MIRRORS = {3: [[0, 1], [1, 0]], 4: [[1, 0], [0, -1]], 6: [[0, 1], [1, 0]]}
"""A mirror that inverts the turn."""


def irrep(group: Group, number: int) -> Matrices:
    """The matrices of the generators in irreducible representation ``number``.

    NoIrrep if there is no such number, if it needs irrational numbers, or beyond the bounds.
    """
    if dihedral_size(group) is not None:
        return _dihedral(group, number)
    return _FAMILIES.get(group.family, _split)(group, number)


def _numbered(group: Group, number: int, count: int) -> None:
    if not 0 <= number < count:
        raise NoIrrep(
            f"{group.description} has the irreducible representations 0 to {count - 1:,}",
            f"this is {number:,}",
        )


def _scalar(*values: int) -> Matrices:
    return tuple(Monomial((0,), (value,)) for value in values)


def _cyclic(group: Group, number: int) -> Matrices:
    """irrep(k) turns by 2 pi k / n, for k up to n/2: 0 is trivial, n/2 the sign."""
    n = group.order
    assert n is not None
    _numbered(group, number, n // 2 + 1)
    if number == 0 or 2 * number == n:
        return _scalar(1 if number == 0 else -1)
    return (_turn(group, n, number),)


def _turn(group: Group, n: int, k: int) -> Image:
    m = n // gcd(n, k)
    if m not in TURNS:
        angle = f"2 pi {k // gcd(n, k)}/{m}" if k // gcd(n, k) > 1 else f"2 pi/{m}"
        degree = totient(m)
        raise NoIrrep(
            f"this irreducible representation of {group.description} turns by {angle}, and cos({angle})"
            f" is no rational number (its field has degree {degree // 2} over the rationals)",
            f"use `regular`, which holds it, or a `rep` by matrix({degree}) of all turns of that order"
            " at once: the companion matrix of the cyclotomic polynomial",
        )
    return im.explicit(im.power(im.matrix(TURNS[m]), k // gcd(n, k)))


def _dihedral(group: Group, number: int) -> Matrices:
    """First the signs (r, s) = (1, 1), (1, -1) and for even n (-1, 1), (-1, -1); then the turns by
    2 pi k / n for k = 1, 2, ... below n/2."""
    n = dihedral_size(group)
    assert n is not None
    signs = [(1, 1), (1, -1)] + ([(-1, 1), (-1, -1)] if n % 2 == 0 else [])
    _numbered(group, number, len(signs) + (n - 1) // 2)
    if number < len(signs):
        return _scalar(*signs[number])
    turn = _turn(group, n, number - len(signs) + 1)
    return (turn, im.matrix(MIRRORS[n // gcd(n, number - len(signs) + 1)]))


def _klein(group: Group, number: int) -> Matrices:
    """a is -1 for 2 and 3, b is -1 for 1 and 3."""
    _numbered(group, number, 4)
    return _scalar(-1 if number & 2 else 1, -1 if number & 1 else 1)


def _quaternion(group: Group, number: int) -> Matrices:
    """0 to 3: signs as for klein(); 4: the quaternions themselves, of degree 4 over the reals."""
    _numbered(group, number, 5)
    return group.model if number == 4 else _klein(group, number)


def _symmetric(group: Group, number: int) -> Matrices:
    """Young's seminormal form. Partitions in decreasing order: (n) is 0, (n-1, 1) is 1, (1, ..., 1) is
    last."""
    n = group.model[0].degree
    if n > LARGEST_DEGREE:
        raise NoIrrep(
            f"the irreducible representations of {group.description} are too many:"
            f" symmetric(n) up to n = {LARGEST_DEGREE}",
            "`natural` is the trivial one and one of degree n - 1",
        )
    shapes = partitions(n)
    _numbered(group, number, len(shapes))
    degree = hook_degree(shapes[number])
    if degree > LARGEST_IRREP:
        raise NoIrrep(
            f"the representation of {group.description} with the partition"
            f" {shapes[number]} has degree {degree:,}; at most {LARGEST_IRREP}",
            "tensors of `natural` hold it",
        )
    if n == 1:
        return _scalar(1, 1)
    steps = seminormal(shapes[number])
    return steps[0], reduce(im.compose, steps)


def hook_degree(shape: Sequence[int]) -> int:
    """The number of standard tableaux (Frame, Robinson and Thrall)."""
    product = 1
    for i, row in enumerate(shape):
        for j in range(row):
            below = sum(1 for other in shape[i + 1 :] if other > j)
            product *= row - j + below
    return factorial(sum(shape)) // product


def seminormal(shape: Sequence[int]) -> list[AnyImage]:
    """The matrices of the neighbour swaps (i i+1), i = 0 ... n-2, on the standard tableaux.

    With d the axial distance from i to i+1 in the tableau T, s_i T = T / d + c T', where T' has i and
    i+1 exchanged and c is 1 where T' stands later in the list, else 1 - 1/d^2.
    """
    tableaux = _standard(tuple(shape))
    place = {tableau: k for k, tableau in enumerate(tableaux)}
    steps: list[AnyImage] = []
    for i in range(sum(shape) - 1):
        rows: list[list[Rational]] = [[Fraction(0)] * len(tableaux) for _ in tableaux]
        for k, tableau in enumerate(tableaux):
            (a, b), (c, d) = tableau[i], tableau[i + 1]
            distance = (d - c) - (b - a)
            rows[k][k] = Fraction(1, distance)
            if abs(distance) > 1:
                other = place[(*tableau[:i], tableau[i + 1], tableau[i], *tableau[i + 2 :])]
                rows[other][k] = Fraction(1) if other > k else 1 - Fraction(1, distance * distance)
        steps.append(im.matrix(rows))
    return steps


def _standard(shape: tuple[int, ...]) -> list[tuple[tuple[int, int], ...]]:
    """The standard tableaux of a shape, each as the cells (row, column) of 0, 1, ..., n-1."""
    if not sum(shape):
        return [()]
    found = []
    for row in range(len(shape)):
        if shape[row] and (row + 1 == len(shape) or shape[row + 1] < shape[row]):
            smaller = (*shape[:row], shape[row] - 1, *shape[row + 1 :])
            found += [(*before, (row, shape[row] - 1)) for before in _standard(smaller)]
    return found


def _split(group: Group, number: int) -> Matrices:
    """Any other group: by degree over the rationals, then by character (see `splitting`)."""
    if group.order is None or group.order > SPLITTING_LIMIT:
        raise NoIrrep(
            f"the irreducible representations of {group.description} are computed up to"
            f" {SPLITTING_LIMIT} elements",
            "use `regular`, `quotient(H)`, `induced(H, ...)` or a `rep`",
        )
    return split(group, number)


_FAMILIES: dict[str, Callable[[Group, int], Matrices]] = {
    "cyclic": _cyclic,
    "klein": _klein,
    "quaternion": _quaternion,
    "symmetric": _symmetric,
}
