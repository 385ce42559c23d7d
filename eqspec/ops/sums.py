"""A pair of blocks by sums over classes of points (`algebra.sums`): reduce, small products, repeat.

The free weights are those of the expanded weight, one for each orbit of index pairs and pair of channels, and
what the pieces need is computed from them where weights are expanded. Pieces of several clusters are multiplied
out; those with the same classes of the target share one product of matrices, their sources side by side.

In: a pair of blocks, its source with every invariant cluster reduced. Out: instructions; the caller repeats what
is symmetric.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from eqspec.algebra.blocksystems import Points
from eqspec.algebra.strides import Axes, Radix, radix_of
from eqspec.algebra.sums import Piece, Sums, orbit_sums, whole
from eqspec.ops.clusters import Pair, axis_size, representation

if TYPE_CHECKING:
    from eqspec.program.builder import Builder

MOST_TERMS = 64  # products of pieces
CLUSTERS = "abcdefgh"  # letters of the orbits of every cluster
PIECES = "ijklmnop"  # and of the weights of its pieces


def cluster_sums(pair: Pair) -> tuple[Sums, ...] | None:
    """The sums of every cluster with axes on both sides; None where the expanded weight is as good, or has
    no orbits."""
    if not 0 < len(pair.shared) <= len(CLUSTERS):
        return None
    ends = [
        (
            tuple(representation(pair.source, k) for k in part.source),
            tuple(representation(pair.target, k) for k in part.target),
        )
        for part in pair.shared
    ]
    sums = [orbit_sums(*end) for end in ends]
    if not any(sums):
        return None  # before `whole`, whose table has the square of the number of orbits
    found: list[Sums] = []
    for own, end in zip(sums, ends, strict=True):
        known = own or whole(*end)
        if known is None:
            return None
        found.append(known)
    if prod(len(own.pieces) for own in found) > MOST_TERMS:
        return None
    return tuple(found)


def lower_sums(
    b: Builder,
    pair: Pair,
    clusters: Sequence[Sums],
    x: int,
    inner: Sequence[int],
    outer: Sequence[int],
    free: int,
) -> int:
    """The map on x of shape (each ..., axes ``inner`` of the source and counts ...) to (each ..., axes ``outer``
    of the target, counts ...). ``free`` are the free weights, of as many numbers as `weight_of` draws; -1 in
    ``inner`` and ``outer`` is an axis of counts."""
    each = len(pair.source_each)
    shape = b.shape(x)
    sources = [part.source for part in pair.shared]
    x, channels = _together(b, x, each, inner, sources)
    outputs = [part.target for part in pair.shared]
    plain = [k for k in outer if not any(k in own for own in outputs)]
    rows = prod(b.shape(free)) // (channels * prod(int(own.change.shape[0]) for own in clusters))
    weights = _piece_weights(b, free, rows, channels, clusters)
    sides = [(_Side(own, "source"), _Side(own, "target")) for own in clusters]
    y = _Terms(b, sides, clusters, each, rows, channels).result(x, weights)
    # points of every cluster, then channels: to the order of the axes of the target
    layout = [*(k for own in outputs for k in own), *plain]
    counts = prod(axis_size(pair.target, k) for k in plain if k >= 0)
    sizes = [axis_size(pair.target, k) if k >= 0 else rows // counts for k in layout]
    y = b.reshape(y, [*shape[:each], *sizes])
    order = [layout.index(k) for k in outer]
    return b.permute(y, [*range(each), *(each + k for k in order)])


def _together(
    b: Builder, x: int, each: int, inner: Sequence[int], sources: Sequence[tuple[int, ...]]
) -> tuple[int, int]:
    """x of shape (each ..., points of every cluster ..., channels), and the number of channels."""
    shape = b.shape(x)
    acted = [k for own in sources for k in own]
    plain = [p for p, k in enumerate(inner) if k not in acted]
    order = [*(inner.index(k) for k in acted), *plain]
    x = b.permute(x, [*range(each), *(each + p for p in order)])
    points = [prod(shape[each + inner.index(k)] for k in own) for own in sources]
    channels = prod(shape[each + p] for p in plain)
    return b.reshape(x, [*shape[:each], *points, channels]), channels


def _piece_weights(b: Builder, free: int, rows: int, columns: int, clusters: Sequence[Sums]) -> int:
    """The weights of all products of pieces: (products, rows, columns). In this order each of them lies together,
    which products of matrices need."""
    orbits = [int(own.change.shape[0]) for own in clusters]
    letters = CLUSTERS[: len(clusters)]
    weights = b.reshape(free, (rows, columns, *reversed(orbits)))
    tables: list[int] = []
    specs = ["yz" + letters[::-1]]
    out = ""
    for k, own in enumerate(clusters):
        if own.is_plain:
            out += letters[k]
            continue
        out += PIECES[k]
        specs.append(letters[k] + PIECES[k])
        tables.append(b.number(own.change, "weights of the sums from those of the orbits"))
    made = b.einsum(f"{','.join([*specs[1:], specs[0]])}->{out}yz", *tables, weights)
    made = b.scale(made, 1 / prod(own.denominator for own in clusters))
    return b.reshape(made, (prod(orbits), rows, columns))


Key = tuple[tuple[int, ...], bytes]


def _key(array: Points) -> Key:
    return array.shape, array.tobytes()


@dataclass(frozen=True)
class _Orbit:
    """One orbit of points of a cluster: its points, and the axes that make its classes axes."""

    points: Points
    keys: tuple[Key, ...]
    arrays: tuple[Points, ...]  # in numbers of ``points``
    radix: Radix | None

    @property
    def sizes(self) -> tuple[int, ...]:
        return self.radix.sizes if self.radix else (len(self.points),)

    def number(self, members: Points) -> int:
        return self.keys.index(_key(members))


class _Side:
    """The source or the target of a cluster, orbit by orbit."""

    def __init__(self, sums: Sums, side: str) -> None:
        arrays = [getattr(piece, side) for piece in sums.pieces]
        self.orbit: list[int] = []  # of every piece
        groups: list[tuple[Points, dict[Key, Points]]] = []
        for array in arrays:
            points = np.unique(array)
            number = next(
                (k for k, (own, _) in enumerate(groups) if np.array_equal(own, points)), len(groups)
            )
            if number == len(groups):
                groups.append((points, {}))
            groups[number][1][_key(array)] = array
            self.orbit.append(number)
        self.orbits = tuple(
            _orbit(points, tuple(members), tuple(members.values())) for points, members in groups
        )
        self.arrays = arrays


def _orbit(points: Points, keys: tuple[Key, ...], arrays: tuple[Points, ...]) -> _Orbit:
    own = tuple(np.searchsorted(points, array) for array in arrays)
    return _Orbit(points, keys, own, radix_of(own, len(points)))


class _Terms:
    """The products of pieces, one for each cluster."""

    def __init__(
        self,
        b: Builder,
        sides: Sequence[tuple[_Side, _Side]],
        clusters: Sequence[Sums],
        each: int,
        rows: int,
        channels: int,
    ) -> None:
        self.b, self.sides, self.clusters, self.each = b, sides, clusters, each
        self.rows, self.channels = rows, channels
        self.starts = [np.cumsum([0, *(p.weights for p in own.pieces)]) for own in clusters]

    def result(self, x: int, weights: int) -> int:
        """(each ..., points of every cluster of the target ..., rows)."""
        groups: dict[tuple[Key, ...], list[tuple[int, ...]]] = {}
        numbers = [range(len(own.pieces)) for own in self.clusters]
        for term in product(*numbers):
            key = tuple(
                _key(target.arrays[k]) for (_, target), k in zip(self.sides, term, strict=True)
            )
            groups.setdefault(key, []).append(term)
        found: dict[tuple[int, ...], list[int]] = {}
        for terms in groups.values():
            where = tuple(
                target.orbit[k] for (_, target), k in zip(self.sides, terms[0], strict=True)
            )
            found.setdefault(where, []).append(self._group(x, weights, terms))
        sums = {where: self.b.add(*own) for where, own in found.items()}
        return self._joined(sums, ())

    def _joined(self, sums: dict[tuple[int, ...], int], where: tuple[int, ...]) -> int:
        """Orbits of the target side by side, cluster by cluster, their points in order."""
        b, k = self.b, len(where)
        if k == len(self.sides):
            orbits = [t.orbits[o] for (_, t), o in zip(self.sides, where, strict=True)]
            lead = b.shape(sums[where])[: self.each]
            return b.reshape(sums[where], (*lead, *(len(o.points) for o in orbits), self.rows))
        orbits = list(self.sides[k][1].orbits)
        parts = [self._joined(sums, (*where, o)) for o in range(len(orbits))]
        y = b.concat(parts, self.each + k)
        order = np.concatenate([o.points for o in orbits])
        if not np.array_equal(order, np.arange(len(order))):
            y = b.take(y, self.each + k, b.index(np.argsort(order), "place of every entry"))
        return y

    def _group(self, x: int, weights: int, terms: Sequence[tuple[int, ...]]) -> int:
        """The terms with one choice of classes of the target, repeated: (each ..., axes of the orbits of the
        target ..., rows)."""
        b = self.b
        reduced = [self._reduced(x, term) for term in terms]
        stacked = b.concat(reduced, len(b.shape(reduced[0])) - 1)
        tables = [self._labels(term) for term in terms]
        table = np.concatenate(tables, axis=1)  # (outputs, inputs of all terms)
        flat = table.reshape(-1)
        if np.array_equal(flat, np.arange(flat[0], flat[0] + len(flat))):
            weight = b.narrow(weights, 0, int(flat[0]), len(flat))
        else:
            weight = b.take(weights, 0, b.index(flat, "weights of the sums"))
        outputs, inputs = table.shape
        if len(flat) > 1:
            weight = b.reshape(weight, (outputs, inputs, self.rows, self.channels))
            weight = b.permute(weight, (0, 2, 1, 3))
        weight = b.reshape(weight, (outputs * self.rows, inputs * self.channels))
        return self._repeated(b.linear(stacked, weight), terms[0])

    def _labels(self, term: tuple[int, ...]) -> Points:
        """The number of the weight at every (output, input) of a product of pieces."""
        table = np.zeros((1, 1), dtype=np.int64)
        for own, starts, k in zip(self.clusters, self.starts, term, strict=True):
            labels = own.pieces[k].labels + starts[k]
            total = int(starts[-1])
            table = (table[:, None, :, None] * total + labels[None, :, None, :]).reshape(
                table.shape[0] * labels.shape[0], table.shape[1] * labels.shape[1]
            )
        return table

    def _reduced(self, x: int, term: tuple[int, ...]) -> int:
        """Sums over classes: (each ..., blocks of every cluster ..., inputs of all clusters and channels)."""
        b = self.b
        for k in reversed(range(len(term))):
            x = self._orbit_of(x, k, term[k])
        layout: list[tuple[str, int, int]] = [("each", 0, k) for k in range(self.each)]
        pieces = self._pieces(term)
        for k, (piece, (side, _)) in enumerate(zip(pieces, self.sides, strict=True)):
            orbit = side.orbits[side.orbit[term[k]]]
            at = len(layout)
            if orbit.radix is None:
                layout += [("block", k, 0), ("input", k, 0), ("add", k, 0)]
                index = orbit.arrays[orbit.number(piece.source)]
                x = b.take(x, at, b.index(index.reshape(-1), "entries, class by class"))
                shape = b.shape(x)
                x = b.reshape(x, (*shape[:at], *index.shape, *shape[at + 1 :]))
                continue
            axes = orbit.radix.axes[orbit.number(piece.source)]
            kinds: dict[int, tuple[str, int, int]] = {}
            for word, own in zip(("block", "input", "add"), axes, strict=True):
                kinds.update({axis: (word, k, n) for n, axis in enumerate(own)})
            layout += [kinds[axis] for axis in range(len(orbit.radix.sizes))]
            shape = b.shape(x)
            x = b.reshape(x, (*shape[:at], *orbit.radix.sizes, *shape[at + 1 :]))
        layout.append(("channel", 0, 0))
        x = b.reduce(x, [p for p, name in enumerate(layout) if name[0] == "add"], "sum")
        layout = [name for name in layout if name[0] != "add"]
        words = ("each", "block", "input", "channel")
        order = sorted(range(len(layout)), key=lambda p: (words.index(layout[p][0]), layout[p][1:]))
        x = b.permute(x, order)
        inputs = prod(int(piece.source.shape[1]) for piece in pieces)
        blocks = [int(piece.source.shape[0]) for piece in pieces if len(piece.source) > 1]
        return b.reshape(x, (*b.shape(x)[: self.each], *blocks, inputs * self.channels))

    def _orbit_of(self, x: int, k: int, piece: int) -> int:
        """x with the points of one orbit of cluster k alone."""
        side = self.sides[k][0]
        points = side.orbits[side.orbit[piece]].points
        if points[-1] - points[0] + 1 == len(points):
            return self.b.narrow(x, self.each + k, int(points[0]), len(points))
        return self.b.take(x, self.each + k, self.b.index(points, "one orbit"))

    def _repeated(self, y: int, term: tuple[int, ...]) -> int:
        """From (each ..., blocks ..., outputs of all clusters and rows) to all points of the orbits."""
        b, pieces = self.b, self._pieces(term)
        lead = b.shape(y)[: self.each]
        split: list[int] = []
        layout: list[tuple[int, int]] = [(-1, k) for k in range(self.each)]
        final = list(layout)
        missing: list[tuple[tuple[int, int], int]] = []
        found: list[tuple[Axes, Axes, Axes] | None] = []
        for k, (piece, (_, side)) in enumerate(zip(pieces, self.sides, strict=True)):
            orbit = side.orbits[side.orbit[term[k]]]
            radix = orbit.radix
            found.append(radix.axes[orbit.number(piece.target)] if radix else None)
        for which in (0, 1):  # blocks of all clusters, then outputs of all clusters
            for k, piece in enumerate(pieces):
                axes = found[k]
                if axes is None:
                    split.append(int(piece.target.shape[which]))
                    layout.append((k, -2 + which))
                    continue
                sizes = self._radix(k, term).sizes
                split += [sizes[axis] for axis in axes[which]]
                layout += [(k, axis) for axis in axes[which]]
        for k in range(len(pieces)):
            axes = found[k]
            if axes is None:
                final += [(k, -2), (k, -1)]
                continue
            sizes = self._radix(k, term).sizes
            final += [(k, axis) for axis in range(len(sizes)) if axis not in axes[2]]
            missing += [((k, axis), sizes[axis]) for axis in axes[2]]
        y = b.reshape(y, (*lead, *split, self.rows))
        y = b.permute(y, [*(layout.index(name) for name in final), len(layout)])
        for name, size in sorted(missing):
            place = sum(1 for other in final if other < name)
            y = b.expand(y, place, size)
            final.insert(place, name)
        for k, piece in enumerate(pieces):
            if found[k] is None:
                at = final.index((k, -2))
                shape = b.shape(y)
                y = b.reshape(y, (*shape[:at], shape[at] * shape[at + 1], *shape[at + 2 :]))
                final[at : at + 2] = [(k, 0)]
                side = self.sides[k][1]
                orbit = side.orbits[side.orbit[term[k]]]
                array = orbit.arrays[orbit.number(piece.target)]
                index = np.empty(len(orbit.points), dtype=np.int64)
                index[array] = np.arange(array.shape[0] * array.shape[1]).reshape(
                    *array.shape[:2], 1
                )
                if not np.array_equal(index, np.arange(shape[at] * shape[at + 1])):
                    y = b.take(y, at, b.index(index, "class of every entry"))
        return y

    def _radix(self, k: int, term: tuple[int, ...]) -> Radix:
        side = self.sides[k][1]
        radix = side.orbits[side.orbit[term[k]]].radix
        assert radix is not None
        return radix

    def _pieces(self, term: tuple[int, ...]) -> list[Piece]:
        return [own.pieces[k] for own, k in zip(self.clusters, term, strict=True)]
