"""Representations as a spec writes them: built-in ones by name, users' own by their images.

In: a group, a name and its arguments, or a `rep` declaration. Out: a `Representation`, proved to be a
representation (relations of every factor, commutation of different factors), exactly.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import NoReturn, TypeAlias

from eqspec.algebra import constructors, lattice
from eqspec.algebra.disc import disc, plane_motions
from eqspec.algebra.groups import Group, GroupTooLarge
from eqspec.algebra.homomorphism import Fault, NotFunctorial, homomorphism_fault
from eqspec.algebra.images import Image, explicit, matrix
from eqspec.algebra.representations import Representation, RepresentationError, from_images
from eqspec.diagnostics.model import Span
from eqspec.diagnostics.suggest import suggestion
from eqspec.graph import cosetreps, irreps
from eqspec.graph.commuting import commuting_help
from eqspec.graph.groups import has_dynamic_size, refuse_dynamic_group
from eqspec.graph.images import cycles_image, matrix_rows
from eqspec.graph.numbers import number_of, size_of
from eqspec.graph.scope import GroupValue, Scope
from eqspec.graph.vocabulary import words_of_file
from eqspec.graph.words import generator_of
from eqspec.limits import limits
from eqspec.syntax import tree

ArgumentConstructor: TypeAlias = Callable[
    [Scope, GroupValue, tuple[tree.Argument, ...], str, Span], Representation
]

BUILT = (
    "trivial regular natural sign vector covector point tensor shift reverse rot90 rot180 hflip vflip"
    " transpose grid disc quotient induced irrep irreps".split()
)
NOT_BUILT: frozenset[str] = frozenset()
BY_ARGUMENTS: dict[str, ArgumentConstructor] = {
    "quotient": cosetreps.quotient,
    "induced": cosetreps.induced,
    "irrep": irreps.irrep,
    "irreps": irreps.irreps,
}
"""Representations whose arguments are no sizes."""


def represent(
    scope: Scope,
    group: GroupValue,
    name: tree.Name,
    arguments: tuple[tree.Argument, ...],
    span: Span,
) -> Representation:
    """A built-in representation of the group.

    Raises:
        Refusal: unknown, not built yet, or the group has no such representation.
    """
    world = scope.world
    if has_dynamic_size(*(world.groups[factor] for factor in group.names)) and (
        arguments or name.text not in ("natural", "trivial")
    ):
        refuse_dynamic_group(scope, f"`{name.text}`", None, span)
    if name.text in NOT_BUILT:
        scope.not_built(f"the representation `{name.text}`", name.span)
    if name.text not in BUILT:
        own = [rep for names, rep in world.reps if names == group.names]
        near = suggestion(name.text, [*BUILT, *own], name.span)
        others = [
            " * ".join(names)
            for names, rep in world.reps
            if rep == name.text and names != group.names
        ]
        help_ = f"`{name.text}` is declared for `{others[0]}`" if others else near.help
        scope.refuse(
            "EQS201",
            f"`{' * '.join(group.names)}` has no representation `{name.text}`",
            name.span,
            "not declared here",
            help=help_,
            fixes=() if others else near.fixes,
        )
    family = ".".join(group.names) if len(group.names) == 1 else _product_name(scope, group)
    if name.text in BY_ARGUMENTS:
        try:
            return BY_ARGUMENTS[name.text](scope, group, arguments, f"{family}.{name.text}", span)
        except RepresentationError as error:
            scope.refuse("EQS306", str(error), span, "no such representation", help=error.help)
    sizes = []
    for argument in arguments:
        if argument.keyword is not None:
            scope.refuse("EQS306", f"`{name.text}` takes sizes only", argument.span)
        if name.text == "tensor":
            sizes.append(_index_count(scope, argument.value))
        else:
            sizes.append(size_of(scope, argument.value))
    label = f"{family}.{name.text}"
    if sizes:
        label += "(" + ", ".join(str(size) for size in sizes) + ")"
    try:
        parts = tuple((factor, world.groups[factor]) for factor in group.names)
        return _built_in(parts, name.text, label, tuple(sizes))
    except RepresentationError as error:
        help_ = error.help
        factors = [world.groups[factor] for factor in group.names]
        if name.text in ("grid", "rot90") and len(factors) == 1 and plane_motions(factors[0]):
            try:
                disc(label, group.names[0], factors[0], *sizes)
            except RepresentationError:
                pass  # the lattice has this group, or the sizes do not fit
            else:
                help_ = (
                    "no turn by its angle maps pixels to pixels: `disc(h, w)` acts approximately"
                )
        scope.refuse("EQS306", str(error), span, "no such representation", help=help_)


@lru_cache(maxsize=256)  # one value for all places: what is computed of it is computed once
def _built_in(
    parts: tuple[tuple[str, Group], ...], name: str, label: str, sizes: tuple[int, ...]
) -> Representation:
    if len(parts) > 1:
        if name not in ("regular", "trivial") or sizes:
            raise RepresentationError(
                f"`{name}` belongs to one factor; this is the product of {len(parts)}",
                help=f"write `{parts[0][0]}.{name}`",
            )
        if name == "trivial":
            return constructors.trivial(label, *parts[0])
        return constructors.product_regular(label, parts)
    factor, primitive = parts[0]
    if name in ("trivial", "regular", "sign", "vector", "covector", "point"):
        if sizes:
            raise RepresentationError(f"`{name}` takes no sizes", help=None)
        if (
            name == "regular"
            and primitive.order is not None
            and primitive.order > limits().axis_entries
        ):
            raise RepresentationError(
                f"a regular representation has one entry for each of the {_order(primitive.order)} elements",
                help=f"`{factor}.natural` has one entry for each point",
            )
        make: Callable[..., Representation] = getattr(constructors, name)
        return make(label, factor, primitive)
    if name == "tensor":
        if len(sizes) != 2:
            raise RepresentationError(
                "`tensor(p, q)` takes the numbers of its upper and lower indices",
                help="`tensor(2, 0)` has two upper ones",
            )
        return constructors.tensor(label, factor, primitive, *sizes)
    if name == "natural":
        return constructors.natural(label, factor, primitive, sizes or None)
    wanted = {"shift": 1, "reverse": 1, "transpose": 1, "rot90": 2}.get(name)
    if not sizes or (wanted is not None and len(sizes) != wanted):
        raise RepresentationError(
            f"`{name}` takes {wanted or 'at least one'} size{'' if wanted == 1 else 's'}, {len(sizes)} given"
        )
    if name == "disc":
        return disc(label, factor, primitive, *sizes)
    lattice_make: Callable[..., Representation] = getattr(lattice, name)
    return lattice_make(label, factor, primitive, *sizes)


def _index_count(scope: Scope, expr: tree.Expression) -> int:
    """A number of indices: whole, from 0 to 64."""
    value = number_of(scope, expr)
    if value.denominator != 1 or not 0 <= value <= 64:
        scope.refuse(
            "EQS306", "a number of indices is whole, from 0 to 64", expr.span, f"this is {value}"
        )
    return int(value)


def _order(order: int) -> str:
    return f"{order:,}" if order < 10**12 else "more than 10^12"


def _product_name(scope: Scope, group: GroupValue) -> str:
    """The name under which a product is declared, for messages and labels."""
    at: Scope | None = scope
    while at is not None:
        for name, value in at.values.items():
            if isinstance(value, GroupValue) and value.names == group.names:
                return name
        at = at.parent
    return "(" + " * ".join(group.names) + ")"


def select(
    scope: Scope, rep: Representation, items: tuple[tree.Expression, ...], span: Span
) -> Representation:
    """The coordinates `[x, y]` of a representation, where they transform among themselves."""
    indices: list[int] = []
    points: list[str] = []
    known = rep.points or tuple(str(k) for k in range(rep.degree))
    for item in items:
        match item:
            case tree.Reference(name=text) | tree.String(value=text):
                pass
            case tree.Integer(value=value):
                text = str(value)
            case _:
                scope.refuse("EQS307", "a coordinate is a name or a number", item.span)
        if text not in known:
            scope.unknown("coordinate", text, item.span, iter(known))
        if text in points:
            scope.refuse("EQS307", f"`{text}` is selected twice", item.span)
        indices.append(known.index(text))
        points.append(text)
    try:
        return rep.select(tuple(indices))
    except RepresentationError as error:
        scope.refuse(
            "EQS307", str(error), span, "these do not transform among themselves", help=error.help
        )


# ---- users' representations ------------------------------------------------------------------------


def user_representation(
    scope: Scope, group: GroupValue, item: tree.RepDeclaration
) -> Representation:
    """A `rep` declaration, checked: an image for every generator, all relations, all commutators."""
    if has_dynamic_size(*(scope.world.groups[factor] for factor in group.names)):
        refuse_dynamic_group(scope, f"`{item.path.text}`", None, item.path.span)
    kind, points = _kind_and_points(scope, item)
    degree = len(points)
    world = scope.world
    images: dict[tuple[str, int], Image] = {}
    spans: dict[tuple[str, int], Span] = {}
    for entry in item.images or ():
        key = generator_of(scope, group, entry.path)
        if key in images:
            scope.refuse("EQS202", f"`{entry.path.text}` has two images", entry.span, "the second")
        images[key] = _image(scope, kind, points, entry.image)
        spans[key] = entry.span
    for factor in group.names:
        for number, generator in enumerate(world.groups[factor].generators):
            if (factor, number) not in images:
                name = generator if len(group.names) == 1 else f"{factor}.{generator}"
                scope.refuse(
                    "EQS305",
                    f"`{item.path.text}` gives no image of the generator `{name}`",
                    item.path.span,
                    "a representation needs the image of every generator",
                    help=f"if it acts as the identity, write `{name} -> "
                    + ("()`" if kind != "matrix" else f"diag({', '.join(['1'] * degree)})`"),
                )
    label = f"{item.path.text}"
    groups = tuple((factor, world.groups[factor]) for factor in group.names)
    try:
        rep = from_images(label, groups, degree, images, points)
        fault = homomorphism_fault(rep)
    except RepresentationError as error:
        scope.refuse("EQS305", str(error), item.span, help=error.help)
    except NotFunctorial as error:
        scope.refuse(
            "EQS310",
            f"`{item.path.text}`: {error}",
            item.path.span,
            "images of the generators alone do not say how the other elements act",
            help="use `vector`, `covector`, `tensor(p, q)` and their `.dual`, `.pseudoscalar`, or give"
            f" `{error.factor}` the images that it has there",
        )
    except GroupTooLarge as error:
        scope.refuse("EQS304", str(error), item.path.span, "its images cannot be checked")
    if fault is not None:
        _refuse_fault(scope, item, points, rep, fault, spans)
    return rep


def _refuse_fault(
    scope: Scope,
    item: tree.RepDeclaration,
    points: tuple[str, ...],
    rep: Representation,
    fault: Fault,
    spans: dict[tuple[str, int], Span],
) -> NoReturn:
    """Say which relation the images break, and show an entry as witness."""
    words = set(re.findall(r"[A-Za-z_]\w*", fault.relation))
    span = item.span
    for (factor, number), at in spans.items():
        name = scope.world.groups[factor].generators[number]
        if factor in fault.factors and name in words:
            span = at
    entry = f"({points[fault.row]}, {points[fault.column]})"
    witness = f"entry {entry} is {_number(fault.found)}, not {_number(fault.expected)}"
    if len(fault.factors) == 2:
        a, b = fault.factors
        scope.refuse(
            "EQS303",
            f"`{item.path.text}`: the actions of `{a}` and `{b}` do not commute",
            span,
            f"{fault.relation} fails: {witness}",
            help=commuting_help(scope, rep, a, b),
        )
    close = ""
    if 0 < fault.error < 1e-3:
        close = "; decimals are read as exact fractions, and approximate images are not built yet"
    scope.refuse(
        "EQS302",
        f"`{item.path.text}` breaks the relation {fault.relation}",
        span,
        witness + close,
        help="write exact integers or fractions" if close else None,
    )


def _number(value: Fraction) -> str:
    """A number of a message: short fractions as they are, long ones as decimals."""
    digits = int((abs(value.numerator).bit_length() - value.denominator.bit_length()) * 0.30103)
    if abs(digits) > 15:
        return f"about {'-' if value < 0 else ''}10^{digits}"
    return str(value) if value.denominator < 10_000 else f"{float(value):.12g}"


def _kind_and_points(scope: Scope, item: tree.RepDeclaration) -> tuple[str, tuple[str, ...]]:
    value = item.value
    kinds = ("permutation", "signed_permutation", "matrix")
    if not (isinstance(value, tree.Call) and isinstance(value.function, tree.Reference)):
        scope.refuse(
            "EQS305",
            "a representation is declared by `permutation(...)`, `signed_permutation(...)` or `matrix(...)`",
            value.span,
        )
    kind = value.function.name
    if kind not in kinds:
        if kind in NOT_BUILT or kind in BUILT:
            scope.refuse(
                "EQS305",
                f"`{kind}` is built in and needs no `rep`",
                value.span,
                help=f"use `{item.path.names[0].text}.{kind}` directly",
            )
        scope.unknown("kind of representation", kind, value.function.span, iter(kinds))
    if len(value.arguments) != 1:
        scope.refuse("EQS305", f"`{kind}` takes its points, or their number", value.span)
    argument = value.arguments[0]
    if argument.keyword is not None:
        if argument.keyword.text != "file" or not isinstance(argument.value, tree.String):
            scope.refuse(
                "EQS305",
                f'`{kind}` takes its points, their number, or `file="words.txt"`',
                argument.span,
            )
        return kind, words_of_file(scope, argument.value)
    if not isinstance(argument.value, tree.ListOf):
        size = size_of(scope, argument.value)
        if size > 2**16:
            scope.refuse(
                "EQS305", "a declared representation has at most 65,536 points", argument.span
            )
        return kind, tuple(str(k) for k in range(size))
    points: list[str] = []
    for point in argument.value.items:
        match point:
            case tree.Reference(name=text) | tree.String(value=text):
                pass
            case tree.Integer(value=number):
                text = str(number)
            case _:
                scope.refuse("EQS305", "a point is a name, a number or a string", point.span)
        if text in points:
            scope.refuse("EQS202", f"the point `{text}` is listed twice", point.span, "the second")
        points.append(text)
    if not points:
        scope.refuse("EQS305", "a representation needs a point", argument.span)
    return kind, tuple(points)


def _image(scope: Scope, kind: str, points: tuple[str, ...], image: tree.Image) -> Image:
    if kind == "matrix":
        if isinstance(image, tree.Permutation):
            if any(image.cycles):
                scope.refuse(
                    "EQS305",
                    "the image in a `matrix` is written by rows",
                    image.span,
                    help="`[[0, -1], [1, 0]]` or `diag(1, -1)`; for cycles declare a `permutation`",
                )
            return explicit(matrix([[int(i == j) for j in points] for i in points]))
        return explicit(matrix(matrix_rows(scope, image, len(points))))
    if not isinstance(image, tree.Permutation):
        scope.refuse(
            "EQS305",
            f"the image in a `{kind}` is written in cycles",
            image.span,
            help="`(a b)(c d)`",
        )
    return cycles_image(
        scope,
        image,
        {point: k for k, point in enumerate(points)},
        signed=kind == "signed_permutation",
    )
