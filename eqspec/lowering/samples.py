"""What is exact on a disc: the elements that map its pixels to pixels.

In: a checked module. Out: the same module, in which every factor that turns a `disc` is cut down to the
subgroup of the symmetries of the square that it has, and every disc is the picture on which these act.
There the law holds to rounding, and validation and the emitted tests ask for it as they do elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from eqspec.algebra.disc import lattice_group, lattice_part
from eqspec.algebra.groups import Group
from eqspec.algebra.representations import Representation
from eqspec.graph.model import Module
from eqspec.graph.types import Axis, Block, FlatAxis, PlainAxis, RepAxis, Type, Values

Parts = Mapping[str, Group | None]
"""For every factor that is cut down its subgroup, or None where only the identity is left."""


def exact_part(module: Module) -> Module:
    """The module as its exact tests see it; itself, if nothing in it is sampled."""
    types = [*(type_ for _, type_ in module.features), *(node.type for node in module.nodes)]
    factors = sorted({factor for type_ in types for factor in type_.sampled})
    if not factors:
        return module
    groups = {name: group for type_ in types for name, group in type_.groups.items()}
    parts = {factor: lattice_group(groups[factor]) for factor in factors}
    left = {name: parts.get(name, group) for name, group in module.groups.items()}
    return replace(
        module,
        inputs=tuple(replace(f, type=_type(f.type, parts)) for f in module.inputs),
        outputs=tuple(replace(f, type=_type(f.type, parts)) for f in module.outputs),
        nodes=tuple(replace(node, type=_type(node.type, parts)) for node in module.nodes),
        groups={name: group for name, group in left.items() if group is not None},
    )


def _type(type_: Type, parts: Parts) -> Type:
    return Type(tuple(_block(block, parts) for block in type_.blocks))


def _block(block: Block, parts: Parts) -> Block:
    values = block.values
    if values is not None and values.rep is not None:
        values = Values(values.size, _rep(values.rep, parts))
    return Block(tuple(_axis(axis, parts) for axis in block.axes), block.fixed, values)


def _axis(axis: Axis, parts: Parts) -> Axis:
    match axis:
        case PlainAxis():
            return axis
        case RepAxis(rep=rep):
            return RepAxis(_rep(rep, parts))
        case FlatAxis(fields=fields, rep=rep):
            made = tuple((name, _type(type_, parts)) for name, type_ in fields)
            return FlatAxis(made, _rep(rep, parts))


def _rep(rep: Representation, parts: Parts) -> Representation:
    for factor in sorted(rep.factors & parts.keys()):
        rep = lattice_part(rep, factor, parts[factor])
    return rep
