"""Gaussian elimination over the rationals, for the small matrices of generators.

In: square rows of fractions. Out: the inverse, the determinant; exact.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

Rows: TypeAlias = tuple[tuple[Fraction, ...], ...]


def inverse_rows(rows: Rows) -> list[list[Fraction]]:
    n = len(rows)
    work = [list(row) + [Fraction(int(i == j)) for j in range(n)] for i, row in enumerate(rows)]
    for column in range(n):
        pivot = next((i for i in range(column, n) if work[i][column]), None)
        if pivot is None:
            raise ZeroDivisionError("the matrix has no inverse")
        work[column], work[pivot] = work[pivot], work[column]
        head = work[column][column]
        work[column] = [value / head for value in work[column]]
        for i in range(n):
            factor = work[i][column]
            if i != column and factor:
                work[i] = [a - factor * b for a, b in zip(work[i], work[column], strict=True)]
    return [row[n:] for row in work]


def determinant_rows(rows: Rows) -> Fraction:
    work, result = [list(row) for row in rows], Fraction(1)
    for column in range(len(work)):
        pivot = next((i for i in range(column, len(work)) if work[i][column]), None)
        if pivot is None:
            return Fraction(0)
        if pivot != column:
            work[column], work[pivot], result = work[pivot], work[column], -result
        result *= work[column][column]
        for i in range(column + 1, len(work)):
            factor = work[i][column] / work[column][column]
            if factor:
                work[i] = [a - factor * b for a, b in zip(work[i], work[column], strict=True)]
    return result
