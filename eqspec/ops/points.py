"""The steps of a diagram of points (`algebra.diagrams`): diagonals, means, repetitions.

Free legs of the source are averaged rather than summed, so that features keep their size at every number
of points; that is a change of scale of the basis. No constant depends on that number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eqspec.algebra.diagrams import DiagramBasis, Legs, Pattern
from eqspec.ops.drawing import Drawing

if TYPE_CHECKING:
    from eqspec.program.builder import Builder

WORDS = {0: "scalars", 1: "points", 2: "pairs", 3: "triples"}  # features with so many legs
LETTERS = "ijklmnop"
OTHERS = "abcdefghqrstuvwxyz"


def fan(basis: DiagramBasis) -> float:
    """How many source entries of full size an entry of the target is made of: means over many points are
    small, and every source leg may stand for any target leg."""
    return float(max(1, basis.targets**basis.sources))


def reduced(b: Builder, x: int, drawing: Drawing, pattern: Pattern) -> int:
    """One reduced source: axes for the blocks through, in order, then the other axes."""
    legs = drawing.source_legs
    layout = list(range(len(drawing.source.axes)))
    single = [legs[block[0]] for block in pattern.free if len(block) == 1]
    x = b.reduce(x, single, "mean")
    layout = [axis for axis in layout if axis not in single]
    rest = [axis for axis in layout if axis not in legs]
    joined = [block for block in pattern.free if len(block) > 1]
    order = [*pattern.through, *joined]
    if all(len(block) == 1 for block in order):
        wanted = [legs[block[0]] for block in order] + rest
        return b.permute(x, [layout.index(axis) for axis in wanted])
    letter = {legs[leg]: LETTERS[k] for k, block in enumerate(order) for leg in block}
    letter.update({axis: OTHERS[k] for k, axis in enumerate(rest)})
    outputs = [LETTERS[k] for k in range(len(order))] + [letter[axis] for axis in rest]
    x = b.einsum(f"{''.join(letter[axis] for axis in layout)}->{''.join(outputs)}", x)
    start = len(pattern.through)
    return b.reduce(x, range(start, start + len(joined)), "mean")


def expanded(b: Builder, drawing: Drawing, sums: Sequence[tuple[Pattern, int]]) -> list[int]:
    """The target in the order of its axes, a term for each set partition of its legs: repeated along the
    free blocks, then put on diagonals."""
    of_blocks: dict[tuple[Legs, ...], list[int]] = {}
    for pattern, y in sums:
        for place, block in enumerate(pattern.blocks):
            if block in pattern.free:
                y = b.expand(y, place, drawing.size)
        of_blocks.setdefault(pattern.blocks, []).append(y)
    return [_embed(b, b.add(*ys), drawing, blocks) for blocks, ys in of_blocks.items()]


def _embed(b: Builder, y: int, drawing: Drawing, blocks: tuple[Legs, ...]) -> int:
    """From axes for the blocks and then the other dimensions of the target to the target's order; blocks
    of several legs become diagonals."""
    final = target_order(drawing)
    layout = [("leg", block[0]) for block in blocks]
    layout += [(kind, k) for kind, k in final if kind == "other"]
    for block in blocks:
        for leg in block[1:]:
            first, new = ("leg", block[0]), ("leg", leg)
            order = sorted((axis for axis in layout if axis != first), key=final.index)
            y = b.permute(y, [layout.index(axis) for axis in (*order, first)])
            layout = sorted((*layout, new), key=final.index)
            y = b.diagonal_embed(y, sorted((layout.index(first), layout.index(new))))
    return b.permute(y, [layout.index(axis) for axis in final])


def target_order(drawing: Drawing) -> list[tuple[str, int]]:
    """The dimensions of the target, in order: its legs and the others, each numbered."""
    final: list[tuple[str, int]] = []
    others = 0
    for k, axis in enumerate(drawing.target.axes):
        if k in drawing.target_legs:
            final.append(("leg", drawing.target_legs.index(k)))
            continue
        for _ in axis.shape:
            final.append(("other", others))
            others += 1
    return final


# ---- words for the reader of the emitted code ----------------------------------------------------------


def note(pattern: Pattern) -> str:
    """`mean_j [i, j]`."""
    blocks = (*pattern.through, *pattern.free)
    letters = {leg: LETTERS[k] for k, block in enumerate(blocks) for leg in block}
    entry = "[" + ", ".join(letters[leg] for leg in sorted(letters)) + "]"
    over = "".join(LETTERS[k] for k in range(len(pattern.through), len(blocks)))
    return f"mean_{over} {entry}" if over else entry


def entry(target: Pattern) -> str:
    """The index of an entry: `ij`, or `ii` on the diagonal."""
    letters = {leg: LETTERS[k] for k, block in enumerate(target.blocks) for leg in block}
    return "".join(letters[leg] for leg in sorted(letters))


def origin(target: Pattern) -> str:
    """The indices on which it depends: `i`, or `all`."""
    letters = [LETTERS[k] for k, block in enumerate(target.blocks) if block in target.through]
    return "".join(letters) or "all"
