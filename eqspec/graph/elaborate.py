"""Representations, axes and types as a spec writes them, and the value of every declaration.

In: syntax trees and the `Scope` in which they stand. Out: `Representation`s, `Type`s, and whatever a
declaration stands for. What has no meaning raises `Refusal` with the diagnostic.
"""

from __future__ import annotations

from eqspec.algebra.representations import Representation, RepresentationError, direct_sum
from eqspec.diagnostics.model import Span
from eqspec.graph.groups import declared_group, group_root
from eqspec.graph.numbers import size_of
from eqspec.graph.op import Refusal
from eqspec.graph.reps import represent, select, user_representation
from eqspec.graph.resolve import ModuleEntry, kind, path_value, resolve
from eqspec.graph.scope import GroupValue, RepEntry, Scope, SubgroupValue
from eqspec.graph.sizes import NOMINAL, Size, is_dynamic, size_named, symbols_of
from eqspec.graph.types import Axis, Block, FlatAxis, PlainAxis, RepAxis, Type, Values, term_of
from eqspec.limits import limits
from eqspec.syntax import tree

MAX_AXES = 16


# ---- names ----------------------------------------------------------------------------------------


def value_of_item(scope: Scope, item: tree.Item) -> object:
    match item:
        case tree.Param():
            return _parameter(scope, item)
        case tree.TypeAlias():
            return type_of(scope, item.type)
        case tree.GroupDeclaration():
            return declared_group(scope, item)
        case tree.Module() | tree.Interface():
            return ModuleEntry(scope, item)
        case _:
            raise AssertionError(item)


def _parameter(scope: Scope, item: tree.Param) -> int:
    if not scope.prefix and item.name.text in scope.world.overrides:
        return scope.world.overrides[item.name.text]
    if isinstance(item.value, str):
        return _dynamic(scope, item)
    return size_of(scope, item.value)


def _dynamic(scope: Scope, item: tree.Param) -> Size:
    """A size of run time; files that declare the same name get two symbols."""
    world = scope.world
    name = item.name.text if not scope.prefix else f"{scope.prefix}_{item.name.text}"
    if len(world.sizes) >= len(NOMINAL):
        scope.refuse(
            "EQS218",
            f"at most {len(NOMINAL)} sizes can be read at run time",
            item.span,
            help="give this one a fixed value",
        )
    while name in world.sizes:
        name += "_"
    world.sizes[name] = size_named(name, len(world.sizes), padded=item.value == "padded")
    return world.sizes[name]


# ---- representations, axes, types ----------------------------------------------------------------------


def rep_of(scope: Scope, expr: tree.Expression) -> Representation:
    """`Group.rep(args).modifier[coordinates]`."""
    match expr:
        case tree.Attribute(base=base, name=name):
            group = group_root(scope, base)
            if group is not None:
                return named_rep(scope, group, name, (), expr.span)
            return _modified(scope, rep_of(scope, base), name)
        case tree.Call(function=tree.Attribute(base=base, name=name), arguments=arguments):
            group = group_root(scope, base)
            if group is not None:
                return named_rep(scope, group, name, arguments, expr.span)
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
            if isinstance(value, SubgroupValue):
                scope.refuse(
                    "EQS323",
                    f"`{name}` is a subgroup and acts on nothing by itself",
                    span,
                    f"a subgroup of `{' * '.join(value.group.names)}`",
                    help=f"`{value.group.names[0]}.quotient({name})` has one entry for each coset,"
                    f" `{value.group.names[0]}.induced({name}, ...)` one copy of a representation",
                )
            scope.refuse("EQS203", f"`{name}` is no representation", span, f"this is {kind(value)}")
    scope.refuse(
        "EQS203",
        "a representation is expected here",
        expr.span,
        "this is none",
        help="`Group.name`",
    )


def named_rep(
    scope: Scope,
    group: GroupValue,
    name: tree.Name,
    arguments: tuple[tree.Argument, ...],
    span: Span,
) -> Representation:
    world = scope.world
    entry = world.reps.get((group.names, name.text))
    if entry is None:
        return represent(scope, group, name, arguments, span)
    if arguments:
        scope.refuse("EQS306", f"`{name.text}` is declared by a `rep` and takes no arguments", span)
    return user_rep(entry, group, name.text)


def user_rep(entry: RepEntry, group: GroupValue, name: str) -> Representation:
    """A declared `rep`, elaborated and proved to be one, once."""
    world = entry.scope.world
    key = (group.names, name)
    world.used[id(entry.scope), entry.item.path.text] = None
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
        if name.text in ("axial", "pseudoscalar") and is_dynamic(rep.shape):
            scope.refuse(
                "EQS218",
                f"`{name.text}` depends on a size that is read at run time",
                name.span,
                "the parity of the generator `c` changes with the size",
            )
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
    return PlainAxis(size_of(scope, expr, dynamic=True), name)


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
        type_ = type_of(scope, field.type)
        if type_.has_indices:
            scope.not_built(
                "an `index` in a `flat`",
                field.name.span,
                help="numbers and features do not fit into one tensor: make it an input of its own",
            )
        if is_dynamic(type_.shapes):
            scope.refuse(
                "EQS218",
                "a field of a `flat` needs a fixed size",
                field.name.span,
                f"`{field.name.text}` has type {type_}",
                help="make it an input of its own",
            )
        if type_.has_points:
            scope.refuse(
                "EQS313",
                "a field of a `flat` cannot hold points",
                field.name.span,
                f"`{field.name.text}` has type {type_}",
                help="make it an input of its own, or a part of a direct sum",
            )
        if type_.sampled:
            scope.refuse(
                "EQS317",
                "a field of a `flat` cannot hold a disc",
                field.name.span,
                f"`{field.name.text}` has type {type_}",
                help="make it an input of its own, or a part of a direct sum",
            )
        fields.append((field.name.text, type_))
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
            case tree.IndexBlock():
                blocks.append(_index_block(scope, block))
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
                    if not 1 <= multiple <= limits().axis_entries:
                        scope.refuse(
                            "EQS205",
                            f"a multiple must lie between 1 and {limits().axis_entries:,}",
                            block.span,
                        )
                    found = (PlainAxis(multiple), *found)
                blocks.append(_checked_block(scope, Block(found, fixed), block.span))
    return Type(tuple(blocks))


def _checked_block(scope: Scope, made: Block, span: Span) -> Block:
    if len(made.axes) > MAX_AXES:
        scope.refuse(
            "EQS205",
            f"a block has at most {MAX_AXES} axes",
            span,
            f"this has {len(made.axes)}",
            help="multiply plain axes out: `[3 * 4]`",
        )
    _bounded(scope, made.size, span)
    _points_stand_alone(scope, made, span)
    _disc_stands_alone(scope, made, span)
    if made.fixed and made.factors:
        scope.refuse(
            "EQS206",
            "a `fixed` block carries no group",
            span,
            f"{', '.join(sorted(made.factors))} acts here",
        )
    return made


def _points_stand_alone(scope: Scope, block: Block, span: Span) -> None:
    """A motion adds the same shift to every row of points. The other axes must leave such a tensor as
    it is: plain axes do, and permutations of the rows."""
    if block.point_axis is None:
        return
    if any(symbol.padded for symbol in symbols_of(*block.shape)):
        scope.not_built("points of samples of different sizes (`padded`)", span)
    point = block.axes[block.point_axis]
    for k, axis in enumerate(block.axes):
        if k == block.point_axis or isinstance(axis, PlainAxis):
            continue
        if not axis.rep.is_permutation:
            scope.refuse(
                "EQS313",
                f"a point beside `{axis}`: the two actions do not fit together",
                span,
                f"`{point}` adds the same shift to every row; `{axis}` does not permute the rows",
                help="points may stand beside plain axes and axes that are permuted",
            )


def _disc_stands_alone(scope: Scope, block: Block, span: Span) -> None:
    """One picture in a block, and nothing else of its factor moves pixels."""
    k = block.disc_axis
    if k is None:
        return
    axis = block.axes[k]
    for other, beside in enumerate(block.axes):
        if other == k or isinstance(beside, PlainAxis):
            continue
        if beside.rep.is_sampled or beside.rep.spatial:
            scope.refuse(
                "EQS317",
                f"`{axis}` beside `{beside}`: two pictures in one block",
                span,
                "one of them can be turned by any angle",
                help="a block holds one disc, plain axes and fibres",
            )


def _index_block(scope: Scope, block: tree.IndexBlock) -> Block:
    """`index(rep)[axes]`: numbers 0 ... n - 1, which the group permutes. Its axes may be permuted too."""
    values = axis_of(scope, block.values)
    if is_dynamic(values.shape):
        scope.refuse(
            "EQS218",
            "the numbers of an `index` need a fixed count",
            block.values.span,
            f"{values} is read at run time",
        )
    if isinstance(values, PlainAxis):
        made = Values(values.size)
    else:
        _permutes(scope, values.rep, block.values.span, "the values")
        made = Values(values.rep.degree, values.rep)
    axes = tuple(axis_of(scope, axis) for axis in block.axes)
    for axis, written in zip(axes, block.axes, strict=True):
        if isinstance(axis, FlatAxis):
            scope.not_built("a `flat` axis of an `index`", written.span)
        if isinstance(axis, RepAxis):
            _permutes(scope, axis.rep, written.span, "the entries")
    return _checked_block(scope, Block(axes, block.fixed, made), block.span)


def _permutes(scope: Scope, rep: Representation, span: Span, what: str) -> None:
    if not rep.is_permutation:
        signs = rep.is_signed_permutation
        scope.refuse(
            "EQS222",
            f"a group must permute {what} of an `index`, without signs",
            span,
            f"{rep.label} {'changes signs' if signs else 'is no permutation'}",
            help="declare the representation by `permutation(...)`",
        )


def _bounded(scope: Scope, size: int, span: Span) -> None:
    if size > limits().block_entries:
        said = f"{size:,}" if size < 10**15 else "far more"
        scope.refuse(
            "EQS205",
            f"a block has at most {limits().block_entries:,} numbers",
            span,
            f"this has {said}",
        )
