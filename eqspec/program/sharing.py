"""A pass: a sum over many axes starts from the sum over some of them, where there is one.

    mean_ij x, where mean_j x is wanted too  ->  mean_i (mean_j x)

x is read once less. It comes last: `reduce_first` joins a reduction of a reduction into one, which is right
where nobody else wants the first.

In: a tensor program. Out: an equal one.
"""

from __future__ import annotations

import math
from dataclasses import replace

from eqspec.graph.sizes import is_dynamic
from eqspec.program.builder import Builder
from eqspec.program.folding import renamed
from eqspec.program.instructions import Program, Reduce, Stage

Dims = tuple[int, ...]


def share_reductions(program: Program) -> Program:
    """Reductions of one feature along nested sets of axes, one after the other."""
    along: dict[tuple[int, str], set[Dims]] = {}
    for number, step in enumerate(program.instructions):
        if isinstance(step, Reduce) and program.stages[number] is Stage.BATCH:
            along.setdefault((step.args[0], step.how), set()).add(step.dims)
    if all(len(dims) == 1 for dims in along.values()):
        return program
    builder = Builder()
    new: list[int] = []
    for step, owner in zip(program.instructions, program.owners, strict=True):
        moved = replace(step, args=tuple(new[arg] for arg in step.args))
        with builder.owner(owner):
            if isinstance(step, Reduce):
                known = along.get((step.args[0], step.how), set())
                new.append(_shared(builder, new[step.args[0]], step, known))
            else:
                new.append(builder.emit(moved))
    return renamed(program, builder, new)


def _shared(b: Builder, x: int, step: Reduce, known: set[Dims]) -> int:
    """The reduction of x, by way of the one among the ``known`` that leaves least to do."""
    shape = b.shape(x)
    inside = [dims for dims in known if set(dims) < set(step.dims)]
    if not inside or is_dynamic(*(shape[d] for d in step.dims)):
        return b.reduce(x, step.dims, step.how)
    first = max(inside, key=lambda dims: (math.prod(shape[d] for d in dims), dims))
    left = [d for d in range(len(shape)) if d not in first]
    inner = _shared(b, x, replace(step, dims=first), known)
    return b.reduce(inner, [left.index(d) for d in step.dims if d not in first], step.how)
