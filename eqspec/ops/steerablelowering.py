"""The instructions of `steerable_conv2d`: free weights times a bank of filters, then one convolution.

In: a node and what its typing rule counted. Out: registers. The bank is computed when a module is made,
from the patterns that are printed; the expansion is one matrix product.
"""

from __future__ import annotations

import math

from eqspec.algebra.solver import RoutesDisagree
from eqspec.algebra.steerable import patterns
from eqspec.graph.types import Block
from eqspec.ops.blockmaps import lower_bias
from eqspec.ops.contract import LoweringSite, Registers
from eqspec.ops.linear import labels_of
from eqspec.ops.steerable import Picture, Steerable, fibres_of, picture_of
from eqspec.program.builder import Builder
from eqspec.program.filters import FilterBank, Harmonics
from eqspec.program.grids import Conv


def lower_steerable(site: LoweringSite, data: Steerable) -> Registers:
    blocks = site.node.type.blocks
    return tuple(_lower_target(site, data, t, block) for t, block in enumerate(blocks))


def _lower_target(site: LoweringSite, data: Steerable, t: int, target: Block) -> int:
    b = site.builder
    several = len(site.node.type.blocks) > 1
    into = _picture(target)
    labels = labels_of(site)
    sources: list[tuple[int, int, FilterBank, str]] = []
    for k, (registers, type_) in enumerate(zip(site.args, site.types, strict=True)):
        for s, (x, block) in enumerate(zip(registers, type_.blocks, strict=True)):
            if not data.kernels(k, s, t):
                continue
            words = ["weight"]
            words += [labels[k]] if len(site.args) > 1 else []
            words += [str(s)] if len(type_.blocks) > 1 else []
            words += [f"to{t}"] if several else []
            out_of = _picture(block)
            bank = filter_bank(block, out_of, target, into, data)
            if bank.weights != data.kernels(k, s, t):
                raise RoutesDisagree(
                    f"characters count {data.kernels(k, s, t)} filters, orbits give {bank.weights}"
                )
            sources.append(
                (_merged(b, x, block, out_of), out_of.channels(block), bank, "_".join(words))
            )
    rows = math.prod(rep.degree for rep in into.fibre(target))
    energies = [
        channels * float((bank.sampled() ** 2).sum()) / rows for _, channels, bank, _ in sources
    ]
    bound = sum(energies) ** -0.5
    weights = []
    for _, channels, bank, suffix in sources:
        name = site.parameter_name(suffix)
        weights.append(_weight(b, bank, into.channels(target), channels, rows, name, bound))
    args = [b.concat([x for x, *_ in sources], 0), b.concat(weights, 1)]
    if data.biases[t]:
        name = site.parameter_name(f"bias_to{t}" if several else "bias")
        fibres = fibres_of(target)
        bias = lower_bias(b, fibres, (), name, bound)
        assert bias is not None, "the count says that there are invariants"
        if len(fibres.axes):
            order = _order(fibres, [_shifted(k, into.disc) for k in (*into.plain, *into.fibres)])
            bias = b.flatten(b.permute(bias, order))
        args.append(bias)
    sweep = data.sweep
    padding = tuple(before for before, _ in sweep.padding)  # as many after: a turn reverses
    y = b.emit(Conv(tuple(args), sweep.stride, padding, sweep.dilation))
    return _taken_apart(b, y, target, into)


def _picture(block: Block) -> Picture:
    picture = picture_of(block)
    assert picture is not None, "the typing rule asks for a disc"
    return picture


def filter_bank(
    source: Block, out_of: Picture, target: Block, into: Picture, data: Steerable
) -> FilterBank:
    before, after = out_of.fibre(source), into.fibre(target)
    columns = math.prod(rep.degree for rep in before)
    places = columns * math.prod(rep.degree for rep in after)
    parts: list[Harmonics] = []
    for m, rings in enumerate(data.rings):
        found = patterns(before, after, into.factor, into.group, m)
        if not found or not rings:
            continue
        entries = tuple(
            (number, row * columns + column, phase, amplitude)
            for number, pattern in enumerate(found)
            for row, column, phase, amplitude in pattern.entries
        )
        parts.append(Harmonics(m, rings, found[0].circle, len(found), entries))
    return FilterBank(data.kernel, places, tuple(parts))


def _weight(
    b: Builder, bank: FilterBank, into: int, out_of: int, rows: int, name: str, bound: float
) -> int:
    """The kernel, of shape (channels and fibres of the result, those of x, *window)."""
    table = b.filters(bank)
    count = b.shape(table)[0]
    free = b.parameter(name, (into * out_of, count), bound)
    weight = b.einsum("ab,bc->ac", free, table)
    columns = bank.places // rows
    weight = b.reshape(weight, (into, out_of, rows, columns, bank.window, bank.window))
    weight = b.permute(weight, (0, 2, 1, 3, 4, 5))
    return b.reshape(weight, (into * rows, out_of * columns, bank.window, bank.window))


def _merged(b: Builder, x: int, block: Block, picture: Picture) -> int:
    """Channels, then fibres, merged into one dimension; then the picture."""
    x = b.permute(x, _order(block, [*picture.plain, *picture.fibres, picture.disc]))
    size = block.axes[picture.disc].shape[0]
    return b.reshape(x, (math.prod(block.shape) // size**2, size, size))


def _taken_apart(b: Builder, y: int, block: Block, picture: Picture) -> int:
    axes = [*picture.plain, *picture.fibres, picture.disc]
    y = b.reshape(y, [n for k in axes for n in block.axes[k].shape])
    order = _order(block, axes)
    return b.permute(y, sorted(range(len(order)), key=order.__getitem__))


def _order(block: Block, axes: list[int]) -> list[int]:
    """The tensor dimensions of these axes, in this order."""
    return [d for k in axes for d in range(block.dims[k][0], sum(block.dims[k]))]


def _shifted(k: int, disc: int) -> int:
    """The number of an axis in a block without its disc."""
    return k - (k > disc)
