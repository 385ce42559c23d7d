"""Elements act on batches of arrays: for averages, canonicalisation and validation, in NumPy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra.images import (
    AffineMap,
    AnyImage,
    LatticeMap,
    Monomial,
    explicit,
    rows_of,
)
from eqspec.program.orbits import AxisMove

Array = NDArray[np.float64]


def fit(tensors: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """The same numbers as tensors of other shapes: one by one, or all flattened into one and back."""
    batch = tensors[0].shape[0]
    if len(tensors) == len(shapes):
        return [x.reshape((batch, *shape)) for x, shape in zip(tensors, shapes, strict=True)]
    flat = np.concatenate([x.reshape(batch, -1) for x in tensors], axis=1)
    ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
    pieces = np.split(flat, ends, axis=1)
    return [x.reshape((batch, *shape)) for x, shape in zip(pieces, shapes, strict=True)]


def apply(x: Array, moves: Sequence[AxisMove], g: int) -> Array:
    """Element g acts on a batch of tensors, axis by axis."""
    for move in moves:
        image = move.images[move.choice[g]]
        x = act(x, move.dim, move.width, image) if move.width else rename(x, image)
    return x


def rename(x: Array, image: AnyImage) -> Array:
    """``image`` permutes the values of a tensor of whole numbers."""
    monomial = explicit(image)
    assert isinstance(monomial, Monomial) and monomial.is_permutation, "it permutes values"
    moved: Array = np.array(monomial.images)[np.asarray(x, dtype=np.int64)]
    return moved


def act(x: Array, dim: int, width: int, image: AnyImage | Array) -> Array:
    """``image`` acts on the ``width`` dimensions of x from ``dim`` on (the batch not counted)."""
    shape = x.shape
    start = dim + 1
    if isinstance(image, AffineMap):
        shift = np.array([float(value) for value in image.shift])
        turned = act(x, dim, width, image.linear)
        return np.asarray(turned + shift.reshape(-1, *(1,) * (turned.ndim - start - 1)))
    if isinstance(image, LatticeMap):
        return _act_on_lattice(x, start, image).reshape(shape)
    size = math.prod(shape[start : start + width])
    flat = x.reshape((*shape[:start], size, *shape[start + width :]))
    if isinstance(image, Monomial):
        moved = np.empty_like(flat)
        if image.is_permutation:  # also of whole numbers
            moved[(slice(None),) * start + (np.array(image.images),)] = flat
            return moved.reshape(shape)
        signs = np.array(image.signs, dtype=np.float64)
        signs = signs.reshape(-1, *(1,) * (flat.ndim - start - 1))
        moved[(slice(None),) * start + (np.array(image.images),)] = flat * signs
    else:
        matrix = image if isinstance(image, np.ndarray) else floats(image)
        moved = np.moveaxis(np.tensordot(matrix, flat, axes=(1, start)), 0, start)
    return moved.reshape(shape)


def floats(image: AnyImage) -> Array:
    """The matrix of an image in double precision."""
    return np.array([[float(v) for v in row] for row in rows_of(image)])


def _act_on_lattice(x: Array, start: int, image: LatticeMap) -> Array:
    """A flip, a roll and a transposition of grid axes: nothing is listed point by point."""
    rank = len(image.shape)
    grid = x.reshape((*x.shape[:start], *image.shape, -1))
    for d, (sign, offset) in enumerate(zip(image.signs, image.offsets, strict=True)):
        if sign < 0:
            grid = np.flip(grid, start + d)
        shift = (offset + (sign < 0)) % image.shape[d]
        if shift:
            grid = np.roll(grid, shift, start + d)
    order = [start + image.axes.index(d) for d in range(rank)]
    return np.transpose(grid, (*range(start), *order, start + rank))
