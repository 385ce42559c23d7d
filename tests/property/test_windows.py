"""The size rules of `algebra.windows` against torch: what is said to commute does, at every size tried.

A configuration is one law for each dimension, the sizes and one motion; its truth is what torch computes
for random numbers, once moved before and once after. Kernels are moved along, as equivariant ones are.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F  # noqa: N812  (the field's name for it)
from torch import Tensor

from eqspec.algebra.lattice import Motion
from eqspec.algebra.windows import EXTENSIONS, Law, Spread, Window, faults, nearest_sizes

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
    """Does moving x and the kernel, rolls of which move no kernel, move the result?"""
    turned = moved(w, Motion("G", 0, move.axes, move.signs, (0,) * len(move.axes)))
    return equal(compute(moved(x, move), turned), moved(compute(x, w), move))


def padded(x: Tensor, laws: Sequence[Window]) -> Tensor:
    mode = laws[0].mode
    widths = [n for law in reversed(laws) for n in (law.left, law.right)]
    return F.pad(x, widths, mode="constant" if mode == "zero" else mode)


def convolved(laws: Sequence[Window]) -> Compute:
    function = {1: F.conv1d, 2: F.conv2d}[len(laws)]

    def compute(x: Tensor, w: Tensor) -> Tensor:
        strides, dilations = [law.stride for law in laws], [law.dilation for law in laws]
        return function(padded(x, laws), w, stride=strides, dilation=dilations)

    return compute


def possible(law: Window, size: int) -> bool:
    most = {"circular": size, "reflect": size - 1}.get(law.mode, 99)
    return law.result(size) > 0 and max(law.left, law.right) <= most


def tally(
    count: Counter[str], laws: Sequence[Law], sizes: Sequence[int], move: Motion, truth: bool
) -> None:
    said = not faults(laws, sizes, [move])
    assert truth or not said, (
        laws,
        sizes,
        move,
        "accepted, and torch says that it does not commute",
    )
    count["accepted" if said else "refused in vain" if truth else "refused"] += 1


def windows(largest: int) -> Iterator[tuple[int, Window]]:
    for size, k, s, d, left, right, mode in itertools.product(
        range(1, largest), range(1, 5), range(1, 4), (1, 2), range(3), range(3), EXTENSIONS
    ):
        law = Window(k, s, left, right, d, mode)
        if possible(law, size):
            yield size, law


def test_convolution_of_sequences_commutes_as_it_is_said() -> None:
    torch.manual_seed(0)
    flips: Counter[str] = Counter()
    rolls: Counter[str] = Counter()
    for size, law in windows(10):
        x = torch.randn(1, 1, size, dtype=torch.float64)
        w = torch.randn(1, 1, law.kernel, dtype=torch.float64)
        assert convolved([law])(x, w).shape[-1] == law.result(size)
        tally(flips, [law], [size], FLIP, commutes(convolved([law]), x, w, FLIP))
        if size > 1:
            tally(rolls, [law], [size], ROLL, commutes(convolved([law]), x, w, ROLL))
    assert flips == {"accepted": 1932, "refused": 4503, "refused in vain": 159}
    assert rolls == {"accepted": 152, "refused": 6058, "refused in vain": 87}


def test_transposed_convolution_commutes_as_it_is_said() -> None:
    torch.manual_seed(1)
    count: Counter[str] = Counter()
    for size, k, s, d, p, extra in itertools.product(
        range(1, 8), range(1, 5), range(1, 4), (1, 2), range(3), range(3)
    ):
        law = Spread(k, s, p, d, extra)
        if extra >= max(s, d) or law.result(size) < 1:
            continue

        def compute(x: Tensor, w: Tensor, law: Spread = law) -> Tensor:
            options = (law.stride, law.padding, law.extra, 1, law.dilation)
            return F.conv_transpose1d(x, w, None, *options)

        x = torch.randn(1, 1, size, dtype=torch.float64)
        w = torch.randn(1, 1, k, dtype=torch.float64)
        assert compute(x, w).shape[-1] == law.result(size)
        tally(count, [law], [size], FLIP, commutes(compute, x, w, FLIP))
        if size > 1:
            tally(count, [law], [size], ROLL, commutes(compute, x, w, ROLL))
    assert count == {"accepted": 472, "refused": 1455, "refused in vain": 12}


def test_convolution_of_pictures_commutes_as_it_is_said() -> None:
    """Both dimensions drawn by themselves, so that exchanges meet unequal strides and paddings."""
    torch.manual_seed(2)
    draw = random.Random(2)
    count: Counter[str] = Counter()
    while sum(count.values()) < 3000:
        mode = draw.choice(EXTENSIONS)

        def law() -> Window:
            return Window(
                draw.randint(1, 3),
                draw.randint(1, 3),
                draw.randint(0, 2),
                draw.randint(0, 2),
                draw.randint(1, 2),
                mode,  # noqa: B023  (called at once)
            )

        first = law()
        laws = [first, first if draw.random() < 0.6 else law()]
        size = draw.randint(2, 8)
        name = draw.choice(sorted(PLANE))
        if not all(possible(one, size) for one in laws):
            continue
        if PLANE[name].axes != (0, 1) and laws[0].kernel != laws[1].kernel:
            continue  # an exchange needs a kernel that can be exchanged
        x = torch.randn(1, 1, size, size, dtype=torch.float64)
        w = torch.randn(1, 1, laws[0].kernel, laws[1].kernel, dtype=torch.float64)
        tally(count, laws, [size] * 2, PLANE[name], commutes(convolved(laws), x, w, PLANE[name]))
    assert count == {"accepted": 937, "refused": 2026, "refused in vain": 37}


def test_nearest_sizes_are_near_and_work() -> None:
    turn = [PLANE["rot90"], PLANE["hflip"]]
    laws = [Window(3, 2, 1, 1)] * 2
    assert nearest_sizes(laws, [32, 32], turn) == ((31, 31), (33, 33))
    assert not faults(laws, [31, 31], turn) and not faults(laws, [33, 33], turn)
    assert nearest_sizes(laws, [32, 31], [PLANE["hflip"], PLANE["vflip"]]) == ((31, 31), (33, 31))
    assert nearest_sizes([Window(3, 2, 1, 3)], [32], [FLIP]) == (None, None)
