"""The linear maps that commute with some generators, by exact equations.

In: pairs (a, b) of a generator's maps at both ends. Out: a basis of {L : b L = L a for all pairs} over the
rationals. Signed permutations tie entries of L together; the other equations are eliminated modulo a
prime, which cannot find too few solutions; every solution is then checked over the rationals, which
cannot let through too many. Where the check fails, `TooLarge`.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import isqrt, lcm

from eqspec.verify.exact import Map, Signed, Tangent, entries, is_identity, matrix
from eqspec.verify.groups import TooLarge
from eqspec.verify.orbits import Orbits

PRIME = 2**61 - 1
MOST_UNKNOWNS = 20_000
MOST_REDUCED = 1_500

Vector = dict[int, Fraction]


def intertwiners(pairs: Sequence[tuple[Map, Map]]) -> list[Vector]:
    """A basis; the entry of a vector at i * columns + j is L[i][j]. TooLarge."""
    columns, rows = pairs[0][0].degree, pairs[0][1].degree
    if columns * rows > MOST_UNKNOWNS:
        raise TooLarge(f"{columns * rows:,} unknowns")
    orbits = Orbits(columns * rows)
    others: list[tuple[Map, Map]] = []
    for a, b in pairs:
        if isinstance(a, Tangent) or isinstance(b, Tangent):
            others.append(_tangents(a, b))
            continue
        x, y = matrix(a), matrix(b)
        if not (isinstance(x, Signed) and isinstance(y, Signed)):
            others.append((x, y))
            continue
        for i in range(rows):
            for j in range(columns):
                here, there = i * columns + j, y.images[i] * columns + x.images[j]
                orbits.tie(here, there, y.signs[i] * x.signs[j])
    free = [k for k in range(columns * rows) if orbits.find(k)[0] == k and not orbits.is_zero(k)]
    if len(free) > MOST_REDUCED and others:
        raise TooLarge(f"{len(free):,} unknowns")
    equations = [row for a, b in others for row in _equations(a, b, orbits)]
    basis = _null_space(equations, free)
    return [_spread(vector, orbits, columns * rows) for vector in basis]


def _equations(a: Map, b: Map, orbits: Orbits) -> list[dict[int, int]]:
    """b L - L a = 0 in the first points of the orbits, with whole coefficients."""
    left, right = _matrix_rows(b), _matrix_rows(a)
    columns = len(right)
    found: dict[tuple[tuple[int, int], ...], None] = {}
    below: list[dict[int, Fraction]] = [{} for _ in range(columns)]
    for k, row in enumerate(right):
        for j, value in row.items():
            below[j][k] = value
    for i, row in enumerate(left):
        for j in range(columns):
            total: dict[int, Fraction] = {}
            terms = [(k * columns + j, value) for k, value in row.items()]
            terms += [(i * columns + k, -value) for k, value in below[j].items()]
            for place, value in terms:
                first, sign = orbits.find(place)
                if not orbits.is_zero(first):
                    total[first] = total.get(first, Fraction(0)) + sign * value
            kept = {k: v for k, v in total.items() if v}
            if kept:
                scale = lcm(*(v.denominator for v in kept.values()))
                found[tuple(sorted((k, int(v * scale)) for k, v in kept.items()))] = None
    return [dict(items) for items in found]


def _matrix_rows(value: Map) -> Sequence[dict[int, Fraction]]:
    """The entries of a matrix; of a one-parameter group those of its A, which is 0 for the identity."""
    if isinstance(value, Tangent):
        return [{j: v for j, v in enumerate(row) if v} for row in value.rows]
    return entries(value)


def _tangents(a: Map, b: Map) -> tuple[Map, Map]:
    """A pair in which the identity stands for A = 0 beside a one-parameter group."""
    if isinstance(a, Tangent) and not isinstance(b, Tangent):
        return a, _zero(b)
    if isinstance(b, Tangent) and not isinstance(a, Tangent):
        return _zero(a), b
    return a, b


def _zero(value: Map) -> Tangent:
    if not is_identity(value):
        raise ValueError("an element stands for a one-parameter group")
    return Tangent(((Fraction(0),) * value.degree,) * value.degree)


def _null_space(equations: list[dict[int, int]], free: list[int]) -> list[Vector]:
    """A basis of the solutions, proved from both sides."""
    pivots = _eliminated(equations)
    open_ = [k for k in free if k not in pivots]
    basis: list[Vector] = []
    for column in open_:
        vector: Vector = {column: Fraction(1)}
        for lead, row in pivots.items():
            residue = -row.get(column, 0) % PRIME
            if residue:
                value = _reconstructed(residue)
                if value is None:
                    raise TooLarge("a solution with large entries")
                vector[lead] = value
        basis.append(vector)
    for vector in basis:
        scale = lcm(*(v.denominator for v in vector.values()))
        whole = {k: int(v * scale) for k, v in vector.items()}
        for equation in equations:
            if sum(value * whole.get(k, 0) for k, value in equation.items()):
                raise TooLarge("solutions modulo a prime that are none over the rationals")
    return basis


def _eliminated(equations: list[dict[int, int]]) -> dict[int, dict[int, int]]:
    """The reduced echelon form modulo the prime: for every pivot its row, 1 at the pivot."""
    pivots: dict[int, dict[int, int]] = {}
    for equation in sorted(equations, key=len):
        row = {k: v % PRIME for k, v in equation.items() if v % PRIME}
        for lead in [k for k in row if k in pivots]:  # rows of pivots have no other pivot
            _subtract(row, pivots[lead], row[lead])
        if not row:
            continue
        lead = min(row)
        scale = pow(row[lead], -1, PRIME)
        row = {k: v * scale % PRIME for k, v in row.items()}
        for known in pivots.values():
            if lead in known:
                _subtract(known, row, known[lead])
        pivots[lead] = row
    return pivots


def _subtract(row: dict[int, int], other: dict[int, int], factor: int) -> None:
    for k, v in other.items():
        left = (row.get(k, 0) - factor * v) % PRIME
        if left:
            row[k] = left
        else:
            row.pop(k, None)


def _reconstructed(residue: int) -> Fraction | None:
    """The fraction with small numerator and denominator that has this residue."""
    bound = isqrt(PRIME // 2)
    a, b, x, y = PRIME, residue, 0, 1
    while b > bound:
        q = a // b
        a, b, x, y = b, a - q * b, y, x - q * y
    if y == 0 or abs(y) > bound:
        return None
    return Fraction(b, y)


def _spread(vector: Vector, orbits: Orbits, size: int) -> Vector:
    """The vector on all entries."""
    found: Vector = {}
    for place in range(size):
        first, sign = orbits.find(place)
        value = vector.get(first)
        if value:
            found[place] = sign * value
    return found
