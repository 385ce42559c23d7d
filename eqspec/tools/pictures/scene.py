"""What a picture of a module shows: its features, how they hang together, and which groups act where.

In: a checked module. Out: a `Scene`, plain values for every format. All facts come from the records of
`tools.derivation`. A layer is one feature, whatever its expression (``steps``: every step is one). A
factor that acts at both ends of an arrow is carried along it; one that acts at its source alone is
forgotten; one at its target alone enters there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from eqspec.algebra.groups import Group
from eqspec.graph.model import EdgeClass, Level, Module, Node, edge_classes
from eqspec.graph.sizes import is_dynamic
from eqspec.graph.types import Type
from eqspec.tools.derivation import derivation
from eqspec.tools.pictures.tokens import Token, type_tokens
from eqspec.tools.pictures.wording import short_laws
from eqspec.tools.strategies import is_average

Kind = Literal["input", "layer", "call", "output", "model"]
ANY_MODEL = "your model"  # a name of a spec has no blank


@dataclass(frozen=True)
class Factor:
    """A factor of the symmetry of a module; ``number`` is that of its colour. ``order`` is None where it
    is infinite, or depends on a size of run time; ``extent`` says which, in words."""

    name: str
    group: str
    order: int | None
    number: int
    extent: str


@dataclass(frozen=True)
class Feature:
    """A feature: ``ops`` make it, first to last; ``notes`` are what else there is to say of it."""

    name: str
    kind: Kind
    ops: tuple[str, ...]
    type: str
    tokens: tuple[Token, ...]
    factors: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...] = ()
    parameters: int = 0
    notes: tuple[str, ...] = ()
    laws: tuple[str, ...] = ()
    levels: Mapping[str, str] = field(default_factory=dict)
    doc: str = ""
    calls: str = ""
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Arrow:
    """``part`` of the source (as `[0]`) is read by ``op``. ``dimension``: of the space of maps, if the
    layer solves one; ``classes`` for every factor that acts at either end. ``enters`` are the factors
    that act on the target alone and are brought in by this map, not by another argument of the op."""

    source: str
    target: str
    part: str
    op: str
    classes: Mapping[str, EdgeClass]
    dimension: int | None
    fusion: bool
    enters: tuple[str, ...] = ()

    def carrying(self, kind: EdgeClass) -> tuple[str, ...]:
        return tuple(name for name, found in self.classes.items() if found is kind)


@dataclass(frozen=True)
class Scene:
    """``bases`` are the user's networks."""

    module: str
    name: str
    doc: str
    interface: bool
    factors: tuple[Factor, ...]
    features: tuple[Feature, ...]
    arrows: tuple[Arrow, ...]
    bases: tuple[str, ...] = ()


def scene_of(module: Module, *, steps: bool = False) -> Scene:
    """The scene of a module; of an interface, its inputs and outputs around a place for a model."""
    factors = tuple(
        _factor(name, group, number) for number, (name, group) in enumerate(module.groups.items())
    )
    if module.is_interface:
        features, arrows = _interface(module)
    else:
        records = {
            node.name: derivation(module, node, whole=False)
            for node in module.nodes
            if node.op not in ("block", "field") or steps
        }
        layers = _layers(module, steps)
        features = tuple(_features(module, layers, records))
        arrows = tuple(_arrows(module, layers, records))
    bases = tuple(base.name for base in module.bases)
    doc = module.doc or ""
    return Scene(
        module.key, module.name, doc, module.is_interface, factors, features, arrows, bases
    )


def _factor(name: str, group: Group, number: int) -> Factor:
    order = group.order
    if order is None:
        return Factor(name, group.description, None, number, "infinite")
    if is_dynamic(group.parameters):  # the order at hand is that at one size
        return Factor(name, group.description, None, number, "of any size")
    extent = f"{order:,} element{'s' if order != 1 else ''}"
    return Factor(name, group.description, order, number, extent)


# ---- features ------------------------------------------------------------------------------------


def _layers(module: Module, steps: bool) -> dict[str, tuple[Node, ...]]:
    """The steps of every feature that is shown. Parts of a feature, as `x[0]`, are shown on arrows."""
    if steps:
        return {node.name: (node,) for node in module.nodes}
    return {
        node.name: (node,) if node.op == "input" else module.steps(node.name)
        for node in module.nodes
        if node.declared
    }


def _features(
    module: Module, layers: Mapping[str, Sequence[Node]], records: Mapping[str, Any]
) -> Iterator[Feature]:
    outputs: dict[str, list[str]] = {}
    for output in module.outputs:
        outputs.setdefault(output.node, []).append(output.name)
    docs = {one.name: one.doc for one in module.inputs}
    docs |= {one.name: one.doc for one in module.outputs}
    for name, inner in layers.items():
        node, record = module.node(name), records[name]
        named = tuple(outputs.get(name, ()))
        kind: Kind = "layer"
        if named:
            kind = "output"
        elif node.op == "input":
            kind = "input"
        elif node.op == "call":
            kind = "call"
        doc = node.doc or next((docs[one] for one in (name, *named) if docs.get(one)), "")
        yield Feature(
            name,
            kind,
            () if node.op == "input" else _ops(inner),
            str(node.type),
            type_tokens(node.type),
            tuple(record["factors"]),
            node.type.shapes,
            sum(records[step.name]["parameters"] for step in inner if step.name in records),
            tuple(_notes([records[step.name] for step in inner if step.name in records])),
            tuple(short_laws(module, node)) if named else _lowered(node),
            record["levels"],
            doc or "",
            str(record.get("calls", "")),
            named,
        )


def _ops(steps: Sequence[Node]) -> tuple[str, ...]:
    """The ops of a layer, first to last; the same one several times in a row is told once."""
    found: list[tuple[str, int]] = []
    for step in steps:
        if step.op in ("block", "field"):
            continue
        if found and found[-1][0] == step.op:
            found[-1] = (step.op, found[-1][1] + 1)
        else:
            found.append((step.op, 1))
    return tuple(
        op if count == 1 else f"{op} \N{MULTIPLICATION SIGN}{count}" for op, count in found
    )


def _notes(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The module that is called, and how often an average calls its networks."""
    calls: dict[tuple[str, int], int] = {}
    for record in records:
        if "calls" in record:
            yield f"module {record['calls']}"
        for average in record.get("averages", ()):
            networks = average.get("networks") or [
                {"base": average["base"], "calls": average["base_calls"]}
            ]
            for network in networks:
                key = (network["base"], network["calls"])
                calls[key] = calls.get(key, 0) + 1
    for (base, times), often in calls.items():
        each = f" \N{MULTIPLICATION SIGN}{often}" if often > 1 else ""
        yield f"{base}: {times:,} call{'s' if times != 1 else ''}{each}"


def _lowered(node: Node) -> tuple[str, ...]:
    """A word where less than everything is exact."""
    level = node.level()
    return () if level is Level.EXACT else (level.words,)


# ---- arrows --------------------------------------------------------------------------------------


def _arrows(
    module: Module, layers: Mapping[str, Sequence[Node]], records: Mapping[str, Any]
) -> Iterator[Arrow]:
    edges = {name: record["edges"] for name, record in records.items()}
    for name, inner in layers.items():
        inside = {step.name for step in inner}
        seen: set[tuple[Any, ...]] = set()
        for step in inner:
            for number, arg in enumerate(step.args):
                if arg in inside:
                    continue
                source, part = _source(module, arg, layers)
                edge = edges[step.name][number]
                classes = edge_classes(module.node(arg).type, module.node(name).type)
                ordered = {f: classes[f] for f in module.factors if f in classes}
                dimension = _dimension(edges, inner, step, edge)
                enters = _entering(module, step, ordered, dimension)
                fusion = edge["fusion"]
                arrow = Arrow(source, name, part, step.op, ordered, dimension, fusion, enters)
                key = (source, part, step.op, dimension, fusion)
                if key not in seen:
                    seen.add(key)
                    yield arrow


def _source(module: Module, arg: str, layers: Mapping[str, object]) -> tuple[str, str]:
    """The feature from which an argument comes, and which part of it: `x`, `[0].position`."""
    part = ""
    while arg not in layers:
        node = module.node(arg)
        outer = node.args[0]
        last = arg.removeprefix(f"{outer}.")
        part = (f"[{last}]" if node.op == "block" else f".{last}") + part
        arg = outer
    return arg, part


def _entering(
    module: Module, step: Node, classes: Mapping[str, EdgeClass], dimension: int | None
) -> tuple[str, ...]:
    """Linear maps treat every argument by itself. An average is one map of all its arguments; what is
    neither hands a factor from one argument to the result."""
    names = tuple(name for name, kind in classes.items() if kind is EdgeClass.SYMMETRIC)
    if dimension is not None:
        return names
    if not is_average(step):
        return ()
    carried = {name for arg in step.args for name in module.node(arg).type.factors}
    return tuple(name for name in names if name not in carried)


def _dimension(
    edges: Mapping[str, Sequence[Mapping[str, Any]]],
    inner: Sequence[Node],
    step: Node,
    edge: Mapping[str, Any],
) -> int | None:
    """The dimension of the first space of maps on the way into a layer: `linear(norm(x))` has one."""
    while not edge["solved"]:
        users = [
            (user, number)
            for user in inner
            for number, arg in enumerate(user.args)
            if arg == step.name
        ]
        if len(users) != 1:
            return None
        step, number = users[0]
        edge = edges[step.name][number]
    found = edge["dimension"]
    return found if isinstance(found, int) else None


# ---- interfaces ----------------------------------------------------------------------------------


def _interface(module: Module) -> tuple[tuple[Feature, ...], tuple[Arrow, ...]]:
    """Inputs, a place for any model, and outputs."""

    def feature(name: str, kind: Kind, type_: Type, doc: str | None) -> Feature:
        acting = tuple(f for f in module.factors if f in type_.factors)
        still = [f for f in module.factors if f not in type_.factors]
        laws = (f"to be unchanged under {', '.join(still)}",) if kind == "output" and still else ()
        return Feature(
            name,
            kind,
            (),
            str(type_),
            type_tokens(type_),
            acting,
            type_.shapes,
            laws=laws,
            doc=doc or "",
            outputs=(name,) if kind == "output" else (),
        )

    model = Feature(ANY_MODEL, "model", (), "", (), ())
    inputs = [feature(f.name, "input", f.type, f.doc) for f in module.inputs]
    outputs = [feature(f.name, "output", f.type, f.doc) for f in module.outputs]
    arrows = [
        *(_through(module, f.name, ANY_MODEL, f.type) for f in module.inputs),
        *(_through(module, ANY_MODEL, f.name, f.type) for f in module.outputs),
    ]
    return (*inputs, model, *outputs), tuple(arrows)


def _through(module: Module, source: str, target: str, type_: Type) -> Arrow:
    classes = {f: EdgeClass.EQUIVARIANT for f in module.factors if f in type_.factors}
    return Arrow(source, target, "", "", classes, None, False)
