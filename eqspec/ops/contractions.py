"""Maps between tensor powers as contractions: reduce the source, mix channels, expand the target.

A cluster whose basis is one of diagrams (`algebra.diagrams`) is peeled off a pair of blocks. For every
target pattern the source patterns that go with it are reduced (diagonals, means, legs in order) and
stacked along a plain axis; the legs that go through become `each` axes of what remains, which is lowered
like any other pair. Then the target is expanded: repeated along its free blocks and put on diagonals.
Time and memory grow as n^max(k, l), and no constant depends on n.

Free legs of the source are averaged rather than summed, so that features keep their size at every n; that
is a change of scale of the basis.

`drawing_of` is the rule by which a cluster is lowered so. It is pure Python: `check` bounds sizes by it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from eqspec.algebra.diagrams import DiagramBasis, Pattern, diagram_basis
from eqspec.algebra.representations import Representation
from eqspec.graph.types import Axis, Block, PlainAxis, RepAxis
from eqspec.ops.clusters import Pair, Part, axis_size, pair_of, representation

if TYPE_CHECKING:
    from eqspec.program.builder import Builder
    from eqspec.program.instructions import Note

MAX_WEIGHT = 2**27
MAX_LABELS = 2**24
# A diagram takes a step or two, and a step some microseconds: so long as the weight has fewer entries
# than this for each diagram, one product of matrices is quicker (see docs/decisions/0010-diagrams.md).
WORTH = 2**13
LONG_TABLE = 2**8  # entries of a table that is rather replaced by steps
WORDS = {0: "scalars", 1: "points", 2: "pairs", 3: "triples"}  # features with so many legs
LETTERS = "ijklmnop"


@dataclass(frozen=True)
class Drawing:
    """A pair of blocks, its composite axes split into their tensor factors, and the cluster that is
    lowered by diagrams."""

    source: Block
    target: Block
    each: tuple[str, ...]
    part: Part
    basis: DiagramBasis
    source_legs: tuple[int, ...]
    target_legs: tuple[int, ...]

    @property
    def size(self) -> int:
        """The number of points, with its symbol if it has one."""
        block, legs = (
            (self.source, self.source_legs) if self.source_legs else (self.target, self.target_legs)
        )
        return representation(block, legs[0]).degree

    @property
    def fan(self) -> float:
        """How many source entries of full size an entry of the target is made of: means over many
        points are small, and every source leg may stand for any target leg."""
        return float(max(1, self.basis.targets**self.basis.sources))

    def remaining(self, target: Pattern, count: int) -> Pair:
        """What is left to map for one target pattern from this many reduced sources."""
        start = len(self.each)  # a cluster that was drawn before has legs among them
        through = tuple(PlainAxis(self.size, f"~{start + k}") for k in range(len(target.through)))
        names = (*(axis.name or "" for axis in through), *self.each)
        rest = list(_others(self.source, self.source_legs))
        place = stacking_place(rest, self.each)
        if count > 1 and place is None:
            rest.append(PlainAxis(count))
        elif count > 1 and place is not None:
            rest[place] = PlainAxis(count * rest[place].shape[0])
        return pair_of(
            Block((*through, *rest)),
            Block((*through, *_others(self.target, self.target_legs))),
            names,
        )


def stacking_place(rest: Sequence[Axis], each: Sequence[str]) -> int | None:
    """The channels along which reduced sources are laid side by side, if there are any."""
    places = [k for k, a in enumerate(rest) if isinstance(a, PlainAxis) and a.name not in each]
    return places[-1] if places else None


def drawing_of(
    source: Block, target: Block, each: Sequence[str] = (), *, wanted: bool = False
) -> Drawing | None:
    """The cluster of a pair to lower by diagrams, or None.

    Always where a size has a symbol or where no matrix could be built; otherwise where the diagrams
    take no more work than the expanded weight. ``wanted``: wherever it is possible.
    """
    return _drawing_of(source, target, tuple(each), wanted)


@lru_cache(maxsize=4096)
def _drawing_of(
    source: Block, target: Block, each: tuple[str, ...], wanted: bool
) -> Drawing | None:
    if not (source.factors or target.factors):
        return None
    whole = pair_of(source, target, each)
    pair = pair_of(split(source), split(target), each)
    for part in (*pair.shared, *pair.invariant, *pair.symmetric):
        basis = diagram_basis(
            [representation(pair.source, k) for k in part.source],
            [representation(pair.target, k) for k in part.target],
        )
        if basis is None:
            continue
        drawing = Drawing(
            pair.source,
            pair.target,
            each,
            part,
            basis,
            tuple(k for k in part.source if axis_size(pair.source, k) > 1),
            tuple(k for k in part.target if axis_size(pair.target, k) > 1),
        )
        if wanted or _has_symbol(drawing.size) or _is_worth(drawing, whole, part.factors):
            return drawing
    return None


def _has_symbol(size: int) -> bool:
    return type(size) is not int


def _is_worth(drawing: Drawing, whole: Pair, factors: tuple[str, ...]) -> bool:
    part = next(
        p for p in (*whole.shared, *whole.invariant, *whole.symmetric) if p.factors == factors
    )
    rows, columns = whole.middle_shape
    labels = math.prod(axis_size(whole.source, k) for k in part.source)
    labels *= math.prod(axis_size(whole.target, k) for k in part.target)
    if rows * columns > MAX_WEIGHT or labels > MAX_LABELS:
        return True
    if not (part.source and part.target):  # a table with an entry for every tuple of points
        return labels > drawing.size and labels >= LONG_TABLE
    worth = rows * columns >= WORTH * drawing.basis.dimension
    return worth and work_of(drawing) <= 2 * rows * columns


def work_of(drawing: Drawing) -> int:
    """FLOPs of the contractions for one sample, `each` axes left out: products, reductions, sums."""
    n, basis = drawing.size, drawing.basis
    source = _others(drawing.source, drawing.source_legs)
    target = _others(drawing.target, drawing.target_legs)
    width = math.prod(math.prod(a.shape) for a in source if _counts(a, drawing.each))
    height = math.prod(math.prod(a.shape) for a in target if _counts(a, drawing.each))
    total: int = 0
    patterns: set[Pattern] = set()
    for pattern, sources in basis.by_target:
        total += 2 * n ** len(pattern.through) * len(sources) * width * height
        total += n ** len(pattern.blocks) * height
        patterns.update(sources)
    reads = sum(1 for pattern in patterns if pattern.free)
    return total + reads * int(n**basis.sources) * width


def largest_weight(drawing: Drawing) -> int:
    """Entries of the largest matrix that mixes channels."""
    found = 0
    for pattern, sources in drawing.basis.by_target:
        rows, columns = drawing.remaining(pattern, len(sources)).middle_shape
        found = max(found, rows * columns)
    return found


def largest_stack(drawing: Drawing) -> int:
    """Numbers of the largest feature between source and target, for one sample."""
    width = math.prod(math.prod(a.shape) for a in _others(drawing.source, drawing.source_legs))
    return max(
        int(drawing.size ** len(pattern.through)) * len(sources) * width
        for pattern, sources in drawing.basis.by_target
    )


def _counts(axis: Axis, each: Sequence[str]) -> bool:
    return not (isinstance(axis, PlainAxis) and axis.name in each)


def split(block: Block) -> Block:
    """The block with every tensor product of representations as an axis for each of its factors."""
    axes: list[Axis] = []
    for axis in block.axes:
        terms = None if isinstance(axis, PlainAxis) else axis.rep.terms
        if terms is None or len(terms) != 1:
            axes.append(axis)
            continue
        for part in terms[0].axes:
            inner = PlainAxis(part) if isinstance(part, int) else _whole(part)
            axes.extend(inner if isinstance(inner, tuple) else (inner,))
    return Block(tuple(axes))


def _whole(part: Representation) -> Axis | tuple[Axis, ...]:
    return split(Block((RepAxis(part),))).axes if part.terms is not None else RepAxis(part)


def _others(block: Block, legs: Sequence[int]) -> tuple[Axis, ...]:
    """The other axes; a sign whose cluster is drawn is an axis of size 1."""
    return tuple(axis for k, axis in enumerate(block.axes) if k not in legs)


# ---- lowering ----------------------------------------------------------------------------------------

Inner = Callable[["Builder", Pair, int, str, float], int | None]


@dataclass
class Spread:
    """What is to be expanded: for every drawn target its patterns, with the terms of each. Terms of
    different sources are added before they are repeated or put on a diagonal."""

    terms: dict[tuple[Block, tuple[int, ...], int], dict[Pattern, list[int]]] = field(
        default_factory=dict
    )

    def add(self, drawing: Drawing, pattern: Pattern, register: int) -> None:
        key = (drawing.target, drawing.target_legs, drawing.size)
        self.terms.setdefault(key, {}).setdefault(pattern, []).append(register)

    def close(self, b: Builder) -> list[int]:
        """The expanded targets, their axes in order, one for each set partition of the legs."""
        results: list[int] = []
        for (target, legs, size), patterns in self.terms.items():
            of_blocks: dict[tuple[tuple[int, ...], ...], list[int]] = {}
            for pattern, registers in patterns.items():
                y = b.add(*registers)
                for place, block in enumerate(pattern.blocks):
                    if block in pattern.free:
                        y = b.expand(y, place, size)
                of_blocks.setdefault(pattern.blocks, []).append(y)
            for blocks, registers in of_blocks.items():
                results.append(_embed(b, b.add(*registers), target, legs, blocks))
        return results


def lower_drawing(
    b: Builder, drawing: Drawing, x: int, name: str, bound: float, spread: Spread, inner: Inner
) -> None:
    """The maps of one pair of blocks; ``inner`` lowers what remains of it."""
    source = drawing.source
    x = b.reshape(x, [axis_size(source, k) for k in range(len(source.axes))])
    rest = _others(source, drawing.source_legs)
    place = stacking_place(rest, drawing.each)
    for target, sources in drawing.basis.by_target:
        reduced = [_reduce(b, x, drawing, pattern) for pattern in sources]
        through = len(target.through)
        if len(reduced) == 1:
            stacked = reduced[0]
        elif place is None:
            stacked = b.stack(reduced, through + len(rest), _note(sources))
        else:
            stacked = b.concat(reduced, through + place, _note(sources))
        pair = drawing.remaining(target, len(sources))
        term = inner(b, pair, stacked, name + _suffix(target), bound)
        if term is not None:
            spread.add(drawing, target, term)


def lower_drawn_bias(
    drawing: Drawing, name: str, spread: Spread, inner: Callable[[Block, str], int | None]
) -> None:
    """A bias in the invariants, a vector of free weights for every set partition of the legs."""
    rest = Block(_others(drawing.target, drawing.target_legs))
    for target, _ in drawing.basis.by_target:
        term = inner(rest, name + (f"_{_entry(target)}" if target.blocks else ""))
        if term is not None:
            spread.add(drawing, target, term)


def _entry(target: Pattern) -> str:
    """The index of an entry: `ij`, or `ii` on the diagonal."""
    letters = {leg: LETTERS[k] for k, block in enumerate(target.blocks) for leg in block}
    return "".join(letters[leg] for leg in sorted(letters))


def _suffix(target: Pattern) -> str:
    if not target.blocks:
        return ""
    letters = [LETTERS[k] for k, block in enumerate(target.blocks) if block in target.through]
    return f"_{_entry(target)}_from_{''.join(letters) or 'all'}"


def _note(sources: Sequence[Pattern]) -> Note:
    """What is laid side by side: `mean_j [i, j], mean_j [j, i], [i, i]`."""
    from eqspec.program.instructions import Note

    texts = []
    for pattern in sources:
        blocks = (*pattern.through, *pattern.free)
        letters = {leg: LETTERS[k] for k, block in enumerate(blocks) for leg in block}
        entry = "[" + ", ".join(letters[leg] for leg in sorted(letters)) + "]"
        over = "".join(LETTERS[k] for k in range(len(pattern.through), len(blocks)))
        texts.append(f"mean_{over} {entry}" if over else entry)
    text = ", ".join(texts)
    if len(text) > 70:
        text = ", ".join(texts[:3]) + f", and {len(texts) - 3} more"
    return Note(WORDS.get(len(sources[0].through), "tuples"), text)


def _reduce(b: Builder, x: int, drawing: Drawing, pattern: Pattern) -> int:
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
    letter.update({axis: "abcdefghqrstuvwxyz"[k] for k, axis in enumerate(rest)})
    outputs = [LETTERS[k] for k in range(len(order))] + [letter[axis] for axis in rest]
    x = b.einsum(f"{''.join(letter[axis] for axis in layout)}->{''.join(outputs)}", x)
    start = len(pattern.through)
    return b.reduce(x, range(start, start + len(joined)), "mean")


def _embed(
    b: Builder, y: int, target: Block, legs: tuple[int, ...], blocks: tuple[tuple[int, ...], ...]
) -> int:
    """From axes for the blocks and then the other dimensions of the target to the target's order;
    blocks of several legs become diagonals."""
    final: list[tuple[str, int]] = []
    others = 0
    for k, axis in enumerate(target.axes):
        if k in legs:
            final.append(("leg", legs.index(k)))
            continue
        for _ in axis.shape:
            final.append(("other", others))
            others += 1
    layout = [("leg", block[0]) for block in blocks] + [("other", k) for k in range(others)]
    for block in blocks:
        for leg in block[1:]:
            first, new = ("leg", block[0]), ("leg", leg)
            order = sorted((axis for axis in layout if axis != first), key=final.index)
            y = b.permute(y, [layout.index(axis) for axis in (*order, first)])
            layout = sorted((*layout, new), key=final.index)
            y = b.diagonal_embed(y, sorted((layout.index(first), layout.index(new))))
    return b.permute(y, [layout.index(axis) for axis in final])
