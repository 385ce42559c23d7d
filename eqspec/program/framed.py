"""Instructions that see an argument from a frame: see `ops.frames`.

A frame of rotations is an orthogonal matrix whose columns are its axes; a frame of permutations is an
order of rows. All of these work on any leading dimensions, the candidates of earlier steps among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Axes:
    """``args = (x,)`` or ``(x, signs)``: the frames of the vectors that are the rows of x.

    "principal_axes": eigenvectors of the sum of x_i x_i^T, largest eigenvalue first, with determinant 1
    if ``special``, times every row of ``signs``: (..., m, n) and (k, n) make (..., k, n, n).
    "gram_schmidt": the rows of x orthogonalised in order; of ``special`` frames the last axis makes the
    determinant 1: (..., n, n) or (..., n - 1, n) makes (..., n, n). ``detach``: without a gradient.
    """

    args: tuple[int, ...]
    method: Literal["principal_axes", "gram_schmidt"]
    special: bool
    detach: bool


@dataclass(frozen=True)
class Determinant:
    """Of orthogonal matrices (..., n, n): 1 or -1."""

    args: tuple[int, ...]


@dataclass(frozen=True)
class RowOrder:
    """The lexicographic order of the rows of x: (..., n, d) makes indices (..., n). ``returns``: rows of
    the result go back to these places, so that equal rows are not told apart by it."""

    args: tuple[int, ...]
    returns: bool


@dataclass(frozen=True)
class InverseOrder:
    args: tuple[int, ...]


@dataclass(frozen=True)
class TakeRows:
    """``args = (x, order)``: x with its entries along ``dim`` in this order, which has its own leading
    dimensions, the first of x."""

    args: tuple[int, ...]
    dim: int


@dataclass(frozen=True)
class CallBase:
    """What a base answers; the result is a tuple. If there are several ``frames``, they are the first
    dimension of every argument and of every result; ``returns`` are shapes without it."""

    args: tuple[int, ...]
    base: str
    frames: int
    returns: tuple[Shape, ...]


Framed = Axes | Determinant | RowOrder | InverseOrder | TakeRows


def framed_shape(instruction: Framed, of: Sequence[Shape]) -> Shape:
    """The shape of the result. AssertionError where the operands do not fit."""
    x = of[0]
    match instruction:
        case Axes(method="principal_axes"):
            assert of[1][1] == x[-1], (instruction, of)
            return (*x[:-2], of[1][0], x[-1], x[-1])
        case Axes(special=special):
            assert x[-2] == x[-1] - special, (instruction, of)
            return (*x[:-2], x[-1], x[-1])
        case Determinant():
            assert x[-1] == x[-2], (instruction, of)
            return x[:-2]
        case RowOrder():
            return x[:-1]
        case InverseOrder():
            return x
        case TakeRows(dim=dim):
            lead = len(of[1]) - 1
            assert of[1] == (*x[:lead], x[dim]) and dim >= lead, (instruction, of)
            return x


def called_shapes(instruction: CallBase, of: Sequence[Shape]) -> tuple[Shape, ...]:
    if instruction.frames == 1:
        return instruction.returns
    assert all(shape[0] == instruction.frames for shape in of), (instruction, of)
    return tuple((instruction.frames, *shape) for shape in instruction.returns)
