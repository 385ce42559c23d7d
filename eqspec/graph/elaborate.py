"""Meaning of expressions outside layers: sizes, numbers, groups, representations, axes and types.

In: syntax trees and the `Scope` in which they stand. Out: integers, `GroupValue`, `Representation`,
`Type`. Whatever has no meaning raises `Refusal` with the diagnostic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from eqspec.algebra import families
from eqspec.algebra.groups import Group, GroupError
from eqspec.algebra.representations import Representation, RepresentationError, direct_sum
from eqspec.diagnostics.model import Span
from eqspec.graph.op import Refusal
from eqspec.graph.reps import cycles_image, matrix_rows, represent, select, user_representation
from eqspec.graph.scope import GroupValue, RepEntry, Scope
from eqspec.graph.types import Axis, Block, FlatAxis, PlainAxis, RepAxis, Type, term_of
from eqspec.syntax import tree

MAX_AXIS = 2**22
MAX_BLOCK = 2**26

GROUPS_NOT_BUILT = frozenset(
    "orthogonal special_orthogonal special_unitary lorentz special_lorentz symplectic special_linear"
    " general_linear euclidean special_euclidean scaling lie semidirect wreath subgroup".split()
)
FAMILIES = {
    "cyclic": families.cyclic,
    "dihedral": families.dihedral,
    "symmetric": families.symmetric,
    "alternating": families.alternating,
}
PLAIN_FAMILIES = {"klein": families.klein, "quaternion": families.quaternion}
GENERATED = ("permutations", "matrices")
ALL_FAMILIES = (*FAMILIES, *PLAIN_FAMILIES, *GENERATED, *sorted(GROUPS_NOT_BUILT))


@dataclass(frozen=True, eq=False)
class ModuleEntry:
    """A module or interface, waiting for its arguments."""

    scope: Scope
    item: tree.Module | tree.Interface


# ---- names ----------------------------------------------------------------------------------------


def resolve(scope: Scope, name: str, span: Span, what: str = "name", *, use: bool = True) -> object:
    """What a name stands for: an int, `GroupValue`, `Type`, `ModuleEntry` or the `Scope` of a file."""
    owner = scope.owner(name)
    if owner is None:
        scope.unknown(what, name, span, scope.names())
    if use:
        owner.world.used.add((id(owner), name))
    if name in owner.broken:
        raise Refusal()
    if name not in owner.values:
        _elaborate_item(owner, name, span, scope)
    return owner.values[name]


def _elaborate_item(owner: Scope, name: str, span: Span, user: Scope) -> None:
    if name in owner.active:
        user.refuse(
            "EQS204",
            f"`{name}` is defined by itself",
            span,
            " -> ".join([*owner.active[owner.active.index(name) :], name]),
        )
    owner.active.append(name)
    try:
        owner.values[name] = _value_of_item(owner, owner.items[name])
    except Refusal as refusal:
        owner.broken.add(name)
        owner.gather(refusal)
        raise Refusal() from None
    finally:
        owner.active.pop()


def _value_of_item(scope: Scope, item: tree.Item) -> object:
    match item:
        case tree.Param():
            return _parameter(scope, item)
        case tree.TypeAlias():
            return type_of(scope, item.type)
        case tree.GroupDeclaration():
            return _declared_group(scope, item)
        case tree.Module() | tree.Interface():
            return ModuleEntry(scope, item)
        case _:
            raise AssertionError(item)


def _parameter(scope: Scope, item: tree.Param) -> int:
    if scope.path is not None and item.name.text in scope.world.overrides:
        return scope.world.overrides[item.name.text]
    if isinstance(item.value, str):
        scope.not_built(
            f"`{item.value}` (a size chosen at run time)",
            item.span,
            help="give a fixed size here, and another with `--set`",
        )
    return size_of(scope, item.value)


# ---- numbers ---------------------------------------------------------------------------------------


def number_of(scope: Scope, expr: tree.Expression) -> Fraction:
    """An exact rational number; names are parameters."""
    match expr:
        case tree.Integer(value=value):
            return Fraction(value)
        case tree.Decimal(value=value):
            return value
        case tree.Reference(name=name, span=span):
            found = resolve(scope, name, span, "parameter")
            if isinstance(found, int):
                return Fraction(found)
            scope.refuse("EQS203", f"`{name}` is no number", span, f"this is {kind(found)}")
        case tree.Attribute(span=span):
            found = qualified(scope, expr)
            if isinstance(found, int):
                return Fraction(found)
            scope.refuse("EQS203", "this is no number", span, f"this is {kind(found)}")
        case tree.Negate(operand=operand):
            return -number_of(scope, operand)
        case tree.Sum(terms=terms):
            return sum((sign * number_of(scope, term) for sign, term in terms), Fraction(0))
        case tree.Product(factors=factors, span=span):
            total = Fraction(1)
            for sign, factor in factors:
                value = number_of(scope, factor)
                if sign < 0 and value == 0:
                    scope.refuse("EQS205", "division by zero", span, "here")
                total = total * value if sign > 0 else total / value
            return total
        case tree.Power(base=base, exponent=exponent, span=span):
            value = number_of(scope, base)
            if abs(exponent) > 64 or (value == 0 and exponent < 0):
                scope.refuse("EQS205", "this power is out of range", span, "here")
            return value**exponent
        case tree.Call(span=span):
            scope.not_built("a function of numbers", span, help="write the number as a fraction")
        case _:
            scope.refuse("EQS203", "a number is expected here", expr.span, "this is none")


def size_of(scope: Scope, expr: tree.Expression) -> int:
    """A size: a whole number of at least 1."""
    value = number_of(scope, expr)
    if value.denominator != 1:
        scope.refuse(
            "EQS205",
            "a size must be whole",
            expr.span,
            f"this is {value.numerator}/{value.denominator}",
        )
    if not 1 <= value <= MAX_AXIS:
        said = str(value) if abs(value) < 10**18 else "a huge number"
        scope.refuse(
            "EQS205", f"a size must lie between 1 and {MAX_AXIS:,}", expr.span, f"this is {said}"
        )
    return int(value)


# ---- groups ------------------------------------------------------------------------------------------


def group_of(scope: Scope, expr: tree.Expression) -> GroupValue:
    """A group written as a name or as a product of names."""
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
    if not isinstance(value, GroupValue):
        scope.refuse("EQS203", "a group is expected here", expr.span, f"this is {kind(value)}")
    return value


def _declared_group(scope: Scope, item: tree.GroupDeclaration) -> GroupValue:
    expr = item.value
    if not isinstance(expr, tree.Call):
        if item.generators is not None or item.named is not None or item.block is not None:
            scope.refuse(
                "EQS301",
                "only a primitive group has generators to write or rename",
                item.name.span,
                "this is a product or another name",
            )
        return group_of(scope, expr)
    group = _primitive_group(scope, expr, item)
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
    key = item.name.text
    if scope.prefix:
        key = f"{scope.prefix}.{key}"
    scope.world.groups[key] = group
    scope.world.group_spans[key] = (scope.source, item.name.span)
    return GroupValue((key,))


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
    arity = 0 if name in PLAIN_FAMILIES else 1
    if len(call.arguments) != arity or any(a.keyword for a in call.arguments):
        scope.refuse(
            "EQS301",
            f"`{name}` takes {'one size' if arity else 'no argument'}",
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
    try:
        if name in PLAIN_FAMILIES:
            return PLAIN_FAMILIES[name]()
        size = _group_size(scope, call.arguments[0].value)
        if name in FAMILIES:
            return FAMILIES[name](size)
        return _generated_group(scope, name, size, item)
    except GroupError as error:
        scope.refuse("EQS301", str(error), call.span, "no such group")


def _group_size(scope: Scope, expr: tree.Expression) -> int:
    value = number_of(scope, expr)
    if value.denominator != 1 or not 0 <= value < 10**12:
        scope.refuse(
            "EQS301", "the size of a group must be a whole number", expr.span, f"this is {value}"
        )
    return int(value)


def _generated_group(scope: Scope, name: str, n: int, item: tree.GroupDeclaration) -> Group:
    assert item.generators is not None
    if n > MAX_AXIS:
        scope.refuse("EQS301", f"at most {MAX_AXIS:,} points", item.value.span)
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


# ---- representations, axes, types ----------------------------------------------------------------------


def qualified(scope: Scope, expr: tree.Attribute) -> object:
    """`file.name`: a declaration of a used file."""
    if isinstance(expr.base, tree.Reference):
        value = resolve(scope, expr.base.name, expr.base.span)
    elif isinstance(expr.base, tree.Attribute):
        value = qualified(scope, expr.base)
    else:
        scope.refuse("EQS203", "a name is expected before the dot", expr.base.span)
    if not isinstance(value, Scope):
        scope.refuse(
            "EQS203",
            f"`{expr.name.text}` is not a declaration here",
            expr.span,
            f"what stands before the dot is {kind(value)}",
        )
    if not value.declares(expr.name.text):
        scope.unknown("name", expr.name.text, expr.name.span, iter(value.items))
    return resolve(value, expr.name.text, expr.name.span)


def path_value(scope: Scope, path: tree.Path, what: str) -> object:
    value = resolve(scope, path.names[0].text, path.names[0].span, what)
    for name in path.names[1:]:
        if not isinstance(value, Scope):
            scope.refuse(
                "EQS203",
                f"`{path.text}` is no {what}",
                path.span,
                f"before the dot is {kind(value)}",
            )
        if not value.declares(name.text):
            scope.unknown(what, name.text, name.span, iter(value.items))
        value = resolve(value, name.text, name.span, what)
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


def rep_of(scope: Scope, expr: tree.Expression) -> Representation:
    """`Group.rep(args).modifier[coordinates]`."""
    match expr:
        case tree.Attribute(base=base, name=name):
            group = group_root(scope, base)
            if group is not None:
                return _named_rep(scope, group, name, (), expr.span)
            return _modified(scope, rep_of(scope, base), name)
        case tree.Call(function=tree.Attribute(base=base, name=name), arguments=arguments):
            group = group_root(scope, base)
            if group is not None:
                return _named_rep(scope, group, name, arguments, expr.span)
        case tree.Select(base=base, items=items):
            return select(scope, rep_of(scope, base), items, expr.span)
        case tree.Reference(name=name, span=span):
            value = resolve(scope, name, span)
            if isinstance(value, GroupValue):
                scope.refuse(
                    "EQS203",
                    f"`{name}` is a group; an axis needs one of its representations",
                    span,
                    help=f"`{name}.regular` has one entry for each element",
                )
            scope.refuse("EQS203", f"`{name}` is no representation", span, f"this is {kind(value)}")
    scope.refuse(
        "EQS203",
        "a representation is expected here",
        expr.span,
        "this is none",
        help="`Group.name`",
    )


def _named_rep(
    scope: Scope,
    group: GroupValue,
    name: tree.Name,
    arguments: tuple[tree.Argument, ...],
    span: Span,
) -> Representation:
    world = scope.world
    entry = world.reps.get((group.names, name.text))
    if entry is None:
        return represent(scope, group, name, arguments, span, size_of)
    if arguments:
        scope.refuse("EQS306", f"`{name.text}` is declared by a `rep` and takes no arguments", span)
    return user_rep(entry, group, name.text)


def user_rep(entry: RepEntry, group: GroupValue, name: str) -> Representation:
    """A declared `rep`, elaborated and proved to be one, once."""
    world = entry.scope.world
    key = (group.names, name)
    world.used.add((id(entry.scope), entry.item.path.text))
    if key not in world.rep_values:
        try:
            world.rep_values[key] = user_representation(entry.scope, group, entry.item)
        except Refusal as refusal:
            entry.scope.gather(refusal)
            world.rep_values[key] = None
    value = world.rep_values[key]
    if value is None:
        raise Refusal()
    assert isinstance(value, Representation)
    return value


def _modified(scope: Scope, rep: Representation, name: tree.Name) -> Representation:
    try:
        match name.text:
            case "axial":
                return rep.axial()
            case "pseudoscalar":
                return rep.pseudoscalar()
            case "dual":
                return rep.dual()
        known = ("axial", "pseudoscalar", "dual")
        scope.unknown("modifier of a representation", name.text, name.span, iter(known))
    except RepresentationError as error:
        scope.refuse("EQS308", str(error), name.span, help=error.help)


def axis_of(scope: Scope, expr: tree.Expression | tree.FlatBlock) -> Axis:
    if isinstance(expr, tree.FlatBlock):
        return flat_of(scope, expr)
    root: tree.Expression = expr
    while isinstance(root, tree.Attribute | tree.Call | tree.Select):
        root = root.function if isinstance(root, tree.Call) else root.base
    if isinstance(root, tree.Reference) and (
        not isinstance(expr, tree.Reference) or group_root(scope, expr) is not None
    ):
        owner = scope.owner(root.name)
        value = owner.values.get(root.name) if owner else None
        is_size = isinstance(value, int) or (
            owner is not None and isinstance(owner.items.get(root.name), tree.Param)
        )
        if not is_size and not _qualified_size(scope, expr):
            return RepAxis(rep_of(scope, expr))
    name = expr.name if isinstance(expr, tree.Reference) else None
    return PlainAxis(size_of(scope, expr), name)


def _qualified_size(scope: Scope, expr: tree.Expression) -> bool:
    """Is this `file.n`, a parameter of a used file?"""
    if not (isinstance(expr, tree.Attribute) and isinstance(expr.base, tree.Reference)):
        return False
    owner = scope.owner(expr.base.name)
    file = owner.values.get(expr.base.name) if owner else None
    return isinstance(file, Scope) and isinstance(file.items.get(expr.name.text), tree.Param)


def flat_of(scope: Scope, block: tree.FlatBlock) -> FlatAxis:
    fields: list[tuple[str, Type]] = []
    for field in block.fields:
        if any(name == field.name.text for name, _ in fields):
            scope.refuse(
                "EQS202",
                f"two fields are called `{field.name.text}`",
                field.name.span,
                "the second",
            )
        fields.append((field.name.text, type_of(scope, field.type)))
    if not fields:
        scope.refuse("EQS205", "a `flat` needs a field", block.span, "it has none")
    label = "flat { " + ", ".join(f"{name}: {type_}" for name, type_ in fields) + " }"
    terms = tuple(term_of(block) for _, type_ in fields for block in type_.blocks)
    _bounded(scope, sum(type_.size for _, type_ in fields), block.span)
    return FlatAxis(tuple(fields), direct_sum(label, terms))


def type_of(scope: Scope, expr: tree.TypeExpression) -> Type:
    blocks: list[Block] = []
    for block in expr.blocks:
        match block:
            case tree.FlatBlock():
                blocks.append(Block((flat_of(scope, block),)))
            case tree.IndexBlock(span=span):
                scope.not_built("an `index(...)` type", span)
            case tree.AliasBlock(path=path):
                value = path_value(scope, path, "type")
                if not isinstance(value, Type):
                    scope.refuse(
                        "EQS203",
                        f"`{path.text}` is no type",
                        path.span,
                        f"this is {kind(value)}",
                        help=f"a type is written in brackets: `[{path.text}]`"
                        if isinstance(value, int)
                        else None,
                    )
                blocks.extend(value.blocks)
            case tree.AxesBlock(fixed=fixed, multiple=multiple, axes=axes):
                found = tuple(axis_of(scope, axis) for axis in axes)
                if multiple is not None:
                    if not 1 <= multiple <= MAX_AXIS:
                        scope.refuse(
                            "EQS205", f"a multiple must lie between 1 and {MAX_AXIS:,}", block.span
                        )
                    found = (PlainAxis(multiple), *found)
                made = Block(found, fixed)
                _bounded(scope, made.size, block.span)
                if fixed and made.factors:
                    scope.refuse(
                        "EQS206",
                        "a `fixed` block carries no group",
                        block.span,
                        f"{', '.join(sorted(made.factors))} acts here",
                    )
                blocks.append(made)
    return Type(tuple(blocks))


def _bounded(scope: Scope, size: int, span: Span) -> None:
    if size > MAX_BLOCK:
        said = f"{size:,}" if size < 10**15 else "far more"
        scope.refuse(
            "EQS205", f"a block has at most {MAX_BLOCK:,} numbers", span, f"this has {said}"
        )


def kind(value: object) -> str:
    """What a value is, in words for a message."""
    match value:
        case int():
            return "a size"
        case GroupValue():
            return "a group"
        case Type():
            return "a type"
        case ModuleEntry(item=tree.Interface()):
            return "an interface"
        case ModuleEntry():
            return "a module"
        case Scope():
            return "a file"
    return "something else"


def product_order(groups: list[Group]) -> int:
    return math.prod(group.order for group in groups)
