"""`irrep(k)` as a spec writes it: irreducible representations by rational matrices.

In: a group and a number. Out: a `Representation`. Numbers of other families than finite groups belong
to the families of matrix groups.
"""

from __future__ import annotations

from eqspec.algebra import irreps
from eqspec.algebra.images import Image, explicit
from eqspec.algebra.representations import Representation, from_images
from eqspec.algebra.splitting import NoIrrep
from eqspec.diagnostics.model import Span
from eqspec.graph.numbers import number_of
from eqspec.graph.scope import GroupValue, Scope
from eqspec.syntax import tree

LARGEST_NUMBER = 10**9


def irrep(
    scope: Scope,
    group: GroupValue,
    arguments: tuple[tree.Argument, ...],
    label: str,
    span: Span,
) -> Representation:
    """Irreducible representation ``k`` of a finite factor.

    Raises:
        Refusal: EQS306 where the arguments do not fit, EQS324 where the matrices are irrational or
            beyond the bounds.
    """
    if len(arguments) != 1 or arguments[0].keyword is not None:
        scope.refuse("EQS306", "`irrep` takes a number", span, help="write `irrep(1)`")
    value = number_of(scope, arguments[0].value)
    if value.denominator != 1 or not 0 <= value < LARGEST_NUMBER:
        scope.refuse(
            "EQS306",
            "`irrep` takes a whole number from 0 on",
            arguments[0].span,
            f"this is {value}" if abs(value) < LARGEST_NUMBER else "far too large",
        )
    if len(group.names) > 1:
        scope.refuse(
            "EQS306",
            f"`irrep` belongs to one factor; this is the product of {len(group.names)}",
            span,
            help=f"write `[{group.names[0]}.irrep(0), {group.names[1]}.irrep(0)]`",
        )
    factor = group.names[0]
    primitive = scope.world.groups[factor]
    if not primitive.is_finite:
        scope.not_built("`irrep` of an infinite group", span)
    try:
        found = irreps.irrep(primitive, int(value))
    except NoIrrep as error:
        scope.refuse("EQS324", error.message, span, help=error.help)
    images: dict[tuple[str, int], Image] = {
        (factor, letter): explicit(image) for letter, image in enumerate(found)
    }
    groups = ((factor, primitive),)
    return from_images(f"{label}({value})", groups, found[0].degree, images)
