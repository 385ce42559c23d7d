"""Reference forms of the real irreducible representations of a finite group.

In: a group, or for cyclic and dihedral groups the order n of the turn r in a quotient. Out: for every real
irreducible representation rho one unit vector v and the coordinates of all rho(g) v, the first column of
the matrices of rho.

Coordinates: the commutant K of rho is R, C or H, of dimension c, and the space is K^D. The vectors
b_0 = v, b_1, ... b_(D-1) are a K-basis, and coordinate (a, k) belongs to J_k b_a for the units J_0 = 1, J_1,
... of K. So a map between multiples of rho is 1 on the copies a times one matrix on all else.

A general irreducible is found as a function: for a subgroup H and a sign lambda of H that rho holds exactly
once over K, f(g) = <v, rho(g) v> is the mean of lambda(h) chi(g h) over H, over c. Where there is none, a complex
lambda of a cyclic H does as well, with twice its real part in the place of the sign: the vectors that H turns
by lambda and by its conjugate are then what rho holds once over K. The rows of the matrix f(g^-1 h) are the
vectors rho(g) v, in coordinates that the Cholesky decomposition gives.

Sources: Serre, Linear Representations of Finite Groups, 2.7, 8.5 and 13.2; the construction from a positive
definite function is that of Gelfand and Naimark, in Folland, A Course in Abstract Harmonic Analysis, 3.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from math import fsum, sqrt
from typing import TYPE_CHECKING

from eqspec.algebra.characters import RealCharacter, cosine, real_characters, sine
from eqspec.algebra.groups import Group
from eqspec.algebra.splitting import SPLITTING_LIMIT, Table, signed_subgroups, table_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TRIVIAL = "trivial"
"""The name of the component that every element leaves alone, in every group."""

RIGHT_UNITS = {
    1: (((0, 1),),),
    2: (((0, 1), (1, 1)), ((1, 1), (0, -1))),
    4: (
        ((0, 1), (1, 1), (2, 1), (3, 1)),
        ((1, 1), (0, -1), (3, 1), (2, -1)),
        ((2, 1), (3, -1), (0, -1), (1, 1)),
        ((3, 1), (2, 1), (1, -1), (0, -1)),
    ),
}
"""RIGHT_UNITS[c][k][l] = (m, sign): J_k J_l = sign J_m, with J_1 J_2 = J_3 for c = 4."""


@dataclass(frozen=True, eq=False)
class Irreducible:
    """``orbit[g, a * commutant + k]`` is coordinate (a, k) of rho(g) v."""

    name: str
    degree: int
    commutant: int
    orbit: NDArray[np.float64]


def turns(order: int, n: int, mirrored: bool) -> Iterator[Irreducible]:
    """The irreducibles of cyclic(order), or dihedral(order) if ``mirrored``, in which r^n is 1, in the
    order of `Group.irrep`. Elements: r^0 ... r^(n-1), then r^0 s ... r^(n-1) s."""
    import numpy as np

    step = order // n
    cosines = np.array([cosine(j, n) for j in range(n)])
    sines = np.array([sine(j, n) for j in range(n)])
    ones = np.ones((n, 1))
    alternating = np.array([[1.0 - 2.0 * (j % 2)] for j in range(n)])
    if mirrored:
        yield Irreducible(TRIVIAL, 1, 1, np.concatenate([ones, ones]))
        yield Irreducible("sign s", 1, 1, np.concatenate([ones, -ones]))
        if n % 2 == 0:
            yield Irreducible("sign r", 1, 1, np.concatenate([alternating, alternating]))
            yield Irreducible("sign r, s", 1, 1, np.concatenate([alternating, -alternating]))
    else:
        yield Irreducible(TRIVIAL, 1, 1, ones)
    for k in range(1, (n + 1) // 2):
        angles = k * np.arange(n) % n
        table = np.stack([cosines[angles], sines[angles]], axis=1)
        if mirrored:
            yield Irreducible(f"turn {k * step}", 2, 1, np.concatenate([table, table]))
        else:  # the conjugate form is that of the discrete Fourier transform
            yield Irreducible(f"turn {k * step}", 2, 2, table * [1.0, -1.0])
    if not mirrored and n % 2 == 0:
        yield Irreducible("sign r", 1, 1, alternating)


@lru_cache(maxsize=32)
def irreducibles(group: Group) -> tuple[Irreducible, ...] | None:
    """All of a group of at most `SPLITTING_LIMIT` elements, in the order of `real_characters`. None for
    other groups, and where no vector of the kind needed is found for one of them."""
    if group.order is None or group.order > SPLITTING_LIMIT:
        return None
    characters = real_characters(group)
    if characters is None:
        return None
    functions = _spherical(group, characters)
    if functions is None:
        return None
    found: list[Irreducible] = []
    for k, (one, function) in enumerate(zip(characters, functions, strict=True)):
        orbit = _orbit(group, one, *function)
        if orbit is None:
            return None
        found.append(Irreducible(_name(group, one, k), one.degree, one.commutant, orbit))
    return tuple(found)


def _name(group: Group, character: RealCharacter, number: int) -> str:
    if character.degree > 1:
        return f"degree {character.degree}, number {number}"
    negative = [
        name
        for letter, name in enumerate(group.generators)
        if character.values[group.index_of(((letter, 1),))] < 0
    ]
    return f"sign {', '.join(negative)}" if negative else TRIVIAL


def _spherical(
    group: Group, characters: tuple[RealCharacter, ...]
) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]] | None:
    """For every character a subgroup and the weights of its elements in a mean that projects to what the
    character holds once over its commutant: a sign, or twice the real part of a complex character."""
    import numpy as np

    table = table_of(group)
    values = np.array([one.values for one in characters])
    wanted = np.array([one.commutant for one in characters])
    found: dict[int, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
    for members, weights in chain(signed_subgroups(table), _turned_subgroups(table)):
        at, turned = np.array(members), np.array(weights, dtype=float)
        counts = values[:, at] @ turned / len(at)
        for k in np.flatnonzero(np.abs(counts - wanted) < 1e-6).tolist():
            found.setdefault(k, (at, turned))
        if len(found) == len(characters):
            return [found[k] for k in range(len(characters))]
    return None


def _turned_subgroups(table: Table) -> Iterator[tuple[tuple[int, ...], tuple[float, ...]]]:
    """Cyclic subgroups, large ones first, each with its characters that are not real."""
    chains: list[list[int]] = []
    for x in sorted(set(table.rational)):
        powers = [0]
        while (y := table.rows[powers[-1]][x]) != 0:
            powers.append(y)
        chains.append(powers)
    for powers in sorted(chains, key=len, reverse=True):
        n = len(powers)
        for k in range(1, (n + 1) // 2):
            yield tuple(powers), tuple(2 * cosine(j * k, n) for j in range(n))


def _orbit(
    group: Group,
    character: RealCharacter,
    members: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64] | None:
    """The coordinates of rho(g) v, for v a vector to which the weighted mean over the subgroup projects.

    A vector y stands here as the function <y, rho(g) v> of g; <y, z> is the sum of the products times
    degree / order (Schur). No sum is left to a library that may add in another order on another machine.
    """
    import numpy as np

    table = table_of(group)
    rows, back = np.array(table.rows), np.array(table.inverse)
    n, c = len(rows), character.commutant
    weight = character.degree / n
    values = np.array(character.values)
    start = ordered_sum(weights[:, None] * values[rows[:, members]].T) / (len(members) * c)
    columns: list[NDArray[np.float64]] = []

    def moved(p: int) -> NDArray[np.float64]:
        found: NDArray[np.float64] = start[rows[back[p]]]  # rho(p) v
        return found

    def fixed(y: NDArray[np.float64]) -> NDArray[np.float64]:
        return ordered_sum(weights[:, None] * y[rows[members]]) / len(members)

    def reduced(y: NDArray[np.float64]) -> NDArray[np.float64]:
        for _ in range(2):  # twice: the first leaves what rounding has mixed in
            for column in columns:
                y = y - weight * fsum((column * y).tolist()) * column
        return y

    def farthest(candidates: Iterator[NDArray[np.float64]]) -> NDArray[np.float64] | None:
        """The first that stands out from the columns by at least half, else the one that does most."""
        best, most = None, 1e-6
        for y in candidates:
            rest = reduced(y)
            size = weight * fsum((rest * rest).tolist())
            if size > most:
                best, most = rest / sqrt(size), size
                if size >= 0.5:
                    break
        return best

    columns.append(start)
    units: list[NDArray[np.float64]] = []  # J v for the units of the commutant, as functions
    for _ in range({1: 0, 2: 1, 4: 2}[c]):
        chosen = farthest(fixed(moved(p)) for p in range(n))
        if chosen is None:
            return None
        units.append(chosen)
        columns.append(chosen)

    def turned(unit: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """J y: <J y, rho(g) v> = -<y, rho(g) J v>, and J v is the sum of weight unit(h) rho(h) v."""
        return ordered_sum(-weight * unit[:, None] * y[rows].T)

    if c == 4:
        columns.append(turned(units[0], units[1]))
    while len(columns) < character.degree:
        chosen = farthest(moved(p) for p in range(n))
        if chosen is None:
            return None
        columns.append(chosen)
        if c >= 2:
            columns.append(turned(units[0], chosen))
        if c == 4:
            columns.append(turned(units[1], chosen))
            columns.append(turned(units[0], columns[-1]))
    return np.stack(columns, axis=1)


def ordered_sum(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum over the first axis, from the first to the last."""
    total: NDArray[np.float64] = terms[0].copy()
    for term in terms[1:]:
        total += term
    return total
