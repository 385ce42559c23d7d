"""The instructions that move tensors by the elements of a group, and call a user's network there.

In: nothing. Out: the description of an orbit, and the instructions that average, weigh or choose
along it, or that move every sample by an element of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from eqspec.algebra.images import AnyImage

Shape = tuple[int, ...]


@dataclass(frozen=True)
class AxisMove:
    """How every element of a group moves one axis of a tensor.

    The axis is the ``width`` tensor dimensions from ``dim`` on, flattened row by row. Element g moves
    it by ``images[choice[g]]``. A ``width`` of 0: the images permute the entries' values, which are
    whole numbers, and leave them where they are.
    """

    dim: int
    width: int
    choice: tuple[int, ...]
    images: tuple[AnyImage, ...]


@dataclass(frozen=True)
class Orbit:
    """The answers of a base along an orbit: ``back(base(move(x, g)), g)`` for ``order`` elements g.

    ``moves[k]`` moves argument k; ``accepts[k]`` is the shape in which the base takes it. The base
    returns tensors of the shapes ``returns``; they are the blocks ``targets`` (all in one when the
    signature flattens), and ``backs[j]`` moves block j by the inverse of g, or with ``transposed`` by
    its transpose.
    """

    base: str
    order: int
    moves: tuple[tuple[AxisMove, ...], ...]
    accepts: tuple[Shape, ...]
    returns: tuple[Shape, ...]
    targets: tuple[Shape, ...]
    backs: tuple[tuple[AxisMove, ...], ...]
    transposed: bool = False


@dataclass(frozen=True)
class OrbitMean:
    """The mean of the answers along an orbit: the group average. The result is a tuple.

    Where processes share their calls, the mean is taken over all of them; with ``first`` only over the
    part of this one, to be added later by `OverRanks`. ``first`` is the number of calls that the layer
    makes before: they are numbered through, so that every process has as many.
    """

    args: tuple[int, ...]
    orbit: Orbit
    first: int | None = None

    @property
    def bases(self) -> tuple[str, ...]:
        """The networks that are called once for every element."""
        return (self.orbit.base,)


@dataclass(frozen=True)
class OrbitWeighted:
    """The mean of the answers along an orbit with weights softplus(w) + ``eps``, where w is what the
    network ``weights`` answers to the same moved arguments, one number. The result is a tuple."""

    args: tuple[int, ...]
    orbit: Orbit
    weights: str
    eps: float

    @property
    def bases(self) -> tuple[str, ...]:
        return (self.orbit.base, self.weights)


@dataclass(frozen=True)
class OrbitChoice:
    """The answers of least energy along an orbit, their mean if there are several.

    ``energy`` is "entropy" (of the softmax of all entries of what the base answers), "margin" (minus
    the difference of its two largest entries), or a network that answers one number to the same moved
    arguments. In training the gradient is that of the plain mean (straight through). The result is a
    tuple.
    """

    args: tuple[int, ...]
    orbit: Orbit
    energy: str
    named: bool  # is the energy a network?

    @property
    def bases(self) -> tuple[str, ...]:
        return (self.orbit.base, self.energy) if self.named else (self.orbit.base,)


OrbitCall = OrbitMean | OrbitWeighted | OrbitChoice


@dataclass(frozen=True)
class OverRanks:
    """The sums of results over the processes that share the calls of a layer; a tuple."""

    args: tuple[int, ...]


@dataclass(frozen=True)
class Energy:
    """What every place of an orbit is worth: the value of a function of the arguments ``places``, moved.

    ``moves[k]`` moves the k-th of them by element ``j * members + i``, the inverse of element i of coset
    j. The function is a fixed linear functional, see `algebra.functionals`: that of ``multiplier`` and
    ``modulus`` on the dimensions ``acted[k]`` of all of them, flattened and joined, times its companion on
    the others, where they are more than one number; or the network ``base``, which takes the arguments in
    the shapes ``accepts``.
    """

    places: tuple[int, ...]
    members: int
    moves: tuple[tuple[AxisMove, ...], ...]
    acted: tuple[tuple[int, ...], ...] = ()
    multiplier: int = 0
    modulus: int = 0
    base: str = ""
    accepts: tuple[Shape, ...] = ()


def energy_sizes(energy: Energy, shapes: Sequence[Shape]) -> list[tuple[Shape, Shape]]:
    """For each scored argument its sizes on which something acts, and the others."""
    return [
        (
            tuple(shape[dim] for dim in acted),
            tuple(size for dim, size in enumerate(shape) if dim not in acted),
        )
        for acted, shape in zip(energy.acted, shapes, strict=True)
    ]


@dataclass(frozen=True)
class Canonical:
    """Every sample is moved to the best place of its orbit, up to a subgroup.

    A coset is worth the largest energy of its elements. ``moves[k]`` moves argument k by the inverse of
    the representative of coset j, out of ``cosets``. The result is a tuple: the arguments moved, and last
    what was chosen. ``ties`` "first": the number j of the first best coset. "average": a mask of shape
    (cosets,) of all the best ones; then the moved arguments have one batch dimension, with a row for
    every sample and each of its best cosets, in this order.
    """

    args: tuple[int, ...]
    energy: Energy
    cosets: int
    moves: tuple[tuple[AxisMove, ...], ...]
    ties: Literal["first", "average"]


@dataclass(frozen=True)
class MoveBy:
    """``args = (y, ..., chosen)``: every y is moved, sample by sample, by the representative of the coset
    that `Canonical` chose; rows of one sample are averaged. The result is a tuple."""

    args: tuple[int, ...]
    cosets: int
    moves: tuple[tuple[AxisMove, ...], ...]
    ties: Literal["first", "average"]
