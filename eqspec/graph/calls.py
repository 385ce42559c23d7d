"""Calls of modules: inputs by position, sizes, groups and bases by keyword.

In: a call and the module that it names. Out: a `call` node with one type for all outputs; every call
has parameters of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from eqspec.diagnostics.model import Span
from eqspec.diagnostics.suggest import suggestion
from eqspec.graph.groups import group_of
from eqspec.graph.model import Module, ModuleCall, Node
from eqspec.graph.numbers import size_of
from eqspec.graph.op import Refusal
from eqspec.graph.resolve import ModuleEntry
from eqspec.graph.scope import GroupValue
from eqspec.graph.types import Type
from eqspec.syntax import tree

if TYPE_CHECKING:
    from eqspec.graph.expressions import Expressions


def module_call(
    expressions: Expressions, entry: ModuleEntry, expr: tree.Call, name: str | None
) -> Node:
    item = entry.item
    assert isinstance(item, tree.Module)
    bases = [m for m in item.members if isinstance(m, tree.Base)]
    arguments, given = _template(expressions, entry, item, bases, expr)
    positional = [a.value for a in expr.arguments if a.keyword is None]
    module = expressions.make_module(entry, arguments, expressions.scope, expr.span)
    if (
        not item.complete
    ):  # a syntax error took members away: its inputs and outputs are not all there
        raise Refusal()
    if len(positional) != len(module.inputs):
        expressions.scope.refuse(
            "EQS213",
            f"`{item.name.text}` takes {len(module.inputs)} inputs",
            expr.span,
            f"{len(positional)} given",
        )
    args = expressions.gathered(positional, [feature.type for feature in module.inputs])
    for feature, arg, value in zip(module.inputs, args, positional, strict=True):
        if arg.type != feature.type:
            expressions.scope.refuse(
                "EQS213",
                f"the input `{feature.name}` of `{item.name.text}` has another type",
                value.span,
                f"this has type {arg.type}",
                help=f"it takes {feature.type}",
            )
    passed = _passed_bases(expressions, module, given, expr)
    outputs = module.outputs
    type_ = Type(tuple(block for output in outputs for block in output.type.blocks))
    made = name or expressions.fresh(item.name.text)
    expressions.children[made] = module.key
    return expressions.add(
        Node(
            made,
            "call",
            type_,
            tuple(arg.name for arg in args),
            expr.span,
            ModuleCall(module, passed),
        )
    )


def _template(
    expressions: Expressions,
    entry: ModuleEntry,
    item: tree.Module,
    bases: list[tree.Base],
    expr: tree.Call,
) -> tuple[dict[str, int | GroupValue], dict[str, tuple[str, Span]]]:
    formals = {formal.name.text: formal for formal in item.formals}
    arguments: dict[str, int | GroupValue] = {}
    given: dict[str, tuple[str, Span]] = {}
    for argument in expr.arguments:
        if argument.keyword is None:
            continue
        key = argument.keyword.text
        if key in formals:
            if formals[key].is_group:
                arguments[key] = group_of(expressions.scope, argument.value)
            else:
                arguments[key] = size_of(expressions.scope, argument.value, dynamic=True)
        elif any(base.name.text == key for base in bases):
            if not (
                isinstance(argument.value, tree.Reference)
                and argument.value.name in expressions.bases
            ):
                expressions.scope.refuse(
                    "EQS213", f"`{key}` takes a base of this module", argument.value.span
                )
            given[key] = (argument.value.name, argument.value.span)
        else:
            known = [*formals, *(b.name.text for b in bases)]
            near = suggestion(key, known, argument.keyword.span)
            expressions.scope.refuse(
                "EQS213",
                f"`{item.name.text}` has no parameter `{key}`",
                argument.keyword.span,
                help=near.help,
                fixes=near.fixes,
            )
    for key, formal in formals.items():
        if key not in arguments:
            if formal.default is None:
                expressions.scope.refuse(
                    "EQS213",
                    f"`{item.name.text}` needs `{key}=...`",
                    expr.span,
                    f"`{key}` has no default",
                )
            arguments[key] = (
                group_of(entry.scope, formal.default)
                if formal.is_group
                else size_of(entry.scope, formal.default, dynamic=True)
            )
    return {key: arguments[key] for key in formals}, given


def _passed_bases(
    expressions: Expressions, module: Module, given: Mapping[str, tuple[str, Span]], expr: tree.Call
) -> tuple[str, ...]:
    passed: list[str] = []
    for base in module.bases:
        if base.name not in given:
            if base.factory is None:
                expressions.scope.refuse(
                    "EQS213", f"`{module.name}` needs its base: `{base.name}=...`", expr.span
                )
            passed.append("")
            continue
        own, span = given[base.name]
        mine = expressions.bases[own]
        if mine.signature != base.signature or mine.target != base.target:
            expressions.scope.refuse(
                "EQS211",
                f"`{own}` has another signature than `{base.name}`",
                span,
                help="the shapes of arguments and result must be equal",
            )
        expressions.used_bases.add(own)
        passed.append(own)
    return tuple(passed)
