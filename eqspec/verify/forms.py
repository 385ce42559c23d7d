"""Invariant forms: g^T B g = B for every generator, and are lengths positive?"""

from __future__ import annotations

from fractions import Fraction

from eqspec.verify.exact import Map, Motion, Rows, Signed, Tangent, entries, matrix
from eqspec.verify.record import Part
from eqspec.verify.types import generators, image, size


def is_invariant(part: Part, form: Rows | None) -> bool:
    """Is the form (None: the identity) kept by every generator? TooLarge for large composites."""
    return all(_kept(image(part, name, g), form) for name, g in generators([part]))


def fits(part: Part, form: Rows | None) -> bool:
    return form is None or len(form) == size(part)


def _kept(value: Map, form: Rows | None) -> bool:
    if isinstance(value, Tangent):
        return _kept_by_tangent(value, form)
    if form is None and isinstance(value, Signed | Motion):
        return True
    found = matrix(value)
    n = found.degree
    rows = entries(found)
    wanted = _sparse(form, n)
    total: dict[tuple[int, int], Fraction] = {}
    for p, row in enumerate(wanted):  # sum over p, q of g[p][i] B[p][q] g[q][j]
        for q, b in row.items():
            for i, left in rows[p].items():
                for j, right in rows[q].items():
                    total[i, j] = total.get((i, j), Fraction(0)) + left * b * right
    return {k: v for k, v in total.items() if v} == _places(wanted)


def _kept_by_tangent(value: Tangent, form: Rows | None) -> bool:
    n = value.degree
    wanted = _sparse(form, n)
    total: dict[tuple[int, int], Fraction] = {}
    for p, row in enumerate(wanted):  # A^T B + B A = 0
        for q, b in row.items():
            for i, a in enumerate(value.rows[p]):
                total[i, q] = total.get((i, q), Fraction(0)) + a * b
            for j, a in enumerate(value.rows[q]):
                total[p, j] = total.get((p, j), Fraction(0)) + a * b
    return not any(total.values())


def _sparse(form: Rows | None, n: int) -> list[dict[int, Fraction]]:
    if form is None:
        return [{k: Fraction(1)} for k in range(n)]
    return [{j: v for j, v in enumerate(row) if v} for row in form]


def _places(rows: list[dict[int, Fraction]]) -> dict[tuple[int, int], Fraction]:
    return {(i, j): v for i, row in enumerate(rows) for j, v in row.items()}


def is_positive(form: Rows | None) -> bool:
    """Is a symmetric form positive definite? By the pivots of elimination without exchanges."""
    if form is None:
        return True
    work = [list(row) for row in form]
    n = len(work)
    if any(work[i][j] != work[j][i] for i in range(n) for j in range(i)):
        return False
    for k in range(n):
        if work[k][k] <= 0:
            return False
        for i in range(k + 1, n):
            factor = work[i][k] / work[k][k]
            if factor:
                work[i] = [a - factor * b for a, b in zip(work[i], work[k], strict=True)]
    return True
