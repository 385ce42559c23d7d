"""`eqspec explain SPEC NODE`: the derivation of a node as plain values, schema 1.

In: a checked module and one of its nodes. Out: a dict for JSON, from which the text is printed too.
Everything is counted, nothing solved, so NumPy is not needed.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

from eqspec.algebra.counting import CannotCount, clusters, hom_dimension
from eqspec.algebra.multiaverage import MultiAverageReport
from eqspec.algebra.representations import Representation
from eqspec.graph.causes import Cause, causes
from eqspec.graph.model import Base, Level, Module, ModuleCall, Node, edge_classes, is_fusion
from eqspec.graph.sizes import is_dynamic, symbols_of
from eqspec.graph.types import Block, PlainAxis, Type, stilled
from eqspec.ops import averaging, op_named
from eqspec.ops.attentionplan import Attention
from eqspec.ops.averaging import Average, Mean
from eqspec.ops.contract import Weighted
from eqspec.ops.cosetchecks import Canonicalisation
from eqspec.ops.embedding import Table
from eqspec.ops.frames import Framing
from eqspec.ops.kernels import Kernels
from eqspec.ops.linear import LinearMaps
from eqspec.ops.steerable import Steerable
from eqspec.tools.spelling import count_of, law_of

SCHEMA = 1
ORBITS = "orbits of index pairs"
NULL_SPACE = "exact null space"
DIAGRAMS = "diagrams"
HARMONICS = "circular harmonics"

Axes: TypeAlias = tuple[int | Representation, ...]


def derivation(
    module: Module, node: Node, *, whole: bool = True, counted: bool = False
) -> dict[str, Any]:
    """Everything that is known of a node; keys as in the published schema.

    A declared layer is told ``whole``: its edges are those that enter any step of its expression. Every
    cluster that is solved says how it was ``counted``, if asked.
    """
    steps = module.steps(node.name) if whole and node.declared else (node,)
    inside = {step.name for step in steps}
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "module": module.key,
        "node": node.name,
        "type": str(node.type),
        "shape": _shape(node.type),
        "shapes": [list(shape) for shape in node.type.shapes],
        "factors": [name for name in module.factors if name in node.type.factors],
        "guarantee": node.level().key,
        "levels": {name: node.levels.get(name, Level.EXACT).key for name in module.factors},
        "op": node.op,
        "rule": None if node.op == "input" else op_named(node.op).rule,
        "parameters": sum(parameters(step) for step in steps),
        "steps": [{"node": step.name, "op": step.op, "type": str(step.type)} for step in steps],
        "edges": [
            _edge(module, step, number, counted)
            for step in steps
            for number, arg in enumerate(step.args)
            if arg not in inside
        ],
    }
    law = law_of(module, node)
    if law is not None:
        record["law"] = law
    maps = [step.data for step in steps if isinstance(step.data, LinearMaps | Kernels)]
    if maps:
        record["bias"] = sum(sum(found.biases) for found in maps)
        record["each"] = sorted(
            {
                name
                for step in steps
                if isinstance(step.data, LinearMaps)
                for name in _each(step.data, step.type)
            }
        )
    convolutions = [step for step in steps if isinstance(step.data, Kernels)]
    if convolutions:
        record["convolutions"] = [_convolution(step) for step in convolutions]
    attentions = [step for step in steps if isinstance(step.data, Attention)]
    if attentions:
        record["attentions"] = [_attention(module, step) for step in attentions]
    averages = [
        step.data for step in steps if isinstance(step.data, Average | Canonicalisation | Framing)
    ]
    if averages:
        record["averages"] = [_average(found) for found in averages]
    if isinstance(node.data, ModuleCall):
        record["calls"] = node.data.module.key
    lowering = (  # what is exact has none: a guarantee is never more than that of any op upstream
        causes({inner.name: inner for inner in module.nodes}, node.name)
        if node.level() is not Level.EXACT
        else []
    )
    if lowering:
        record["lowered_by"] = [_cause(found) for found in lowering]
    if node.doc:
        record["doc"] = node.doc
    promises = [promise for promise in module.promises if node.name in promise.targets]
    if promises:
        record["promises"] = [
            {
                "kind": p.kind,
                "guarantee": p.level.key,
                "factors": list(p.factors),
                **({"subgroup": p.subgroup} if p.subgroup else {}),
            }
            for p in promises
        ]
    return record


def _cause(cause: Cause) -> dict[str, Any]:
    record: dict[str, Any] = {
        "op": cause.op,
        "node": cause.node,
        "guarantee": cause.level.key,
        "factors": list(cause.factors),
        "null_set": cause.null_set,
    }
    if cause.why:
        record["why"] = cause.why
    if cause.module:
        record["module"] = cause.module
    return record


def parameters(node: Node) -> int:
    """Free weights of a node; those of a called module count where it is called."""
    if isinstance(node.data, Weighted):
        return node.data.parameters
    if isinstance(node.data, ModuleCall):
        return sum(parameters(inner) for inner in node.data.module.nodes)
    return 0


def _shape(type_: Type) -> list[Any]:
    """The shape of a tensor, a list of shapes for a tuple of tensors."""
    if len(type_.blocks) == 1:
        return list(type_.blocks[0].shape)
    return [list(shape) for shape in type_.shapes]


def _edge(module: Module, node: Node, number: int, counted: bool) -> dict[str, Any]:
    source = module.node(node.args[number])
    classes = edge_classes(source.type, node.type)
    maps = node.data if isinstance(node.data, LinearMaps | Kernels) else None
    each = maps.each if isinstance(maps, LinearMaps) else ()
    blocks: list[dict[str, Any]] = []
    table = node.data if isinstance(node.data, Table) else None
    # of a disc the fibres are told: its pixels have no matrices
    for s, left in enumerate(stilled(source.type.one_hot).blocks):
        for t, right in enumerate(stilled(node.type).blocks):
            if table is not None:  # from a word to a row, at every place
                ends: tuple[Axes, Axes] = (left.parts[table.places :], right.parts[table.places :])
            elif isinstance(maps, Kernels):
                pair = maps.pair(left, maps.sources[number][s], right, t).pair
                ends = (pair.source.parts, pair.target.parts)
            elif isinstance(maps, LinearMaps):
                ends = (
                    _axes(maps.end(number, source.type).blocks[s], each),
                    _axes(maps.end(-1, node.type).blocks[t], each),
                )
            else:
                ends = (left.parts, right.parts)
            solved = maps is not None or table is not None
            found = _clusters(*ends, not solved, counted and solved)
            if isinstance(node.data, Steerable):
                kernels = node.data.kernels(number, s, t)
                found = [r | {"dimension": kernels, "solver": HARMONICS} for r in found]
            channels = [math.prod(axis for axis in end if isinstance(axis, int)) for end in ends]
            blocks.append({"source": s, "target": t, "channels": channels, "clusters": found})
    if maps is not None:
        dimension: int | None = sum(d for row in maps.dimensions[number] for d in row)
    elif table is not None:
        dimension = table.parameters
    elif isinstance(node.data, Steerable):
        dimension = node.data.weights(number)
    else:
        dimension = _dimension(source.type.one_hot, node.type)
    return {
        "source": source.name,
        "target": node.name,
        "op": node.op,
        "solved": maps is not None or table is not None or isinstance(node.data, Steerable),
        "type": str(source.type),
        "factors": {name: classes[name].value for name in module.factors if name in classes},
        "dimension": dimension,
        "fusion": is_fusion(classes),
        "blocks": blocks,
        "clusters": [cluster for pair in blocks for cluster in pair["clusters"]],
    }


def _convolution(node: Node) -> dict[str, Any]:
    """The windows of a convolution, and the sizes of its positions before and after."""
    data = node.data
    assert isinstance(data, Kernels)
    sweep, block = data.sweep, node.type.blocks[0]
    return {
        "op": node.op,
        "kernel": list(sweep.kernel),
        "stride": list(sweep.stride),
        "padding": [list(pair) for pair in sweep.padding],
        "padding_mode": sweep.mode,
        "dilation": list(sweep.dilation),
        "groups": data.groups,
        "from": list(data.sources[0][0].sizes),
        "to": [size for k in data.targets[0] for size in block.axes[k].shape],
    }


def _attention(module: Module, node: Node) -> dict[str, Any]:
    """The axes, the heads and the dimensions of every space of maps of an attention."""
    data = node.data
    assert isinstance(data, Attention)
    block, places = module.node(node.args[-1]).type.blocks[0], data.keys[0]
    maps = {"query": data.query, "key": data.key, "value": data.value, "out": data.out}
    return {
        "over": [str(block.axes[k]) for k in places.tokens],
        "each": [str(block.axes[k]) for k in places.each],
        "heads": data.heads,
        "widths": [width for width in data.scores if width],
        "parameters": {name: found.parameters for name, found in maps.items()},
        "bias": data.bias,
        "orbits": data.orbits,
    }


def _axes(block: Block, each: tuple[str, ...]) -> Axes:
    """The axes over which maps are formed: those in `each` carry the same map at every index."""
    return tuple(
        part
        for axis, part in zip(block.axes, block.parts, strict=True)
        if not (isinstance(axis, PlainAxis) and axis.name in each)
    )


def _each(maps: LinearMaps, target: Type) -> tuple[str, ...]:
    """The axes that carry the same map at every index, as they are written."""
    places = maps.places[-1][0] if maps.places else ()
    plain = maps.each[: len(maps.each) - len(places)]
    return (*plain, *(str(target.blocks[0].axes[k]) for k in places))


def _clusters(source: Axes, target: Axes, unsolved: bool, counted: bool) -> list[dict[str, Any]]:
    """Clusters with their dimensions, channels left out. ``unsolved``: the op solves nothing;
    ``counted``: the count is spelled out."""
    found = []
    for cluster in clusters(source, target):
        left = tuple(source[k] for k in cluster.source)
        right = tuple(target[k] for k in cluster.target)
        points = any(not isinstance(axis, int) and axis.is_affine for axis in (*left, *right))
        try:  # from and to points there are no linear maps to count
            dimension: int | None = None if points else hom_dimension(left, right)
        except CannotCount:
            dimension = None
        record: dict[str, Any] = {
            "factors": list(cluster.factors),
            "source": [_label(axis) for axis in left],
            "target": [_label(axis) for axis in right],
            "dimension": dimension,
            "solver": None if unsolved else _solver(left, right),
        }
        legs = [axis.shape for axis in (*left, *right) if not isinstance(axis, int)]
        symbols = symbols_of(*(size for shape in legs for size in shape))
        if symbols:  # below, some of the diagrams depend on others
            record["holds_from"] = {symbol.name: len(legs) for symbol in sorted(symbols)}
        elif counted and dimension is not None:
            record["count"] = count_of(left, right)
        found.append(record)
    return found


def _label(axis: int | Representation) -> str:
    return str(axis) if isinstance(axis, int) else axis.label


def _solver(source: Axes, target: Axes) -> str:
    """The route by which a compile finds the basis: as in `eqspec.algebra.solver`."""
    if is_dynamic(*(axis.shape for axis in (*source, *target) if not isinstance(axis, int))):
        return DIAGRAMS
    signed = all(
        part.is_signed_permutation for part in (*source, *target) if not isinstance(part, int)
    )
    return ORBITS if signed else NULL_SPACE


def _dimension(source: Type, target: Type) -> int | None:
    if source.has_points or target.has_points or source.sampled or target.sampled:
        return None
    try:
        return sum(hom_dimension(x.parts, y.parts) for x in source.blocks for y in target.blocks)
    except CannotCount:
        return None


def _average(average: Average | Canonicalisation | Framing) -> dict[str, Any]:
    networks = _networks(average)
    record: dict[str, Any] = {
        "base": average.base.name,
        "base_calls": sum(calls for _, calls in networks),
        "product_calls": None if isinstance(average, Framing) else average.product,
        "claims": sorted(average.base.claims),
    }
    if len(networks) > 1:
        record["networks"] = [{"base": name, "calls": calls} for name, calls in networks]
    match average:
        case Framing(steps=steps, detach=detach):
            record["frames"] = [
                {"method": step.method, "factor": step.factor, "frames": step.frames}
                for step in steps
            ]
            record["detach"] = detach
        case Canonicalisation():
            record["canonical"] = {
                "average": average.name.strip("`"),
                "cosets": average.elements // average.calls,
                "elements": average.elements,
                "ties": average.ties,
                "by": average.energy.name if average.energy is not None else None,
            }
        case Average(multi=MultiAverageReport() as report):
            record["loses"] = {
                "output_span": report.output_span,
                "output_dimension": report.output_dimension,
                "input_kept": report.input_kept,
                "input_dimension": report.input_dimension,
            }
            if isinstance(average.rule, Mean):  # a choice is not linear, whatever the base
                record["loses"]["linear_maps_reached"] = report.reached
                record["loses"]["linear_maps"] = report.hom
    if isinstance(average, Average):
        record |= _rule(average.rule)
    return record


def _rule(rule: averaging.Rule) -> dict[str, str]:
    """How the answers along an orbit become one, and by which network or number."""
    match rule:
        case averaging.Mean(closest=closest):
            return {"rule": "closest" if closest else "mean"}
        case averaging.Weighted(weights=weights):
            return {"rule": "weighted", "by": weights.name}
        case averaging.Choice(energy=energy):
            return {"rule": "choice", "by": energy if isinstance(energy, str) else energy.name}


def _networks(average: Average | Canonicalisation | Framing) -> list[tuple[str, int]]:
    """The networks and how often each is called, for one sample."""
    match average:
        case Average(elements=elements, bases=bases):
            return [(base.name, elements) for base in bases]
        case Canonicalisation(base=base, calls=calls, elements=elements, energy=Base() as energy):
            return [(base.name, calls), (energy.name, elements)]
    return [(average.base.name, average.calls)]
