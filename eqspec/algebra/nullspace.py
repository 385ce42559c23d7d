"""The exact null space of an integer matrix, proved in both directions.

In: sparse integer rows. Out: primitive integer vectors in reduced echelon order that are a basis.

The rank modulo a prime never exceeds the rank over the rationals, so the nullity modulo one prime
bounds the dimension from above. Vectors reconstructed from residues (Wang, Guy and Davenport 1982;
more primes by the Chinese remainder theorem where one is not enough) are checked over the integers,
and their unit entries at the free columns make them independent: a bound from below. When the two
meet, dimension and basis are proved, whatever the prime. No floating point is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, isqrt, lcm
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

PRIMES = (
    2147483647,
    2147483629,
    2147483587,
    2147483579,
    2147483563,
    2147483549,
    2147483543,
    2147483497,
    2147483489,
    2147483477,
    2147483423,
    2147483399,
    2147483353,
    2147483323,
    2147483269,
    2147483249,
)
ENTRY_LIMIT = 1 << 62
DENSE_LIMIT = 1 << 26  # entries of the dense residue matrix

SparseRow: TypeAlias = dict[int, int]


class SolverTooLarge(ValueError):  # noqa: N818 - says what happened
    """The space is beyond the documented bounds of the solver; the message says which."""


def null_space(rows: Sequence[SparseRow], width: int) -> list[SparseRow]:
    """A basis of {v : sum_j row[j] v[j] = 0 for every row}, as sparse primitive integer vectors.

    Vector k has its only entry among the free columns at the k-th free column, where it is
    positive. SolverTooLarge if the residue matrix or the entries of the basis outgrow the bounds.
    """
    rows = _distinct(rows)
    if not rows:
        return [{j: 1} for j in range(width)]
    if len(rows) * width > DENSE_LIMIT:
        raise SolverTooLarge(
            f"{len(rows):,} equations in {width:,} unknowns: more than {DENSE_LIMIT:,} entries"
        )
    best: list[int] | None = None
    residues: dict[int, NDArray[np.int64]] = {}
    for prime in PRIMES:
        pivots, reduced = _echelon(rows, width, prime)
        # A prime that divides a minor finds fewer or later pivots: the most and earliest stand.
        if best is None or (-len(pivots), pivots) < (-len(best), best):
            best, residues = pivots, {}
        elif pivots != best:
            continue
        pivot_set = set(pivots)
        free = [j for j in range(width) if j not in pivot_set]
        residues[prime] = (-reduced[:, free]) % prime
        if not free:
            return []
        basis = _reconstructed(residues, pivots, free)
        if basis is not None and all(_solves(rows, vector) for vector in basis):
            return basis
    raise SolverTooLarge(f"the basis has entries beyond {len(PRIMES)} primes of 31 bits")


def _distinct(rows: Sequence[SparseRow]) -> list[SparseRow]:
    """The rows without zeros, zero rows and multiples."""
    seen: dict[tuple[tuple[int, int], ...], None] = {}
    for row in rows:
        entries = sorted((j, value) for j, value in row.items() if value)
        if not entries:
            continue
        divisor = gcd(*(value for _, value in entries))
        divisor = divisor if entries[0][1] > 0 else -divisor
        seen[tuple((j, value // divisor) for j, value in entries)] = None
    return [dict(entries) for entries in seen]


def rank_modulo(rows: Sequence[SparseRow], width: int) -> int:
    """The rank modulo a prime: at most the rank over the rationals."""
    return len(_echelon(rows, width, PRIMES[0])[0]) if rows else 0


def _echelon(
    rows: Sequence[SparseRow], width: int, prime: int
) -> tuple[list[int], NDArray[np.int64]]:
    """The reduced row echelon form modulo a prime below 2^31: pivot columns and pivot rows."""
    work = np.zeros((len(rows), width), dtype=np.int64)
    for i, row in enumerate(rows):
        for j, value in row.items():
            work[i, j] = value % prime
    pivots: list[int] = []
    rank = 0
    for column in range(width):
        below = np.flatnonzero(work[rank:, column])
        if not below.size:
            continue
        pivot = rank + int(below[0])
        if pivot != rank:
            work[[rank, pivot]] = work[[pivot, rank]]
        support = column + np.flatnonzero(work[rank, column:])
        scale = pow(int(work[rank, column]), -1, prime)
        work[rank, support] = work[rank, support] * scale % prime
        others = np.flatnonzero(work[:, column])
        others = others[others != rank]
        if others.size:
            block = np.ix_(others, support)
            factors = work[others, column][:, None]
            work[block] = (work[block] - factors * work[rank, support] % prime) % prime
        pivots.append(column)
        rank += 1
        if rank == len(rows):
            break
    return pivots, work[:rank]


def _reconstructed(
    residues: dict[int, NDArray[np.int64]], pivots: Sequence[int], free: Sequence[int]
) -> list[SparseRow] | None:
    """Rational entries from the residues as primitive integer vectors; None if none fit."""
    modulus = 1
    combined: NDArray[np.object_] | None = None
    for prime, values in residues.items():
        exact = values.astype(object)
        if combined is None:
            combined, modulus = exact, prime
            continue
        step = (exact - combined) * pow(modulus, -1, prime) % prime
        combined, modulus = combined + modulus * step, modulus * prime
    assert combined is not None
    cache: dict[int, Fraction | None] = {0: Fraction(0)}
    basis: list[SparseRow] = []
    for place, column in enumerate(free):
        vector: dict[int, Fraction] = {column: Fraction(1)}
        for row in np.flatnonzero(combined[:, place]).tolist():
            residue = int(combined[row, place])
            if residue not in cache:
                cache[residue] = rational_reconstruction(residue, modulus)
            value = cache[residue]
            if value is None:
                return None
            vector[pivots[row]] = value
        basis.append(_primitive(vector))
    return basis


def rational_reconstruction(residue: int, modulus: int) -> Fraction | None:
    """The fraction a/b with a = b * residue mod modulus and |a|, b <= sqrt(modulus / 2), if any."""
    bound = isqrt(modulus // 2)
    a, b, x, y = modulus, residue % modulus, 0, 1
    while b > bound:
        q = a // b
        a, b, x, y = b, a - q * b, y, x - q * y
    if y == 0 or abs(y) > bound or gcd(b, abs(y)) != 1:
        return None
    return Fraction(b, y)


def _primitive(vector: dict[int, Fraction]) -> SparseRow:
    common = lcm(*(value.denominator for value in vector.values()))
    whole = {j: int(value * common) for j, value in vector.items()}
    divisor = gcd(*whole.values())
    if max(abs(value) for value in whole.values()) // divisor >= ENTRY_LIMIT:
        raise SolverTooLarge("a basis vector has entries beyond 62 bits")
    return {j: value // divisor for j, value in whole.items()}


def _solves(rows: Sequence[SparseRow], vector: SparseRow) -> bool:
    """Is every equation satisfied, over the integers?"""
    for row in rows:
        small, large = (row, vector) if len(row) < len(vector) else (vector, row)
        if sum(value * large.get(j, 0) for j, value in small.items()):
            return False
    return True
