"""The size rules of `algebra.windows` against torch: what is said to commute does, at every size tried.

A configuration is one law for each dimension, the sizes and one motion; its truth is what torch computes
for random numbers, once moved before and once after. Kernels are moved along, as equivariant ones are. The
numbers of configurations that are refused in vain (windows that see only padding, and the like) are written
down: a rule that becomes stricter or laxer is seen.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  (the field's name for it)
from torch import Tensor
from windowing import (
    FLIP,
    PLANE,
    ROLL,
    Compute,
    commutes,
    convolved,
    equal,
    moved,
    padded,
    pooled,
    resampled,
    tally,
    transposed,
)

from eqspec.algebra.families import matrix_group
from eqspec.algebra.images import Monomial
from eqspec.algebra.lattice import grid, motions
from eqspec.algebra.windows import (
    EXTENSIONS,
    Adaptive,
    Framed,
    Law,
    Resampled,
    Spread,
    Window,
    faults,
    nearest_sizes,
    rounds_alike,
)
from eqspec.ops.spatialhints import alternatives, every, impossible


def numbers(*sizes: int) -> Tensor:
    return torch.randn(1, 1, *sizes, dtype=torch.float64)


def test_convolution_of_sequences_commutes_as_it_is_said() -> None:
    torch.manual_seed(0)
    flips: Counter[str] = Counter()
    rolls: Counter[str] = Counter()
    for size, k, s, d, left, right, mode in itertools.product(
        (1, 2, 3, 5, 8), range(1, 5), range(1, 4), (1, 2), range(3), range(3), EXTENSIONS
    ):
        law = Window(k, s, left, right, d, mode)
        if impossible(law, size):
            continue
        x, w = numbers(size), numbers(k)
        assert convolved([law])(x, w).shape[-1] == law.result(size)
        tally(flips, [law], [size], FLIP, commutes(convolved([law]), x, w, FLIP))
        if size > 1:
            tally(rolls, [law], [size], ROLL, commutes(convolved([law]), x, w, ROLL))
    assert flips == {"accepted": 997, "refused": 2084, "refused in vain": 153}
    assert rolls == {"accepted": 76, "refused": 2776, "refused in vain": 85}


def test_transposed_convolution_commutes_as_it_is_said() -> None:
    torch.manual_seed(1)
    count: Counter[str] = Counter()
    for size, k, s, d, p, extra in itertools.product(
        range(1, 8), range(1, 5), range(1, 4), (1, 2), range(3), range(3)
    ):
        law = Spread(k, s, p, d, extra)
        if impossible(law, size):
            continue
        x, w = numbers(size), numbers(k)
        assert transposed(law)(x, w).shape[-1] == law.result(size)
        tally(count, [law], [size], FLIP, commutes(transposed(law), x, w, FLIP))
        if size > 1:
            tally(count, [law], [size], ROLL, commutes(transposed(law), x, w, ROLL))
    assert count == {"accepted": 472, "refused": 1455, "refused in vain": 12}


def drawn_window(draw: random.Random, *, pool: bool) -> Window:
    kernel = draw.randint(1, 4)
    mode = draw.choice(EXTENSIONS)
    ceil = pool and mode == "zero" and draw.random() < 0.5
    left = draw.randint(0, kernel // 2 if pool and mode == "zero" else 2)
    right = left if pool and mode == "zero" else draw.randint(0, 2)
    return Window(
        kernel,
        draw.randint(1, 3),
        left,
        right,
        draw.randint(1, 2),
        mode,
        ceil,
        pool and mode == "zero",
    )


def drawn(draw: random.Random, rank: int) -> tuple[list[Law], list[int], Compute, list[int]]:
    """Laws, sizes, what torch computes, and the size of the kernel that goes with them."""
    size = draw.randint(2, 9)
    sizes = [size] * rank
    alike = draw.random() < 0.6
    match draw.randrange(5):
        case 0:
            first = drawn_window(draw, pool=False)
            laws = [first, *(first if alike else drawn_window(draw, pool=False) for _ in sizes[1:])]
            windows = [Window(*_all(law, mode=first.mode)) for law in laws]
            return list(windows), sizes, convolved(windows), [law.kernel for law in windows]
        case 1:
            how = draw.choice(("max", "avg"))
            first = drawn_window(draw, pool=True)
            laws = [first, *(first if alike else drawn_window(draw, pool=True) for _ in sizes[1:])]
            pools = [
                Window(*_all(law, mode=first.mode, ceil=first.ceil, avg=how == "avg"))
                for law in laws
                if law.mode == first.mode
            ]
            pools += [pools[0]] * (rank - len(pools))
            return list(pools), sizes, pooled(pools, how, draw.random() < 0.5), [1] * rank
        case 2:
            mode = draw.choice(("linear", "nearest", "nearest_exact", "area", "bicubic"))
            if rank == 1 and mode == "bicubic":
                mode = "linear"
            corners = mode in ("linear", "bicubic") and draw.random() < 0.4
            antialias = rank == 2 and mode in ("linear", "bicubic") and draw.random() < 0.5
            outs = [draw.choice((1, size, 2 * size, draw.randint(2, 19)))] * rank
            if not alike:
                outs = [draw.randint(2 if antialias else 1, 19) for _ in sizes]
            found = [Resampled(mode, out, corners=corners, antialias=antialias) for out in outs]  # type: ignore[arg-type]  # one of the words
            return list(found), sizes, resampled(found, sizes), [1] * rank
        case 3:
            outs = [draw.randint(1, 12)] * rank if alike else [draw.randint(1, 12) for _ in sizes]
            adaptive = [Adaptive(out) for out in outs]
            return list(adaptive), sizes, resampled(adaptive, sizes), [1] * rank
        case _:
            mode = draw.choice(EXTENSIONS)
            low = -1 if mode == "zero" else 0
            ends = [(draw.randint(low, 2), draw.randint(low, 2)) for _ in sizes]
            frames = [Framed(*(ends[0] if alike else pair), mode) for pair in ends]
            return list(frames), sizes, lambda x, w: padded(x, frames), [1] * rank


def _all(law: Window, mode: object, ceil: bool = False, avg: bool = False) -> list[object]:
    dilation = 1 if avg else law.dilation
    return [law.kernel, law.stride, law.left, law.right, dilation, mode, ceil, law.pool]


def sweep(seed: int, wanted: int, rank: int) -> dict[str, Counter[str]]:
    """Random configurations, until so many are tried; every proposal that is made is tried too."""
    torch.manual_seed(seed)
    draw = random.Random(seed)
    counts: dict[str, Counter[str]] = {}
    moves = {1: {"flip": FLIP, "roll": ROLL}, 2: PLANE}[rank]
    while sum(sum(count.values()) for count in counts.values()) < wanted:
        state = draw.getstate()
        laws, sizes, compute, kernel = drawn(draw, rank)
        move = moves[draw.choice(sorted(moves))]
        if any(map(impossible, laws, sizes)) or not _nearest_is_asked(laws, sizes):
            continue
        if move.axes != tuple(range(rank)) and len(set(kernel)) > 1:
            continue  # an exchange needs a kernel that can be exchanged
        x, w = numbers(*sizes), numbers(*kernel)
        truth = commutes(compute, x, w, move)
        count = counts.setdefault(type(laws[0]).__name__, Counter())
        if tally(count, laws, sizes, move, truth):
            continue
        for near in nearest_sizes(laws, sizes, [move]):
            again = random.Random()
            again.setstate(state)
            if near is None or any(map(impossible, laws, near)):
                continue
            assert not faults(laws, near, [move])
            there = numbers(*near)
            if isinstance(laws[0], Resampled | Adaptive):
                if not _nearest_is_asked(laws, near):
                    continue
                compute = resampled(laws, near)  # type: ignore[arg-type]  # all are of one kind
            assert commutes(compute, there, w, move), (laws, sizes, near, move)
            count["sizes proposed"] += 1
    return counts


def _nearest_is_asked(laws: Sequence[Law], sizes: Sequence[int]) -> bool:
    """Are these places that rounding cannot move? Others are not left to torch."""
    return all(
        not isinstance(law, Resampled)
        or not law.mode.startswith("nearest")
        or rounds_alike(size, law.result(size), law.mode == "nearest_exact")
        for law, size in zip(laws, sizes, strict=True)
    )


@pytest.mark.parametrize(("rank", "seed"), [(1, 3), (2, 4)])
def test_every_op_commutes_as_it_is_said(rank: int, seed: int) -> None:
    counts = sweep(seed, 1000, rank)
    for name, count in counts.items():
        assert min(count["accepted"], count["refused"]) > 15, (name, count)
        assert count["refused in vain"] < 0.1 * sum(count.values()), (name, count)
        assert count["sizes proposed"] > 3 or name in ("Adaptive", "Framed"), (name, count)


@pytest.mark.slow
@pytest.mark.parametrize("rank", [1, 2])
def test_every_op_commutes_as_it_is_said_at_many_sizes(rank: int) -> None:
    sweep(5, 40_000, rank)


def test_convolution_of_volumes_commutes_as_it_is_said() -> None:
    """All 48 signed permutations of the axes, as `grid` of a matrix group says that they move."""
    torch.manual_seed(3)
    draw = random.Random(3)
    count: Counter[str] = Counter()
    while sum(count.values()) < 1500:
        order, signs = draw.sample(range(3), 3), [draw.choice([1, -1]) for _ in range(3)]
        rows = [[signs[d] if order[d] == row else 0 for d in range(3)] for row in range(3)]
        mode = draw.choice(EXTENSIONS)
        kernel, size = draw.randint(1, 3), draw.randint(2, 5)
        one = (draw.randint(1, 2), draw.randint(0, 1), draw.randint(0, 1), draw.randint(1, 2))
        laws: list[Window] = []
        for _ in range(3):
            other = (draw.randint(1, 2), draw.randint(0, 1), draw.randint(0, 1), one[3])
            laws.append(Window(kernel, *(one if draw.random() < 0.8 else other), mode))
        if any(impossible(law, size) is not None for law in laws):
            continue
        group = matrix_group(3, {"g": rows})
        cube = grid("G.grid", "G", group, size, size, size)
        (move,) = motions(cube)
        x = torch.randn(1, 1, size, size, size, dtype=torch.float64)
        w = torch.randn(1, 1, kernel, kernel, kernel, dtype=torch.float64)
        if draw.random() < 0.1:  # the words of the motion and the matrix are one thing
            image = cube.image("G", 0)
            assert isinstance(image, Monomial)
            by_image = torch.empty(size**3, dtype=torch.float64)
            by_image[list(image.images)] = x.flatten()
            assert equal(moved(x, move).flatten(), by_image)
        tally(count, laws, [size] * 3, move, commutes(convolved(laws), x, w, move))
    assert count["accepted"] > 300
    assert count["refused"] > 500
    assert count["refused in vain"] < 40


def test_nearest_sizes_are_near_and_work() -> None:
    turn = [PLANE["rot90"], PLANE["hflip"]]
    laws = [Window(3, 2, 1, 1)] * 2
    assert nearest_sizes(laws, [32, 32], turn) == ((31, 31), (33, 33))
    assert not faults(laws, [31, 31], turn) and not faults(laws, [33, 33], turn)
    assert nearest_sizes(laws, [32, 31], [PLANE["hflip"], PLANE["vflip"]]) == ((31, 31), (33, 31))
    assert nearest_sizes([Window(3, 2, 1, 3)], [32], [FLIP]) == (None, None)
    assert alternatives(laws, [32, 32], turn) == ["kernel=2"]
    assert alternatives([Window(3, 2, 0, 1)], [32], [FLIP]) == ["kernel=2"]
    assert alternatives([Window(3, 1, 0, 1)], [32], [FLIP]) == ["padding=0"]
    assert alternatives([Window(3, 2, 0, 1)], [31], [FLIP]) == []
    assert alternatives([Resampled("nearest", 12)], [5], [FLIP]) == ["size=10"]


def test_which_sizes_work_in_general_is_told_as_it_is() -> None:
    said: set[str] = set()
    for k, s, p, q, d, ceil in itertools.product(
        range(1, 6), range(2, 5), range(3), range(3), (1, 2), (False, True)
    ):
        law = Window(k, s, p, q, d, ceil=ceil)
        works = {n: not faults([law], [n], [FLIP]) for n in range(12, 60)}
        wrong = next((n for n in works if not works[n]), None)
        if wrong is None or not any(works.values()):
            continue  # at no size or at every one: no size is proposed
        text = every([law], [wrong], [FLIP])
        rest = {n % s for n in works if works[n]}
        assert len(rest) == 1 and all(works[n] == (n % s in rest) for n in works)
        (left,) = rest
        word = ("even" if left == 0 else "odd") if s == 2 else f"leave {left} when divided by {s}"
        assert f"({word}" in text or f"that {word}" in text, (law, text)
        said.add(word)
    assert len(said) == 9
    assert every([Window(3, 2, 1, 1, mode="circular")], [8], [FLIP]) == ""


def test_the_rules_see_a_fault() -> None:
    """The judge itself: an asymmetric window does not commute, and a wrong kernel neither."""
    torch.manual_seed(6)
    x, w = numbers(8), numbers(3)
    law = Window(3, 2, 1, 1)
    assert not commutes(convolved([law]), x, w, FLIP)
    fits = convolved([Window(3, 1, 1, 1)])
    assert commutes(fits, x, w, FLIP)
    assert not equal(fits(moved(x, FLIP), w), moved(fits(x, w), FLIP))  # the kernel is not turned
    assert commutes(pooled([Window(2, 2)], "max", True), x, w, FLIP)
    assert not commutes(pooled([Window(2, 2)], "max", True), numbers(7), w, FLIP)


def test_what_is_refused_breaks_in_torch() -> None:
    """The errors of the refused calls, relative to the result: none is a matter of rounding."""

    def error(compute: Compute, *sizes: int) -> float:
        torch.manual_seed(8)
        x = numbers(*sizes)
        there, back = compute(x.flip(-1), x), compute(x, x).flip(-1)
        return float((there - back).abs().max() / back.abs().max())

    def scaled(x: Tensor, _: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=1.5, mode="bilinear")

    assert error(scaled, 5, 5) > 0.05 and error(scaled, 6, 6) < 1e-12
    corner = [Resampled("linear", 1, corners=True)] * 2
    assert error(resampled(corner, [5, 5]), 5, 5) > 0.05
    assert error(resampled([Resampled("linear", 1)] * 2, [5, 5]), 5, 5) < 1e-12
    near = [Resampled("nearest", 6)] * 2
    assert (
        error(resampled(near, [4, 4]), 4, 4) > 0.05 and error(resampled(near, [3, 3]), 3, 3) < 1e-12
    )
    pool = pooled([Window(2, 2)] * 2, "max", True)
    assert error(pool, 33, 33) > 0.05 and error(pool, 32, 32) < 1e-12
    up = transposed(Spread(3, 2, 1, 1, 1))
    kernel = numbers(3)
    assert error(lambda x, _: up(x, kernel + kernel.flip(-1)), 7) > 0.05
    # nearest by 41: the rule says yes, and PyTorch's own rounding does not keep it
    assert (
        error(resampled([Resampled("nearest", 1), Resampled("nearest", 82)], [1, 2]), 1, 2) > 0.05
    )
