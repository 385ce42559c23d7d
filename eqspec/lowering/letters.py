"""What a word does to a tensor in double precision, for validation and the tests.

In: a representation and a word in the generators of its factors. Out: an exact image, or a matrix of
floats where a letter is a one-parameter group: the letter J stands for exp(t J) with one t for each
group and generator, the same on every representation, which no simple multiple of pi is.
"""

from __future__ import annotations

import math
from functools import lru_cache, reduce

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra.averages import FWord, evaluate_any
from eqspec.algebra.groups import Group
from eqspec.algebra.images import AffineMap, AnyImage, Infinitesimal, Matrix
from eqspec.algebra.representations import Representation
from eqspec.program.acting import floats

Array = NDArray[np.float64]
STEP = math.sqrt(2) - 1  # t times the largest row sum of A


@lru_cache(maxsize=4096)
def moved_by(rep: Representation, word: FWord) -> AnyImage | Array:
    """The action of a word (letters left to right are a product)."""
    own = [letter for letter in word if letter[0] in rep.factors]
    tangents = [isinstance(rep.any_image(f, g), Infinitesimal) for f, g, _ in own]
    if not any(tangents):
        return evaluate_any(rep, word)
    matrices = [
        exponential(rep, f, g, e) if tangent else floats(evaluate_any(rep, ((f, g, e),)))
        for (f, g, e), tangent in zip(own, tangents, strict=True)
    ]
    return reduce(np.matmul, matrices)


def condition(rep: Representation, word: FWord) -> float:
    """The condition number of a word; 1 for signed permutations. Of a motion that of its linear part:
    errors are differences."""
    image = moved_by(rep, word)
    if isinstance(image, AffineMap):
        image = image.linear
    if isinstance(image, Matrix):
        image = floats(image)
    return float(np.linalg.cond(image)) if isinstance(image, np.ndarray) else 1.0


def exponential(rep: Representation, factor: str, generator: int, times: int = 1) -> Array:
    """exp(times t A) for the A that the generator has on this representation."""
    image = rep.any_image(factor, generator)
    if not isinstance(image, Infinitesimal):
        return np.eye(rep.degree)
    rows = np.array([[float(v) for v in row] for row in image.rows])
    return _expm(times * parameter(rep.group(factor), generator) * rows)


def parameter(group: Group, generator: int) -> float:
    """The t for which a generator of the algebra stands in tests."""
    image = group.model[generator]
    assert isinstance(image, Infinitesimal)
    return STEP / max(sum(abs(float(v)) for v in row) for row in image.rows)


def _expm(a: Array) -> Array:
    """Taylor's series, by scaling and squaring."""
    size = float(np.abs(a).sum(axis=1).max())
    squarings = max(0, math.ceil(math.log2(size / 0.5))) if size else 0
    small = a / 2**squarings
    total = term = np.eye(len(a))
    for k in range(1, 20):
        term = term @ small / k
        total = total + term
    for _ in range(squarings):
        total = total @ total
    return np.asarray(total)
