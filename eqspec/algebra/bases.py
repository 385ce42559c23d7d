"""Bases of spaces of linear maps: as signed orbits of index pairs, or as integer matrices.

In: labels and signs, or numerators. Out: sizes, dense arrays, Kronecker products. Shapes are
(out, in) for one map and (dimension, out, in) for a basis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra.nullspace import ENTRY_LIMIT, SolverTooLarge, rank_modulo
from eqspec.limits import limits

Labels: TypeAlias = NDArray[np.int64]
Signs: TypeAlias = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class OrbitBasis:
    """Basis map k has `signs[o, i]` where `labels[o, i] == k` and 0 elsewhere; label -1: always 0.

    Shapes: labels and signs (out, in). Orbits are numbered by their first entry, row-major, whose
    sign is +1; signs are 0 where the label is -1.
    """

    labels: Labels
    signs: Signs
    dimension: int

    def __len__(self) -> int:
        return self.dimension

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.labels.shape[0]), int(self.labels.shape[1])

    def dense(self) -> NDArray[np.float64]:
        """The basis as an array (dimension, out, in)."""
        return self.numerators.astype(np.float64)

    @property
    def numerators(self) -> NDArray[np.int64]:
        bounded(self.dimension, *self.shape)
        result = np.zeros((self.dimension, *self.shape), dtype=np.int64)
        o, i = np.nonzero(self.labels >= 0)
        result[self.labels[o, i], o, i] = self.signs[o, i]
        return result


@dataclass(frozen=True, eq=False)
class DenseBasis:
    """Basis maps as primitive integer matrices, shape (dimension, out, in)."""

    numerators: NDArray[np.int64]

    def __len__(self) -> int:
        return self.dimension

    @property
    def dimension(self) -> int:
        return int(self.numerators.shape[0])

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.numerators.shape[1]), int(self.numerators.shape[2])

    def dense(self) -> NDArray[np.float64]:
        """The basis as an array (dimension, out, in)."""
        return self.numerators.astype(np.float64)


Basis: TypeAlias = OrbitBasis | DenseBasis


def rank(basis: Basis) -> int:
    """How many of the basis maps are independent (modulo one prime, which proves it from below)."""
    if isinstance(basis, OrbitBasis):  # disjoint supports
        return len(np.unique(basis.labels[(basis.labels >= 0) & (basis.signs != 0)]))
    if not basis.dimension:
        return 0
    rows = [
        {int(k): int(row[k]) for k in np.flatnonzero(row)}
        for row in basis.numerators.reshape(basis.dimension, -1)
    ]
    return rank_modulo(rows, basis.shape[0] * basis.shape[1])


def numbered(labels: Labels, signs: Signs, shape: tuple[int, int]) -> OrbitBasis:
    """Orbits numbered by first occurrence, the sign of the first entry +1."""
    kept = np.flatnonzero(labels >= 0)
    _, first, inverse = np.unique(labels[kept], return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    result = np.full(labels.shape, -1, dtype=np.int64)
    result[kept] = rank[inverse]
    turned = np.zeros(labels.shape, dtype=np.int8)
    turned[kept] = signs[kept] * signs[kept][first][inverse]
    return OrbitBasis(result.reshape(shape), turned.reshape(shape), len(first))


def kron_bases(first: Basis, second: Basis) -> Basis:
    """The basis of a tensor product of two spaces of maps: all Kronecker products, the second
    running fastest (orbit bases: renumbered by first entry)."""
    if isinstance(first, OrbitBasis) and isinstance(second, OrbitBasis):
        labels = first.labels[:, None, :, None] * second.dimension + second.labels[None, :, None, :]
        signs = first.signs[:, None, :, None] * second.signs[None, :, None, :]
        shape = (first.shape[0] * second.shape[0], first.shape[1] * second.shape[1])
        labels = np.where(signs == 0, -1, labels).reshape(shape)
        return numbered(labels.reshape(-1), signs.reshape(-1).astype(np.int8), shape)
    a, b = first.numerators, second.numerators
    o, i = a.shape[1] * b.shape[1], a.shape[2] * b.shape[2]
    bounded(len(a) * len(b), o, i)
    if _largest(a) * _largest(b) >= ENTRY_LIMIT:
        raise SolverTooLarge("a basis vector has entries beyond 62 bits")
    return DenseBasis(np.einsum("aoi,bpj->abopij", a, b).reshape(len(a) * len(b), o, i))


def _largest(values: NDArray[np.int64]) -> int:
    return int(np.abs(values).max()) if values.size else 0


def bounded(count: int, o: int, i: int) -> None:
    if count * o * i > limits().basis_entries:
        raise SolverTooLarge(
            f"a dense basis of {count:,} maps of {o:,} x {i:,} entries:"
            f" at most {limits().basis_entries:,} numbers"
        )
