"""Actions on images, lattices and sequences: quarter turns, mirrors, transposes, cyclic shifts.

In: a label, the factor's name, its group and the sizes of the trailing axes. Out: `Representation`s
whose generators are `LatticeMap`s and which also say each generator in torch's words
(`lattice_ops`). Conventions are torch's: `rot90` is torch.rot90(x, 1, (-2, -1)), `shift`
torch.roll(x, 1, -1), `hflip` reverses the last axis and `vflip` the one before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TypeAlias

from eqspec.algebra import images as im
from eqspec.algebra.constructors import shifted
from eqspec.algebra.groups import Group
from eqspec.algebra.images import LatticeMap
from eqspec.algebra.products import dihedral_size
from eqspec.algebra.representations import LatticeOp, Representation, RepresentationError

_Move: TypeAlias = tuple[LatticeMap, tuple[LatticeOp, ...]]
_ONE_GENERATOR = (
    "name the action of each generator with grid(h, w), or use a group with one generator"
)


def shift(label: str, factor: str, group: Group, n: int) -> Representation:
    """Cyclic translation of an axis of n entries: r is torch.roll(x, 1, -1). Needs n to divide the
    order."""
    _sizes(label, (n,), 1)
    if group.family != "cyclic" or group.order is None or group.order % n:
        raise RepresentationError(
            f"shift({n}) needs cyclic(n) with {n} dividing n, not {group.description}",
            f"use cyclic({n})",
        )
    return shifted(label, factor, group, n)


def rot90(label: str, factor: str, group: Group, *sizes: int) -> Representation:
    """r is torch.rot90(x, 1, (-2, -1)) on the last two axes, which must be equal."""
    _sizes(label, sizes, 2)
    return _one(label, factor, group, sizes, _quarter("rot90", sizes), "rot90", 4)


def rot180(label: str, factor: str, group: Group, *sizes: int) -> Representation:
    """r is the half turn of the last two axes."""
    _sizes(label, sizes, 2)
    return _one(label, factor, group, sizes, _flip(sizes, (-2, -1)), "rot180", 2)


def hflip(label: str, factor: str, group: Group, *sizes: int) -> Representation:
    """r reverses the last axis."""
    _sizes(label, sizes, 1)
    return _one(label, factor, group, sizes, _flip(sizes, (-1,)), "hflip", 2)


def vflip(label: str, factor: str, group: Group, *sizes: int) -> Representation:
    """r reverses the last axis but one."""
    _sizes(label, sizes, 2)
    return _one(label, factor, group, sizes, _flip(sizes, (-2,)), "vflip", 2)


def transpose(label: str, factor: str, group: Group, n: int) -> Representation:
    """r exchanges the two axes of an n x n array."""
    _sizes(label, (n,), 1)
    move = im.lattice_map((n, n), (1, 0), (1, 1), (0, 0))
    return _one(label, factor, group, (n, n), (move, (("transpose", (-2, -1)),)), "transpose", 2)


def reverse(label: str, factor: str, group: Group, n: int) -> Representation:
    """r reverses a sequence of n entries."""
    _sizes(label, (n,), 1)
    return _one(label, factor, group, (n,), _flip((n,), (-1,)), "reverse", 2)


def grid(label: str, factor: str, group: Group, *sizes: int) -> Representation:
    """A group of symmetries of a picture: dihedral(4) r = rot90, s = hflip; cyclic(4) r = rot90;
    klein a = hflip, b = vflip; dihedral(2) r = rot180, s = hflip. The last two axes are the
    picture."""
    _sizes(label, sizes, 2)
    family = group.family if dihedral_size(group) is None else "dihedral"
    match family, group.order:
        case "dihedral", 8:
            moves = [_quarter("grid", sizes), _flip(sizes, (-1,))]
        case "dihedral", 4:
            moves = [_flip(sizes, (-2, -1)), _flip(sizes, (-1,))]
        case "cyclic", 4:
            moves = [_quarter("grid", sizes)]
        case "klein", _:
            moves = [_flip(sizes, (-1,)), _flip(sizes, (-2,))]
        case "cyclic", 2:
            raise RepresentationError(
                f"{label}: cyclic(2) acts on a grid in several ways",
                "say which: hflip(h, w), vflip(h, w), rot180(h, w) or transpose(n)",
            )
        case _:
            raise RepresentationError(
                f"{label}: {group.description} has no action on a grid",
                "grid(h, w) is for dihedral(4) and its subgroups: cyclic(4), klein(), dihedral(2)",
            )
    return _build(label, factor, group, sizes, moves)


def _sizes(label: str, sizes: Sequence[int], needed: int) -> None:
    if len(sizes) < needed:
        raise RepresentationError(f"{label} needs at least {needed} sizes, found {len(sizes)}")
    if min(sizes) < 1:
        raise RepresentationError(f"{label}: sizes are at least 1, found {min(sizes)}")


def _quarter(name: str, sizes: Sequence[int]) -> _Move:
    """torch.rot90: the new entry (i, j) is the old (j, w-1-i), so the entry at (a, b) moves to
    (w-1-b, a)."""
    h, w = sizes[-2:]
    if h != w:
        raise RepresentationError(
            f"{name} turns a square grid: {h} x {w} is not square",
            "pad or crop to a square, or use rot180, hflip, vflip",
        )
    n = len(sizes)
    axes = (*range(n - 2), n - 1, n - 2)
    signs, offsets = (*[1] * (n - 1), -1), (*[0] * (n - 1), w - 1)
    return im.lattice_map(sizes, axes, signs, offsets), (("rot90", 1, (-2, -1)),)


def _flip(sizes: Sequence[int], dims: tuple[int, ...]) -> _Move:
    n = len(sizes)
    turned = {d % n for d in dims}
    signs = [-1 if d in turned else 1 for d in range(n)]
    offsets = [size - 1 if d in turned else 0 for d, size in enumerate(sizes)]
    return im.lattice_map(sizes, range(n), signs, offsets), (("flip", dims),)


def _one(
    label: str, factor: str, group: Group, sizes: Sequence[int], move: _Move, name: str, order: int
) -> Representation:
    """The action of a group with one generator, whose order must be a multiple of the move's."""
    if len(group.generators) != 1:
        raise RepresentationError(
            f"{name} says how one generator acts, {group.description} has {len(group.generators)}",
            _ONE_GENERATOR,
        )
    if group.order is None:
        raise RepresentationError(
            f"{name} has order {order}, but {group.generators[0]} of {group.description} has none",
            f"use cyclic({order})",
        )
    if not im.power(move[0], group.order).is_identity:
        raise RepresentationError(
            f"{name} has order {order}, but in {group.description}"
            f" {group.generators[0]}^{group.order} = 1",
            f"use cyclic({order})",
        )
    return _build(label, factor, group, sizes, [move])


def _build(
    label: str, factor: str, group: Group, sizes: Sequence[int], moves: Sequence[_Move]
) -> Representation:
    return Representation(
        label,
        ((factor, group),),
        prod(sizes),
        tuple(sizes),
        (tuple(move for move, _ in moves),),
        lattice=tuple((factor, g, ops) for g, (_, ops) in enumerate(moves)),
    )


Constructor: TypeAlias = Callable[..., Representation]
LATTICE: dict[str, Constructor] = {
    "shift": shift,
    "rot90": rot90,
    "rot180": rot180,
    "hflip": hflip,
    "vflip": vflip,
    "transpose": transpose,
    "reverse": reverse,
    "grid": grid,
}
"""The lattice representations by their names in the language, each (label, factor, group, *sizes).
"""
