"""`irrep(k)` and `irreps(0..L)` as a spec writes them: irreducible representations by rational
matrices.

In: a group and numbers. Out: a `Representation`; those of rotations and of SU(2) are harmonic
polynomials (`harmonics`), those of finite groups have their own numbering (`irreps`).
"""

from __future__ import annotations

from eqspec.algebra import harmonics
from eqspec.algebra import irreps as finite
from eqspec.algebra.images import Image, explicit
from eqspec.algebra.representations import (
    Representation,
    RepresentationError,
    Term,
    direct_sum,
    from_images,
)
from eqspec.algebra.splitting import NoIrrep
from eqspec.diagnostics.model import Span
from eqspec.graph.numbers import number_of
from eqspec.graph.scope import GroupValue, Scope
from eqspec.syntax import tree

LARGEST_NUMBER = 10**9
LARGEST_SUM = 64  # terms of `irreps`


def irrep(
    scope: Scope,
    group: GroupValue,
    arguments: tuple[tree.Argument, ...],
    label: str,
    span: Span,
) -> Representation:
    """Irreducible representation ``k`` of a factor.

    Raises:
        Refusal: EQS306 where the arguments do not fit or the group is infinite and has none here,
            EQS324 where the matrices are irrational or beyond the bounds.
    """
    if len(arguments) != 1 or arguments[0].keyword is not None:
        scope.refuse("EQS306", "`irrep` takes a number", span, help="write `irrep(1)`")
    value = _number(scope, arguments[0].value)
    return _one(scope, _factor(scope, group, "irrep", span), value, f"{label}({value})", span)


def irreps(
    scope: Scope,
    group: GroupValue,
    arguments: tuple[tree.Argument, ...],
    label: str,
    span: Span,
) -> Representation:
    """The direct sum of irrep(a) ... irrep(b), on one axis. Refusal as for `irrep`."""
    written = arguments[0].value if len(arguments) == 1 else None
    if not isinstance(written, tree.Range) or arguments[0].keyword is not None:
        scope.refuse("EQS306", "`irreps` takes a range", span, help="write `irreps(0..2)`")
    first, last = _number(scope, written.low), _number(scope, written.high)
    factor = _factor(scope, group, "irreps", span)
    if last < first or last - first >= LARGEST_SUM:
        scope.refuse(
            "EQS306",
            f"`irreps({first}..{last})` is {'empty' if last < first else 'too long'}",
            written.span,
            f"from the smaller to the larger number, at most {LARGEST_SUM} of them",
        )
    parts = [_one(scope, factor, k, f"{factor}.irrep({k})", span) for k in range(first, last + 1)]
    return direct_sum(f"{label}({first}..{last})", [Term((part,)) for part in parts])


def _number(scope: Scope, expr: tree.Expression) -> int:
    value = number_of(scope, expr)
    if value.denominator != 1 or not 0 <= value < LARGEST_NUMBER:
        scope.refuse(
            "EQS306",
            "an irreducible representation has a whole number from 0 on",
            expr.span,
            f"this is {value}" if abs(value) < LARGEST_NUMBER else "far too large",
        )
    return int(value)


def _factor(scope: Scope, group: GroupValue, name: str, span: Span) -> str:
    if len(group.names) > 1:
        scope.refuse(
            "EQS306",
            f"`{name}` belongs to one factor; this is the product of {len(group.names)}",
            span,
            help=f"write `[{group.names[0]}.irrep(0), {group.names[1]}.irrep(0)]`",
        )
    return group.names[0]


def _one(scope: Scope, factor: str, k: int, label: str, span: Span) -> Representation:
    primitive = scope.world.groups[factor]
    try:
        if not primitive.is_finite:
            return harmonics.irrep(label, factor, primitive, k)
        found = finite.irrep(primitive, k)
    except NoIrrep as error:
        scope.refuse("EQS324", error.message, span, help=error.help)
    except RepresentationError as error:
        scope.refuse("EQS306", error.message, span, "no such representation", help=error.help)
    images: dict[tuple[str, int], Image] = {
        (factor, letter): explicit(image) for letter, image in enumerate(found)
    }
    return from_images(label, ((factor, primitive),), found[0].degree, images)
