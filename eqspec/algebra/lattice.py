"""Actions on images, lattices and sequences: quarter turns, mirrors, transposes, cyclic shifts.

In: a label, the factor's name, its group and the sizes of the trailing axes. Out: `Representation`s
whose generators are `LatticeMap`s and which also say each generator in torch's words
(`lattice_ops`). Conventions are torch's: `rot90` is torch.rot90(x, 1, (-2, -1)), `shift`
torch.roll(x, 1, -1), `hflip` reverses the last axis and `vflip` the one before.

How a generator moves positions is read from those words and never from its matrix: on one or two
entries different motions have equal matrices. `motions` reads them, `resized` and `window` give the
same motions at other sizes, for what a kernel that slides over the grid makes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TypeAlias

from eqspec.algebra import images as im
from eqspec.algebra.constructors import shifted
from eqspec.algebra.cubic import CUBIC, cubic_move
from eqspec.algebra.groups import Group
from eqspec.algebra.homomorphism import homomorphism_fault
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
    return replace(shifted(label, factor, group, n), spatial=True)


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
    """A group of symmetries of a picture or a volume, on the last axes.

    dihedral(4) r = rot90, s = hflip; cyclic(4) r = rot90; klein a = hflip, b = vflip; dihedral(2) r =
    rot180, s = hflip. A group of signed permutation matrices of degree n moves the last n axes as its
    matrices move their centred coordinates: the entry at p goes to M p.
    """
    family = group.family if dihedral_size(group) is None else "dihedral"
    _sizes(label, sizes, group.model[0].degree if family in CUBIC else 2)
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
        case _ if family in CUBIC:
            moves = [cubic_move(label, group, g, sizes) for g in range(len(group.generators))]
        case _:
            raise RepresentationError(
                f"{label}: {group.description} has no action on a grid",
                "grid(h, w) is for dihedral(4) and its subgroups: cyclic(4), klein(), dihedral(2);"
                " grid(d, h, w) for octahedral(); either for matrices of signed permutations",
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
        spatial=True,
    )


# ---- the same motions at other sizes ---------------------------------------------------------------


@dataclass(frozen=True)
class Motion:
    """How a generator moves positions, at any size n: dimension d goes to dimension `axes[d]`; its
    coordinate c becomes c + rolls[d], or n - 1 - c + rolls[d] where `signs[d]` is -1, modulo n."""

    factor: str
    generator: int
    axes: tuple[int, ...]
    signs: tuple[int, ...]
    rolls: tuple[int, ...]

    @property
    def is_identity(self) -> bool:
        return not any(self.rolls) and self.is_roll

    @property
    def is_roll(self) -> bool:
        """Does it leave every direction as it is?"""
        return self.axes == tuple(range(len(self.axes))) and min(self.signs, default=1) > 0


def motions(rep: Representation) -> tuple[Motion, ...]:
    """The motion of every generator of a spatial representation, by its dimensions from 0.

    ValueError if it is not spatial.
    """
    if not rep.spatial or rep.lattice is None:
        raise ValueError(f"{rep.label} is no axis of positions")
    return tuple(_motion(factor, g, ops, len(rep.shape)) for factor, g, ops in rep.lattice)


def resized(rep: Representation, sizes: Sequence[int]) -> Representation:
    """The same motions on another grid, spatial and labelled as a user would write it.

    RepresentationError where there are none: a turn of a grid that is not square, a shift of another
    length, a relation of the group that the motions break (a quarter turn of 1 x 1 has order 1 and
    that of 3 x 3 order 4). ValueError if `rep` is not spatial or `sizes` has another length.
    """
    if tuple(sizes) == rep.shape and rep.spatial:
        return rep
    label = relabelled(rep, sizes)
    for motion in motions(rep):
        for d, roll in enumerate(motion.rolls):
            if roll and sizes[d] != rep.shape[d]:
                raise RepresentationError(
                    f"{label}: a shift of {rep.shape[d]} entries is none of {sizes[d]}",
                    f"keep the size {rep.shape[d]}",
                )
    return _moved(replace(rep, label=label), sizes, keep_rolls=True)


def window(rep: Representation, sizes: Sequence[int]) -> Representation:
    """The motions on the offsets of a kernel: a shift moves no offset, all else is as on the grid.

    Errors as of `resized`, a shift excepted.
    """
    label = f"the window {' x '.join(map(str, sizes))} over {rep.label}"
    return _moved(replace(rep, label=label), sizes, keep_rolls=False)


def relabelled(rep: Representation, sizes: Sequence[int]) -> str:
    """`G.grid(3, 3)` for `G.grid(5, 5)`: as a user would write the same motions at these sizes."""
    stem, _, _ = rep.label.partition("(")
    written = sizes[-1:] if stem.rpartition(".")[2] == "transpose" else sizes
    return f"{stem}({', '.join(map(str, written))})"


def _moved(rep: Representation, sizes: Sequence[int], *, keep_rolls: bool) -> Representation:
    if len(sizes) != len(rep.shape):
        raise ValueError(f"{rep.label} has {len(rep.shape)} dimensions, {len(sizes)} sizes given")
    _sizes(rep.label, sizes, 1)
    moved: dict[tuple[str, int], LatticeMap] = {}
    for motion in motions(rep):
        name = f"{motion.factor}.{rep.group(motion.factor).generators[motion.generator]}"
        for d, to in enumerate(motion.axes):
            if sizes[d] != sizes[to]:
                raise RepresentationError(
                    f"{rep.label}: {name} exchanges dimensions of {sizes[d]} and {sizes[to]} entries",
                    "make both sizes equal",
                )
        offsets = [
            (size - 1 if sign < 0 else 0) + (roll if keep_rolls else 0)
            for size, sign, roll in zip(sizes, motion.signs, motion.rolls, strict=True)
        ]
        key = (motion.factor, motion.generator)
        moved[key] = im.lattice_map(sizes, motion.axes, motion.signs, offsets)
    result = replace(
        rep,
        degree=prod(sizes),
        shape=tuple(sizes),
        images=tuple(
            tuple(moved[name, g] for g in range(len(group.generators)))
            for name, group in rep.groups
        ),
        lattice=tuple(
            (factor, g, ops if keep_rolls else tuple(op for op in ops if op[0] != "roll"))
            for factor, g, ops in rep.lattice or ()
        ),
    )
    fault = homomorphism_fault(result)
    if fault is not None:
        text = ", ".join(dict(rep.groups)[name].description for name in fault.factors)
        raise RepresentationError(
            f"{rep.label}: at this size the motions break {fault.relation} of {text}",
            "use a group in which the motions satisfy its relations at every size",
        )
    return result


def _motion(factor: str, generator: int, ops: Sequence[LatticeOp], n: int) -> Motion:
    """The operations one after the other."""
    motion = Motion(factor, generator, tuple(range(n)), (1,) * n, (0,) * n)
    for op in ops:
        match op:
            case ("rot90", int(turns), (a, b)):
                for _ in range(turns % 4):  # (i, j) of the two goes to (n - 1 - j, i)
                    motion = _then(motion, _exchange(n, a, b), reverse=(b,))
            case ("flip", tuple(dims)):
                motion = _then(motion, range(n), reverse=dims)
            case ("roll", int(step), int(dim)):
                motion = _then(motion, range(n), roll=(dim, step))
            case ("transpose", (a, b)):
                motion = _then(motion, _exchange(n, a, b))
            case _:
                raise AssertionError(op)
    return motion


def _exchange(n: int, a: int, b: int) -> list[int]:
    order = list(range(n))
    order[a], order[b] = order[b], order[a]
    return order


def _then(
    first: Motion, axes: Sequence[int], reverse: Sequence[int] = (), roll: tuple[int, int] = (0, 0)
) -> Motion:
    """A motion, then one that reverses and rolls dimensions and sends dimension d to axes[d]."""
    n = len(axes)
    flipped = {d % n for d in reverse}
    signs = [-1 if d in flipped else 1 for d in range(n)]
    rolls = [roll[1] if d == roll[0] % n else 0 for d in range(n)]
    return replace(
        first,
        axes=tuple(axes[a] for a in first.axes),
        signs=tuple(s * signs[a] for s, a in zip(first.signs, first.axes, strict=True)),
        rolls=tuple(signs[a] * r + rolls[a] for r, a in zip(first.rolls, first.axes, strict=True)),
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
