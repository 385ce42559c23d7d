"""Passes over a tensor program: reduce first, expand last, no stack that is taken apart again
(`splitting`), scales in the weights (`folding`), one bias, nothing dead.

Each pass is a plain function from program to program; `PASSES` is their order. Common subexpressions
need no pass of their own: every pass rebuilds the program through `Builder`, which numbers values.
Work that depends on parameters alone needs no motion: its stage already says where it is printed.

In: a lowered `Program`. Out: an equal one (the translation validation runs on the result).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

from eqspec.graph.sizes import is_dynamic
from eqspec.program.builder import Builder
from eqspec.program.folding import fold_scales
from eqspec.program.instructions import (
    Add,
    DiagonalEmbed,
    Expand,
    Instruction,
    Linear,
    Mul,
    Permute,
    Pointwise,
    Program,
    Reduce,
    Reshape,
    Scale,
    Shape,
    Shift,
    Stage,
    Take,
)
from eqspec.program.sharing import share_reductions
from eqspec.program.splitting import split_stacks

Rule = Callable[[Builder, Instruction], int | None]


def optimise(program: Program) -> Program:
    """All passes in order, repeated until nothing changes; then reductions share what they can (`sharing`)."""
    program = replace(program, results=())
    idle = 0  # passes in a row that changed nothing
    for pass_ in PASSES * 12:
        before, program = program, pass_(program)
        idle = idle + 1 if program is before or program == before else 0
        if idle == len(PASSES):
            break
    from eqspec.program.constants import fold_constants

    program = share_reductions(program)
    folded = fold_constants(program)
    return program if folded is program else drop_dead(folded)


def reduce_first(program: Program) -> Program:
    """A reduction goes before the work that it makes smaller."""
    return _rewrite(program, _reduce_first)


def expand_last(program: Program) -> Program:
    """A repetition goes after the work that would be repeated."""
    return _rewrite(program, _expand_last)


def fuse_bias(program: Program) -> Program:
    """`x W^T + b` is one instruction."""
    return _rewrite(program, _fuse_bias)


def drop_dead(program: Program) -> Program:
    """Keep what an output needs. A named node stays only if it stays alive by itself."""
    live: set[int] = set()
    todo = [register for _, registers in program.outputs for register in registers]
    while todo:
        register = todo.pop()
        if register not in live:
            live.add(register)
            todo.extend(program.instructions[register].args)
    kept = sorted(live)
    if len(kept) == len(program.instructions):
        return program
    new = {old: number for number, old in enumerate(kept)}
    return Program(
        tuple(
            replace(
                program.instructions[old],
                args=tuple(new[a] for a in program.instructions[old].args),
            )
            for old in kept
        ),
        tuple(program.owners[old] for old in kept),
        tuple((name, tuple(new[r] for r in registers)) for name, registers in program.outputs),
        tuple(
            (name, tuple(new[r] for r in registers))
            for name, registers in program.named
            if all(register in live for register in registers)
        ),
    )


PASSES: tuple[Callable[[Program], Program], ...] = (
    reduce_first,
    expand_last,
    split_stacks,
    fold_scales,
    fuse_bias,
    drop_dead,
)


def _rewrite(program: Program, rule: Rule) -> Program:
    builder = Builder()
    new: list[int] = []
    for instruction, owner in zip(program.instructions, program.owners, strict=True):
        args = tuple(new[arg] for arg in instruction.args)
        moved = instruction if args == instruction.args else replace(instruction, args=args)
        with builder.owner(owner):
            changed = rule(builder, moved)
            new.append(builder.emit(moved) if changed is None else changed)
    if new == list(range(len(new))) and builder.instructions == list(program.instructions):
        return program
    return builder.program(
        [(name, tuple(new[r] for r in registers)) for name, registers in program.outputs],
        [(name, tuple(new[r] for r in registers)) for name, registers in program.named],
    )


def _reduce_first(builder: Builder, instruction: Instruction) -> int | None:
    if not isinstance(instruction, Reduce):
        return None
    x = instruction.args[0]
    source = builder.instructions[x]
    match source:
        case Expand(dim=dim, size=size) if dim in instruction.dims:
            if instruction.how == "sum" and is_dynamic(size):
                return None  # the factor would be a size of run time
            rest = tuple(d - (d > dim) for d in instruction.dims if d != dim)
            inner = builder.reduce(source.args[0], rest, instruction.how)
            return builder.scale(inner, float(source.size)) if instruction.how == "sum" else inner
        case Expand(dim=dim, size=size):
            inner = builder.reduce(
                source.args[0], tuple(d - (d > dim) for d in instruction.dims), instruction.how
            )
            return builder.expand(inner, dim - sum(d < dim for d in instruction.dims), size)
        case Permute(order=order):
            dims = tuple(order[d] for d in instruction.dims)
            left = [order[d] for d in range(len(order)) if d not in instruction.dims]
            inner = builder.reduce(source.args[0], dims, instruction.how)
            ranks = {old: new for new, old in enumerate(sorted(left))}
            return builder.permute(inner, [ranks[old] for old in left])
        case Reduce(dims=first, how=how) if how == instruction.how:
            rank = len(builder.shape(source.args[0]))
            left = [d for d in range(rank) if d not in first]
            dims = tuple(sorted((*first, *(left[d] for d in instruction.dims))))
            return builder.reduce(source.args[0], dims, how)
    return None


def _expand_last(builder: Builder, instruction: Instruction) -> int | None:
    match instruction:
        case Add():
            return _expand_after_sum(builder, instruction)
        case Mul():
            return _expand_in_product(builder, instruction)
        case Pointwise() | Scale() | Shift() if builder.stages[instruction.args[0]] is Stage.BATCH:
            return _expand_after_function(builder, instruction)
    return None


def _expand_in_product(builder: Builder, product: Mul) -> int | None:
    """A factor that is repeated along an axis of the other is multiplied as it is."""
    match tuple(builder.instructions[arg] for arg in product.args):
        case (Expand(args=(a,), dim=dim, size=size), Expand(args=(b,), dim=at, size=same)) if (
            dim == at and size == same
        ):
            return builder.expand(builder.mul(a, b), dim, size)
    first, second = product.args
    left = _unrepeated(builder, first, builder.shape(second))
    right = _unrepeated(builder, second, builder.shape(left))
    return None if (left, right) == (first, second) else builder.mul(left, right)


def _unrepeated(builder: Builder, x: int, other: Shape) -> int:
    """x without the repetitions along axes that ``other`` has at full size (they get size 1)."""
    source = builder.instructions[x]
    if not isinstance(source, Expand):
        return x
    rest = tuple(size for k, size in enumerate(other) if k != source.dim)
    inner = _unrepeated(builder, source.args[0], rest)
    return builder.expand(inner, source.dim, 1 if source.size == other[source.dim] else source.size)


def _expand_after_function(builder: Builder, instruction: Pointwise | Scale | Shift) -> int | None:
    """Apply the function below a repetition, past the views that lie between."""
    views: list[Instruction] = []
    register = instruction.args[0]
    while isinstance(builder.instructions[register], Permute | Reshape):
        views.append(builder.instructions[register])
        register = builder.instructions[register].args[0]
    source = builder.instructions[register]
    if not isinstance(source, Expand):
        return None
    result = builder.emit(replace(instruction, args=source.args))
    result = builder.emit(replace(source, args=(result,)))
    for view in reversed(views):
        result = builder.emit(replace(view, args=(result,)))
    return result


def _expand_after_sum(builder: Builder, instruction: Add) -> int | None:
    """Terms that end in the same repetition or view share it: f(a) + f(b) = f(a + b)."""
    groups: dict[object, list[int]] = defaultdict(list)
    for arg in instruction.args:
        groups[_linear_tail(builder, arg)].append(arg)
    if all(tail is None or len(members) == 1 for tail, members in groups.items()):
        return None
    terms: list[int] = []
    for tail, members in groups.items():
        if tail is None or len(members) == 1:
            terms.extend(members)
            continue
        inner = builder.add(*(builder.instructions[member].args[0] for member in members))
        view = builder.instructions[members[0]]
        terms.append(builder.emit(replace(view, args=(inner, *view.args[1:]))))
    return builder.add(*terms)


def _linear_tail(builder: Builder, register: int) -> object:
    """A key that is equal for results ending in the same linear map of equal arguments' shapes."""
    instruction = builder.instructions[register]
    match instruction:
        case Expand() | Permute() | Reshape() | DiagonalEmbed():
            return replace(instruction, args=()), builder.shape(instruction.args[0])
        case Take(args=(x, index)):
            return replace(instruction, args=(index,)), builder.shape(x)
    return None


def _below(builder: Builder, register: int, lead: int) -> int | None:
    """What is repeated along all of the first ``lead`` axes, if that is what it is."""
    while lead:
        step = builder.instructions[register]
        if not (isinstance(step, Expand) and step.dim < lead):
            return None
        register, lead = step.args[0], lead - 1
    return register


def _fuse_bias(builder: Builder, instruction: Instruction) -> int | None:
    if not isinstance(instruction, Add):
        return None
    for host in instruction.args:
        view = builder.instructions[host]
        inner = view.args[0] if isinstance(view, Reshape) else host
        linear = builder.instructions[inner]
        if not (isinstance(linear, Linear) and len(linear.args) == 2):
            continue
        lead = len(builder.shape(inner)) - 1
        if builder.stages[host] is not Stage.BATCH:
            continue
        if builder.shape(host)[:lead] != builder.shape(inner)[:lead]:
            continue
        for bias in instruction.args:
            core = _below(builder, bias, lead)
            if core is not None and builder.stages[core] is Stage.PARAMETER:
                fused = builder.linear(*linear.args, builder.flatten(core))
                fused = builder.reshape(fused, builder.shape(host))
                rest = [arg for arg in instruction.args if arg not in (host, bias)]
                return builder.add(fused, *rest)
    return None
