"""Maps between tensor powers as contractions: reduce the source, mix channels, expand the target.

A cluster whose basis is one of diagrams (`drawing`) is peeled off a pair of blocks. For every target
pattern the source patterns that go with it are reduced and stacked along a plain axis; the legs that go
through become `each` axes of what remains, which is lowered like any other pair. Then the target is
expanded. How a side is reduced and expanded is said by `points` (diagonals and means, for the symmetric
groups) and by `tensors` (traces and forms, for matrix groups).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eqspec.algebra.diagrams import DiagramBasis, Pattern
from eqspec.algebra.matchings import Contraction, Insertion, TensorBasis
from eqspec.algebra.solver import RoutesDisagree
from eqspec.graph.types import Block
from eqspec.ops import points, tensors
from eqspec.ops.clusters import Pair, axis_size
from eqspec.ops.drawing import Drawing, SourcePattern, TargetPattern, stacking_place
from eqspec.program.instructions import Note

if TYPE_CHECKING:
    from eqspec.program.builder import Builder

Inner = Callable[["Builder", Pair, int, str, float], int | None]


@dataclass
class Spread:
    """What is to be expanded: for every drawn target its patterns, with the terms of each. Terms of
    different sources are added before they are expanded."""

    terms: dict[tuple[Block, tuple[int, ...], int], dict[TargetPattern, list[int]]] = field(
        default_factory=dict
    )
    drawings: dict[tuple[Block, tuple[int, ...], int], Drawing] = field(default_factory=dict)

    def add(self, drawing: Drawing, pattern: TargetPattern, register: int) -> None:
        key = (drawing.target, drawing.target_legs, drawing.size)
        self.drawings.setdefault(key, drawing)
        self.terms.setdefault(key, {}).setdefault(pattern, []).append(register)

    def close(self, b: Builder) -> list[int]:
        """The expanded targets, their axes in order."""
        results: list[int] = []
        for key, patterns in self.terms.items():
            sums = [(pattern, b.add(*registers)) for pattern, registers in patterns.items()]
            drawing = self.drawings[key]
            results += points.expanded(
                b, drawing, [(p, y) for p, y in sums if isinstance(p, Pattern)]
            )
            inserted = [(p, y) for p, y in sums if isinstance(p, Insertion)]
            results += tensors.expanded(b, drawing, inserted) if inserted else []
        return results


def fan_of_drawing(drawing: Drawing) -> float:
    """How many source entries an entry of the target is made of, for the initialisation."""
    match drawing.basis:
        case DiagramBasis() as basis:
            return points.fan(basis)
        case TensorBasis() as basis:
            return tensors.fan(basis)


def lower_drawing(
    b: Builder, drawing: Drawing, x: int, name: str, bound: float, spread: Spread, inner: Inner
) -> None:
    """The maps of one pair of blocks; ``inner`` lowers what remains of it.

    Raises:
        RoutesDisagree: fewer diagrams are independent than the characters count.
    """
    x = b.reshape(x, [axis_size(drawing.source, k) for k in range(len(drawing.source.axes))])
    if isinstance(drawing.basis, TensorBasis):
        x = tensors.raised(b, x, drawing)
    rest = drawing.source_rest
    place = stacking_place(rest, drawing.each)
    by_target = _by_target(drawing)
    for target, sources in by_target:
        reduced = [_reduced(b, x, drawing, pattern) for pattern in sources]
        through = len(target.through)
        if len(reduced) == 1:
            stacked = reduced[0]
        elif place is None:
            stacked = b.stack(reduced, through + len(rest), _note(sources))
        else:
            stacked = b.concat(reduced, through + place, _note(sources))
        pair = drawing.remaining(target, len(sources))
        term = inner(b, pair, stacked, name + suffix_of(target, drawing), bound)
        if term is not None:
            spread.add(drawing, target, term)


def lower_drawn_bias(
    drawing: Drawing, name: str, spread: Spread, inner: Callable[[Block, str], int | None]
) -> None:
    """A bias in the invariants: a vector of free weights for every diagram without sources."""
    rest = Block(drawing.target_rest)
    for target, _ in _by_target(drawing):
        term = inner(rest, name + (f"_{_entry(target)}" if drawing.target_legs else ""))
        if term is not None:
            spread.add(drawing, target, term)


def _by_target(
    drawing: Drawing,
) -> Sequence[tuple[TargetPattern, Sequence[SourcePattern]]]:
    try:
        return drawing.basis.by_target
    except ValueError as error:
        raise RoutesDisagree(str(error)) from error


def suffix_of(target: TargetPattern, drawing: Drawing) -> str:
    """What the name of the weights of a target pattern ends in."""
    if len(drawing.basis.by_target) == 1:
        return ""
    return f"_{_entry(target)}_from_{_origin(target)}"


def _reduced(b: Builder, x: int, drawing: Drawing, pattern: SourcePattern) -> int:
    match pattern:
        case Pattern():
            return points.reduced(b, x, drawing, pattern)
        case Contraction():
            return tensors.reduced(b, x, drawing, pattern)


def _note(sources: Sequence[SourcePattern]) -> Note:
    """What is laid side by side: `mean_j [i, j], mean_j [j, i], [i, i]`."""
    texts = [
        points.note(pattern) if isinstance(pattern, Pattern) else tensors.note(pattern)
        for pattern in sources
    ]
    text = ", ".join(texts)
    if len(text) > 70:
        text = ", ".join(texts[:3]) + f", and {len(texts) - 3} more"
    words = points.WORDS if isinstance(sources[0], Pattern) else tensors.WORDS
    return Note(words.get(len(sources[0].through), "tensors"), text)


def _entry(target: TargetPattern) -> str:
    return points.entry(target) if isinstance(target, Pattern) else tensors.entry(target)


def _origin(target: TargetPattern) -> str:
    return points.origin(target) if isinstance(target, Pattern) else tensors.origin(target)
