"""The lowering of `frame`: into the frames one after the other, the calls, and back out of them.

A frame of several elements adds one dimension in front of every block, its *candidates*; the sign
choices of principal axes. The base sees all candidates, and the way back takes their mean.
"""

from __future__ import annotations

import itertools
import math
import string
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from eqspec.graph.types import Block, Type
from eqspec.ops.contract import LoweringSite, Registers
from eqspec.ops.framing import Moved
from eqspec.ops.orbitchecks import shapes_for

if TYPE_CHECKING:
    from eqspec.ops.frames import Framing, Step
    from eqspec.program.builder import Builder

Back = Callable[[list[int]], list[int]]


def lower(site: LoweringSite) -> Registers:
    framing: Framing = site.node.data  # type: ignore[assignment]  # what the typing rule left
    blocks = [block for type_ in site.types for block in type_.blocks]
    xs = [x for registers in site.args for x in registers]
    counts: list[int] = []
    backs: list[Back] = []
    for step in framing.steps:
        enter = _sort if step.method == "sort" else _turn
        xs, back = enter(site, framing, step, blocks, xs, counts)
        backs.append(back)
        if step.frames > 1:
            counts.append(step.frames)
    ys = _call(site, framing, Type(tuple(blocks)), xs, counts)
    for back in reversed(backs):
        ys = back(ys)
    return tuple(ys)


def _call(
    site: LoweringSite, framing: Framing, source: Type, xs: list[int], counts: list[int]
) -> list[int]:
    """The answers of the base, as blocks of the target behind the candidates."""
    from eqspec.program.framed import CallBase

    b = site.builder
    base, target = framing.base, site.node.type
    accepts = shapes_for(source, [block for t in base.signature for block in t.blocks])
    returns = shapes_for(target, base.target.blocks)
    assert accepts is not None and returns is not None
    lead = (math.prod(counts),) if counts else ()
    if len(accepts) == len(xs):
        xs = [b.reshape(x, (*lead, *shape)) for x, shape in zip(xs, accepts, strict=True)]
    else:
        flat = [
            b.reshape(x, (*lead, block.size)) for x, block in zip(xs, source.blocks, strict=True)
        ]
        xs = [b.concat(flat, len(lead))]
    ys = list(b.call_base(CallBase(tuple(xs), base.name, math.prod(counts), returns)))
    if len(returns) != len(target.blocks):
        starts = itertools.accumulate((block.size for block in target.blocks), initial=0)
        ys = [
            b.narrow(ys[0], len(lead), start, block.size)
            for start, block in zip(starts, target.blocks, strict=False)
        ]
    shapes = target.shapes
    return [b.reshape(y, (*counts, *shape)) for y, shape in zip(ys, shapes, strict=True)]


# ---- rotations and motions ---------------------------------------------------------------------------------


def _turn(
    site: LoweringSite,
    framing: Framing,
    step: Step,
    blocks: Sequence[Block],
    xs: list[int],
    counts: list[int],
) -> tuple[list[int], Back]:
    from eqspec.program.framed import Axes

    b, lead = site.builder, len(counts)
    centre = None
    if step.centre is not None:
        moved = next(m for m in step.blocks[step.centre] if m.how == "point")
        x = xs[step.centre]
        others = [d for d in range(lead, len(b.shape(x))) if d != lead + moved.dim]
        centre = b.reduce(x, others, "mean")
        xs = [
            _shifted(b, x, moves, centre, lead, out=True)
            for x, moves in zip(xs, step.blocks, strict=True)
        ]
    rows = _rows(b, xs[step.source], lead, lead + step.row, last=True)
    n = b.shape(rows)[-1]
    if step.method == "gram_schmidt":
        first = b.narrow(rows, lead, 0, n - step.special)
        frame = b.emit(Axes((first,), "gram_schmidt", step.special, framing.detach))
    else:
        choices = [s for s in _signs(n) if not step.special or math.prod(s) > 0]
        signs = b.number(choices, "signs")
        frame = b.emit(Axes((rows, signs), "principal_axes", step.special, framing.detach))
    everything = (*step.blocks, *step.targets)
    signed = any(m.signed for moves in everything for m in moves)
    turned = [
        _turned(b, x, moves, frame, lead, step.frames, signed, into=True)
        for x, moves in zip(xs, step.blocks, strict=True)
    ]

    def back(ys: list[int]) -> list[int]:
        ys = [
            _turned(b, y, moves, frame, lead, step.frames, signed, into=False)
            for y, moves in zip(ys, step.targets, strict=True)
        ]
        if centre is None:
            return ys
        return [
            _shifted(b, y, moves, centre, lead, out=False)
            for y, moves in zip(ys, step.targets, strict=True)
        ]

    return turned, back


def _signs(n: int) -> list[tuple[int, ...]]:
    return list(itertools.product((1, -1), repeat=n))


def _rows(b: Builder, x: int, lead: int, dim: int, *, last: bool) -> int:
    """x as a matrix behind its leading dimensions, with ``dim`` as its columns, or as its rows."""
    shape = b.shape(x)
    others = [d for d in range(lead, len(shape)) if d != dim]
    count = math.prod(shape[d] for d in others)
    front = list(range(lead))
    order = [*front, *others, dim] if last else [*front, dim, *others]
    sizes = (count, shape[dim]) if last else (shape[dim], count)
    return b.reshape(b.permute(x, order), (*shape[:lead], *sizes))


def _shifted(
    b: Builder, x: int, moves: Sequence[Moved], centre: int, lead: int, *, out: bool
) -> int:
    """Take the centre off points, or give it back."""
    for moved in moves:
        if moved.how == "point":
            rank = len(b.shape(x))
            dims = [d for d in range(lead, rank) if d != lead + moved.dim]
            if out:
                return b.subtract(x, b.unsqueeze(centre, dims))
            for dim in dims:
                centre = b.expand(centre, dim, b.shape(x)[dim])
            return b.add(x, centre)
    return x


def _turned(
    b: Builder,
    x: int,
    moves: Sequence[Moved],
    frame: int,
    lead: int,
    frames: int,
    signed: bool,
    *,
    into: bool,
) -> int:
    """Into the frames: coordinates along their axes, one candidate a frame. Out of them: back to the
    old axes, and the mean over the candidates."""
    from eqspec.program.framed import Determinant

    turning = [m for m in moves if m.how in ("vector", "point")]
    mirrored = signed and sum(m.signed for m in moves) % 2 == 1
    if not turning and not mirrored:
        if frames == 1:
            return x
        return b.expand(x, lead, frames) if into else b.reduce(x, [lead], "mean")
    names = iter(string.ascii_lowercase)
    front = "".join(itertools.islice(names, lead))
    candidate = next(names) if frames > 1 else ""
    rank = len(b.shape(x)) - lead - (0 if into or frames == 1 else 1)
    old = list(itertools.islice(names, rank))
    new = list(old)
    operands, specs = [], []
    for moved in turning:
        new[moved.dim] = next(names)
        pair = (old[moved.dim], new[moved.dim]) if into else (new[moved.dim], old[moved.dim])
        operands.append(frame)
        specs.append(f"{front}{candidate}{''.join(pair)}")
    if mirrored:
        operands.append(b.emit(Determinant((frame,))))
        specs.append(f"{front}{candidate}")
    inner, outer = ("", candidate) if into else (candidate, "")
    spec = f"{front}{inner}{''.join(old)},{','.join(specs)}->{front}{outer}{''.join(new)}"
    y = b.einsum(spec, x, *operands)
    return y if into else b.scale(y, 1 / frames)


# ---- permutations --------------------------------------------------------------------------------------------


def _sort(
    site: LoweringSite,
    framing: Framing,
    step: Step,
    blocks: Sequence[Block],
    xs: list[int],
    counts: list[int],
) -> tuple[list[int], Back]:
    from eqspec.program.framed import InverseOrder, RowOrder, TakeRows

    del framing, blocks
    b, lead = site.builder, len(counts)
    rows = _rows(b, xs[step.source], lead, lead + step.row, last=False)
    order = b.emit(RowOrder((rows,), any(step.targets)))

    def taken(xs: list[int], moves: Sequence[Sequence[Moved]], order: int) -> list[int]:
        results: list[int] = []
        for x, moved in zip(xs, moves, strict=True):
            for m in moved:
                x = b.emit(TakeRows((x, order), lead + m.dim))
            results.append(x)
        return results

    def back(ys: list[int]) -> list[int]:
        if not any(step.targets):
            return ys
        return taken(ys, step.targets, b.emit(InverseOrder((order,))))

    return taken(xs, step.blocks, order), back
