"""Sizes of run time in lowering: one program for all of them.

The algebra works at nominal values, so a number in a program might come from them. Therefore a module
is lowered a second time, at other nominal values, and the two programs must be the same: then no
constant, weight or shape depends on a size. The program is also validated at small sizes, below the
number of acted axes. In: a checked module. Out: the same at other sizes; a `LoweringRefused`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra import constructors, families
from eqspec.algebra.groups import Group
from eqspec.graph.model import Module, ModuleCall, Node
from eqspec.graph.sizes import NOMINAL, SECOND, Size, is_dynamic
from eqspec.graph.types import Axis, PlainAxis, RepAxis, Type, symbols_in
from eqspec.lowering.counting import Fault
from eqspec.lowering.errors import LoweringRefused
from eqspec.lowering.module import Lowered, lower_module
from eqspec.lowering.padding import padded_symbols
from eqspec.lowering.validation import (
    FLOOR,
    TOLERANCE,
    Array,
    Tensors,
    equivariance_fault,
    machine_for,
    random_inputs,
    settled,
)
from eqspec.program.instructions import Program
from eqspec.program.interpreter import mask_key

SMALL = (1, 2, 3)

Sizes = Mapping[str, int]
T = TypeVar("T")


def sizes_of(module: Module) -> dict[str, Size]:
    """The sizes of run time in the features of a module, by symbol, at their nominal values."""
    found: dict[str, Size] = {}
    for type_ in (*(t for _, t in module.features), *(node.type for node in module.nodes)):
        for shape in type_.shapes:
            for size in shape:
                if isinstance(size, Size) and size.symbol is not None:
                    found[size.symbol.name] = size
    return dict(sorted(found.items()))


def second_values(module: Module) -> dict[str, int]:
    """Other nominal values for the sizes of a module."""
    return {name: SECOND[NOMINAL.index(int(size))] for name, size in sizes_of(module).items()}


def small_values(module: Module) -> list[dict[str, int]]:
    """Small values: 1, 2, 3 for the first size, 2, 3, 1 for the second, and so on."""
    names = list(sizes_of(module))
    return [
        {name: SMALL[(k + place) % len(SMALL)] for place, name in enumerate(names)}
        for k in range(len(SMALL))
    ]


def resized(size: int, values: Sizes) -> int:
    """The same polynomial at other values; plain numbers stay."""
    return Size(size.at(values), size.terms) if isinstance(size, Size) else size


def resized_type(type_: Type, values: Sizes) -> Type:
    return Type(
        tuple(
            replace(block, axes=tuple(_axis(axis, values) for axis in block.axes))
            for block in type_.blocks
        )
    )


def _axis(axis: Axis, values: Sizes) -> Axis:
    if isinstance(axis, PlainAxis):
        return replace(axis, size=resized(axis.size, values))
    if isinstance(axis, RepAxis) and is_dynamic(axis.shape):
        # `check` lets nothing but `natural` through
        ((factor, group),) = axis.rep.groups
        return RepAxis(constructors.natural(axis.rep.label, factor, _group(group, values)))
    return axis


def _group(group: Group, values: Sizes) -> Group:
    if not is_dynamic(group.parameters):
        return group
    (size,) = group.parameters
    assert group.family == "symmetric" and isinstance(size, Size)
    made = families.symmetric(resized(size, values))
    return replace(made, generators=group.generators)


def resized_module(module: Module, values: Sizes) -> Module:
    """The module with its sizes at other values; what the typing rules found stays as it is."""

    def node(old: Node) -> Node:
        data = old.data
        if isinstance(data, ModuleCall):
            data = replace(data, module=resized_module(data.module, values))
        return replace(old, type=resized_type(old.type, values), data=data)

    return replace(
        module,
        inputs=tuple(replace(f, type=resized_type(f.type, values)) for f in module.inputs),
        outputs=tuple(replace(f, type=resized_type(f.type, values)) for f in module.outputs),
        nodes=tuple(node(old) for old in module.nodes),
        groups={name: _group(group, values) for name, group in module.groups.items()},
    )


def resized_program(program: Program, values: Sizes) -> Program:
    """The program with all sizes in it at other values."""
    return replace(
        program, instructions=tuple(_resized_value(i, values) for i in program.instructions)
    )


def _resized_value(value: T, values: Sizes) -> T:
    made: Any = value
    if isinstance(value, Size):
        made = resized(value, values)
    elif type(value) is tuple:
        items: Any = value
        made = tuple(_resized_value(item, values) for item in items)
    elif is_dataclass(value) and not isinstance(value, type):
        changed = {
            field.name: new
            for field in fields(value)
            if (new := _resized_value(old := getattr(value, field.name), values)) is not old
        }
        made = replace(value, **changed)
    result: T = made
    return result


def same_program(first: Program, second: Program, values: Sizes) -> str | None:
    """The node at which two programs differ, the first one taken at the sizes of the second; None if
    they are the same."""
    moved = resized_program(first, values)
    for a, b, owner in zip(moved.instructions, second.instructions, second.owners, strict=False):
        if a != b:
            return owner
    if moved != second:
        return second.owners[-1] if second.owners else ""
    return None


def has_sizes(module: Module) -> bool:
    return bool(symbols_in(node.type for node in module.nodes))


def check_sizes(lowered: Mapping[str, Lowered], key: str) -> Fault | None:
    """Hold a lowered module against its sizes of run time.

    Raises:
        LoweringRefused: EQS430, something in the program depends on a size.
    """
    item = lowered[key]
    if not has_sizes(item.module):
        return None
    values = second_values(item.module)
    second = lower_module(resized_module(item.module, values), plan=item.plan)
    for first, other in ((item.plain, second.plain), (item.program, second.program)):
        node = same_program(first, other, values)
        if node is not None:
            names = ", ".join(f"`{name}`" for name in values)
            span = next((n.span for n in item.module.nodes if n.name == node), item.module.span)
            raise LoweringRefused(
                "EQS430",
                f"what `{node}` compiles to depends on {names}",
                span,
                "one module cannot serve all sizes here",
            )
    for sizes in small_values(item.module):
        small = _resized_all(lowered, sizes)
        fault = equivariance_fault(small, key, small[key].program, 0)
        if fault is not None:
            at = ", ".join(f"{name} = {value}" for name, value in sizes.items())
            return Fault(fault.node, f"{fault.message}, at {at}")
    return padding_fault(lowered, key) if padded_symbols(item.module) else None


def padding_fault(lowered: Mapping[str, Lowered], key: str) -> Fault | None:
    """A sample among others with masked positions gives what it gives alone, zeros there, and what
    stands at masked positions has no influence."""
    item = lowered[key]
    sizes = {name: int(size) for name, size in sizes_of(item.module).items()}
    symbols = [symbol.name for symbol in padded_symbols(item.module)]
    rng = np.random.default_rng(17)
    inputs: dict[str, Tensors] = random_inputs(item.module, rng, 4)
    masks = {name: (rng.random((4, sizes[name])) < 0.6).astype(float) for name in symbols}
    for mask in masks.values():
        mask[0] = 1.0  # one sample is whole, one has nothing
        mask[3] = 0.0
    given = {**inputs, **{mask_key(name): (mask,) for name, mask in masks.items()}}
    machine, values = settled(lowered, key, item.program, 0, given)
    features = dict((*item.program.outputs, *item.program.named))
    types = {node.name: node.type for node in item.module.nodes}
    types |= {feature.name: feature.type for feature in item.module.outputs}
    garbage = {
        feature.name: tuple(
            np.where(_present(block.shape, masks), x, np.nan if block.values is None else -1)
            for x, block in zip(inputs[feature.name], feature.type.blocks, strict=True)
        )
        for feature in item.module.inputs
    }
    moved = machine({**given, **garbage})
    for name, registers in features.items():
        for register, block in zip(registers, types[name].blocks, strict=True):
            absent = ~np.broadcast_to(_present(block.shape, masks), values[register].shape)
            if np.any(values[register][absent]):
                return Fault(name, "a masked position is not zero")
            if not np.array_equal(values[register], moved[register]):
                return Fault(name, "what stands at masked positions has an influence")
    for sample in range(3):
        kept = {name: np.flatnonzero(mask[sample]) for name, mask in masks.items()}
        counts = {**sizes, **{name: len(kept[name]) for name in symbols}}
        if not all(counts.values()):
            continue
        small = _resized_all(lowered, counts)
        alone = {
            f.name: tuple(
                _chosen(x[sample : sample + 1], block.shape, kept)
                for x, block in zip(inputs[f.name], f.type.blocks, strict=True)
            )
            for f in item.module.inputs
        }
        again = machine_for(small, key, small[key].program, 0, machine.gain)
        found = again(alone)
        for name, registers in features.items():
            for register, block in zip(registers, types[name].blocks, strict=True):
                part = _chosen(values[register][sample : sample + 1], block.shape, kept)
                scale = max(FLOOR, float(np.max(np.abs(part), initial=0.0)))
                error = float(np.max(np.abs(part - found[register]), initial=0.0)) / scale
                if not error <= TOLERANCE:
                    return Fault(name, f"padded, it differs from the sample alone by {error:.2e}")
    return None


def _resized_all(lowered: Mapping[str, Lowered], sizes: Sizes) -> dict[str, Lowered]:
    return {
        name: Lowered(
            resized_module(made.module, sizes),
            resized_program(made.program, sizes),
            resized_program(made.plain, sizes),
        )
        for name, made in lowered.items()
        if sizes_of(made.module).keys() <= sizes.keys()
    }


def _present(shape: Sequence[int], masks: Mapping[str, Array]) -> NDArray[np.bool_]:
    """Which entries of a batch of blocks are there; axes along which all are there have size 1."""
    batch = len(next(iter(masks.values())))
    total = np.ones((batch, *(1 for _ in shape)), dtype=bool)
    for dim, size in enumerate(shape):
        symbol = size.symbol if isinstance(size, Size) else None
        if symbol is not None and symbol.name in masks:
            places = [1] * (len(shape) + 1)
            places[0], places[dim + 1] = masks[symbol.name].shape
            total = total & (masks[symbol.name].reshape(places) > 0)
    return total


def _chosen(x: Array, shape: Sequence[int], kept: Mapping[str, NDArray[np.int64]]) -> Array:
    """The entries of one sample that are there, close together."""
    for dim, size in enumerate(shape):
        symbol = size.symbol if isinstance(size, Size) else None
        if symbol is not None and symbol.name in kept:
            x = np.take(x, kept[symbol.name], axis=dim + 1)
    return x
