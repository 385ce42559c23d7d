"""Laws of windows as torch computes them, and the truth whether they commute with a motion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F  # noqa: N812  (the field's name for it)
from torch import Tensor

from eqspec.algebra.lattice import Motion
from eqspec.algebra.windows import Adaptive, Framed, Law, Resampled, Spread, Window, faults
from eqspec.ops.spatialhints import impossible

FLIP = Motion("G", 0, (0,), (-1,), (0,))
ROLL = Motion("G", 0, (0,), (1,), (1,))
PLANE = {
    "rot90": Motion("G", 0, (1, 0), (-1, 1), (0, 0)),
    "transpose": Motion("G", 0, (1, 0), (1, 1), (0, 0)),
    "antitranspose": Motion("G", 0, (1, 0), (-1, -1), (0, 0)),
    "rot180": Motion("G", 0, (0, 1), (-1, -1), (0, 0)),
    "hflip": Motion("G", 0, (0, 1), (1, -1), (0, 0)),
    "vflip": Motion("G", 0, (0, 1), (-1, 1), (0, 0)),
}
SMOOTH = {1: "linear", 2: "bilinear", 3: "trilinear"}
Compute = Callable[[Tensor, Tensor], Tensor]


def moved(x: Tensor, move: Motion) -> Tensor:
    """The motion of the last dimensions: entry c goes to c'[axes[d]] = +-c[d] + roll."""
    count = len(move.axes)
    for d, (sign, roll) in enumerate(zip(move.signs, move.rolls, strict=True)):
        dim = d - count
        x = (x.flip(dim) if sign < 0 else x).roll(roll, dim)
    lead = list(range(x.ndim - count))
    order = [move.axes.index(d) for d in range(count)]
    return x.permute(*lead, *(len(lead) + d for d in order))


def equal(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a, b, rtol=1e-9, atol=1e-11)


def commutes(compute: Compute, x: Tensor, w: Tensor, move: Motion) -> bool:
    """Does moving x and the kernel (a roll moves no kernel) move the result?"""
    turned = moved(w, Motion("G", 0, move.axes, move.signs, (0,) * len(move.axes)))
    return equal(compute(moved(x, move), turned), moved(compute(x, w), move))


def padded(x: Tensor, laws: Sequence[Window] | Sequence[Framed]) -> Tensor:
    mode = laws[0].mode
    widths = [n for law in reversed(laws) for n in (law.left, law.right)]
    return F.pad(x, widths, mode="constant" if mode == "zero" else mode)


def convolved(laws: Sequence[Window]) -> Compute:
    function = getattr(F, f"conv{len(laws)}d")

    def compute(x: Tensor, w: Tensor) -> Tensor:
        strides, dilations = [law.stride for law in laws], [law.dilation for law in laws]
        return function(padded(x, laws), w, stride=strides, dilation=dilations)

    return compute


def transposed(law: Spread) -> Compute:
    def compute(x: Tensor, w: Tensor) -> Tensor:
        options = (law.stride, law.padding, law.extra, 1, law.dilation)
        return F.conv_transpose1d(x, w, None, *options)

    return compute


def pooled(laws: Sequence[Window], how: str, count_padding: bool) -> Compute:
    """The pools of torch; padding that is not zero is made first."""
    function = getattr(F, f"{how}_pool{len(laws)}d")

    def compute(x: Tensor, w: Tensor) -> Tensor:
        padding = [law.left for law in laws]
        if laws[0].mode != "zero":
            x, padding = padded(x, laws), [0] * len(laws)
        options = {"ceil_mode": laws[0].ceil}
        if how == "max":
            options["dilation"] = [law.dilation for law in laws]
        else:
            options["count_include_pad"] = count_padding
        return function(
            x, [law.kernel for law in laws], [law.stride for law in laws], padding, **options
        )

    return compute


def resampled(laws: Sequence[Resampled | Adaptive], sizes: Sequence[int]) -> Compute:
    """`interpolate`, or the adaptive mean."""
    out = [law.result(size) for law, size in zip(laws, sizes, strict=True)]
    first = laws[0]

    def compute(x: Tensor, w: Tensor) -> Tensor:
        if isinstance(first, Adaptive):
            return getattr(F, f"adaptive_avg_pool{len(laws)}d")(x, out)
        mode = SMOOTH[len(laws)] if first.mode == "linear" else first.mode.replace("_", "-")
        corners = first.corners or None
        return F.interpolate(x, out, mode=mode, align_corners=corners, antialias=first.antialias)

    return compute


def tally(
    count: Counter[str], laws: Sequence[Law], sizes: Sequence[int], move: Motion, truth: bool
) -> bool:
    """What is said of a configuration, counted; AssertionError if it is accepted and does not commute."""
    assert not any(map(impossible, laws, sizes)), (laws, sizes, "torch has a result")
    said = not faults(laws, sizes, [move])
    assert truth or not said, (
        laws,
        sizes,
        move,
        "accepted, and torch says that it does not commute",
    )
    count["accepted" if said else "refused in vain" if truth else "refused"] += 1
    return said
