"""Groups as a spec writes them: families, generators, products, other names.

In: a group expression or declaration. Out: a `GroupValue`; primitive groups enter the world under the
name of their factor.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NoReturn

from eqspec.algebra import classical, families
from eqspec.algebra.groups import Group, GroupError
from eqspec.diagnostics.model import Span
from eqspec.graph.images import cycles_image, matrix_rows
from eqspec.graph.numbers import dynamic_size, number_of
from eqspec.graph.resolve import kind, qualified, resolve
from eqspec.graph.scope import GroupValue, Scope, SubgroupValue
from eqspec.graph.sizes import Size, is_dynamic
from eqspec.limits import limits
from eqspec.syntax import tree

GROUPS_NOT_BUILT: frozenset[str] = frozenset()


FAMILIES = {
    "cyclic": families.cyclic,
    "dihedral": families.dihedral,
    "symmetric": families.symmetric,
    "alternating": families.alternating,
}


PLAIN_FAMILIES = {
    "klein": families.klein,
    "quaternion": families.quaternion,
    "octahedral": families.octahedral,
    "full_octahedral": families.full_octahedral,
}


GENERATED = ("permutations", "matrices")


PRODUCTS = ("semidirect", "wreath")


MATRIX_FAMILIES = tuple(classical.FAMILIES)


ALL_FAMILIES = (
    *FAMILIES,
    *PLAIN_FAMILIES,
    *GENERATED,
    *PRODUCTS,
    *MATRIX_FAMILIES,
    "subgroup",
    "lie",
    *sorted(GROUPS_NOT_BUILT),
)

LARGEST_POINTS = 1 << 16  # that are written by their numbers


def group_of(scope: Scope, expr: tree.Expression) -> GroupValue:
    """A group of factors: a name or a product of names. A subgroup is none."""
    value = group_or_subgroup(scope, expr)
    if isinstance(value, SubgroupValue):
        scope.refuse(
            "EQS323",
            "a subgroup is no factor",
            expr.span,
            f"this is a subgroup of `{' * '.join(value.group.names)}`",
            help="a subgroup stands in `quotient(H)`, `induced(H, rep)`, `ensure` and `pool(over=H)`;"
            " for a group that acts on its own declare it by a family",
        )
    return value


def group_or_subgroup(scope: Scope, expr: tree.Expression) -> GroupValue | SubgroupValue:
    """A group written as a name or as a product of names, or the name of a subgroup."""
    match expr:
        case tree.Reference(name=name, span=span):
            if name in ALL_FAMILIES and scope.owner(name) is None:
                scope.refuse(
                    "EQS203",
                    f"`{name}` is a family of groups",
                    span,
                    "which of them is not said",
                    help=f"write `{name}({'' if name in PLAIN_FAMILIES else 'n'})`",
                )
            value = resolve(scope, name, span, "group")
        case tree.Attribute():
            value = qualified(scope, expr)
        case tree.Product(factors=factors) if all(sign > 0 for sign, _ in factors):
            names: list[str] = []
            for _, factor in factors:
                part = group_of(scope, factor)
                for twice in set(names) & set(part.names):
                    scope.refuse(
                        "EQS309",
                        f"the factor `{twice}` stands twice in a product",
                        factor.span,
                        "a direct product of a group with itself needs two declarations",
                        help=f"declare a copy: `group {twice}2 = {scope.world.groups[twice].description}`",
                    )
                names.extend(part.names)
            return GroupValue(tuple(names))
        case tree.Call(function=tree.Reference(name=name), span=span) if name in ALL_FAMILIES:
            if name in GROUPS_NOT_BUILT:
                scope.not_built(f"the group `{name}`", span)
            scope.refuse(
                "EQS203",
                "a group needs a name of its own here",
                span,
                help="declare it first: `group G = ...`",
            )
        case _:
            scope.refuse("EQS203", "a group is expected here", expr.span, "this is none")
    if not isinstance(value, GroupValue | SubgroupValue):
        scope.refuse("EQS203", "a group is expected here", expr.span, f"this is {kind(value)}")
    return value


def group_root(scope: Scope, expr: tree.Expression) -> GroupValue | None:
    """The group that `expr` names, if it names one; None for anything else, without complaint."""
    match expr:
        case tree.Reference(name=name, span=span):
            owner = scope.owner(name)
            if owner is None or (name in owner.broken and not _is_group_item(owner, name)):
                return None
            if not (isinstance(owner.values.get(name), GroupValue) or _is_group_item(owner, name)):
                return None
            value = resolve(scope, name, span)
            return value if isinstance(value, GroupValue) else None
        case tree.Attribute(base=tree.Reference(name=name, span=span)):
            owner = scope.owner(name)
            if owner is not None and isinstance(owner.values.get(name), Scope):
                value = qualified(scope, expr)
                return value if isinstance(value, GroupValue) else None
    return None


def _is_group_item(scope: Scope, name: str) -> bool:
    return isinstance(scope.items.get(name), tree.GroupDeclaration)


def declared_group(scope: Scope, item: tree.GroupDeclaration) -> GroupValue | SubgroupValue:
    expr = item.value
    if not isinstance(expr, tree.Call):
        if item.generators is not None or item.named is not None or item.block is not None:
            scope.refuse(
                "EQS301",
                "only a primitive group has generators to write or rename",
                item.name.span,
                "this is a product or another name",
            )
        return group_or_subgroup(scope, expr)
    key = item.name.text
    if scope.prefix:
        key = f"{scope.prefix}.{key}"
    if isinstance(expr.function, tree.Reference) and expr.function.name == "subgroup":
        from eqspec.graph.subgroups import declared_subgroup

        return declared_subgroup(scope, expr, item, key)
    if isinstance(expr.function, tree.Reference) and expr.function.name in PRODUCTS:
        from eqspec.graph.extensions import product_group

        group = product_group(scope, expr, item, key)
    elif isinstance(expr.function, tree.Reference) and expr.function.name == "lie":
        from eqspec.graph.lie import declared_lie

        group = declared_lie(scope, expr, item)
    else:
        group = _primitive_group(scope, expr, item)
    if has_dynamic_size(group) and group.family != "symmetric":
        refuse_dynamic_group(scope, f"`{group.family}`", None, expr.span)
    register(scope, item, key, group)
    return GroupValue((key,))


def register(scope: Scope, item: tree.GroupDeclaration, key: str, group: Group) -> None:
    """Enter a group into the world, its generators renamed as the declaration says."""
    if item.named is not None:
        renaming = {}
        for entry in item.named:
            if entry.old.text not in group.generators:
                scope.unknown("generator", entry.old.text, entry.old.span, iter(group.generators))
            renaming[entry.old.text] = entry.new.text
        try:
            group = group.renamed(renaming)
        except GroupError as error:
            scope.refuse("EQS301", str(error), item.name.span)
    scope.world.groups[key] = group
    scope.world.group_spans[key] = (scope.source, item.name.span)


def _primitive_group(scope: Scope, call: tree.Call, item: tree.GroupDeclaration) -> Group:
    if not isinstance(call.function, tree.Reference):
        scope.refuse("EQS203", "a group is expected here", call.span, "this is none")
    name = call.function.name
    if name in GROUPS_NOT_BUILT:
        scope.not_built(f"the group `{name}`", call.function.span)
    if name not in ALL_FAMILIES:
        scope.unknown("group", name, call.function.span, iter(ALL_FAMILIES))
    if item.block is not None:
        scope.refuse(
            "EQS301",
            f"`{name}` takes no block of generators",
            call.span,
            help="write `generated by a = ..., b = ...`",
        )
    arity = 0 if name in PLAIN_FAMILIES else classical.ARITY.get(name, 1)
    if len(call.arguments) != arity or any(a.keyword for a in call.arguments):
        scope.refuse(
            "EQS301",
            f"`{name}` takes {('no argument', 'one size', 'two sizes')[arity]}",
            call.span,
            f"{len(call.arguments)} given",
        )
    if (name in GENERATED) != (item.generators is not None):
        scope.refuse(
            "EQS301",
            f"`{name}` needs its generators"
            if name in GENERATED
            else f"`{name}` knows its generators",
            call.span,
            help="write `generated by a = ..., b = ...`" if name in GENERATED else None,
        )
    found = (dynamic_size(scope, argument.value) for argument in call.arguments)
    dynamic = next((size for size in found if size is not None), None)
    if dynamic is not None and name != "symmetric":
        refuse_dynamic_group(scope, f"`{name}`", dynamic, call.span)
    try:
        if name in PLAIN_FAMILIES:
            return PLAIN_FAMILIES[name]()
        if name in MATRIX_FAMILIES:
            sizes = [_group_size(scope, argument.value) for argument in call.arguments]
            return families.classical_group(name, *sizes)
        size = dynamic or _group_size(scope, call.arguments[0].value)
        if name in FAMILIES:
            return FAMILIES[name](size)
        return _generated_group(scope, name, size, item)
    except GroupError as error:
        scope.refuse("EQS301", str(error), call.span, "no such group")


def has_dynamic_size(*values: object) -> bool:
    """Is the size of one of these groups (or of a group of which they are built) read at run time?"""
    return any(
        has_dynamic_size(*value.parameters)
        if isinstance(value, Group)
        else has_dynamic_size(*value)
        if isinstance(value, tuple)
        else is_dynamic(value)
        for value in values
    )


def refuse_dynamic_group(scope: Scope, what: str, size: Size | None, span: Span) -> NoReturn:
    """Refuse a group whose elements, or a representation whose matrices, vary with a size so that one
    module cannot serve all of them."""
    name = size if size is not None else "n"
    scope.refuse(
        "EQS219",
        f"{what} cannot have a size that is read at run time",
        span,
        "only `symmetric` and its `natural` and `trivial` can",
        help=f"write `symmetric({name})` with axes `.natural`, or give the size a fixed value",
    )


def _group_size(scope: Scope, expr: tree.Expression) -> int:
    value = number_of(scope, expr)
    if value.denominator != 1 or not 0 <= value < 10**12:
        scope.refuse(
            "EQS301", "the size of a group must be a whole number", expr.span, f"this is {value}"
        )
    return int(value)


def _generated_group(scope: Scope, name: str, n: int, item: tree.GroupDeclaration) -> Group:
    assert item.generators is not None
    most = min(limits().axis_entries, LARGEST_POINTS)
    if n > most:
        scope.refuse("EQS301", f"at most {most:,} points", item.value.span)
    images: dict[str, tuple[tuple[int, ...], tree.Generator]] = {}
    rows: dict[str, tuple[tuple[Fraction, ...], ...]] = {}
    for number, generator in enumerate(item.generators):
        key = generator.name.text if generator.name else f"g{number}"
        if key in images or key in rows:
            scope.refuse(
                "EQS202", f"two generators are called `{key}`", generator.span, "the second"
            )
        if name == "permutations":
            if not isinstance(generator.image, tree.Permutation):
                scope.refuse(
                    "EQS305",
                    "a permutation is written in cycles",
                    generator.span,
                    help="`(0 1 2)(3 4)`",
                )
            points = {str(k): k for k in range(n)}
            image = cycles_image(scope, generator.image, points, signed=False)
            images[key] = (image.images, generator)
        else:
            if isinstance(generator.image, tree.Permutation):
                scope.refuse(
                    "EQS305",
                    "a matrix is written by rows",
                    generator.span,
                    help="`[[0, -1], [1, 0]]`",
                )
            rows[key] = matrix_rows(scope, generator.image, n)
    if name == "permutations":
        return families.permutation_group(n, {key: value for key, (value, _) in images.items()})
    return families.matrix_group(n, rows)
