"""What the law of an op depends on besides the types: axes that it works along, forms, options.

In: a node. Out: the ``data`` of its record, empty for an op that needs none or has no law in
`eqspec.verify.laws`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from eqspec.algebra.forms import Form
from eqspec.emit.certificate.tables import Record, number
from eqspec.graph.model import BlockOf, FieldOf, Module, ModuleCall, Node
from eqspec.graph.types import Block, FlatAxis, PlainAxis
from eqspec.ops.averaging import Average
from eqspec.ops.batch_norm import BatchStatistics
from eqspec.ops.bilinear import Pairings
from eqspec.ops.embedding import Table
from eqspec.ops.gated import Gates
from eqspec.ops.kernels import Kernels
from eqspec.ops.linear import LinearMaps
from eqspec.ops.norm import Lengths
from eqspec.ops.normalise import Normalisation
from eqspec.ops.pool import Pooling
from eqspec.ops.pools import OnGrid
from eqspec.ops.positions import Centred, Difference
from eqspec.ops.structure import Joined
from eqspec.program.pooling import Pool


def data_of(module: Module, node: Node) -> Record:
    data = node.data
    match data:
        case LinearMaps():
            ends = [*(module.node(arg).type for arg in node.args), node.type]
            numbers = [*range(len(node.args)), -1]
            return {
                "each": [
                    [_each(block, data.each) for block in data.end(number, type_).blocks]
                    for number, type_ in zip(numbers, ends, strict=True)
                ]
            }
        case Kernels():
            return _convolution(data)
        case Table(places=places):
            return {"places": places}
        case Pooling(axes=axes, how=how):
            return {"axes": [list(own) for own in axes], "by": how}
        case Lengths(forms=forms, squared=squared):
            return {
                "axes": [[k for k, _ in own] for own in forms],
                "forms": [[_form(form) for _, form in own] for own in forms],
                "squared": squared,
            }
        case Average():
            return {
                "base": data.base.name,
                "networks": [base.name for base in data.bases],
                "branches": [list(branch) for branch in data.branches],
                "elements": int(data.elements),
            }
        case Joined(how=how, axis=axis):
            return {"how": how, "axis": axis}
        case FieldOf(axis=axis, name=name):
            flat = module.node(node.args[0]).type.blocks[0].axes[axis]
            assert isinstance(flat, FlatAxis)
            return {"axis": axis, "name": name, "start": int(flat.offset(name))}
        case BlockOf(start=start, stop=stop):
            return {"start": start, "stop": stop}
        case ModuleCall(module=called, bases=bases):
            return {"module": called.key, "bases": list(bases)}
        case (str(), tuple() as options):
            return {name: number(Fraction(value)) for name, value in options}
        case Normalisation(forms=forms, centre=centre, biases=biases):
            return {
                "axes": [[k for k, _ in own] for own in forms],
                "forms": [[_form(form) for _, form in own] for own in forms],
                "mean": centre,
                "biases": list(biases),
            }
        case BatchStatistics(channels=channels, centred=centred, biases=biases):
            return {
                "channels": [list(own) for own in channels],
                "mean": list(centred),
                "biases": list(biases),
            }
        case Gates(places=places):
            return {"places": [list(own) for own in places]}
        case Pairings(blocks=blocks):
            return {
                "contracted": [[[k, j] for k, j, _ in pair.contracted] for pair in blocks],
                "forms": [[_form(form) for _, _, form in pair.contracted] for pair in blocks],
                "shared": [[list(own) for own in pair.shared] for pair in blocks],
            }
        case Centred(axes=axes):
            return {"axes": [list(own) for own in axes]}
        case Difference(pairwise=pairwise):
            return {"pairwise": pairwise}
        case OnGrid(dims=dims, steps=steps):
            return _windows(module.node(node.args[0]).type.blocks, dims, steps)
    return {}


def _windows(
    blocks: tuple[Block, ...], dims: tuple[tuple[int, ...], ...], steps: tuple[Any, ...]
) -> Record:
    """The windows of a pool over zeros; other steps along a grid have no law of their own yet."""
    pools = [own[0] for own in steps if len(own) == 1 and isinstance(own[0], Pool)]
    if len(pools) < len(steps) or len(set(pools)) != 1 or pools[0].ceil:
        return {}
    pool = pools[0]
    return {
        "by": pool.how,
        "kernel": list(pool.kernel),
        "stride": list(pool.stride),
        "padding": [[n, n] for n in pool.padding],
        "dilation": list(pool.dilation),
        "mode": "zero",
        "positions": [
            [k for k, (start, _) in enumerate(block.dims) if start in own and block.axes[k].shape]
            for block, own in zip(blocks, dims, strict=True)
        ],
    }


def _each(block: Block, each: tuple[str, ...]) -> list[int]:
    """The axes along which the same map is used, in the order of `each`."""
    return [
        k
        for name in each
        for k, axis in enumerate(block.axes)
        if isinstance(axis, PlainAxis) and axis.name == name
    ]


def _form(form: Form) -> Any:
    """An invariant form by its rows; the identity is null."""
    return None if form.rows is None else [[number(v) for v in row] for row in form.dense()]


def _convolution(data: Kernels) -> Record:
    return {
        "kernel": list(data.sweep.kernel),
        "stride": list(data.sweep.stride),
        "padding": [list(pair) for pair in data.sweep.padding],
        "dilation": list(data.sweep.dilation),
        "mode": data.sweep.mode,
        "groups": data.groups,
        "transposed": data.transposed,
        "positions": [[list(place.axes) for place in own] for own in data.sources],
        "results": [list(own) for own in data.targets],
    }
