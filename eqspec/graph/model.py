"""The layer graph: features as nodes, dependences as edges, and what is known of each.

A `Module` holds a `networkx.DiGraph` whose nodes are names and carry a `Node`; an edge carries its
class for every factor. Fusion points are a query on the graph, not a special case in an op.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from eqspec.algebra.groups import Group
from eqspec.diagnostics.model import Source, Span
from eqspec.graph.types import Type

if TYPE_CHECKING:
    import networkx as nx

    from eqspec.algebra.averages import FWord


class Level(IntEnum):
    """What is guaranteed, weakest first."""

    APPROXIMATE = 0
    ALMOST_EVERYWHERE = 1
    EXACT = 2

    @property
    def key(self) -> str:
        """The word of machine-readable output."""
        return self.name.lower()

    @property
    def words(self) -> str:
        return {0: "approximately", 1: "almost everywhere", 2: "exactly"}[self.value]


class EdgeClass(Enum):
    """What one factor asks of a map from x to y.

    EQUIVARIANT: it acts on both. INVARIANT: on x alone, and must be forgotten. SYMMETRIC: on y alone,
    and must fix the result. (Theorem 1 of *Efficient Model-Agnostic Multi-Group Equivariant
    Networks*, edge by edge.)
    """

    EQUIVARIANT = "equivariant"
    INVARIANT = "invariant"
    SYMMETRIC = "symmetric"


def edge_classes(source: Type, target: Type) -> dict[str, EdgeClass]:
    """The class of an edge for every factor that acts at either end, in order of name."""
    classes: dict[str, EdgeClass] = {}
    for factor in sorted(source.factors | target.factors):
        if factor not in target.factors:
            classes[factor] = EdgeClass.INVARIANT
        elif factor not in source.factors:
            classes[factor] = EdgeClass.SYMMETRIC
        else:
            classes[factor] = EdgeClass.EQUIVARIANT
    return classes


def is_fusion(classes: Mapping[str, EdgeClass]) -> bool:
    """Is an edge of these classes an invariant-symmetric fusion point?"""
    return {EdgeClass.INVARIANT, EdgeClass.SYMMETRIC} <= set(classes.values())


Piece = tuple[tuple[str, str], ...]
"""A part of the inputs: the name of an input, then fields and blocks; every step with its kind."""


@dataclass(frozen=True)
class Node:
    """A feature: its type, the op that makes it and the features it is made of.

    ``name`` is the name in the spec, or ``layer.op`` for a step inside an expression. ``data`` is what
    the typing rule found and the lowering needs. ``own`` is what the op by itself guarantees: one
    level for every factor that acts here or upstream, or one for each factor (none said: exact);
    ``null_set`` says where its law may fail.
    ``levels`` is the guarantee for every factor of the module. ``generic``: every null set of its type
    has a null preimage in the inputs (rule R2); where it is generic only among the features that are
    centred over some axes, these are ``centred``, block by block. ``touched`` are the factors that act on it or on
    anything upstream, ``reads`` the parts of the inputs upstream; if it is itself such a part, ``piece``
    is it. ``live`` are the factors that act on it and can move it: its value may differ, since they act
    on everything on some way from an input. `graph.guarantees` has the rules.
    """

    name: str
    op: str
    type: Type
    args: tuple[str, ...]
    span: Span
    data: object = None
    doc: str | None = None
    declared: bool = False
    own: Level | Mapping[str, Level] = Level.EXACT
    levels: Mapping[str, Level] = field(default_factory=dict)
    null_set: str = ""
    generic: bool = False
    centred: tuple[tuple[int, ...], ...] | None = None
    touched: frozenset[str] = frozenset()
    live: frozenset[str] = frozenset()
    reads: frozenset[Piece] = frozenset()
    piece: Piece | None = None

    def level(self, factors: tuple[str, ...] | frozenset[str] | None = None) -> Level:
        """The weakest guarantee over these factors, or over all."""
        chosen = [
            level for name, level in self.levels.items() if factors is None or name in factors
        ]
        return min(chosen, default=Level.EXACT)


@dataclass(frozen=True)
class Base:
    """A user's network: called with tensors of these types, returns tensors of ``target``.

    A representation in the signature is the user's claim that the network respects it.
    """

    name: str
    signature: tuple[Type, ...]
    target: Type
    factory: str | None
    span: Span
    doc: str | None = None

    @property
    def claims(self) -> frozenset[str]:
        factors = set(self.target.factors)
        for type_ in self.signature:
            factors |= type_.factors
        return frozenset(factors)


@dataclass(frozen=True)
class InputFeature:
    name: str
    type: Type
    doc: str | None
    span: Span


@dataclass(frozen=True)
class OutputFeature:
    """An output and the node that computes it (empty in an interface)."""

    name: str
    type: Type
    node: str
    doc: str | None
    span: Span


@dataclass(frozen=True)
class Promise:
    """An `ensure` that was proved, for factors or for a named subgroup of their product, which the
    ``words`` generate (each a list of factor, generator, exponent)."""

    targets: tuple[str, ...]
    kind: Literal["invariant", "equivariant"]
    level: Level
    factors: tuple[str, ...]
    subgroup: str = ""
    words: tuple[FWord, ...] = ()


@dataclass(frozen=True)
class Module:
    """One module of a spec with its template arguments filled in, or an interface (no graph nodes).

    ``key`` names the instance; ``children`` maps the name of a call node to the key of its module.
    ``nodes`` are in topological order.
    """

    key: str
    name: str
    doc: str | None
    source: Source
    span: Span
    inputs: tuple[InputFeature, ...]
    bases: tuple[Base, ...]
    outputs: tuple[OutputFeature, ...]
    nodes: tuple[Node, ...]
    promises: tuple[Promise, ...]
    groups: Mapping[str, Group]
    children: Mapping[str, str]
    is_interface: bool = False

    @property
    def factors(self) -> tuple[str, ...]:
        return tuple(self.groups)

    @property
    def features(self) -> tuple[tuple[str, Type], ...]:
        """Names and types of the inputs and the outputs."""
        return (
            *((feature.name, feature.type) for feature in self.inputs),
            *((feature.name, feature.type) for feature in self.outputs),
        )

    @property
    def has_points(self) -> bool:
        """Does a feature hold points, on which a motion acts with a translation?"""
        types = [type_ for _, type_ in self.features] + [node.type for node in self.nodes]
        return any(type_.has_points for type_ in types)

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def _places(self) -> dict[str, int]:
        return {node.name: place for place, node in enumerate(self.nodes)}

    def node(self, name: str) -> Node:
        """Raises KeyError if no node has this name."""
        return self._by_name[name]

    def steps(self, name: str) -> tuple[Node, ...]:
        """The nodes that make up a layer: the steps inside its expression, in order, and itself."""
        inside = f"{name}."
        found = {name: self.node(name)}
        waiting = [self.node(name)]
        for node in waiting:  # grows while it is read
            for arg in node.args:
                if arg.startswith(inside) and arg not in found:
                    found[arg] = self.node(arg)
                    waiting.append(found[arg])
        return tuple(sorted(found.values(), key=lambda node: self._places[node.name]))

    def graph(self) -> nx.DiGraph[str]:
        """Features and edges; an edge carries ``classes``, a dict from factor to `EdgeClass`."""
        import networkx as nx

        graph: nx.DiGraph[str] = nx.DiGraph()
        types: dict[str, Type] = {}
        for node in self.nodes:
            graph.add_node(node.name, node=node)
            types[node.name] = node.type
            for arg in node.args:
                graph.add_edge(arg, node.name, classes=edge_classes(types[arg], node.type))
        return graph


@dataclass(frozen=True)
class FieldOf:
    """Data of a `field` node: the field ``name`` of the `flat` that is axis ``axis`` of the block."""

    axis: int
    name: str


@dataclass(frozen=True)
class BlockOf:
    """Data of a `block` node: blocks ``start`` to ``stop`` of a direct sum."""

    start: int
    stop: int


@dataclass(frozen=True)
class ModuleCall:
    """Data of a `call` node: the instance called and the bases handed to it. ``known`` are its
    nodes by name, with their guarantees on the arguments given here."""

    module: Module
    bases: tuple[str, ...]
    known: Mapping[str, Node] = field(default_factory=dict, compare=False)


def fusion_points(module: Module) -> tuple[tuple[str, str], ...]:
    """Edges that forget one factor and are symmetric under another, in order of the graph.

    A step inside the expression of a layer goes by the name of the layer.
    """
    layers = {
        step.name: node.name
        for node in module.nodes
        if node.declared and node.op != "input"
        for step in module.steps(node.name)
    }
    return tuple(
        (source, layers.get(target, target))
        for source, target, classes in module.graph().edges(data="classes")
        if is_fusion(classes)
    )


@dataclass(frozen=True)
class Spec:
    """Everything that one file declares, checked. ``modules`` are in order of dependence; ``overrides``
    are the sizes of parameters that were set from outside. ``refused`` are the nodes of modules with an
    error that came through by themselves, by the name of the module, for editors: their types hold, and
    nothing is promised of them.
    """

    source: Source
    modules: tuple[Module, ...]
    sources: tuple[Source, ...]
    overrides: tuple[tuple[str, int], ...] = ()
    refused: Mapping[str, tuple[Node, ...]] = field(default_factory=dict)

    def module(self, key: str) -> Module:
        for module in self.modules:
            if module.key == key:
                return module
        raise KeyError(key)
