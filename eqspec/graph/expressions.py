"""The expression of a layer: names, calls of ops and of modules, sums, fields.

In: an expression and the type that its layer declares. Out: nodes of the layer graph, the last of
which is the value. A declared type is handed down through ops that keep the type of their arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from eqspec.diagnostics.model import Diagnostic, Label, Span
from eqspec.diagnostics.suggest import suggestion
from eqspec.graph.calls import module_call
from eqspec.graph.guarantees import with_guarantee
from eqspec.graph.model import Base, BlockOf, FieldOf, Module, ModuleCall, Node
from eqspec.graph.op import (
    Refusal,
)
from eqspec.graph.opcalls import checked_node, op_call
from eqspec.graph.resolve import ModuleEntry, kind, qualified, resolve
from eqspec.graph.scope import GroupValue, Scope
from eqspec.graph.types import FlatAxis, Type, displacements
from eqspec.syntax import tree

ModuleMaker = Callable[[ModuleEntry, Mapping[str, "int | GroupValue"], Scope, Span], Module]

OPS_NOT_BUILT = frozenset("index".split())


@dataclass
class Expressions:
    """Elaborates the expressions of one module, in an order in which every name is known."""

    scope: Scope
    make_module: ModuleMaker
    members: Mapping[str, object]
    nodes: dict[str, Node] = field(default_factory=dict)
    bases: dict[str, Base] = field(default_factory=dict)
    used_bases: set[str] = field(default_factory=set)
    children: dict[str, str] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    _layer: str = ""
    target_span: Span | None = None
    _counts: dict[str, int] = field(default_factory=dict)

    def add(self, node: Node) -> Node:
        """Take a node into the graph, with its guarantee."""
        node = with_guarantee(node, [self.nodes[arg] for arg in node.args])
        self.nodes[node.name] = node
        return node

    def layer(
        self,
        name: str,
        value: tree.Expression,
        declared: Type | None,
        type_span: Span | None,
        doc: str | None,
        *,
        promise: bool,
        span: Span,
    ) -> None:
        """Make the node of a layer or an output.

        Raises:
            Refusal: with everything that is wrong in its expression.
        """
        self._layer, self.target_span = name, type_span
        node = self._value(value, declared, name)
        if declared is not None and node.type != declared:
            self._mismatch(name, node.type, declared, type_span or span, value.span, promise)
        if node.name == name:
            self.nodes[name] = replace(node, doc=doc, declared=True, span=span)
        else:  # another name for a feature
            self.add(
                Node(
                    name,
                    "identity",
                    node.type,
                    (node.name,),
                    span,
                    None,
                    doc,
                    True,
                    generic=node.generic,
                    centred=node.centred,
                )
            )

    def _mismatch(
        self,
        name: str,
        found: Type,
        declared: Type,
        type_span: Span,
        value_span: Span,
        promise: bool,
    ) -> None:
        carried = sorted(found.factors - declared.factors)
        labels = (Label(value_span, f"this has type {found}"),)
        if carried and promise:
            who = " and ".join(f"`{factor}`" for factor in carried)
            self.scope.refuse(
                "EQS405",
                f"`{name}` promises invariance and still carries {who}",
                type_span,
                f"{who} does not act on this type"
                if len(carried) == 1
                else f"{who} do not act on this type",
                labels=labels,
                help=f"remove the group: `pool(..., over={carried[0]})` or `linear(...)` to this type",
            )
        self.scope.refuse(
            "EQS206",
            f"`{name}` is declared with another type",
            type_span,
            f"declared {declared}",
            labels=labels,
            help="declare what it is, or bring it to this type by `linear`",
        )

    # ---- values ---------------------------------------------------------------------------------

    def _value(self, expr: tree.Expression, expected: Type | None, name: str | None = None) -> Node:
        match expr:
            case tree.Reference():
                return self._feature(expr)
            case tree.Attribute():
                return self._attribute(expr, name)
            case tree.Select():
                return self._select(expr, name)
            case tree.Call():
                return self._call(expr, expected, name)
            case tree.Sum():
                return self._sum(expr, expected, name)
        self.scope.refuse(
            "EQS207", "a layer is a feature, a call, or a sum of these", expr.span, "this is none"
        )

    def _feature(self, expr: tree.Reference) -> Node:
        if expr.name in self.nodes:
            return self.nodes[expr.name]
        if expr.name in self.broken or expr.name in self.members:
            if expr.name in self.bases:
                self.scope.refuse(
                    "EQS203",
                    f"`{expr.name}` is a base; call it through an op",
                    expr.span,
                    help=f"`equitune({expr.name}, x)` averages it over the group",
                )
            raise Refusal()
        owner = self.scope.owner(expr.name)
        if owner is not None:
            value = resolve(self.scope, expr.name, expr.span)
            self.scope.refuse(
                "EQS203", f"`{expr.name}` is no feature", expr.span, f"this is {kind(value)}"
            )
        self.scope.unknown("feature", expr.name, expr.span, iter(self.nodes))

    def _attribute(self, expr: tree.Attribute, name: str | None) -> Node:
        base = self._value(expr.base, None)
        wanted = expr.name.text
        if isinstance(base.data, ModuleCall) and base.op == "call":
            start = 0
            for feature in base.data.module.outputs:
                stop = start + len(feature.type.blocks)
                if feature.name == wanted:
                    return self._piece(
                        base, feature.type, BlockOf(start, stop), "block", name, expr, wanted
                    )
                start = stop
            self.scope.unknown(
                "output", wanted, expr.name.span, (o.name for o in base.data.module.outputs)
            )
        if len(base.type.blocks) == 1:
            block = base.type.blocks[0]
            for number, axis in enumerate(block.axes):
                if not isinstance(axis, FlatAxis):
                    continue
                for key, type_ in axis.fields:
                    if key == wanted:
                        before, after = block.axes[:number], block.axes[number + 1 :]
                        blocks = tuple(
                            replace(inner, axes=(*before, *inner.axes, *after), fixed=False)
                            for inner in type_.blocks
                        )
                        made = Type(blocks)
                        return self._piece(
                            base, made, FieldOf(number, wanted), "field", name, expr, wanted
                        )
                self.scope.unknown("field", wanted, expr.name.span, (key for key, _ in axis.fields))
        self.scope.refuse(
            "EQS212",
            f"`{wanted}` is no part of this feature",
            expr.name.span,
            f"its type is {base.type}",
            help="only a `flat` has fields",
        )

    def _select(self, expr: tree.Select, name: str | None) -> Node:
        base = self._value(expr.base, None)
        if len(expr.items) != 1 or not isinstance(expr.items[0], tree.Integer):
            self.scope.refuse(
                "EQS212", "a block is selected by one number", expr.span, help="`x[0]`"
            )
        number = expr.items[0].value
        if number >= len(base.type.blocks):
            self.scope.refuse(
                "EQS212",
                f"there is no block {number}",
                expr.items[0].span,
                f"the type {base.type} has {len(base.type.blocks)}",
            )
        made = Type((base.type.blocks[number],))
        return self._piece(
            base, made, BlockOf(number, number + 1), "block", name, expr, str(number)
        )

    def _piece(
        self,
        base: Node,
        type_: Type,
        data: object,
        op: str,
        name: str | None,
        expr: tree.Expression,
        suffix: str,
    ) -> Node:
        made = name or f"{base.name}.{suffix}"
        if made in self.nodes:
            return self.nodes[made]
        return self.add(Node(made, op, type_, (base.name,), expr.span, data, generic=base.generic))

    def _sum(self, expr: tree.Sum, expected: Type | None, name: str | None) -> Node:
        for sign, term in expr.terms:
            if sign < 0:
                self.scope.refuse(
                    "EQS207",
                    "features are added, not subtracted",
                    term.span,
                    help="a `linear` layer learns the sign",
                )
        made = name or self.fresh("sum")
        hints: list[Type | None] = [expected or self._known(expr)] * len(expr.terms)
        if expected is not None and expected.has_points:  # point + vector
            hints[1:] = [displacements(expected)] * (len(hints) - 1)
        terms = self.gathered([term for _, term in expr.terms], hints)
        return checked_node(
            self,
            self.scope.world.ops["+"],
            made,
            terms,
            [t.span for _, t in expr.terms],
            (),
            {},
            {},
            expected,
            expr.span,
            expr.span,
        )

    def _known(self, expr: tree.Sum) -> Type | None:
        """The type of a term that is the name of a feature: in `x + linear(x)` it is that of the layer."""
        for _, term in expr.terms:
            if isinstance(term, tree.Reference) and term.name in self.nodes:
                type_ = self.nodes[term.name].type
                return None if type_.has_points else type_
        return None

    def gathered(self, values: list[tree.Expression], expected: list[Type | None]) -> list[Node]:
        """Elaborate all, so that every mistake among them is told; then refuse if there was one."""
        found: list[Node] = []
        wrong: list[Diagnostic] = []
        failed = False
        for value, type_ in zip(values, expected, strict=True):
            try:
                found.append(self._value(value, type_))
            except Refusal as refusal:
                failed = True
                wrong.extend(refusal.diagnostics)
        if failed:
            raise Refusal(*wrong)
        return found

    # ---- calls ------------------------------------------------------------------------------------

    def _call(self, expr: tree.Call, expected: Type | None, name: str | None) -> Node:
        function = expr.function
        if isinstance(function, tree.Reference) and function.name in self.scope.world.ops:
            return op_call(
                self, self.scope.world.ops[function.name], expr, function, expected, name
            )
        if isinstance(function, tree.Reference) and function.name in OPS_NOT_BUILT:
            self.scope.not_built(f"the op `{function.name}`", function.span)
        if isinstance(function, tree.Reference):
            if isinstance(self.members.get(function.name), tree.Base):
                self.scope.refuse(
                    "EQS203",
                    f"the base `{function.name}` is called through an op",
                    function.span,
                    "by itself it has no symmetry",
                    help=f"`equitune({function.name}, x)` averages it over the group",
                )
            owner = self.scope.owner(function.name)
            if owner is None:
                known = [*self.scope.world.ops, *OPS_NOT_BUILT]
                near = suggestion(function.name, known, function.span)
                self.scope.refuse(
                    "EQS214",
                    f"unknown op `{function.name}`",
                    function.span,
                    "no op and no module",
                    help=near.help,
                    fixes=near.fixes,
                )
            value = resolve(self.scope, function.name, function.span)
        elif isinstance(function, tree.Attribute):
            value = qualified(self.scope, function)
        else:
            self.scope.refuse("EQS203", "this cannot be called", function.span)
        if not isinstance(value, ModuleEntry) or isinstance(value.item, tree.Interface):
            self.scope.refuse(
                "EQS203", "this cannot be called", function.span, f"this is {kind(value)}"
            )
        return module_call(self, value, expr, name)

    def fresh(self, op: str) -> str:
        stem = f"{self._layer}.{'sum' if op == '+' else op}"
        count = self._counts[stem] = self._counts.get(stem, 0) + 1
        return stem if count == 1 else f"{stem}{count}"
