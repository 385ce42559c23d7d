"""Which clusters are lowered by diagrams, and what remains of a pair when one is taken off it.

In: two blocks. Out: a `Drawing`, or None where matrices do as well. Pure Python: `check` bounds sizes by
it. `contractions` makes the instructions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from eqspec.algebra.diagrams import DiagramBasis, Pattern, diagram_basis
from eqspec.algebra.matchings import Contraction, Insertion, TensorBasis, tensor_basis
from eqspec.algebra.representations import Representation
from eqspec.graph.types import Axis, Block, PlainAxis, RepAxis
from eqspec.limits import limits
from eqspec.ops.clusters import Pair, Part, axis_size, pair_of, representation

TargetPattern: TypeAlias = Pattern | Insertion
SourcePattern: TypeAlias = Pattern | Contraction

# A diagram takes a step or two, and a step some microseconds: so long as the weight has fewer entries
# than this for each diagram, one product of matrices is quicker (see docs/decisions/0010-diagrams.md).
WORTH = 2**13
LONG_TABLE = 2**8  # entries of a table that is rather replaced by steps


@dataclass(frozen=True)
class Drawing:
    """A pair of blocks, its composite axes split into their tensor factors, and the cluster that is
    lowered by diagrams."""

    source: Block
    target: Block
    each: tuple[str, ...]
    part: Part
    basis: DiagramBasis | TensorBasis
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
    def source_rest(self) -> tuple[Axis, ...]:
        """The other axes of the source."""
        return _others(self.source, self.part.source, self.source_legs)

    @property
    def target_rest(self) -> tuple[Axis, ...]:
        return _others(self.target, self.part.target, self.target_legs)

    def remaining(self, target: TargetPattern, count: int) -> Pair:
        """What is left to map for one target pattern from this many reduced sources."""
        start = len(self.each)  # a cluster that was drawn before has legs among them
        through = tuple(PlainAxis(self.size, f"~{start + k}") for k in range(len(target.through)))
        names = (*(axis.name or "" for axis in through), *self.each)
        rest = list(self.source_rest)
        place = stacking_place(rest, self.each)
        if count > 1 and place is None:
            rest.append(PlainAxis(count))
        elif count > 1 and place is not None:
            rest[place] = PlainAxis(count * rest[place].shape[0])
        return pair_of(
            Block((*through, *rest)),
            Block((*through, *self.target_rest)),
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
        sides = (
            tuple(representation(pair.source, k) for k in part.source),
            tuple(representation(pair.target, k) for k in part.target),
        )
        basis = diagram_basis(*sides) or tensor_basis(*sides)
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
    if isinstance(drawing.basis, TensorBasis):  # a matrix would be made of tables of real numbers
        return True
    part = next(
        p for p in (*whole.shared, *whole.invariant, *whole.symmetric) if p.factors == factors
    )
    rows, columns = whole.middle_shape
    labels = math.prod(axis_size(whole.source, k) for k in part.source)
    labels *= math.prod(axis_size(whole.target, k) for k in part.target)
    if rows * columns > limits().weight_entries or labels > limits().table_entries:
        return True
    if not (part.source and part.target):  # a table with an entry for every tuple of points
        return labels > drawing.size and labels >= LONG_TABLE
    worth = rows * columns >= WORTH * drawing.basis.dimension
    return worth and work_of(drawing) <= 2 * rows * columns


def work_of(drawing: Drawing) -> int:
    """FLOPs of the contractions of points for one sample, `each` axes left out: products, reductions,
    sums."""
    n, basis = drawing.size, drawing.basis
    width = _numbers(a for a in drawing.source_rest if _counts(a, drawing.each))
    height = _numbers(a for a in drawing.target_rest if _counts(a, drawing.each))
    total: int = 0
    patterns: set[SourcePattern] = set()
    for pattern, sources in basis.by_target:
        total += 2 * n ** len(pattern.through) * len(sources) * width * height
        total += n**basis.targets * height
        patterns.update(sources)
    return total + len(patterns) * int(n**basis.sources) * width


def largest_weight(drawing: Drawing) -> int:
    """Entries of the largest matrix that mixes channels."""
    found = 0
    for pattern, sources in drawing.basis.by_target:
        rows, columns = drawing.remaining(pattern, len(sources)).middle_shape
        found = max(found, rows * columns)
    return found


def largest_stack(drawing: Drawing) -> int:
    """Numbers of the largest feature between source and target, for one sample."""
    width = _numbers(drawing.source_rest)
    return max(
        int(drawing.size ** len(pattern.through)) * len(sources) * width
        for pattern, sources in drawing.basis.by_target
    )


def _numbers(axes: Iterable[Axis]) -> int:
    return math.prod(math.prod(axis.shape) for axis in axes)


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


def _others(block: Block, part: Sequence[int], legs: Sequence[int]) -> tuple[Axis, ...]:
    """The axes that are no legs; what else belongs to the cluster (a sign, a determinant) is accounted
    for by its basis, and is left as an axis of size 1."""
    return tuple(
        PlainAxis(1) if k in part else axis for k, axis in enumerate(block.axes) if k not in legs
    )
