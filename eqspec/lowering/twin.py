"""The dense twin of a module: the same layer graph without its symmetry, to be timed against.

In: a checked module. Out: a `Lowered` one of the same inputs and outputs, in which nothing is tied:

    linear            a plain linear map between the flattened blocks, along `each` the same one
    convolutions      a plain convolution between all channels
    other weights     what is expanded from free weights is free itself
    averages, frames, cosets of a base   one call of the base
    all else          as in the module: norms, pointwise functions, pools, attention

Its types are plain and it has no groups: whatever is printed of it promises nothing. It is made to be
timed, in memory, and is never written.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

from eqspec.graph.model import Module, Node
from eqspec.graph.sizes import is_dynamic
from eqspec.graph.types import Block, PlainAxis, Type, Values, stilled
from eqspec.lowering.module import Lowered
from eqspec.ops import op_named
from eqspec.ops.averaging import Average
from eqspec.ops.clusters import axis_size
from eqspec.ops.contract import LoweringSite, Registers
from eqspec.ops.cosetchecks import Canonicalisation
from eqspec.ops.frames import Framing
from eqspec.ops.kernellowering import Layout, adjoint, lower_result, lower_source, padded
from eqspec.ops.kernels import KernelPair, Kernels, channels_of
from eqspec.ops.linear import LinearMaps
from eqspec.ops.orbitchecks import shapes_for
from eqspec.program.builder import Builder
from eqspec.program.framed import CallBase
from eqspec.program.grids import Conv
from eqspec.program.instructions import (
    Add,
    Instruction,
    Parameter,
    Pointwise,
    Program,
    Reshape,
    Scale,
    Shift,
    Stage,
)
from eqspec.program.passes import optimise

MOST_ENTRIES = 1 << 27
"""Numbers of a weight: half a gigabyte in single precision."""


class NoTwin(Exception):  # noqa: N818 - says what there is not
    """There is no dense twin; the message says why."""


def twin_of(module: Module) -> Lowered:
    """The dense twin of a module without sizes of run time.

    Raises:
        NoTwin: a dense weight would be too large.
    """
    builder = Builder()
    registers: dict[str, Registers] = {}
    types = {node.name: node.type for node in module.nodes}
    for node in module.nodes:
        with builder.owner(node.name):
            if node.op == "input":
                registers[node.name] = tuple(
                    builder.input(node.name, k, b.shape, b.values.size if b.values else 0)
                    for k, b in enumerate(node.type.blocks)
                )
                continue
            given = tuple(types[arg] for arg in node.args)
            if op_named(node.op).signature.sampled == "pixel":
                node = replace(node, type=stilled(node.type))
                given = tuple(stilled(type_) for type_ in given)
            args = tuple(registers[arg] for arg in node.args)
            registers[node.name] = _lower(node, LoweringSite(node, module, builder, args, given))
    outputs = [(feature.name, registers[feature.node]) for feature in module.outputs]
    program = _freed(builder.program(outputs))
    return Lowered(_plain(module), optimise(program), program)


def _lower(node: Node, site: LoweringSite) -> Registers:
    match node.data:
        case LinearMaps() as maps:
            return _linear(site, maps)
        case Kernels() as kernels:
            return _convolution(site, kernels)
        case Average(base=base) | Canonicalisation(base=base) | Framing(base=base):
            return _call(site, base.name, base.signature, base.target)
        case _:
            return op_named(node.op).lower(site)


# ---- weights ---------------------------------------------------------------------------------------


def _linear(site: LoweringSite, maps: LinearMaps) -> Registers:
    """One dense weight for every pair of blocks."""
    b = site.builder
    ends = [maps.end(number, type_) for number, type_ in enumerate(site.types)]
    inputs = sum(_width(block, maps.each) for end in ends for block in end.blocks)
    bound = max(inputs, 1) ** -0.5
    results: list[int] = []
    for t, target in enumerate(maps.end(-1, site.node.type).blocks):
        rows = _width(target, maps.each)
        order = _positions_first(target, maps.each)
        terms: list[int] = []
        for registers, end in zip(site.args, ends, strict=True):
            for register, block in zip(registers, end.blocks, strict=True):
                columns = _width(block, maps.each)
                _check(site, rows * columns)
                weight = b.parameter(site.parameter_name("weight"), (rows, columns), bound)
                x = _positions(b, register, block, maps.each)
                bias = None
                if maps.biases[t] and not terms:
                    bias = b.parameter(site.parameter_name("bias"), (rows,), bound)
                terms.append(b.linear(x, weight, bias))
        y = b.reshape(b.add(*terms), [axis_size(target, k) for k in order])
        y = b.permute(y, [order.index(k) for k in range(len(order))])
        results.append(b.reshape(y, site.node.type.blocks[t].shape))
    return tuple(results)


def _positions_first(block: Block, each: Sequence[str]) -> list[int]:
    """The axes along which the same map is used, in the order of their names, then all others."""
    first = [
        k
        for name in each
        for k, axis in enumerate(block.axes)
        if isinstance(axis, PlainAxis) and axis.name == name
    ]
    return [*first, *(k for k in range(len(block.axes)) if k not in first)]


def _width(block: Block, each: Sequence[str]) -> int:
    """The numbers at one position."""
    return math.prod(
        axis.size if isinstance(axis, PlainAxis) else axis.rep.degree
        for axis in block.axes
        if not (isinstance(axis, PlainAxis) and axis.name in each)
    )


def _positions(b: Builder, x: int, block: Block, each: Sequence[str]) -> int:
    """x with the axes ``each`` in front, and all others flattened."""
    order = _positions_first(block, each)
    x = b.permute(b.reshape(x, [axis_size(block, k) for k in range(len(order))]), order)
    lead = [
        axis.size
        for k in order
        if isinstance(axis := block.axes[k], PlainAxis) and axis.name in each
    ]
    return b.reshape(x, (*lead, _width(block, each)))


def _convolution(site: LoweringSite, data: Kernels) -> Registers:
    """One dense kernel for each block of the result; sources on grids of equal sizes are joined."""
    b = site.builder
    results: list[int] = []
    for number, target in enumerate(site.node.type.blocks):
        spatial = data.targets[number]
        channels = channels_of(target, spatial)
        sources: dict[tuple[object, ...], list[int]] = {}
        kernels: KernelPair | None = None
        for k, (registers, type_) in enumerate(zip(site.args, site.types, strict=True)):
            for s, (x, block) in enumerate(zip(registers, type_.blocks, strict=True)):
                places = data.sources[k][s]
                kernels = data.pair(block, places, target, number)
                free = replace(kernels.pair, shared=(), invariant=(), symmetric=())
                kernels = replace(kernels, pair=free)
                key = (places.sizes, (k, s) if data.groups > 1 else None)
                sources.setdefault(key, []).append(lower_source(b, x, block, places, kernels).x)
        assert kernels is not None, "a convolution has an argument"
        outer = list(range(len(channels.axes)))
        if kernels.split_to is not None:
            outer = [kernels.split_to, *(k for k in outer if k != kernels.split_to)]
        layout = Layout(tuple(outer), tuple(axis_size(channels, k) for k in outer), ())
        rows = math.prod(layout.sizes)
        terms: list[int] = []
        for parts in sources.values():
            merged = b.concat(parts, 0)
            columns = b.shape(merged)[0] // data.groups
            entries = rows * columns * math.prod(kernels.kernel)
            _check(site, entries)
            bound = max(entries // rows, 1) ** -0.5
            shape = (rows, columns, *kernels.kernel)
            weight = b.parameter(site.parameter_name("weight"), shape, bound)
            if data.transposed:
                weight = adjoint(b, weight, data.groups)
            x, padding = padded(b, merged, data.sweep)
            args = [x, weight]
            if data.biases[number] and not terms:
                args.append(b.parameter(site.parameter_name("bias"), (rows,), bound))
            extra = tuple(getattr(law, "extra", 0) for law in data.sweep.laws)
            sweep = data.sweep
            conv = Conv(
                tuple(args), sweep.stride, padding, sweep.dilation, data.groups, data.transposed,
                extra if data.transposed else (),
            )  # fmt: skip
            terms.append(b.emit(conv))
        y = b.add(*terms)
        results.append(lower_result(b, y, kernels, layout, target, spatial))
    return tuple(results)


def _check(site: LoweringSite, entries: int) -> None:
    if is_dynamic((entries,)):
        raise NoTwin(f"`{site.node.name}` has a size that is read at run time")
    if entries > MOST_ENTRIES:
        raise NoTwin(f"the dense weight of `{site.node.name}` would have {entries:,} numbers")


def _freed(program: Program) -> Program:
    """With a parameter in place of everything that is expanded from parameters."""
    b = Builder()
    known: dict[int, int] = {}
    bounds: list[Parameter | None] = []
    for number, instruction in enumerate(program.instructions):
        below = [bounds[arg] for arg in instruction.args]
        own = instruction if isinstance(instruction, Parameter) else None
        bounds.append(own or next((p for p in below if p is not None), None))
        if program.stages[number] is Stage.PARAMETER:
            continue  # made where it is read
        args = []
        for arg in instruction.args:
            source = bounds[arg]
            if program.stages[arg] is Stage.PARAMETER and arg not in known:
                assert source is not None, "it depends on a parameter"
                shape = program.shape(arg)
                with b.owner(program.owners[arg]):
                    known[arg] = b.parameter(source.name, shape, source.bound, source.start)
            args.append(known[arg])
        with b.owner(program.owners[number]):
            known[number] = _flat(b, replace(instruction, args=tuple(args)))
    return b.program([(name, tuple(known[r] for r in regs)) for name, regs in program.outputs])


def _flat(b: Builder, instruction: Instruction) -> int:
    """The instruction, before a reshape of what it reads instead of after it where it acts entry by entry:
    as somebody would write it who keeps flat features between dense layers."""
    match instruction:
        case Reshape(args=(x,), shape=shape):
            return b.reshape(x, shape)
        case Pointwise() | Scale() | Shift() | Add():
            read = [b.instructions[x] for x in instruction.args]
            whole = [i.args[0] for i in read if isinstance(i, Reshape)]
            if len(whole) == len(read) and len({b.shape(x) for x in whole}) == 1:
                shape = b.shape(instruction.args[0])
                return b.reshape(b.emit(replace(instruction, args=tuple(whole))), shape)
    return b.emit(instruction)


# ---- bases -----------------------------------------------------------------------------------------


def _call(site: LoweringSite, base: str, signature: Sequence[Type], answer: Type) -> Registers:
    """One call of a base on the arguments as they are."""
    b = site.builder
    source = Type(tuple(block for type_ in site.types for block in type_.blocks))
    target = site.node.type
    accepts = shapes_for(source, [block for type_ in signature for block in type_.blocks])
    returns = shapes_for(target, answer.blocks)
    assert accepts is not None and returns is not None, "the typing rule says so"
    xs = [x for registers in site.args for x in registers]
    if len(accepts) == len(xs):
        xs = [b.reshape(x, shape) for x, shape in zip(xs, accepts, strict=True)]
    else:
        xs = [b.reshape(b.concat([b.flatten(x) for x in xs], 0), accepts[0])]
    ys = list(b.call_base(CallBase(tuple(xs), base, 1, returns)))
    if len(returns) != len(target.blocks):
        starts = itertools.accumulate((block.size for block in target.blocks), initial=0)
        flat = b.flatten(ys[0])
        ys = [
            b.narrow(flat, 0, start, block.size)
            for start, block in zip(starts, target.blocks, strict=False)
        ]
    return tuple(b.reshape(y, shape) for y, shape in zip(ys, target.shapes, strict=True))


# ---- what is printed -------------------------------------------------------------------------------


def _plain(module: Module) -> Module:
    """The module as if nothing acted and nothing were promised."""
    return replace(
        module,
        doc="A dense twin, made to be timed. It has no symmetry.",
        inputs=tuple(replace(f, type=_plain_type(f.type)) for f in module.inputs),
        outputs=tuple(replace(f, type=_plain_type(f.type)) for f in module.outputs),
        nodes=tuple(
            replace(node, type=_plain_type(node.type), levels={}, null_set="")
            for node in module.nodes
        ),
        promises=(),
        groups={},
    )


def _plain_type(type_: Type) -> Type:
    return Type(
        tuple(
            Block(
                tuple(map(PlainAxis, block.shape)),
                values=Values(block.values.size) if block.values else None,
            )
            for block in type_.blocks
        )
    )
