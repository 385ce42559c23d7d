"""The real irreducible characters of a finite group, as numbers.

In: a group of at most `SPLITTING_LIMIT` elements. Out: the character of every representation that is
irreducible over the real numbers, at every element, with its degree and the dimension of its commutant:
1, 2 or 4 for the types R, C and H.

The sums over a class and its inverses span the self-adjoint part of the centre of the group algebra, in
which every multiplication is a symmetric matrix; their joint eigenvectors are the characters. A character
value is then written as a sum of roots of unity with whole coefficients, found by rounding, so that it does
not depend on how the eigenvectors were rounded.

Source: Serre, Linear Representations of Finite Groups, 2.6 and 13.2 (the three types); Burnside's method.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import cos, fsum, isqrt, pi, sin
from random import Random
from typing import TYPE_CHECKING

from eqspec.algebra.groups import Group
from eqspec.algebra.splitting import Table, table_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEAR = 1e-7  # characters are taken for equal, and multiplicities for whole


@dataclass(frozen=True)
class RealCharacter:
    """``values[k]`` at element k of `Group.elements`; ``commutant`` is 1, 2 or 4."""

    degree: int
    commutant: int
    values: tuple[float, ...]


@lru_cache(maxsize=64)
def real_characters(group: Group) -> tuple[RealCharacter, ...] | None:
    """By degree, then by their values on the elements in order, largest first; the trivial one is the
    first. None if the rounding is in doubt (no group is known for which it is)."""
    import numpy as np

    table = table_of(group)
    n = len(table.rows)
    real = [min(label, table.classes[table.inverse[label]]) for label in table.classes]
    labels = sorted(set(real))
    number = {label: k for k, label in enumerate(labels)}
    place = np.array([number[label] for label in real])
    vectors = _eigenvectors(_multiplications(table, place, labels))
    if vectors is None:
        return None
    sizes = np.bincount(place)
    squares = np.array([table.rows[g][g] for g in range(n)])
    found: list[RealCharacter] = []
    for vector in vectors:
        shares = vector / np.sqrt(sizes)
        x = (shares / shares[place[0]])[place]
        kind = float(x[squares].sum()) / n  # 1, 0 or -1 over the degree of a complex constituent
        if abs(kind) > NEAR:
            degree = round(1 / abs(kind)) * (2 if kind < 0 else 1)
            commutant = 1 if kind > 0 else 4
        else:
            degree = 2 * isqrt(round(n / (2 * float((x * x).sum()))))
            commutant = 2
        values = _exact(table, labels, place, degree * x)
        if values is None:
            return None
        found.append(RealCharacter(degree, commutant, values))
    if not _orthogonal(found, n):
        return None
    found.sort(key=lambda one: (one.degree, [-round(value, 9) for value in one.values]))
    return tuple(found)


def _multiplications(
    table: Table, place: NDArray[np.int64], labels: list[int]
) -> NDArray[np.float64]:
    """For every real class the symmetric matrix by which its sum multiplies the other sums."""
    import numpy as np

    r = len(labels)
    constants = np.zeros((r, r, r))
    back = np.array(table.inverse)
    rows = np.array(table.rows)
    for k, label in enumerate(labels):
        np.add.at(constants[:, :, k], (place, place[rows[back, label]]), 1)
    scale = np.sqrt(np.bincount(place))
    symmetric: NDArray[np.float64] = constants * scale / scale[:, None]
    return symmetric


def _eigenvectors(matrices: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The joint eigenvectors of commuting symmetric matrices, by rows, from a combination whose
    eigenvalues lie apart."""
    import numpy as np

    rng = Random(0)
    sizes = np.abs(matrices).sum(axis=(1, 2))
    for _ in range(20):
        weights = np.array([rng.uniform(-1, 1) for _ in matrices]) / sizes
        combination = sum(w * matrix for w, matrix in zip(weights, matrices, strict=True))
        values, vectors = np.linalg.eigh(combination)
        gaps = np.diff(values)
        if not len(gaps) or gaps.min() > 1e-8 * np.abs(values).max():
            rows: NDArray[np.float64] = vectors.T
            return rows
    return None


def _exact(
    table: Table, labels: list[int], place: NDArray[np.int64], values: NDArray[np.float64]
) -> tuple[float, ...] | None:
    """The values again, from the multiplicities of the eigenvalues of one element of every class."""
    found: list[float] = []
    for g in labels:
        powers = [0]
        while (other := table.rows[powers[-1]][g]) != 0:
            powers.append(other)
        order = len(powers)
        terms: list[float] = []
        for j in range(order):
            share = fsum(float(values[p]) * cosine(j * k, order) for k, p in enumerate(powers))
            count = round(share / order)
            if abs(share / order - count) > 1e-4 or count < 0:
                return None
            terms.append(count * cosine(j, order))
        total = fsum(terms)
        found.append(round(total) + 0.0 if abs(total - round(total)) < 1e-9 else total)
    return tuple(found[k] for k in place.tolist())


def _orthogonal(characters: list[RealCharacter], n: int) -> bool:
    """Are they as many and as they must be: <chi, chi'> is the commutant where they are one, else 0,
    and the squares of the degrees over the commutants are the order?"""
    import numpy as np

    values = np.array([one.values for one in characters])
    gram = values @ values.T / n
    wanted = np.diag([float(one.commutant) for one in characters])
    return bool(np.abs(gram - wanted).max() < NEAR) and n == sum(
        one.degree**2 // one.commutant for one in characters
    )


def cosine(k: int, n: int) -> float:
    """cos(2 pi k / n), the same number for all equal angles and exact where it is rational."""
    k = k % n
    k = min(k, n - k)
    if 4 * k > n:
        return -cosine(n - 2 * k, 2 * n)
    if 4 * k == n:
        return 0.0
    if 6 * k == n:
        return 0.5
    return cos(2 * pi * k / n) if 8 * k <= n else sin(pi * (n - 4 * k) / (2 * n))


def sine(k: int, n: int) -> float:
    """sin(2 pi k / n), as `cosine`."""
    return cosine(4 * k - n, 4 * n)
