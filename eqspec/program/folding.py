"""A pass: numbers that scale a feature are taken into the weights beside it.

    Scale(Linear(x, W, b))  ->  Linear(x, Scale(W), Scale(b))
    Linear(Scale(x), W)     ->  Linear(x, Scale(W))

Weights depend on parameters alone: they are scaled once for a batch, and once for all in evaluation.
Views and repetitions may lie between the two. Nothing is folded where somebody else reads what lies
between, for then both would have to be computed.

In: a tensor program. Out: an equal one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from eqspec.program.builder import Builder
from eqspec.program.instructions import (
    Einsum,
    Expand,
    Instruction,
    Linear,
    Narrow,
    Permute,
    Program,
    Reduce,
    Reshape,
    Scale,
    Stage,
    Take,
)


def fold_scales(program: Program) -> Program:
    """Scales of features become scales of weights."""
    if not any(isinstance(i, Scale) for i in program.instructions):
        return program
    builder = Builder()
    new: list[int] = []
    readers = readers_of(program)
    uses: Counter[int] = Counter()  # of the results in the new program
    for number, (instruction, owner) in enumerate(
        zip(program.instructions, program.owners, strict=True)
    ):
        moved = replace(instruction, args=tuple(new[arg] for arg in instruction.args))
        with builder.owner(owner):
            changed = _folded(builder, moved, uses)
            new.append(builder.emit(moved) if changed is None else changed)
        uses[new[-1]] += readers[number]
    return renamed(program, builder, new)


def readers_of(program: Program) -> list[int]:
    """How often every result is read; an output or a named feature counts as a reader."""
    readers = [0] * len(program.instructions)
    for instruction in program.instructions:
        for arg in instruction.args:
            readers[arg] += 1
    for _, registers in (*program.outputs, *program.named):
        for register in registers:
            readers[register] += 1
    return readers


def renamed(program: Program, builder: Builder, new: Sequence[int]) -> Program:
    """What was built, with the outputs and named features of the program that it stands for."""
    return builder.program(
        [(name, tuple(new[r] for r in registers)) for name, registers in program.outputs],
        [(name, tuple(new[r] for r in registers)) for name, registers in program.named],
    )


def _folded(b: Builder, instruction: Instruction, uses: Counter[int]) -> int | None:
    match instruction:
        case Scale(args=(x,), factor=factor) if b.stages[x] is Stage.BATCH:
            return _into_weights_before(b, x, factor, uses)
        case Linear(args=(x, weight, *bias)) if b.stages[weight] <= Stage.PARAMETER:
            found = _scale_before(b, x, uses)
            if found is not None:
                x, factor = found
                return b.emit(Linear((x, scaled(b, weight, factor), *bias)))
    return None


def _into_weights_before(b: Builder, x: int, factor: float, uses: Counter[int]) -> int | None:
    """``factor`` times x, where x is a product with weights that nobody else reads."""
    source = b.instructions[x]
    if uses[x] != 1:
        return None
    match source:
        case Permute() | Reshape() | Expand() | Narrow():
            inner = _into_weights_before(b, source.args[0], factor, uses)
            return None if inner is None else b.emit(replace(source, args=(inner,)))
        case Scale(args=(inner,), factor=first):
            return b.scale(inner, first * factor)
        case Linear(args=(inner, *weights)) if all(b.stages[w] <= Stage.PARAMETER for w in weights):
            return b.emit(Linear((inner, *(scaled(b, w, factor) for w in weights))))
        case Einsum(args=args, spec=spec):
            free = [k for k, arg in enumerate(args) if b.stages[arg] is Stage.PARAMETER]
            if free:
                k = free[0]
                return b.einsum(spec, *args[:k], scaled(b, args[k], factor), *args[k + 1 :])
    return None


def _scale_before(b: Builder, x: int, uses: Counter[int]) -> tuple[int, float] | None:
    """x without the scale in it, and that scale; None if there is none, or others read it too."""
    source = b.instructions[x]
    if uses[x] != 1 or b.stages[x] is not Stage.BATCH:
        return None
    match source:
        case Scale(args=(inner,), factor=factor):
            return inner, factor
        case Permute() | Reshape() | Expand() | Narrow() | Take() | Reduce(how="sum" | "mean"):
            found = _scale_before(b, source.args[0], uses)
            if found is None:
                return None
            inner, factor = found
            return b.emit(replace(source, args=(inner, *source.args[1:]))), factor
    return None


def scaled(b: Builder, weight: int, factor: float) -> int:
    """``factor`` times a weight, at its smallest: before it is repeated or picked from free weights."""
    source = b.instructions[weight]
    match source:
        case Permute() | Reshape() | Expand():
            return b.emit(replace(source, args=(scaled(b, source.args[0], factor),)))
        case Take(args=(table, index), dim=dim) if (
            b.shape(table)[dim] <= b.shape(index)[0] and b.stages[index] is Stage.CONSTANT
        ):
            return b.take(scaled(b, table, factor), dim, index)
        case Scale(args=(inner,), factor=first):
            return b.scale(inner, first * factor)
    return b.scale(weight, factor)
