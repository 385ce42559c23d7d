"""Interfaces, and what inputs of any kind are warned about.

In: the syntax of an interface. Out: a `Module` without layers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eqspec.diagnostics.model import Diagnostic, Severity
from eqspec.graph.elaborate import type_of
from eqspec.graph.extensions import beside
from eqspec.graph.model import InputFeature, Module, Node, OutputFeature
from eqspec.graph.op import Refusal
from eqspec.graph.resolve import ModuleEntry
from eqspec.graph.scope import Scope
from eqspec.graph.sizes import symbols_of
from eqspec.graph.types import Block, FlatAxis, PlainAxis, symbols_in
from eqspec.syntax import tree


def build_interface(entry: ModuleEntry) -> Module | None:
    """An interface: inputs and outputs and no layers."""
    item, scope = entry.item, entry.scope
    assert isinstance(item, tree.Interface)
    failed = False
    inputs: list[InputFeature] = []
    outputs: list[OutputFeature] = []
    seen: set[str] = set()
    for member in item.members:
        name = member.name.text
        try:
            if name in seen:
                scope.refuse(
                    "EQS202", f"two members are called `{name}`", member.name.span, "the second"
                )
            seen.add(name)
            if isinstance(member, tree.Output):
                if member.type is None or member.value is not None:
                    scope.refuse(
                        "EQS207",
                        "an output of an interface has a type and no value",
                        member.name.span,
                        help="layers belong into a `module`",
                    )
                type_ = type_of(scope, member.type)
                outputs.append(OutputFeature(name, type_, "", member.doc, member.name.span))
            else:
                type_ = type_of(scope, member.type)
                inputs.append(InputFeature(name, type_, member.doc, member.name.span))
        except Refusal as refusal:
            failed = True
            scope.gather(refusal)
    acting = {
        factor: (feature.name, feature.span)
        for features in (inputs, outputs)
        for feature in features
        for factor in sorted(feature.type.factors)
    }
    wrong: list[Diagnostic] = []
    beside(scope, acting, wrong.append)
    scope.world.diagnostics.extend(wrong)
    if failed or wrong:
        return None
    if symbols_in(feature.type for features in (inputs, outputs) for feature in features):
        try:
            scope.not_built(
                "an interface with sizes that are read at run time",
                item.name.span,
                help="give the sizes fixed values; a `module` may have sizes of run time",
            )
        except Refusal as refusal:
            scope.gather(refusal)
            return None
    groups = {}
    for type_ in (feature.type for features in (inputs, outputs) for feature in features):
        groups.update(type_.groups)
    ordered = {name: groups[name] for name in scope.world.groups if name in groups}
    if ordered:
        for entry_ in inputs:
            scope.world.diagnostics.extend(forgotten_fields(scope, entry_))
    return Module(
        item.name.text,
        item.name.text,
        item.doc,
        scope.source,
        item.name.span,
        tuple(inputs),
        (),
        tuple(outputs),
        (),
        (),
        ordered,
        {},
        is_interface=True,
    )


def sizes_without_input(
    scope: Scope,
    item: tree.Module,
    inputs: Iterable[InputFeature],
    features: Iterable[Node],
) -> Iterator[Diagnostic]:
    """An error for every size of run time that stands in a feature and in no input: there is nothing
    to read it from."""
    known = symbols_in(feature.type for feature in inputs)
    if any(
        member.name.text not in {f.name for f in inputs}
        for member in item.members
        if isinstance(member, tree.Input)
    ):
        return  # an input was refused, and the size may stand there
    for feature in features:
        for symbol in sorted(symbols_in([feature.type]) - known):
            yield scope.diagnostic(
                "EQS220",
                f"`{symbol.name}` is read at run time and stands in no input",
                feature.span,
                f"`{feature.name}` has type {feature.type}",
                help=f"give `{item.name.text}` an input with an axis of this size",
            )
            return


def padded_twice(scope: Scope, nodes: Iterable[Node]) -> Iterator[Diagnostic]:
    """An error for a padded size that stands for two things in one module. Its mask says which entries
    are there; it moves with the axes of one group, so it fits neither axes of another nor plain ones."""
    carriers: dict[str, tuple[str, Node]] = {}
    for node in nodes:
        for axis in (axis for block in node.type.blocks for axis in block.axes):
            for symbol in sorted(symbols_of(*axis.shape)):
                carrier = ", ".join(sorted(axis.factors))
                first, where = carriers.setdefault(symbol.name, (carrier, node))
                if symbol.padded and first != carrier:
                    yield scope.diagnostic(
                        "EQS221",
                        f"the padded size `{symbol.name}` stands for two things",
                        node.span,
                        f"`{node.name}` has type {node.type}, `{where.name}` has {where.type}",
                        help="one mask cannot follow both: declare a second `param` for the other axes",
                    )
                    return


def forgotten_fields(scope: Scope, feature: InputFeature) -> Iterator[Diagnostic]:
    """A warning for every block of an input, and every field of a `flat` in it, on which nothing acts
    and that is not marked `fixed`: a forgotten field is the commonest wrong symmetry."""
    todo: list[tuple[str, Block]] = [(feature.name, block) for block in feature.type.blocks]
    while todo:
        name, block = todo.pop(0)
        for axis in block.axes:
            if isinstance(axis, FlatAxis):
                todo.extend(
                    (f"{name}.{key}", inner) for key, type_ in axis.fields for inner in type_.blocks
                )
        acted = block.values is not None and block.values.rep is not None
        if acted or block.fixed or not all(isinstance(axis, PlainAxis) for axis in block.axes):
            continue
        yield scope.diagnostic(
            "EQS903",
            f"no group acts on the input `{name}`",
            feature.span,
            f"`{name}` has type {block}",
            help="if it should stay as it is, say so: `fixed "
            + ("[...]`" if block.values is None else f"index({block.values})[...]`"),
            severity=Severity.WARNING,
        )
