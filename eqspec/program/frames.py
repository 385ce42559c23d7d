"""Frames in NumPy, for the interpreter: written for clarity, with any leading dimensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqspec.program.framed import Axes, CallBase, RowOrder

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


def axes(instruction: Axes, x: Array, signs: Array | None) -> Array:
    if instruction.method == "principal_axes":
        assert signs is not None
        return principal_axes(x, signs, instruction.special)
    return gram_schmidt(x, instruction.special)


def principal_axes(x: Array, signs: Array, special: bool) -> Array:
    vectors = np.linalg.eigh(np.swapaxes(x, -1, -2) @ x)[1][..., ::-1].copy()
    if special:
        vectors[..., -1] *= np.sign(np.linalg.det(vectors))[..., None]
    return np.asarray(vectors[..., None, :, :] * signs[:, None, :])


def gram_schmidt(x: Array, special: bool) -> Array:
    """Householder's QR with a positive diagonal is what Gram and Schmidt compute."""
    q, r = np.linalg.qr(np.swapaxes(x, -1, -2))
    diagonal = np.diagonal(r, axis1=-2, axis2=-1)
    q = q * np.where(diagonal < 0, -1.0, 1.0)[..., None, :]
    if not special:
        return np.asarray(q)
    n = q.shape[-2]
    last = [
        np.linalg.det(np.concatenate([q, np.broadcast_to(e, (*q.shape[:-1], 1))], axis=-1))
        for e in np.eye(n)[:, :, None]
    ]
    return np.concatenate([q, np.stack(last, axis=-1)[..., None]], axis=-1)


def row_order(x: Array) -> Indices:
    order = np.argsort(x[..., -1], axis=-1, kind="stable")
    for column in range(x.shape[-1] - 2, -1, -1):
        key = np.take_along_axis(x[..., column], order, -1)
        order = np.take_along_axis(order, np.argsort(key, axis=-1, kind="stable"), -1)
    return order


def take_rows(x: Array, order: Indices, axis: int) -> Array:
    lead = order.ndim - 1
    shape = [*order.shape[:lead], *[1] * (x.ndim - lead)]
    shape[axis] = order.shape[-1]
    return np.take_along_axis(x, order.reshape(shape), axis)


def call_base(
    instruction: CallBase, args: list[Array], base: Callable[..., Any]
) -> tuple[Array, ...]:
    if instruction.frames == 1:
        return tuple(base(*args))
    answers = [base(*(x[:, k] for x in args)) for k in range(instruction.frames)]
    return tuple(np.stack(ys, axis=1) for ys in zip(*answers, strict=True))


# ---- how clear the choice is, for the inputs on which programs are tried ------------------------------------

ROWS = 300.0  # rows may be closer to each other than eigenvalues: there are many pairs of them


def lead_of_axes(instruction: Axes, x: Array) -> Array:
    """For every sample how far the frame is from being undefined: the smallest gap between eigenvalues, or
    the shortest of the orthogonalised vectors, relative to the largest."""
    if instruction.method == "principal_axes":
        values = np.linalg.eigvalsh(np.swapaxes(x, -1, -2) @ x)
        gaps, size = np.diff(values, axis=-1), values[..., -1]
    else:
        gaps = np.abs(np.diagonal(np.linalg.qr(np.swapaxes(x, -1, -2))[1], axis1=-2, axis2=-1))
        size = gaps.max(axis=-1)
    return _worst(gaps.min(axis=-1, initial=np.inf) / np.where(size > 0, size, np.inf))


def lead_of_order(instruction: RowOrder, x: Array) -> Array:
    """By how much two rows differ in the first entry that tells them apart, at least; rows that nothing
    tells apart count where their results go back to their places."""
    ordered = np.take_along_axis(x, row_order(x)[..., None], axis=-2)
    steps = np.abs(np.diff(ordered, axis=-2))
    first = np.take_along_axis(steps, (steps > 0).argmax(axis=-1)[..., None], axis=-1)[..., 0]
    if not instruction.returns:
        first = np.where(first > 0, first, np.inf)
    size = np.abs(x).max(axis=(-1, -2))
    return _worst(ROWS * first.min(axis=-1, initial=np.inf) / np.where(size > 0, size, 1.0))


def _worst(leads: Array) -> Array:
    """Over all candidates of a sample."""
    return np.asarray(leads.reshape(len(leads), -1).min(axis=1))
