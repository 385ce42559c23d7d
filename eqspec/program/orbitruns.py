"""Averages over orbits and canonical elements in NumPy: what the interpreter does for a call of a base."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra.functionals import Functional, companion
from eqspec.program.acting import Array, apply, fit
from eqspec.program.orbits import (
    AxisMove,
    Canonical,
    Energy,
    MoveBy,
    Orbit,
    OrbitChoice,
    energy_sizes,
)

Base = Callable[..., tuple[Array, ...]]


def orbit_answers(
    orbit: Orbit, args: Sequence[Array], base: Base
) -> Iterator[tuple[list[Array], tuple[Array, ...], list[Array]]]:
    """For every element what the base is given, what it answers, and the answer moved back."""
    for g in range(orbit.order):
        moved = [apply(x, moves, g) for x, moves in zip(args, orbit.moves, strict=True)]
        given = fit(moved, orbit.accepts)
        answers = base(*given)
        blocks = fit(answers, orbit.targets)
        yield (
            given,
            answers,
            [apply(y, moves, g) for y, moves in zip(blocks, orbit.backs, strict=True)],
        )


def orbit_mean(orbit: Orbit, args: Sequence[Array], base: Base) -> tuple[Array, ...]:
    backs = [back for _, _, back in orbit_answers(orbit, args, base)]
    return tuple(sum(ys) / orbit.order for ys in zip(*backs, strict=True))


def orbit_weighted(
    orbit: Orbit, args: Sequence[Array], base: Base, weights: Base, eps: float
) -> tuple[Array, ...]:
    backs, numbers = [], []
    for given, _, back in orbit_answers(orbit, args, base):
        backs.append(back)
        numbers.append(np.logaddexp(0.0, weights(*given)[0].reshape(-1)) + eps)  # softplus
    shares = np.array(numbers) / np.max(numbers, axis=0)  # no sum of these can overflow
    return _shared(backs, shares / np.sum(shares, axis=0))


def orbit_choice(
    orbit: Orbit, args: Sequence[Array], base: Base, energy: Base | str
) -> tuple[Array, ...]:
    backs = [back for _, _, back in orbit_answers(orbit, args, base)]
    numbers = orbit_energies(orbit, args, base, energy)
    least = numbers == np.min(numbers, axis=0)
    return _shared(backs, least / np.sum(least, axis=0))


def orbit_energies(orbit: Orbit, args: Sequence[Array], base: Base, energy: Base | str) -> Array:
    """The energy of every element (rows) for every sample."""
    return np.array(
        [
            energy_of(answers[0], energy)
            if isinstance(energy, str)
            else energy(*given)[0].reshape(-1)
            for given, answers, _ in orbit_answers(orbit, args, base)
        ]
    )


def lead_of_least(
    instruction: OrbitChoice, args: Sequence[Array], bases: Mapping[str, Base]
) -> Array:
    """By how much the element of least energy is better than the second, relatively; energies lie close
    together, and a tenth of what is asked of cosets is far above rounding."""
    energy = bases[instruction.energy] if instruction.named else instruction.energy
    values = orbit_energies(instruction.orbit, args, bases[instruction.orbit.base], energy)
    first, second = np.sort(values, axis=0)[:2]
    size = np.abs(values).max(axis=0)
    return np.asarray(10 * (second - first) / np.where(size > 0, size, 1.0))


def energy_of(answer: Array, how: str) -> Array:
    """What `equizero` minimises, for each sample of a batch of answers."""
    flat = answer.reshape(len(answer), -1)
    if how == "margin":
        ordered = np.sort(flat, axis=1)
        return np.asarray(ordered[:, -2] - ordered[:, -1])
    shifted = flat - flat.max(axis=1, keepdims=True)
    shares = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    return np.asarray(-(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(axis=1))


def _shared(backs: Sequence[Sequence[Array]], shares: Array) -> tuple[Array, ...]:
    """The sum of answers times their shares; both have one row for each element."""
    return tuple(
        np.asarray(
            sum(
                y * share.reshape(-1, *(1,) * (y.ndim - 1))
                for y, share in zip(ys, shares, strict=True)
            )
        )
        for ys in zip(*backs, strict=True)
    )


def energies(
    energy: Energy, cosets: int, args: Sequence[Array], bases: Mapping[str, Base]
) -> Array:
    """Of every sample at every place of its orbit; shape (batch, places)."""
    scored = [args[place] for place in energy.places]
    weights = [] if energy.base else functional_of(energy, [x.shape[1:] for x in scored])
    columns: list[Array] = []
    for g in range(cosets * energy.members):
        moved = [apply(x, moves, g) for x, moves in zip(scored, energy.moves, strict=True)]
        if energy.base:
            (answer,) = bases[energy.base](*fit(moved, energy.accepts))
            columns.append(answer.reshape(len(answer)))
            continue
        products = [(x * w).reshape(len(x), -1) for x, w in zip(moved, weights, strict=True)]
        # row by row, so that a sum depends on nothing but its terms and their order
        columns.append(np.add.reduce(np.concatenate(products, axis=1), axis=1))
    return np.stack(columns, axis=1)


def functional_of(energy: Energy, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """The numbers of the functional of every scored argument, in the shape of the argument."""
    sizes = energy_sizes(energy, shapes)
    acted_sizes = [math.prod(acted) for acted, _ in sizes]
    plain_sizes = [math.prod(plain) for _, plain in sizes]
    acting = Functional(sum(acted_sizes), energy.multiplier, energy.modulus)
    idle = companion(acting, sum(plain_sizes))
    lists = zip(
        np.split(np.array(acting.values(), dtype=np.float64), np.cumsum(acted_sizes)[:-1]),
        np.split(np.array(idle.values(), dtype=np.float64), np.cumsum(plain_sizes)[:-1]),
        shapes,
        energy.acted,
        strict=True,
    )
    found: list[Array] = []
    for acts, rests, shape, dims in lists:
        left = acts.reshape([n if k in dims else 1 for k, n in enumerate(shape)])
        if len(rests) == 1:
            found.append(left)
            continue
        found.append(left * rests.reshape([1 if k in dims else n for k, n in enumerate(shape)]))
    return found


def lead_of_best(instruction: Canonical, args: Sequence[Array], bases: Mapping[str, Base]) -> Array:
    """By how much the best coset of every sample is better than the second, relatively."""
    values = energies(instruction.energy, instruction.cosets, args, bases)
    values = values.reshape(len(values), instruction.cosets, -1).max(axis=2)
    first, second = np.sort(values, axis=1)[:, :-3:-1].T
    size = np.abs(values).max(axis=1)
    return np.asarray((first - second) / np.where(size > 0, size, 1.0))


def canonical(
    instruction: Canonical, args: Sequence[Array], bases: Mapping[str, Base]
) -> tuple[Array, ...]:
    values = energies(instruction.energy, instruction.cosets, args, bases)
    values = values.reshape(len(values), instruction.cosets, -1).max(axis=2)
    best = values == values.max(axis=1, keepdims=True)
    if instruction.ties == "first":
        chosen = best.argmax(axis=1)
        return (*_moved_each(args, instruction.moves, chosen), chosen)
    rows, chosen = np.nonzero(best)
    return (*_moved_each([x[rows] for x in args], instruction.moves, chosen), best)


def move_by(instruction: MoveBy, args: Sequence[Array]) -> tuple[Array, ...]:
    *ys, chosen = args
    if instruction.ties == "first":
        return _moved_each(ys, instruction.moves, chosen)
    rows, cosets = np.nonzero(chosen)
    counts = chosen.sum(axis=1)
    results: list[Array] = []
    for y in _moved_each(ys, instruction.moves, cosets):
        total = np.zeros((len(chosen), *y.shape[1:]))
        np.add.at(total, rows, y)
        results.append(total / counts.reshape(-1, *(1,) * (y.ndim - 1)))
    return tuple(results)


def _moved_each(
    xs: Sequence[Array], moves: Sequence[Sequence[AxisMove]], chosen: NDArray[np.generic]
) -> tuple[Array, ...]:
    """Every sample is moved by an element of its own."""
    results = [np.empty_like(x) for x in xs]
    for g in np.unique(chosen):
        rows = chosen == g
        for x, result, own in zip(xs, results, moves, strict=True):
            result[rows] = apply(x[rows], own, int(g))
    return tuple(results)
