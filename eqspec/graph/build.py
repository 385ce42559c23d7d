"""From the members of a module to its layer graph: order, arguments, types, guarantees, promises.

In: the syntax tree of a module, the scope around it, the arguments of its template. Out: a `Module`.
A member that is refused is reported once; members that do not depend on it go on.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from eqspec.diagnostics.model import Diagnostic, Severity, Span
from eqspec.graph.elaborate import type_of
from eqspec.graph.expressions import Expressions, ModuleMaker
from eqspec.graph.extensions import beside
from eqspec.graph.interface import forgotten_fields, padded_twice, sizes_without_input
from eqspec.graph.model import (
    Base,
    InputFeature,
    Level,
    Module,
    Node,
    OutputFeature,
    Promise,
)
from eqspec.graph.op import Refusal, Subgroup
from eqspec.graph.order import dependence_order
from eqspec.graph.promises import (
    claimed,
    factor_promise,
    moved,
    subgroup_promise,
    too_weak,
    unproved,
)
from eqspec.graph.scope import Scope
from eqspec.graph.sizes import is_dynamic
from eqspec.limits import LimitReached, reached
from eqspec.syntax import tree

LEVELS = {
    "exactly": Level.EXACT,
    "almost everywhere": Level.ALMOST_EVERYWHERE,
    "approximately": Level.APPROXIMATE,
}


class ModuleBuilder:
    """Elaborates one instance of one module."""

    def __init__(self, make: ModuleMaker, scope: Scope, item: tree.Module, key: str) -> None:
        self.scope = scope
        self.item = item
        self.key = key
        self.failed = False
        self.members: dict[str, tree.Input | tree.Base | tree.Layer | tree.Output] = {}
        self.expressions = Expressions(scope, make, self.members)

    def build(self) -> Module | None:
        """The module, or None if a member of it was refused."""
        scope, item, expressions = self.scope, self.item, self.expressions
        self._collect()
        inputs = self._inputs()
        self._bases()
        for name in self._order():
            self._try(partial(self._layer, name))
        outputs = self._outputs()
        nodes = list(expressions.nodes.values())
        groups = {name: group for node in nodes for name, group in node.type.groups.items()}
        ordered = {name: groups[name] for name in scope.world.groups if name in groups}
        acting = {
            factor: (node.name, node.span)
            for node in reversed(nodes)
            for factor in sorted(node.type.factors)
        }
        beside(scope, acting, self._fail)
        if ordered:
            for feature in inputs:
                self._extend(forgotten_fields(scope, feature))
        if item.complete and not any(isinstance(m, tree.Output) for m in item.members):
            self._report("EQS216", f"the module `{item.name.text}` has no output", item.name.span)
        wrong = [*sizes_without_input(scope, item, inputs, nodes), *padded_twice(scope, nodes)]
        for diagnostic in wrong:
            self.failed = True
            scope.world.diagnostics.append(diagnostic)
        promises = self._promises(expressions.nodes)
        self._lint_unused(nodes, outputs)
        if self.failed:
            return None
        for output in outputs:
            self._extend(unproved(scope, expressions.nodes, output, promises))
        return Module(
            key=self.key,
            name=item.name.text,
            doc=item.doc,
            source=scope.source,
            span=item.name.span,
            inputs=tuple(inputs),
            bases=tuple(expressions.bases.values()),
            outputs=tuple(outputs),
            nodes=tuple(_levelled(node, ordered) for node in nodes),
            promises=tuple(promises),
            groups=ordered,
            children=dict(expressions.children),
        )

    # ---- members --------------------------------------------------------------------------------

    def _collect(self) -> None:
        for member in self.item.members:
            if isinstance(member, tree.Ensure):
                continue
            name = member.name.text
            if name in self.members:
                self._report(
                    "EQS202", f"two members are called `{name}`", member.name.span, "the second"
                )
            else:
                self.members[name] = member

    def _inputs(self) -> list[InputFeature]:
        found: list[InputFeature] = []
        for name, member in self.members.items():
            if isinstance(member, tree.Input):

                def declare(name: str = name, member: tree.Input = member) -> None:
                    type_ = type_of(self.scope, member.type)
                    found.append(InputFeature(name, type_, member.doc, member.name.span))
                    self.expressions.add(
                        Node(
                            name,
                            "input",
                            type_,
                            (),
                            member.name.span,
                            None,
                            member.doc,
                            True,
                            generic=not type_.has_indices,
                        )
                    )

                self._try(declare)
        return found

    def _bases(self) -> None:
        for name, member in self.members.items():
            if isinstance(member, tree.Base):

                def declare(name: str = name, member: tree.Base = member) -> None:
                    signature = tuple(type_of(self.scope, part) for part in member.signature)
                    target = type_of(self.scope, member.target)
                    if target.has_indices:
                        self.scope.refuse(
                            "EQS224",
                            f"the base `{name}` cannot return numbers of words",
                            member.target.span,
                            "averages of these mean nothing",
                            help="let it return a score for every word",
                        )
                    if is_dynamic(target.shapes, *(part.shapes for part in signature)):
                        self.scope.refuse(
                            "EQS218",
                            f"the base `{name}` needs fixed sizes",
                            member.name.span,
                            "its signature has a size that is read at run time",
                            help="pool that axis before the base is called",
                        )
                    factory = member.factory.value if member.factory else None
                    if factory is not None and not _is_factory(factory):
                        self.scope.refuse(
                            "EQS211",
                            "a factory is written `package.module:name`",
                            member.factory.span if member.factory else member.span,
                        )
                    base = Base(name, signature, target, factory, member.name.span, member.doc)
                    if base.claims:
                        self.scope.not_built(
                            "a base that is equivariant by the user's claim",
                            member.name.span,
                            help="write plain sizes: the average makes it equivariant",
                        )
                    self.expressions.bases[name] = base

                self._try(declare)

    def _order(self) -> Iterator[str]:
        """Layers and outputs, each after those it reads; a circle is reported and left out."""
        order, circles = dependence_order(self.members)
        for circle, span in circles:
            self._report("EQS204", f"`{circle[-1]}` depends on itself", span, " -> ".join(circle))
            self.expressions.broken.update(circle)
        for name in order:
            member = self.members[name]
            if isinstance(member, tree.Layer | tree.Output) and name not in self.expressions.broken:
                yield name

    def _layer(self, name: str) -> None:
        member = self.members[name]
        assert isinstance(member, tree.Layer | tree.Output)
        try:
            if member.value is None:
                self.scope.refuse(
                    "EQS207",
                    f"the output `{name}` of a module needs a value",
                    member.name.span,
                    help="only an `interface` declares outputs without layers",
                )
            declared = type_of(self.scope, member.type) if member.type else None
            self.expressions.layer(
                name,
                member.value,
                declared,
                member.type.span if member.type else None,
                member.doc,
                promise=isinstance(member, tree.Output),
                span=member.name.span,
            )
        except Refusal:
            self.expressions.broken.add(name)
            raise
        except (LimitReached, MemoryError) as error:
            raise reached(error, self.scope.source, member.name.span) from None

    def _outputs(self) -> list[OutputFeature]:
        for name, member in self.members.items():
            node = self.expressions.nodes.get(name)
            if isinstance(member, tree.Output) and node is not None and node.type.has_indices:
                self._report(
                    "EQS224",
                    f"the output `{name}` would be numbers of words",
                    member.name.span,
                    f"its type is {node.type}",
                    help="a module returns features: scores for every word",
                )
        return [
            OutputFeature(
                name, self.expressions.nodes[name].type, name, member.doc, member.name.span
            )
            for name, member in self.members.items()
            if isinstance(member, tree.Output) and name in self.expressions.nodes
        ]

    # ---- promises and lints -------------------------------------------------------------------------

    def _promises(self, nodes: Mapping[str, Node]) -> list[Promise]:
        found: list[Promise] = []
        for member in self.item.members:
            if isinstance(member, tree.Ensure):
                self._try(partial(self._promise, member, nodes, found))
        return found

    def _promise(
        self, member: tree.Ensure, nodes: Mapping[str, Node], found: list[Promise]
    ) -> None:
        level = LEVELS[member.level]
        acting = {factor for node in nodes.values() for factor in node.type.factors}
        claims = claimed(self.scope, member.group, acting)
        for path in member.targets:
            if path.text not in nodes:
                if path.names[0].text in self.expressions.broken:
                    raise Refusal()
                self.scope.unknown("feature", path.text, path.span, iter(nodes))
            for claim in claims:
                if isinstance(claim, Subgroup):
                    subgroup_promise(self.scope, member.kind, nodes[path.text], path, claim)
                else:
                    factor_promise(self.scope, member.kind, nodes[path.text], path, claim)
                factors = moved(claim) if isinstance(claim, Subgroup) else claim
                reached = nodes[path.text].level(factors)
                if reached < level:
                    too_weak(self.scope, member, nodes, path, factors, level)
        targets = tuple(path.text for path in member.targets)
        for claim in claims:
            if isinstance(claim, Subgroup):
                found.append(
                    Promise(targets, member.kind, level, claim.group, claim.name, claim.words)
                )
            else:
                found.append(Promise(targets, member.kind, level, claim))

    def _lint_unused(self, nodes: Sequence[Node], outputs: Sequence[OutputFeature]) -> None:
        if self.expressions.broken:
            return
        live = {feature.node for feature in outputs}
        for node in reversed(nodes):
            if node.name in live:
                live.update(node.args)
        for node in nodes:
            if node.declared and node.name not in live:
                what = "input" if node.op == "input" else "layer"
                self._report(
                    "EQS902",
                    f"the {what} `{node.name}` reaches no output",
                    node.span,
                    "unused",
                    severity=Severity.WARNING,
                )
        for name, base in self.expressions.bases.items():
            if name not in self.expressions.used_bases:
                self._report(
                    "EQS902",
                    f"the base `{name}` is not used",
                    base.span,
                    "unused",
                    severity=Severity.WARNING,
                )

    def _report(
        self,
        code: str,
        message: str,
        span: Span,
        label: str = "",
        *,
        help: str | None = None,
        severity: Severity = Severity.ERROR,
    ) -> None:
        self.failed |= severity is Severity.ERROR
        self.scope.world.diagnostics.append(
            self.scope.diagnostic(code, message, span, label, help=help, severity=severity)
        )

    def _fail(self, diagnostic: Diagnostic) -> None:
        self.failed = True
        self.scope.world.diagnostics.append(diagnostic)

    def _extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.scope.world.diagnostics.extend(diagnostics)

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Refusal as refusal:
            self.failed = True
            self.scope.gather(refusal)


def _levelled(node: Node, factors: Iterable[str]) -> Node:
    """The node with a level for every factor, also for those that it keeps exactly."""
    return replace(node, levels={f: node.levels.get(f, Level.EXACT) for f in factors})


def _is_factory(text: str) -> bool:
    module, colon, name = text.partition(":")
    return bool(colon) and all(
        part.isidentifier() and part.isascii() and not keyword.iskeyword(part)
        for part in (*module.split("."), *name.split("."))
    )
