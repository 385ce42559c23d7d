"""A pass: a stack whose parts are taken apart again is not made.

    Narrow(Stack(a, b), part 0)       ->  a
    Narrow(f(Stack(a, b)), part 0)    ->  f(a)       f entry by entry, its results all taken apart
    Sum over the parts of Stack(a, b) ->  a + b

Two halves of a mirror come so from sums and differences, through a function, to sums and differences
without being laid side by side in between. More than `MOST` parts stay together: one step over all of
them is quicker than many small ones.

In: a tensor program. Out: an equal one.
"""

from __future__ import annotations

from dataclasses import replace

from eqspec.program.builder import Builder
from eqspec.program.folding import renamed
from eqspec.program.instructions import (
    Add,
    Concat,
    Expand,
    Instruction,
    Mul,
    Narrow,
    Pointwise,
    Program,
    Reduce,
    Reshape,
    Scale,
    Shape,
    Shift,
    Stack,
    Stage,
    Sub,
)

MOST = 4  # parts

Entrywise = Pointwise | Scale | Shift | Add | Mul | Sub


def split_stacks(program: Program) -> Program:
    """Stacks and concatenations that are taken apart again vanish."""
    if not any(isinstance(i, Stack | Concat) for i in program.instructions):
        return program
    apart = _taken_apart(program)
    builder = Builder()
    new: list[int] = []
    for number, (instruction, owner) in enumerate(
        zip(program.instructions, program.owners, strict=True)
    ):
        moved = replace(instruction, args=tuple(new[arg] for arg in instruction.args))
        with builder.owner(owner):
            changed = _split(builder, moved, apart[number])
            new.append(builder.emit(moved) if changed is None else changed)
    return renamed(program, builder, new)


def _taken_apart(program: Program) -> list[int | None]:
    """For every result the axis along which all its readers take it apart, part by part; None if some
    do not, or nobody reads it. A named feature that vanishes is no loss: see `drop_dead`."""
    unread, mixed = -1, -2
    axis = [unread] * len(program.instructions)

    def read(register: int, dim: int) -> None:
        axis[register] = dim if axis[register] in (unread, dim) else mixed

    for _, registers in program.outputs:
        for register in registers:
            read(register, mixed)
    for number in reversed(range(len(program.instructions))):
        if axis[number] == unread:
            continue
        instruction = program.instructions[number]
        dim = mixed
        match instruction:
            case Narrow(dim=own, length=1) | Reduce(dims=(own,), how="sum"):
                if program.shape(instruction.args[0])[own] <= MOST:
                    dim = own
            case Pointwise() | Scale() | Shift() | Add() | Mul() | Sub():
                dim = axis[number]
        for arg in instruction.args:
            read(arg, dim)
    return [dim if dim >= 0 else None for dim in axis]


def _split(b: Builder, instruction: Instruction, apart: int | None) -> int | None:
    match instruction:
        case Narrow(args=(x,)):
            return _narrowed(b, b.instructions[x], instruction)
        case Reduce(args=(x,), dims=(dim,), how="sum"):
            source = b.instructions[x]
            if isinstance(source, Stack) and source.dim == dim and len(source.args) <= MOST:
                return b.add(*source.args)
        case Reshape(args=(x,), shape=shape):
            source = b.instructions[x]
            if isinstance(source, Expand) and source.size == 1:
                return b.reshape(source.args[0], shape)
        case Pointwise() | Scale() | Shift() | Add() | Mul() | Sub() if apart is not None:
            return _entrywise(b, instruction, apart)
    return None


def _narrowed(b: Builder, source: Instruction, narrow: Narrow) -> int | None:
    """A part of a stack or concatenation."""
    dim, start, length = narrow.dim, narrow.start, narrow.length
    match source:
        case Stack(args=parts, dim=own) if own == dim:
            if length == 1:
                return b.expand(parts[start], dim, 1)
            if length < len(parts):
                return b.stack(parts[start : start + length], dim)
        case Concat(args=parts, dim=own) if own == dim:
            at = 0
            for part in parts:
                size = b.shape(part)[dim]
                if at <= start and start + length <= at + size:
                    return b.narrow(part, dim, start - at, length)
                at += size
    return None


def _entrywise(b: Builder, instruction: Entrywise, dim: int) -> int | None:
    """A function of stacks along ``dim`` as a stack of functions of their parts."""
    stacks = [b.instructions[arg] for arg in instruction.args]
    sizes = {len(s.args) for s in stacks if isinstance(s, Stack) and s.dim == dim}
    if len(sizes) != 1 or max(sizes) > MOST:
        return None
    count = sizes.pop()
    if any(b.shape(arg)[dim] not in (1, count) for arg in instruction.args):
        return None
    if any(
        b.stages[arg] is Stage.BATCH and not _has_parts(b, arg, dim) for arg in instruction.args
    ):
        return None
    parts = [
        b.emit(replace(instruction, args=tuple(_part(b, arg, dim, k) for arg in instruction.args)))
        for k in range(count)
    ]
    return b.stack(parts, dim)


def _has_parts(b: Builder, register: int, dim: int) -> bool:
    source = b.instructions[register]
    return isinstance(source, Stack | Expand) and source.dim == dim


def _part(b: Builder, register: int, dim: int, k: int) -> int:
    """Entry k along an axis, which vanishes; where it has size 1 the only entry."""
    source = b.instructions[register]
    if isinstance(source, Stack) and source.dim == dim:
        return source.args[k]
    if isinstance(source, Expand) and source.dim == dim:
        return source.args[0]
    shape: Shape = b.shape(register)
    part = b.narrow(register, dim, k if shape[dim] > 1 else 0, 1)
    return b.reshape(part, (*shape[:dim], *shape[dim + 1 :]))
