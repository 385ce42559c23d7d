"""`layer_norm` and `rms_norm` of features in irreducible coordinates.

These are orthonormal, so squares add up over the pieces of a feature. The mean is a product with the vector of
ones, which is divided by as many entries; in these coordinates it has entries in few pieces (one, where the
group permutes the entries transitively), and taking off the mean changes those alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from eqspec.graph.model import Node
from eqspec.graph.types import Type
from eqspec.ops.contract import LoweringSite, Registers
from eqspec.ops.coordinates import EXACT, LETTERS, Coordinates, Frame, Piece
from eqspec.ops.normalise import Normalisation, affine_sizes, lower_block, parameter, suffix_of


def over(node: Node, types: tuple[Type, ...], frame: Frame) -> bool:
    """Do all replaced axes share a statistic, by sums of squares?"""
    data = node.data
    assert isinstance(data, Normalisation)
    if data.joint:
        return False
    return all(
        k in dict(forms) and all(form.is_identity for _, form in forms)
        for coordinates, forms in zip(frame.of_type(types[0]), data.forms, strict=True)
        for k in coordinates.axes
    )


def lower(site: LoweringSite) -> Registers:
    assert site.frame is not None
    results: list[int] = []
    at = 0
    for number, block in enumerate(site.types[0].blocks):
        to = site.frame.of(block)
        xs = site.args[0][at : at + len(to.pieces)]
        at += len(xs)
        if to.axes:
            results += _Block(site, number, to).lower(xs)
        else:
            results.append(lower_block(site, number, xs[0], block))
    return tuple(results)


@dataclass(frozen=True)
class _Block:
    """One block, some of whose axes are replaced."""

    site: LoweringSite
    number: int
    to: Coordinates

    @property
    def data(self) -> Normalisation:
        data = self.site.node.data
        assert isinstance(data, Normalisation)
        return data

    @property
    def along(self) -> list[int]:
        """The axes that share a statistic."""
        return [k for k, _ in self.data.forms[self.number]]

    def lower(self, registers: Registers) -> list[int]:
        b, data, to = self.site.builder, self.data, self.to
        xs = [
            b.reshape(x, (*piece.lead, *to.sizes(to.others)))
            for piece, x in zip(to.pieces, registers, strict=True)
        ]
        units = [self._ones(piece) for piece in to.pieces]
        if data.centre:
            xs = self._centred(xs, units)
        squares = [
            b.reduce(b.pointwise(x, "square"), self._dims(piece), "sum")
            for piece, x in zip(to.pieces, xs, strict=True)
        ]
        mean = b.scale(b.add(*squares), 1 / math.prod(to.sizes(self.along)))
        times = b.reshape(b.pointwise(b.shift(mean, data.eps), "rsqrt"), self._view())
        if data.weight:  # before the feature, which is larger
            times = b.mul(times, self._affine("weight", 1.0))
        results = []
        for piece, x, shape, unit in zip(to.pieces, xs, to.shapes, units, strict=True):
            ones = (1,) * len(piece.lead)
            y = b.mul(x, b.reshape(times, (*ones, *b.shape(times))))
            if data.biases[self.number] and unit is not None:
                bias = self._affine("bias", 0.0)
                bias = self._spread(bias, piece, unit)
                for dim, size in enumerate(b.shape(y)):
                    if b.shape(bias)[dim] != size:
                        rest = [n for k, n in enumerate(b.shape(bias)) if k != dim]
                        bias = b.expand(b.reshape(bias, rest), dim, size)
                y = b.add(y, bias)
            results.append(b.reshape(y, shape))
        return results

    def _dims(self, piece: Piece) -> list[int]:
        front = len(piece.lead)
        others = [front + n for n, k in enumerate(self.to.others) if k in self.along]
        return [*range(front), *others]

    def _view(self) -> list[int]:
        """The shape of a statistic beside the other axes."""
        others = self.to.others
        sizes = self.to.sizes(others)
        return [1 if k in self.along else n for k, n in zip(others, sizes, strict=True)]

    def _affine(self, word: str, start: float) -> int:
        block = self.to.block
        sizes = affine_sizes(block)
        spans = [sizes[first : first + n] for first, n in block.dims]
        name = f"{word}{suffix_of(self.site, self.number)}"
        free = parameter(self.site, name, sizes, start)
        return self.site.builder.reshape(free, [math.prod(spans[k]) for k in self.to.others])

    def _ones(self, piece: Piece) -> NDArray[np.float64] | None:
        """The coordinates of the vector of ones in a piece, of shape (K, D, W); None where it is 0."""
        parts = []
        for slot, spectrum in zip(piece.slots, self.to.spectra, strict=True):
            parts.append(spectrum.rows(slot).sum(axis=-1))
        found = reduce(np.multiply.outer, parts)
        n = len(parts)
        found = found.transpose([3 * k + part for part in range(3) for k in range(n)])
        return found.reshape(piece.lead) if np.abs(found).max() > EXACT else None

    def _centred(self, xs: list[int], units: list[NDArray[np.float64] | None]) -> list[int]:
        """Every x less its mean, which is a number for every index that has a statistic of its own."""
        b, to = self.site.builder, self.to
        sums = []
        for piece, x, unit in zip(to.pieces, xs, units, strict=True):
            if unit is None:
                continue
            dims = [d for d in self._dims(piece) if d >= len(piece.lead)]
            x = b.reduce(x, dims, "sum")
            if unit.shape:
                letters = LETTERS[: len(b.shape(x))]
                lead = letters[: unit.ndim]
                table = b.real(unit, "the vector of ones in irreducible coordinates")
                x = b.einsum(f"{lead},{letters}->{letters[unit.ndim :]}", table, x)
            else:
                x = b.scale(x, float(unit))
            sums.append(x)
        mean = b.scale(b.add(*sums), 1 / math.prod(to.sizes(self.along)))
        mean = b.reshape(mean, self._view())
        return [
            x if unit is None else b.subtract(x, self._spread(mean, piece, unit))
            for piece, x, unit in zip(to.pieces, xs, units, strict=True)
        ]

    def _spread(self, x: int, piece: Piece, unit: NDArray[np.float64]) -> int:
        """The vector of ones times x, which has the other axes."""
        b = self.site.builder
        if not unit.shape:
            return b.scale(x, float(unit))
        letters = LETTERS[: len(piece.lead) + len(b.shape(x))]
        lead, rest = letters[: unit.ndim], letters[unit.ndim :]
        table = b.real(unit, "the vector of ones in irreducible coordinates")
        return b.einsum(f"{lead},{rest}->{letters}", table, x)
