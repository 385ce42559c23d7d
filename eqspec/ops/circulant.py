"""Blocks of circulant matrices: the discrete Fourier transform of their first row.

A map that commutes with the shifts of an axis is a circulant matrix; the transform makes it a complex number
for every frequency, the conjugate of the transform of its first row. So the blocks of a linear map over a long
cyclic axis come from its free weights in n log n steps, and no table of n^2 coefficients is written.

Source: Davis, Circulant Matrices (1979), 3.2.
"""

from __future__ import annotations

import numpy as np

from eqspec.algebra.bases import DenseBasis, OrbitBasis
from eqspec.ops.coordinates import Spectrum
from eqspec.program.builder import Builder


def is_circulant(basis: OrbitBasis | DenseBasis, target: Spectrum, source: Spectrum) -> bool:
    """Is basis map k the shift by k, between two axes that are transformed by `Fourier`?"""
    if not (isinstance(basis, OrbitBasis) and target.is_fourier and source.is_fourier):
        return False
    places = np.arange(basis.shape[0])
    return bool(
        basis.shape[0] == basis.shape[1]
        and (basis.signs == 1).all()
        and (basis.labels == (places - places[:, None]) % len(places)).all()
    )


def complex_blocks(b: Builder) -> int:
    """Of shape (2, W', W): what the two numbers of a frequency do to a real and an imaginary part. The second
    is the imaginary part of the conjugate."""
    table = np.array([[[1, 0], [0, 1]], [[0, 1], [-1, 0]]])
    return b.number(table, "a complex number as a matrix")
