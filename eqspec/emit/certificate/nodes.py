"""What a certificate says of one feature: its op and type, levels, edges, and spaces of maps.

In: a node of a checked module. Out: a record. A *space* is one Hom_G(source, target) whose dimension is
claimed; for a layer with free weights the spaces are all there is, so that their dimensions add up to its
parameters. ``data`` holds what the law of the op depends on besides the types: the axes that it works
along, its options, its forms.
"""

from __future__ import annotations

from collections.abc import Sequence

from eqspec.algebra.representations import Representation
from eqspec.emit.certificate.data import data_of
from eqspec.emit.certificate.tables import Record, Tables
from eqspec.graph.model import (
    Level,
    Module,
    Node,
    edge_classes,
    is_fusion,
)
from eqspec.graph.types import Block, PlainAxis
from eqspec.ops import op_named
from eqspec.ops.contract import Weighted
from eqspec.ops.embedding import Table
from eqspec.ops.kernels import Kernels
from eqspec.ops.linear import LinearMaps

Parts = Sequence[int | Representation]


def node_record(module: Module, node: Node, tables: Tables) -> Record:
    """Everything that is claimed of a feature."""
    record: Record = {
        "name": node.name,
        "op": node.op,
        "args": list(node.args),
        "declared": node.declared,
        "line": module.source.position(node.span.start)[0],
        "type": tables.type(node.type),
        "levels": {name: node.levels.get(name, Level.EXACT).key for name in module.factors},
        "own": _own(node),
    }
    if node.op != "input":
        record["rule"] = op_named(node.op).rule
    if node.null_set:
        record["null_set"] = node.null_set
    edges = [_edge(module, node, arg) for arg in node.args]
    if edges:
        record["edges"] = edges
    spaces = spaces_of(module, node, tables)
    if spaces:
        record["spaces"] = spaces
    if isinstance(node.data, Weighted):
        record["parameters"] = int(node.data.parameters)
    data = data_of(module, node)
    if data:
        record["data"] = data
    return record


def _own(node: Node) -> dict[str, str]:
    """What the op by itself guarantees less than exactly, factor by factor."""
    if isinstance(node.own, Level):
        own = dict.fromkeys(node.touched, node.own)
    else:
        own = {factor: node.own.get(factor, Level.EXACT) for factor in node.touched}
    return {name: level.key for name, level in sorted(own.items()) if level < Level.EXACT}


def _edge(module: Module, node: Node, arg: str) -> Record:
    classes = edge_classes(module.node(arg).type, node.type)
    return {
        "source": arg,
        "factors": {name: kind.value for name, kind in classes.items()},
        "fusion": is_fusion(classes),
    }


# ---- spaces of maps ------------------------------------------------------------------------------


def spaces_of(module: Module, node: Node, tables: Tables) -> list[Record]:
    """The spaces of maps of a layer; of an argument: its number, and its block with that of the
    result. A bias has no argument."""
    match node.data:
        case LinearMaps():
            return _linear(module, node, node.data, tables)
        case Kernels():
            return _kernels(module, node, node.data, tables)
        case Table(words=words, places=places, dimensions=dimensions):
            return [
                _space(tables, 0, 0, t, (words.point,), Block(block.axes[places:]).parts, count)
                for t, (block, count) in enumerate(zip(node.type.blocks, dimensions, strict=True))
            ]
    return []


def _linear(module: Module, node: Node, maps: LinearMaps, tables: Tables) -> list[Record]:
    target = maps.end(-1, node.type)
    found = []
    for k, arg in enumerate(node.args):
        for s, source in enumerate(maps.end(k, module.node(arg).type).blocks):
            for t, block in enumerate(target.blocks):
                ends = _without(source, maps.each), _without(block, maps.each)
                found.append(_space(tables, k, s, t, *ends, maps.dimensions[k][s][t]))
    for t, block in enumerate(target.blocks):
        if maps.biases[t]:
            ends = (), _without(block, maps.each)
            found.append(_space(tables, None, None, t, *ends, maps.biases[t]))
    return found


def _kernels(module: Module, node: Node, maps: Kernels, tables: Tables) -> list[Record]:
    found = []
    for k, arg in enumerate(node.args):
        for s, source in enumerate(module.node(arg).type.blocks):
            for t, block in enumerate(node.type.blocks):
                made = maps.pair(source, maps.sources[k][s], block, t)
                ends = made.pair.source.parts, made.pair.target.parts
                found.append(_space(tables, k, s, t, *ends, maps.dimensions[k][s][t]))
    for t, block in enumerate(node.type.blocks):
        if maps.biases[t]:
            kept = [axis for i, axis in enumerate(block.axes) if i not in maps.targets[t]]
            found.append(
                _space(tables, None, None, t, (), Block(tuple(kept)).parts, maps.biases[t])
            )
    return found


def _space(
    tables: Tables,
    arg: int | None,
    block: int | None,
    result: int,
    source: Parts,
    target: Parts,
    dimension: int,
) -> Record:
    return {
        "from": None if arg is None else [arg, block],
        "to": result,
        "source": [tables.part(part) for part in source],
        "target": [tables.part(part) for part in target],
        "dimension": int(dimension),
    }


def _without(block: Block, each: tuple[str, ...]) -> Parts:
    return [
        part
        for axis, part in zip(block.axes, block.parts, strict=True)
        if not (isinstance(axis, PlainAxis) and axis.name in each)
    ]
