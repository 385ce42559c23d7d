"""Instances of modules: one for each set of template arguments, each built once.

In: a module and its arguments. Out: a `Module`; circles of calls and absurd depth are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from eqspec.diagnostics.model import Span
from eqspec.graph.build import ModuleBuilder
from eqspec.graph.groups import group_of
from eqspec.graph.model import Module
from eqspec.graph.numbers import size_of
from eqspec.graph.op import Refusal
from eqspec.graph.resolve import ModuleEntry
from eqspec.graph.scope import GroupValue, Scope, World
from eqspec.syntax import tree

MAX_NESTING = 40
MAX_INSTANCES = 1_000


@dataclass
class Instances:
    """The modules of a spec, one for each set of template arguments, in order of dependence.

    ``main`` is the scope of the file being checked: its modules keep their names (``reserved``), and
    whatever would be called alike gets another.
    """

    world: World
    main: Scope
    reserved: set[str]
    made: dict[str, Module | None] = field(default_factory=dict)
    keys: dict[object, str] = field(default_factory=dict)
    active: list[str] = field(default_factory=list)

    def make(
        self,
        entry: ModuleEntry,
        arguments: Mapping[str, int | GroupValue],
        scope: Scope,
        span: Span,
    ) -> Module:
        """The instance of a module for these arguments.

        Raises:
            Refusal: it calls itself, there are too many, or it was refused before.
        """
        item = entry.item
        assert isinstance(item, tree.Module)
        key = self._key(item, entry.scope, arguments)
        if key in self.active:
            chain = " -> ".join([*self.active[self.active.index(key) :], key])
            scope.refuse("EQS204", f"the module `{key}` calls itself", span, chain)
        if len(self.active) >= MAX_NESTING:
            scope.refuse("EQS204", f"modules are nested deeper than {MAX_NESTING}", span)
        if key not in self.made:
            if len(self.made) >= MAX_INSTANCES:
                scope.refuse("EQS204", f"more than {MAX_INSTANCES:,} instances of modules", span)
            self.active.append(key)
            try:
                module = _build(self, entry, arguments, key)
            finally:
                self.active.pop()
            self.made[key] = module
        module = self.made[key]
        if module is None:
            raise Refusal()
        return module

    def _key(
        self, item: tree.Module, scope: Scope, arguments: Mapping[str, int | GroupValue]
    ) -> str:
        """A name of its own for every module and every set of arguments."""
        identity = (id(scope), item.name.text, tuple(sorted(arguments.items(), key=lambda a: a[0])))
        if identity in self.keys:
            return self.keys[identity]
        words = [f"{scope.prefix}_{item.name.text}" if scope.prefix else item.name.text]
        has_defaults = all(formal.default is not None for formal in item.formals)
        plain = has_defaults and arguments == default_arguments(item, scope)
        if not plain:
            for formal in item.formals:
                value = arguments[formal.name.text]
                text = "".join(value.names) if isinstance(value, GroupValue) else str(value)
                words.append(f"{formal.name.text}{text}")
        stem = key = "_".join(words).replace(".", "_")
        own = plain and scope is self.main
        count = 1
        while not own and (key in self.reserved or key in self.keys.values()):
            count += 1
            key = f"{stem}_{count}"
        self.keys[identity] = key
        return key


def default_arguments(item: tree.Module, scope: Scope) -> dict[str, int | GroupValue]:
    found: dict[str, int | GroupValue] = {}
    for formal in item.formals:
        if formal.default is not None:
            found[formal.name.text] = (
                group_of(scope, formal.default)
                if formal.is_group
                else size_of(scope, formal.default, dynamic=True)
            )
    return found


def _build(
    instances: Instances,
    entry: ModuleEntry,
    arguments: Mapping[str, int | GroupValue],
    key: str,
) -> Module | None:
    item = entry.item
    assert isinstance(item, tree.Module)
    scope = Scope(
        instances.world, entry.scope.source, parent=entry.scope, prefix=entry.scope.prefix
    )
    scope.values.update(arguments)
    builder = ModuleBuilder(instances.make, scope, item, key)
    return builder.build()
