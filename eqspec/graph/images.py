"""Images of generators as a spec writes them: cycles with signs, matrices by rows.

In: the syntax of an image. Out: a `Monomial`, or the exact rows of a matrix.
"""

from __future__ import annotations

from fractions import Fraction

from eqspec.algebra.images import Monomial
from eqspec.diagnostics.model import Span
from eqspec.graph.numbers import number_of
from eqspec.graph.scope import Scope
from eqspec.syntax import tree


def cycles_image(
    scope: Scope, image: tree.Permutation, points: dict[str, int], *, signed: bool
) -> Monomial:
    """A product of disjoint cycles: `(a b c)` moves the entry at a to b; `(a -a)` changes its sign."""
    images = list(range(len(points)))
    signs = [1] * len(points)
    seen: dict[int, Span] = {}
    for cycle in image.cycles:
        inside: dict[int, tuple[int, int]] = {}
        for here, there in zip(cycle, (*cycle[1:], *cycle[:1]), strict=True):
            for point in (here, there):
                if point.value not in points:
                    scope.unknown("point", point.value, point.span, iter(points))
                if point.negative and not signed:
                    scope.refuse(
                        "EQS305",
                        "a permutation changes no signs",
                        point.span,
                        help="declare a `signed_permutation`",
                    )
            a, b = points[here.value], points[there.value]
            if a in seen:
                scope.refuse(
                    "EQS305",
                    f"`{here.value}` stands in two cycles",
                    here.span,
                    "cycles must be disjoint",
                )
            step = (b, -1 if here.negative != there.negative else 1)
            if inside.setdefault(a, step) != step:
                scope.refuse(
                    "EQS305", f"`{here.value}` stands twice in a cycle", here.span, "the second"
                )
        targets = [target for target, _ in inside.values()]
        if len(set(targets)) != len(targets) or (not signed and len(cycle) != len(inside)):
            scope.refuse("EQS305", "this is no cycle: a point stands in it twice", image.span)
        for a, (b, sign) in inside.items():
            images[a], signs[a] = b, sign
            seen[a] = image.span
    return Monomial(tuple(images), tuple(signs))


def matrix_rows(
    scope: Scope, image: tree.ListOf | tree.Call, n: int
) -> tuple[tuple[Fraction, ...], ...]:
    """A square matrix written by rows or as `diag(...)`."""
    if isinstance(image, tree.Call):
        if not (isinstance(image.function, tree.Reference) and image.function.name == "diag"):
            scope.refuse("EQS305", "a matrix is written by rows or as `diag(...)`", image.span)
        entries = [number_of(scope, argument.value) for argument in image.arguments]
        if len(entries) != n:
            scope.refuse(
                "EQS305", f"the matrix must be {n} by {n}", image.span, f"{len(entries)} entries"
            )
        return tuple(
            tuple(entries[i] if i == j else Fraction(0) for j in range(n)) for i in range(n)
        )
    rows: list[tuple[Fraction, ...]] = []
    for row in image.items:
        if not isinstance(row, tree.ListOf):
            scope.refuse(
                "EQS305", "a matrix is a list of rows", row.span, help="`[[0, -1], [1, 0]]`"
            )
        if len(row.items) != n:
            scope.refuse(
                "EQS305", f"the matrix must be {n} by {n}", row.span, f"{len(row.items)} entries"
            )
        rows.append(tuple(number_of(scope, entry) for entry in row.items))
    if len(rows) != n:
        scope.refuse("EQS305", f"the matrix must be {n} by {n}", image.span, f"{len(rows)} rows")
    return tuple(rows)
