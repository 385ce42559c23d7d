"""At which sizes a window that slides over a grid commutes with the motions of the grid.

In: for every dimension a law, how its entries are made from those of the input, and the motions of the
grid (`lattice.Motion`). Out: the size of the result, and every way in which the law fails to commute.

With extended input x (zeros, reflected, repeated at the edge or periodic), stride s, dilation d, kernel k
and left padding p, entry i of a result of o entries reads x[s i + d j - p] for j = 0 ... k - 1. The
reversal u -> W - 1 - u of the input then is the reversal i -> o - 1 - i of the result, with the kernel
reversed, iff s(o - 1) = W - 1 - d(k - 1) + 2p: the windows lie symmetrically. Where two dimensions are
exchanged, p stands once for each. For a periodic input the equation is meant modulo W, and a roll of W
entries is one of the result iff s = 1 and o = W. The statements are "if", and "iff" but for windows that
see nothing but padding and kernels that are symmetric by themselves; tests/property/test_windows.py
compares them with torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import gcd
from typing import Literal, TypeAlias

from eqspec.algebra.lattice import Motion

Extension = Literal["zero", "reflect", "replicate", "circular"]
EXTENSIONS: tuple[Extension, ...] = ("zero", "reflect", "replicate", "circular")
Mode = Literal["nearest", "nearest_exact", "linear", "bicubic", "area"]


@dataclass(frozen=True)
class Window:
    """A kernel of `kernel` entries, every `stride` entries; `ceil`: the last window may stand over.
    `pool`: padding is nothing, so that no window may lie in it."""

    kernel: int
    stride: int = 1
    left: int = 0
    right: int = 0
    dilation: int = 1
    mode: Extension = "zero"
    ceil: bool = False
    pool: bool = False

    @property
    def reach(self) -> int:
        """From the first entry of a window to its last."""
        return self.dilation * (self.kernel - 1)

    def sees_nothing(self, size: int) -> bool:
        """Does a window lie in the padding? One that begins in an entry sees it; with at most half a
        kernel of padding none begins behind the last."""
        for start in range(-self.left, 0, self.stride):
            step = -(start // self.dilation)  # the first that is not before the axis
            if step >= self.kernel or start + self.dilation * step >= size:
                return True
        return False

    def result(self, size: int) -> int:
        free = size + self.left + self.right - self.reach - 1
        if free < 0:
            return 0
        count = (free + self.stride - 1 if self.ceil else free) // self.stride + 1
        if self.ceil and (count - 1) * self.stride >= size + self.left:
            count -= 1  # torch: a window begins inside the input or the left padding
        return count


@dataclass(frozen=True)
class Spread:
    """A transposed convolution: entry u of the input goes to s u + d j - p, j = 0 ... k - 1."""

    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    extra: int = 0  # torch's output_padding

    def result(self, size: int) -> int:
        reach = self.dilation * (self.kernel - 1)
        return (size - 1) * self.stride - 2 * self.padding + reach + self.extra + 1


@dataclass(frozen=True)
class Adaptive:
    """Windows from floor(i W / o) to ceil((i + 1) W / o); with `out` None as many as there are entries."""

    out: int | None

    def result(self, size: int) -> int:
        return size if self.out is None else self.out


@dataclass(frozen=True)
class Resampled:
    """Interpolation to `out` entries, or to `factor` times as many (0: that is no whole number)."""

    mode: Mode
    out: int | None = None
    factor: Fraction = Fraction(1)
    corners: bool = False
    antialias: bool = False

    def result(self, size: int) -> int:
        if self.out is not None:
            return self.out
        scaled = self.factor * size
        return int(scaled) if scaled.denominator == 1 else 0


@dataclass(frozen=True)
class Framed:
    """Entries added at both ends, or taken off where a number is negative."""

    left: int
    right: int
    mode: Extension = "zero"

    def result(self, size: int) -> int:
        return max(0, size + self.left + self.right)


Law: TypeAlias = Window | Spread | Adaptive | Resampled | Framed


@dataclass(frozen=True)
class Fault:
    """A generator with which a law does not commute. `dim` is the dimension that is moved, `left` how
    many entries of a reversed axis stay outside of the windows at one end only (negative: the windows
    stand over; 0: nothing is counted)."""

    factor: str
    generator: int
    dim: int
    why: Literal["exchange", "reverse", "roll"]
    left: int = 0


def faults(laws: Sequence[Law], sizes: Sequence[int], moves: Sequence[Motion]) -> list[Fault]:
    """Every generator and dimension at which the laws do not commute with the moves.

    A move is made of exchanges of dimensions, reversals and rolls. It commutes if each of them does.
    """
    found: list[Fault] = []
    for move in moves:
        for d, (to, sign, roll) in enumerate(zip(move.axes, move.signs, move.rolls, strict=True)):
            law, other, size = laws[d], laws[to], sizes[d]
            place = (move.factor, move.generator, d)
            if roll % size and not _rolls(law, size):
                found.append(Fault(*place, "roll"))
            if to != d and not _alike(law, other, size, sign):
                found.append(Fault(*place, "exchange"))
            elif sign < 0:
                left = _left_over(law, other, size)
                if left is not None:
                    found.append(Fault(*place, "reverse", left))
    return found


def _alike(law: Law, other: Law, size: int, sign: int) -> bool:
    """May two dimensions of equal size be exchanged, the begin of one with the begin (sign 1) or the end
    of the other? What a reversal asks besides is asked by `_left_over`."""
    if law.result(size) != other.result(size):
        return False
    match law, other:
        case Window(), Window():
            same = (law.kernel, law.dilation, law.mode, law.ceil) == (
                other.kernel,
                other.dilation,
                other.mode,
                other.ceil,
            )
            one = law.result(size) == 1
            # a window that stands over is cut where the padding ends, so that both need equal paddings
            begins = (sign < 0 and not law.ceil) or _equal(law.left, other.left, law.mode, size)
            return same and begins and (one or law.stride == other.stride)
        case Framed(), Framed():
            return law.mode == other.mode and (
                sign < 0 or _equal(law.left, other.left, law.mode, size)
            )
        case Resampled(), Resampled():
            return (law.mode, law.corners, law.antialias) == (
                other.mode,
                other.corners,
                other.antialias,
            )
        case _:
            return law == other


def _equal(a: int, b: int, mode: Extension, size: int) -> bool:
    return (a - b) % size == 0 if mode == "circular" else a == b


def _left_over(law: Law, other: Law, size: int) -> int | None:
    """None if reversing the input (on the way from a dimension with `law` to one with `other`) reverses
    the result."""
    match law, other:
        case Window(), Window():
            span = law.stride * (law.result(size) - 1) + law.reach + 1
            left = size + law.left + other.left - span
            return _unless_periodic(left, law.mode, size)
        case Framed(), Framed():
            left = law.right - other.left
            return _unless_periodic(left, law.mode, size)
        case Spread(), Spread():
            return law.extra or None
        case Resampled(mode=mode), _:
            return None if _is_mirrored(law, mode, size) else 0
        case _:
            return None  # adaptive windows: size - ceil((i + 1) size / o) = floor((o - 1 - i) size / o)


def _unless_periodic(left: int, mode: Extension, size: int) -> int | None:
    left = left % size if mode == "circular" else left
    return left or None


def _is_mirrored(law: Resampled, mode: Mode, size: int) -> bool:
    out = law.result(size)
    if out == size and not law.antialias:
        return True
    match mode:
        case "nearest":  # the places are mirrored iff each is repeated equally often
            return out % size == 0
        case "nearest_exact":  # iff no source lies between two entries: 2-adic valuations
            return (size & -size) <= (out & -out)
        case "linear" | "bicubic":
            # the source of i is (i + 1/2) W/o - 1/2, with corners i (W - 1)/(o - 1): odd about the middle
            return not law.corners or (out > 1 and not law.antialias)
        case "area":
            return True


def _rolls(law: Law, size: int) -> bool:
    """Does a roll of the input roll the result by as much?"""
    match law:
        case Window(kernel=1, stride=1, left=0, right=0) | Spread(1, 1, 0, _, 0):
            return True
        case Window(stride=1, mode="circular"):
            return law.result(size) == size
        case Framed(left=0, right=0):
            return True
        case Resampled(antialias=True):
            return False
        case Resampled() | Adaptive():
            return law.result(size) == size
        case _:
            return False


@lru_cache(maxsize=1024)
def nearest_places(size: int, out: int, exact: bool) -> tuple[int, ...]:
    """The entry that each entry of the result repeats: floor(i W/o), or floor((i + 1/2) W/o) where
    `exact`."""
    if exact:
        return tuple((2 * i + 1) * size // (2 * out) for i in range(out))
    return tuple(i * size // out for i in range(out))


def rounds_alike(size: int, out: int, exact: bool) -> bool:
    """Does floating point find these places, however it rounds?

    torch calculates i W/o in single or double precision, by the type of the numbers and the number of
    dimensions, and where this is a whole number rounding decides: from 2 to 82 entries it may be one less.
    Alike: none is whole but 0, or W/o is a binary fraction and nothing is rounded.
    """
    common = gcd(size, out)
    steps = out // common
    if steps & (steps - 1) == 0:
        return 2 * out * (size // common) < 2**24
    if exact:
        steps = 2 * out // gcd(size, 2 * out)
        # a source is 1/steps away from whole numbers
        return steps % 2 == 0 and size * steps < 2**22
    return common == 1 and size * out < 2**22


def tied(moves: Sequence[Motion], count: int) -> list[frozenset[int]]:
    """The dimensions that some moves exchange, together; their sizes can only change together."""
    groups = [{d} for d in range(count)]
    for move in moves:
        for d, to in enumerate(move.axes):
            one = next(group for group in groups if d in group)
            two = next(group for group in groups if to in group)
            if one is not two:
                one |= two
                groups.remove(two)
    return [frozenset(group) for group in groups]


def nearest_sizes(
    laws: Sequence[Law], sizes: Sequence[int], moves: Sequence[Motion], farthest: int = 64
) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
    """The nearest sizes below and above at which the laws commute with all moves and leave something.

    Each set of tied dimensions looks for its own; those without a fault keep their size.
    """

    def fits(group: frozenset[int], size: int) -> bool:
        tried = [size if d in group else n for d, n in enumerate(sizes)]
        return all(laws[d].result(size) > 0 for d in group) and not any(
            fault.dim in group for fault in faults(laws, tried, moves)
        )

    ways: list[tuple[int, ...] | None] = []
    for step in (-1, 1):
        found: list[int] | None = list(sizes)
        for group in tied(moves, len(sizes)):
            size = sizes[min(group)]
            if found is None or fits(group, size):
                continue
            rolled = any(move.rolls[d] % sizes[d] for move in moves for d in group)
            reachable = (size + step * n for n in range(1, farthest + 1) if size + step * n > 0)
            fit = None if rolled else next((n for n in reachable if fits(group, n)), None)
            found = None if fit is None else [fit if d in group else n for d, n in enumerate(found)]
        ways.append(None if found is None or found == list(sizes) else tuple(found))
    return ways[0], ways[1]
