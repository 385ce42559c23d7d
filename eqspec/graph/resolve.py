"""What a name stands for: looked up from the innermost scope, elaborated once, circles refused.

In: a scope and a name. Out: an int (a size), a `GroupValue`, a `Type`, a `ModuleEntry`, or the `Scope`
of a used file.
"""

from __future__ import annotations

from dataclasses import dataclass

from eqspec.diagnostics.model import Span
from eqspec.graph.op import Refusal
from eqspec.graph.scope import GroupValue, Scope, SubgroupValue
from eqspec.graph.types import Type
from eqspec.limits import LimitReached, reached
from eqspec.syntax import tree


@dataclass(frozen=True, eq=False)
class ModuleEntry:
    """A module or interface, waiting for its arguments."""

    scope: Scope
    item: tree.Module | tree.Interface


def resolve(scope: Scope, name: str, span: Span, what: str = "name", *, use: bool = True) -> object:
    """What a name stands for: an int, `GroupValue`, `Type`, `ModuleEntry` or the `Scope` of a file."""
    owner = scope.owner(name)
    if owner is None:
        scope.unknown(what, name, span, scope.names())
    if use:
        owner.world.used[id(owner), name] = None
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
        owner.values[name] = owner.world.elaborate(owner, owner.items[name])
    except Refusal as refusal:
        owner.broken.add(name)
        owner.gather(refusal)
        raise Refusal() from None
    except (LimitReached, MemoryError) as error:
        raise reached(error, owner.source, _place(owner.items[name])) from None
    finally:
        owner.active.pop()


def _place(item: tree.Item) -> Span:
    """Where the name of a declaration stands, or the declaration."""
    named = getattr(item, "name", None)
    return named.span if isinstance(named, tree.Name) else item.span


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


def kind(value: object) -> str:
    """What a value is, in words for a message."""
    match value:
        case int():
            return "a size"
        case GroupValue():
            return "a group"
        case SubgroupValue():
            return "a subgroup, no factor"
        case Type():
            return "a type"
        case ModuleEntry(item=tree.Interface()):
            return "an interface"
        case ModuleEntry():
            return "a module"
        case Scope():
            return "a file"
    return "something else"
