"""The ways in which a linear map is lowered in given coordinates.

    weight     the expanded weight, picked from the free ones
    diagrams   contractions of points or tensors, where the static rule of `drawing` says so
    sums       sums over classes of points, where they span (`sums`); what has none stays as it is
    dense      the expanded weight of what is drawn by diagrams of points (`drawnweights`)

The free weights are the same in all. The first form of a layer is its reference.

In: the pairs of blocks of a layer. Out: the names of its forms.
"""

from __future__ import annotations

from collections.abc import Iterable

from eqspec.ops.clusters import Pair
from eqspec.ops.drawing import drawing_of
from eqspec.ops.drawnweights import has_matrix
from eqspec.ops.sums import cluster_sums


def forms_of(pairs: Iterable[Pair]) -> tuple[str, ...]:
    """The forms of a layer with these pairs, the reference first."""
    pairs = tuple(pairs)
    drawn = [pair for pair in pairs if drawing_of(pair.source, pair.target, pair.each) is not None]
    found = ["diagrams" if drawn else "weight"]
    if any(_has_sums(pair) for pair in pairs):
        found.append("sums")
    if drawn and all(has_matrix(pair) for pair in drawn):
        found.append("dense")
    return tuple(found)


def _has_sums(pair: Pair) -> bool:
    drawing = drawing_of(pair.source, pair.target, pair.each)
    if drawing is None:
        return cluster_sums(pair) is not None
    by_target = drawing.basis.by_target
    return any(_has_sums(drawing.remaining(target, len(own))) for target, own in by_target)
