"""Instances of modules: one for each set of template arguments, each built once.

In: a module and its arguments. Out: a `Module`; circles of calls and absurd depth are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from eqspec.diagnostics.model import Span
from eqspec.graph.build import ModuleBuilder
from eqspec.graph.groups import group_of
from eqspec.graph.memo import Made, Memo, Use, moved
from eqspec.graph.model import Module, Node
from eqspec.graph.numbers import size_of
from eqspec.graph.op import Refusal
from eqspec.graph.resolve import ModuleEntry, resolve
from eqspec.graph.scope import Call, GroupValue, Scope, World
from eqspec.limits import limits
from eqspec.syntax import tree

MAX_NESTING = 40


@dataclass
class Instances:
    """The modules of a spec, one for each set of template arguments, in order of dependence.

    ``main`` is the scope of the file being checked: its modules keep their names (``reserved``), and
    whatever would be called alike gets another. With a ``memo`` an instance that an earlier check made
    is taken from there, if nothing has changed on which it rests.
    """

    world: World
    main: Scope
    reserved: set[str]
    made: dict[str, Module | None] = field(default_factory=dict)
    keys: dict[object, str] = field(default_factory=dict)
    active: list[str] = field(default_factory=list)
    memo: Memo | None = None
    refused: dict[str, tuple[Node, ...]] = field(default_factory=dict)
    _told: set[int] = field(
        default_factory=set
    )  # messages that an instance keeps as its own, by id

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
        self.world.used[Call(entry.scope, item.name.text, tuple(arguments.items()), key)] = None
        if key in self.active:
            chain = " -> ".join([*self.active[self.active.index(key) :], key])
            scope.refuse("EQS204", f"the module `{key}` calls itself", span, chain)
        if len(self.active) >= MAX_NESTING:
            scope.refuse("EQS204", f"modules are nested deeper than {MAX_NESTING}", span)
        if key not in self.made:
            if len(self.made) >= limits().instances:
                scope.refuse(
                    "EQS204", f"more than {limits().instances:,} instances of modules", span
                )
            self.active.append(key)
            try:
                module = self._recalled(entry, arguments, key, span)
                if module is None:
                    module = self._built(entry, arguments, key)
            finally:
                self.active.pop()
            self.made[key] = module
        module = self.made[key]
        if module is None:
            raise Refusal()
        return module

    def _built(
        self, entry: ModuleEntry, arguments: Mapping[str, int | GroupValue], key: str
    ) -> Module | None:
        """The instance, elaborated; what it reads and says is written down for the memo."""
        if self.memo is None:
            return _build(self, entry, arguments, key)
        world, item = self.world, entry.item
        assert isinstance(item, tree.Module)
        used, said = world.used, world.diagnostics
        world.used, world.diagnostics = {}, []
        try:
            module = _build(self, entry, arguments, key)
        finally:
            trace, own = world.used, world.diagnostics
            world.used, world.diagnostics = used | trace, said
            said.extend(own)
        own = [found for found in own if id(found) not in self._told]
        self._told.update(map(id, own))
        if module is not None:
            self.memo.remember(entry.scope, item, arguments, trace, key, module, own)
        return module

    def _recalled(
        self, entry: ModuleEntry, arguments: Mapping[str, int | GroupValue], key: str, span: Span
    ) -> Module | None:
        """The instance as an earlier check made it. All that it looks up is looked up again, in the same
        order, so that whatever comes after finds the world as it would be."""
        item = entry.item
        assert isinstance(item, tree.Module)
        found = self.memo.recall(entry.scope, item, arguments) if self.memo is not None else None
        if found is None or found.key != key:
            return None
        try:
            if not all(self._again(step, span) for step in found.trace):
                return None
        except Refusal:
            return None
        own = moved(found.diagnostics, entry.scope.source, item.span.start - found.start)
        self._told.update(map(id, own))
        self.world.diagnostics.extend(own)
        return found.module

    def _again(self, step: Use | Made, span: Span) -> bool:
        assert self.memo is not None
        scope = self.memo.scope_of(self.world, step.file)
        if scope is None:
            return False
        if isinstance(step, Made):
            callee = resolve(scope, step.name, span)
            if not isinstance(callee, ModuleEntry):
                return False
            self.make(callee, dict(step.arguments), scope, span)
            return self.keys.get(_identity(callee, dict(step.arguments))) == step.key
        if "." in step.name:  # a representation: all of them are elaborated in the end
            self.world.used[id(scope), step.name] = None
            return True
        value = resolve(scope, step.name, span)
        return step.value is None or value == step.value

    def _key(
        self, item: tree.Module, scope: Scope, arguments: Mapping[str, int | GroupValue]
    ) -> str:
        """A name of its own for every module and every set of arguments."""
        identity = _identity(ModuleEntry(scope, item), arguments)
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


def _identity(entry: ModuleEntry, arguments: Mapping[str, int | GroupValue]) -> object:
    return (
        id(entry.scope),
        entry.item.name.text,
        tuple(sorted(arguments.items(), key=lambda a: a[0])),
    )


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
    module = builder.build()
    if module is None and entry.scope is instances.main:
        instances.refused[item.name.text] = tuple(builder.expressions.nodes.values())
    return module
