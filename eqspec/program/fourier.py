"""The discrete Fourier transform of a cyclic axis as one instruction, and the way back.

In: an array of real numbers. Out: its coordinates in the orthonormal basis of cosines and sines. Of n entries
they are n real numbers, in this order: the mean times the root of n; the real and the imaginary part of every
frequency below n/2, times the root of 2; the part of frequency n/2 if n is even. That is the orthogonal
matrix of `algebra.isotypic` for the axis of a cyclic group, in n log n steps.

Source: Cooley and Tukey, An algorithm for the machine calculation of complex Fourier series (1965).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2, prod, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Fourier:
    """x along ``dim`` becomes its n coordinates, which are dimension 0 of the result."""

    args: tuple[int, ...]
    dim: int


@dataclass(frozen=True)
class FourierBack:
    """Dimension 0 of x holds n coordinates; the n entries are dimension ``dim`` of the result."""

    args: tuple[int, ...]
    dim: int


Transform = Fourier | FourierBack


def transformed_shape(instruction: Transform, x: Shape) -> Shape:
    """The shape of the result. AssertionError where the operand does not fit."""
    dim = instruction.dim
    assert 0 <= dim < len(x), (instruction, x)
    if isinstance(instruction, Fourier):
        return (x[dim], *x[:dim], *x[dim + 1 :])
    return (*x[1 : dim + 1], x[0], *x[dim + 1 :])


def transform_flops(n: int, shape: Shape) -> int:
    """2.5 n log2(n) for every real transform of n entries, and two scalings."""
    return round((2.5 * log2(max(n, 2)) + 2) * prod(shape))


def run_transform(instruction: Transform, x: NDArray[np.float64], lead: int) -> NDArray[np.float64]:
    """In NumPy, on an array with ``lead`` dimensions in front."""
    import numpy as np

    if isinstance(instruction, Fourier):
        x = np.moveaxis(x, instruction.dim + lead, -1)
        n = x.shape[-1]
        spectrum = np.fft.rfft(x, norm="ortho")
        both = np.stack([spectrum.real, spectrum.imag], axis=-1).reshape(*x.shape[:-1], -1)
        even = 1 - n % 2
        parts = [
            both[..., :1],
            sqrt(2) * both[..., 2 : n + 1 - even],
            both[..., n + 1 - even : n + 1],
        ]
        return np.moveaxis(np.concatenate(parts, axis=-1), -1, lead)
    y = np.moveaxis(x, lead, -1)
    n = y.shape[-1]
    even = 1 - n % 2
    nothing = np.zeros_like(y[..., :1])
    parts = [y[..., :1], nothing, sqrt(0.5) * y[..., 1 : n - even], y[..., n - even :]]
    both = np.concatenate(parts + [nothing] * even, axis=-1)
    pairs = both.reshape(*y.shape[:-1], -1, 2)
    found: NDArray[np.float64] = np.fft.irfft(pairs[..., 0] + 1j * pairs[..., 1], n, norm="ortho")
    return np.moveaxis(found, -1, instruction.dim + lead)


def is_transform(matrix: NDArray[np.float64]) -> bool:
    """Is this the matrix by which `Fourier` multiplies, to rounding?"""
    import numpy as np

    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 2:
        return False
    own = run_transform(Fourier((0,), 0), np.eye(len(matrix)), 0)
    return bool(np.abs(own - matrix).max() < 1e-12)
