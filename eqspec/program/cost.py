"""The cost of a program: a sum over its instructions, never a second opinion.

FLOPs and bytes are for one sample in evaluation mode: work that depends on parameters alone is done
once and kept. A multiplication and an addition count as two FLOPs; a view costs nothing; bytes are
what is read and written at four bytes a number. What a base does inside is not known: its calls are
counted instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from eqspec.program.attending import Attend
from eqspec.program.fourier import Fourier, FourierBack, transform_flops
from eqspec.program.framed import Axes, CallBase, Determinant, InverseOrder, RowOrder, TakeRows
from eqspec.program.grids import OnGrid, grid_flops
from eqspec.program.instructions import (
    Add,
    Affine,
    BatchNorm,
    Concat,
    DiagonalEmbed,
    Einsum,
    Expand,
    Input,
    Instruction,
    Item,
    Linear,
    Lookup,
    Mask,
    MaskedReduce,
    Mul,
    Narrow,
    Normalise,
    Parameter,
    Permute,
    Pointwise,
    Present,
    Program,
    Reduce,
    Reshape,
    Scale,
    Shape,
    Shift,
    Stack,
    Stage,
    Sub,
    Take,
)
from eqspec.program.layers import Detach, Dropout, GroupNorm
from eqspec.program.orbits import (
    Canonical,
    Energy,
    MoveBy,
    OrbitChoice,
    OrbitMean,
    OrbitWeighted,
    OverRanks,
)

BYTES = 4


@dataclass(frozen=True, slots=True)
class Cost:
    """``base_calls`` counts the evaluations of users' networks for one sample."""

    base_calls: int = 0
    parameters: int = 0
    flops: int = 0
    bytes: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.base_calls + other.base_calls,
            self.parameters + other.parameters,
            self.flops + other.flops,
            self.bytes + other.bytes,
        )


def costs(program: Program) -> dict[str, Cost]:
    """The cost of every node of the layer graph that owns instructions, in order of first use."""
    result: dict[str, Cost] = {}
    for number, owner in enumerate(program.owners):
        result[owner] = result.get(owner, Cost()) + cost_of(program, number)
    return result


def cost_of(program: Program, number: int) -> Cost:
    instruction = program.instructions[number]
    if isinstance(instruction, Parameter):
        return Cost(parameters=math.prod(instruction.shape))
    if program.stages[number] is not Stage.BATCH:
        return Cost()
    shapes = [program.shapes[arg] for arg in instruction.args]
    reads = sum(_numbers(shape) for shape in shapes)
    writes = _numbers(program.shapes[number])
    match instruction:
        case (
            Present() | Input() | OverRanks() | Item() | Reshape() | Permute() | Expand() | Narrow()
        ):
            return Cost()
        case Linear():
            flops = 2 * _numbers(shapes[0]) * program.shape(instruction.args[1])[0]
        case Einsum(spec=spec):
            flops = 2 * _einsum_size(spec, [program.shape(arg) for arg in instruction.args])
        case Reduce() | MaskedReduce():
            flops = reads
        case Mask():
            flops = 0
        case Add() | Mul() | Sub() | Scale() | Shift() | Pointwise():
            flops = writes * max(1, len(instruction.args) - 1)
        case Detach():
            return Cost()
        case Dropout():  # nothing is dropped in evaluation
            return Cost()
        case Normalise() | BatchNorm() | GroupNorm():
            flops = 4 * writes
        case Affine():
            flops = 2 * writes
        case Fourier(dim=dim):
            flops = transform_flops(program.shape(instruction.args[0])[dim], program.shape(number))
        case FourierBack():
            x = program.shape(instruction.args[0])
            flops = transform_flops(x[0], x)
        case Attend():  # two products of matrices, and five steps of a softmax
            (*lead, keys, width), value = (
                program.shape(instruction.args[1]),
                program.shape(instruction.args[2])[-1],
            )
            queries = program.shape(number)[-2]
            flops = math.prod(lead) * queries * keys * (2 * width + 2 * value + 5)
        case OrbitMean(orbit=orbit) | OrbitWeighted(orbit=orbit) | OrbitChoice(orbit=orbit):
            order = orbit.order
            calls = order * len(instruction.bases)
            # a mean adds up; a weighted one multiplies first; a choice compares and adds up
            each = writes if isinstance(instruction, OrbitMean) else 2 * writes
            numbers = order * (reads + writes)
            return Cost(base_calls=calls, flops=order * each, bytes=BYTES * numbers)
        case Lookup():  # only the rows that are looked up
            return Cost(bytes=BYTES * (2 * writes + _numbers(shapes[1])))
        case Canonical(energy=energy, cosets=cosets):
            return _canonical_cost(energy, cosets, [program.shape(a) for a in instruction.args])
        case MoveBy(cosets=cosets):  # every sample is tried at every place, and one is kept
            return Cost(bytes=BYTES * cosets * (reads + writes))
        case CallBase(frames=frames):
            return Cost(base_calls=frames, bytes=BYTES * (reads + writes))
        case Axes():  # the matrix of second moments, and a small multiple of n^3
            n = program.shape(instruction.args[0])[-1]
            flops = 2 * n * _numbers(shapes[0]) + 20 * n * writes
        case Determinant():
            flops = reads * program.shape(instruction.args[0])[-1]
        case RowOrder():
            flops = reads * max(1, program.shape(number)[-1].bit_length())
        case InverseOrder() | TakeRows():
            flops = 0
        case Take() | Concat() | Stack() | DiagonalEmbed():
            flops = 0
        case _ if isinstance(instruction, OnGrid):
            of = [program.shape(arg) for arg in instruction.args]
            flops = grid_flops(instruction, of, program.shape(number))
        case _:
            return Cost()  # the called module is counted where it stands
    return Cost(flops=flops, bytes=BYTES * (reads + writes))


def _canonical_cost(energy: Energy, cosets: int, shapes: list[Shape]) -> Cost:
    """An inner product, or a call of the network, for every element; then a choice for every coset."""
    elements = cosets * energy.members
    scored = elements * sum(math.prod(shapes[place]) for place in energy.places)
    moved = 2 * cosets * sum(math.prod(shape) for shape in shapes)
    if energy.base:
        return Cost(base_calls=elements, bytes=BYTES * (2 * scored + moved))
    return Cost(flops=2 * scored, bytes=BYTES * (2 * scored + moved))


def parameters_of(instructions: Iterable[Instruction]) -> int:
    """Number of free weights."""
    return sum(math.prod(i.shape) for i in instructions if isinstance(i, Parameter))


def _numbers(shape: Shape | tuple[Shape, ...]) -> int:
    if shape and isinstance(shape[0], tuple):
        return sum(math.prod(part) for part in shape if isinstance(part, tuple))
    return math.prod(size for size in shape if isinstance(size, int))


def _einsum_size(spec: str, shapes: list[Shape]) -> int:
    sizes: dict[str, int] = {}
    for letters, shape in zip(spec.split("->")[0].split(","), shapes, strict=True):
        sizes.update(zip(letters, shape, strict=True))
    return math.prod(sizes.values())
