"""Irreducible coordinates: every finite-dimensional orthogonal representation as a sum of irreducible ones.

In: an orthogonal representation of one finite group. Out: its real irreducible components and the
orthogonal matrix to coordinates in which every linear map that commutes with the group is block-diagonal.

Component i is rho_i, of degree d and with a commutant of dimension c (1, 2 or 4 for R, C, H), m times. Its
coordinates are ``copies`` = d / c times ``inner`` = m c, copies outermost, then the m, then the c. The promise:
for representations V, V' of the same group and any T with T V(g) = V'(g) T, the matrix Q' T Q^T is zero between
different components and between different copies, and its inner' x inner block is the same for every copy. The
reference forms of `reference` depend on the group alone, and the result is used only if Q V(g) Q^T is found to be
their sum, so that this is Schur's lemma.

Sources: Serre, Linear Representations of Finite Groups, 2.6, 2.7 (the operators p_ab) and 13.2 (the types).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import sqrt
from typing import TYPE_CHECKING, TypeAlias

from eqspec.algebra import images as im
from eqspec.algebra.groups import Group
from eqspec.algebra.images import Monomial
from eqspec.algebra.products import dihedral_size
from eqspec.algebra.reference import (
    RIGHT_UNITS,
    Irreducible,
    irreducibles,
    ordered_sum,
    turns,
)
from eqspec.algebra.representations import Representation
from eqspec.algebra.splitting import SPLITTING_LIMIT, table_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST_DEGREE = 1_024  # of a representation whose coordinates are computed
LARGEST_TABLE = 1 << 23  # numbers: the images of one point, or whole matrices, under all elements
TOLERANCE = 1e-11  # of the check at the end; what is found is nearer by far


@dataclass(frozen=True)
class Component:
    """An irreducible component: ``copies`` times ``inner`` coordinates."""

    name: str
    degree: int
    commutant: int
    multiplicity: int

    @property
    def copies(self) -> int:
        return self.degree // self.commutant

    @property
    def inner(self) -> int:
        return self.multiplicity * self.commutant


@dataclass(frozen=True, eq=False)
class Isotypic:
    """``matrix`` is orthogonal; its rows are the new coordinates, component by component. ``fourier``:
    it is the discrete Fourier transform of a cyclic axis, scaled to be orthogonal: the real and the
    imaginary part of every frequency from 0 to n/2, without the imaginary parts that vanish."""

    components: tuple[Component, ...]
    matrix: NDArray[np.float64]
    fourier: bool


Moves: TypeAlias = "tuple[NDArray[np.int64], NDArray[np.float64]] | NDArray[np.float64]"
"""The representation at all elements: where every point goes and with what sign, or whole matrices."""


@lru_cache(maxsize=512)
def isotypic(rep: Representation) -> Isotypic | None:
    """The irreducible coordinates of a representation.

    None where not exactly one factor acts, its group is infinite, a matrix is not orthogonal, or beyond
    the bounds: degree `LARGEST_DEGREE`; groups of `SPLITTING_LIMIT` elements, cyclic and dihedral ones
    of any order.
    """
    if len(rep.factors) != 1 or not 1 <= rep.degree <= LARGEST_DEGREE:
        return None
    if rep.is_affine or rep.is_sampled or not rep.is_orthogonal:
        return None
    (factor,) = rep.factors
    group = rep.group(factor)
    if group.order is None:
        return None
    letters = [im.explicit(rep.any_image(factor, g)) for g in range(len(group.generators))]
    prepared = _circular(group, letters) or _listed(group, letters)
    if prepared is None:
        return None
    irreducible, moves, steps = prepared
    components: list[Component] = []
    rows: list[NDArray[np.float64]] = []
    fixed = _fixed(moves)
    for one in irreducible:
        found = _component(one, moves, fixed)
        if len(found):
            components.append(Component(one.name, one.degree, one.commutant, len(found)))
            # (multiplicity, degree, n) to copies, multiplicity, parts of the commutant
            shape = (len(found), one.degree // one.commutant, one.commutant, rep.degree)
            rows.append(found.reshape(shape).swapaxes(0, 1).reshape(-1, rep.degree))
    if sum(map(len, rows)) != rep.degree:
        return None
    matrix = _tidy(rows)
    kept = [one for one in irreducible if any(one.name == part.name for part in components)]
    if not _reduced(matrix, components, kept, letters, steps):
        return None
    return Isotypic(tuple(components), matrix, _is_fourier(matrix, group, components))


Prepared: TypeAlias = "tuple[list[Irreducible], Moves, list[NDArray[np.int64]]]"
"""The irreducibles that may occur, the representation at all elements, and for every generator where it
takes the elements by multiplication from the left."""


def _circular(group: Group, letters: list[im.Image]) -> Prepared | None:
    """Cyclic and dihedral groups, modulo the turns that act as the identity. None for other groups."""
    import numpy as np

    half = dihedral_size(group)
    order = half if half is not None else group.order if group.family == "cyclic" else None
    if order is None:
        return None
    turn, n = letters[0], 1
    power = im.explicit(turn)
    while not power.is_identity:
        power = im.explicit(im.compose(power, turn))
        n += 1
        if n > 2 * LARGEST_DEGREE:
            return None
    mirrored = half is not None
    if not _fits(letters, 2 * n if mirrored else n):
        return None
    tables = [_arrays(letter) for letter in letters]
    elements = [_one(letters)]
    for _ in range(n - 1):
        elements.append(_times(tables[0], elements[-1]))
    around = np.arange(n)
    steps = [(around + 1) % n]
    if mirrored:  # r r^j s = r^(j+1) s; s r^j = r^-j s
        elements += [_times(element, tables[1]) for element in elements]
        steps = [np.concatenate([steps[0], n + steps[0]])]
        steps.append(np.concatenate([n + (-around) % n, (-around) % n]))
    return list(turns(order, n, mirrored)), _stacked(elements), steps


def _listed(group: Group, letters: list[im.Image]) -> Prepared | None:
    """Any other group of few elements."""
    import numpy as np

    if group.order is None or group.order > SPLITTING_LIMIT or not _fits(letters, group.order):
        return None
    found = irreducibles(group)
    if found is None:
        return None
    table = table_of(group)
    steps = [np.array(table.rows[group.index_of(((g, 1),))]) for g in range(len(letters))]
    tables = [_arrays(letter) for letter in letters]
    elements: dict[int, Moves] = {0: _one(letters)}
    queue = [0]
    for x in queue:
        for step, letter in zip(steps, tables, strict=True):
            y = int(step[x])
            if y not in elements:
                elements[y] = _times(letter, elements[x])
                queue.append(y)
    return list(found), _stacked([elements[k] for k in range(group.order)]), steps


def _fits(letters: list[im.Image], elements: int) -> bool:
    degree = letters[0].degree
    monomial = all(isinstance(letter, Monomial) for letter in letters)
    return elements * degree * (1 if monomial else degree) <= LARGEST_TABLE


def _arrays(image: im.Image) -> Moves:
    import numpy as np

    if isinstance(image, Monomial):
        return np.array(image.images), np.array(image.signs, dtype=float)
    return np.array([[float(value) for value in row] for row in im.rows_of(image)])


def _one(letters: list[im.Image]) -> Moves:
    import numpy as np

    degree = letters[0].degree
    if all(isinstance(letter, Monomial) for letter in letters):
        return np.arange(degree), np.ones(degree)
    return np.eye(degree)


def _times(left: Moves, right: Moves) -> Moves:
    """The product, ``right`` acting first; a signed permutation beside a matrix becomes one."""
    if isinstance(left, tuple) and isinstance(right, tuple):
        return left[0][right[0]], left[1][right[0]] * right[1]
    a, b = _dense(left), _dense(right)
    return ordered_sum(a.T[:, :, None] * b[:, None, :])


def _dense(moves: Moves) -> NDArray[np.float64]:
    import numpy as np

    if not isinstance(moves, tuple):
        return moves
    result = np.zeros((len(moves[0]), len(moves[0])))
    result[moves[0], np.arange(len(moves[0]))] = moves[1]
    return result


def _stacked(elements: list[Moves]) -> Moves:
    import numpy as np

    pairs = [element for element in elements if isinstance(element, tuple)]
    if len(pairs) == len(elements):
        return np.stack([at for at, _ in pairs]), np.stack([sign for _, sign in pairs])
    return np.stack([_dense(element) for element in elements])


Fixed: TypeAlias = "tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]"
"""The diagonals of the matrices of all elements, without zeros: element, point, value."""


def _fixed(moves: Moves) -> Fixed:
    import numpy as np

    if isinstance(moves, tuple):
        g, p = np.nonzero(moves[0] == np.arange(moves[0].shape[1]))
        return g, p, moves[1][g, p]
    diagonals = np.diagonal(moves, axis1=1, axis2=2)
    g, p = np.nonzero(diagonals)
    return g, p, diagonals[g, p]


def _component(one: Irreducible, moves: Moves, fixed: Fixed) -> NDArray[np.float64]:
    """Orthonormal copies of the irreducible in R^n, of shape (multiplicity, degree, n).

    For a point p the map b -> degree / order times the sum of <b, rho(g) v> V(g) e_p commutes with the
    group; from it the copies found before are taken off, and what is left is scaled. It sends v to the
    projection of e_p to the space of all images of v.
    """
    import numpy as np

    c, weight = one.commutant, one.degree / len(one.orbit)
    parts = np.arange(one.degree).reshape(-1, c)
    n = moves[0].shape[1] if isinstance(moves, tuple) else moves.shape[1]
    elements, points, values = fixed
    left = np.zeros(
        n
    )  # the squares of what is left of every e_p: at first the diagonal of the projection
    np.add.at(left, points, weight * one.orbit[elements, 0] * values)
    found: list[NDArray[np.float64]] = []
    while left.max() > 1e-6:
        p = int(np.flatnonzero(left >= 0.5 * left.max() - 1e-9)[0])
        copy = _image(one.orbit, moves, p, n) * weight
        for other in found:
            for k in range(c):
                share = other[k, p]
                if share:
                    for part, (place, sign) in enumerate(RIGHT_UNITS[c][k]):
                        copy[parts[:, part]] -= sign * share * other[parts[:, place]]
        copy /= sqrt(float(copy[0, p]))
        found.append(copy)
        left = left - (copy[:c] ** 2).sum(axis=0)
    return np.stack(found) if found else np.zeros((0, one.degree, n))


def _image(table: NDArray[np.float64], moves: Moves, p: int, n: int) -> NDArray[np.float64]:
    """The sums of table[g, a] V(g) e_p, by rows a."""
    import numpy as np

    if not isinstance(moves, tuple):
        return ordered_sum(table[:, :, None] * moves[:, None, :, p])
    result = np.zeros((n, table.shape[1]))
    np.add.at(result, moves[0][:, p], table * moves[1][:, p, None])
    return np.ascontiguousarray(result.T)


def _tidy(rows: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The rows, with entries that are nearly the root of a small fraction made exactly that."""
    import numpy as np

    matrix = np.concatenate(rows)
    values, where = np.unique(matrix, return_inverse=True)
    neat = np.array([_neat(value) for value in values.tolist()])
    result: NDArray[np.float64] = neat[where].reshape(matrix.shape)
    return result


def _neat(value: float) -> float:
    near = Fraction(value * value).limit_denominator(5_000)
    if abs(value * value - near) > 2e-15:
        return value
    return sqrt(near) * (1 if value > 0 else -1) if near else 0.0


def _reduced(
    matrix: NDArray[np.float64],
    components: list[Component],
    irreducible: list[Irreducible],
    letters: list[im.Image],
    steps: list[NDArray[np.int64]],
) -> bool:
    """Is the matrix orthogonal, and is Q V(g) Q^T the sum of the reference forms for every generator?"""
    import numpy as np

    n = len(matrix)
    if np.abs(matrix @ matrix.T - np.eye(n)).max() > TOLERANCE:
        return False
    for letter, step in zip(letters, steps, strict=True):
        moves = _arrays(letter)
        if isinstance(moves, tuple):
            moved = np.zeros_like(matrix)
            moved[:, moves[0]] = matrix * moves[1]  # row i of Q becomes V(g) q_i
            image = matrix @ moved.T
        else:
            image = matrix @ moves @ matrix.T
        start = 0
        for part, one in zip(components, irreducible, strict=True):
            m, d, c = part.multiplicity, part.copies, part.commutant
            form = one.orbit[step].T @ one.orbit * (one.degree / len(one.orbit))
            block = np.einsum("akbl,ij->aikbjl", form.reshape(d, c, d, c), np.eye(m))
            size = d * m * c
            image[start : start + size, start : start + size] -= block.reshape(size, size)
            start += size
        if np.abs(image).max() > TOLERANCE:
            return False
    return True


def _is_fourier(matrix: NDArray[np.float64], group: Group, components: list[Component]) -> bool:
    import numpy as np

    n = len(matrix)
    if group.family != "cyclic" or n < 2 or any(part.multiplicity > 1 for part in components):
        return False
    spectrum = np.fft.rfft(np.eye(n), axis=0, norm="ortho")
    rows: list[NDArray[np.float64]] = []
    for k, row in enumerate(spectrum):
        single = k == 0 or 2 * k == n
        rows += [row.real] if single else [row.real * sqrt(2), row.imag * sqrt(2)]
    return bool(np.abs(np.stack(rows) - matrix).max() < TOLERANCE)
