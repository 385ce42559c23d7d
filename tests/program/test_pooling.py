"""Pools, resizing and padding: NumPy, shapes and the emitted call agree with PyTorch."""

from __future__ import annotations

from collections import Counter

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from eqspec.algebra.windows import nearest_places, rounds_alike
from eqspec.emit.grids import grid_call
from eqspec.program.gridruns import run_grid
from eqspec.program.grids import OnGrid, grid_flops, grid_shape
from eqspec.program.pooling import AdaptivePool, Pad, Pool, Resize

BY_RANK = {1: "linear", 2: "bilinear", 3: "trilinear"}


def _on_grid(function: object, x: Tensor, rank: int, *args: object, **options: object) -> Tensor:
    y = function(x.reshape(-1, *x.shape[-rank:]), *args, **options)  # type: ignore[operator]
    return y.reshape(*x.shape[:-rank], *y.shape[1:])


def _numbers(rng: np.random.Generator, low: int, high: int, rank: int) -> tuple[int, ...]:
    return tuple(int(n) for n in rng.integers(low, high, rank))


def _drawn(rng: np.random.Generator, sizes: tuple[int, ...]) -> OnGrid:
    rank = len(sizes)
    how = ("avg", "max")[rng.integers(2)]
    match rng.integers(4):
        case 0:
            kernel = _numbers(rng, 1, 4, rank)
            padding = tuple(int(rng.integers(0, k // 2 + 1)) for k in kernel)
            dilation = _numbers(rng, 1, 3, rank) if how == "max" else (1,) * rank
            stride = kernel if rng.random() < 0.5 else _numbers(rng, 1, 4, rank)
            flags = rng.random(2) < 0.5
            return Pool(
                (0,), how, kernel, stride, padding, dilation, bool(flags[0]), bool(flags[1])
            )
        case 1:
            return AdaptivePool((0,), how, _numbers(rng, 1, 12, rank))
        case 2:
            modes = [BY_RANK[rank], "nearest", "nearest-exact", "area"]
            modes += ["bilinear", "bicubic", "bicubic"] if rank == 2 else []
            mode = modes[rng.integers(len(modes))]
            smooth = mode not in ("nearest", "nearest-exact", "area")
            corners = smooth and bool(rng.random() < 0.4)
            antialias = mode in ("bilinear", "bicubic") and not corners and bool(rng.random() < 0.5)
            out = _numbers(rng, 1, 14, rank)
            antialias = antialias and out[-1] > 1  # wrong in torch 2.13, and refused
            exact = mode == "nearest-exact"
            if mode.startswith("nearest") and not all(
                rounds_alike(n, o, exact) for n, o in zip(sizes, out, strict=True)
            ):
                mode = "area"  # not emitted so: the places are written out
            return Resize((0,), out, mode, corners, antialias)  # type: ignore[arg-type]  # one of the words
        case _:
            mode = ("zero", "circular", "reflect", "replicate")[rng.integers(4)]
            low = -1 if mode == "zero" else 0
            ends = tuple((int(a), int(b)) for a, b in rng.integers(low, 3, (rank, 2)))
            return Pad((0,), ends, mode)  # type: ignore[arg-type]  # one of the words


def test_all_agree_with_torch_to_the_last_digits() -> None:
    rng = np.random.default_rng(7)
    tried: Counter[str] = Counter()
    for _ in range(400):
        sizes = _numbers(rng, 3, 9, int(rng.integers(1, 4)))
        step = _drawn(rng, sizes)
        shape = grid_shape(step, [(2, *sizes)])
        if min(shape) < 1:
            continue
        x = rng.standard_normal((2, 2, *sizes))
        found = run_grid(step, [x])
        assert found.shape[1:] == shape, step
        call = f"_on_grid({', '.join(grid_call(step, ['x']))})"
        names = {"F": functional, "_on_grid": _on_grid, "x": torch.from_numpy(x)}
        wanted = eval(call, names)
        np.testing.assert_allclose(found, wanted.numpy(), rtol=0, atol=1e-12, err_msg=str(step))
        names["x"] = torch.from_numpy(x)[0]
        np.testing.assert_allclose(eval(call, names).numpy(), found[0], rtol=0, atol=1e-12)
        tried[type(step).__name__] += 1
    assert min(tried.values()) > 60, tried


def test_nearest_neighbours_are_those_of_torch_where_it_is_asked() -> None:
    """PyTorch finds their places in single or double precision, and by several routes; where rounding
    could decide, `rounds_alike` says no."""
    count = 0
    for name, exact in (("nearest", False), ("nearest-exact", True)):
        pairs = [(n, o) for n in range(1, 25) for o in range(1, 50)]
        pairs += [(1024, 2048), (1000, 3000), (999, 777), (60_000, 30_000), (333, 7_659)]
        for size, out in pairs:
            if not rounds_alike(size, out, exact):
                continue
            places = torch.tensor(nearest_places(size, out, exact))
            row = torch.arange(size)
            for shape in ((1, 1, size), (1, 1, 1, size), (1, 3, 1, size), (1, 1, 1, 1, size)):
                for dtype in (torch.float32, torch.float64):
                    x = row.to(dtype).expand(shape)
                    wanted = (1,) * (len(shape) - 3) + (out,)
                    found = functional.interpolate(x, size=wanted, mode=name)
                    assert bool((found == places).all()), (name, size, out, shape, dtype)
                    count += 1
    assert count > 7_000
    # where it says no there are sizes at which PyTorch does not agree with itself
    x = torch.arange(2.0, dtype=torch.float64)
    assert not rounds_alike(2, 82, False)
    row = functional.interpolate(x.reshape(1, 1, 2), size=(82,), mode="nearest").flatten()
    plane = functional.interpolate(x.reshape(1, 1, 1, 2), size=(1, 82), mode="nearest").flatten()
    assert not torch.equal(row, plane)


def test_operations_are_counted() -> None:
    pool = Pool((0,), "max", (3, 3), (2, 2), (1, 1), (1, 1))
    assert grid_flops(pool, [(4, 9, 9)], (4, 5, 5)) == 4 * 25 * 9
    assert grid_flops(Resize((0,), (8, 8), "bilinear"), [(4, 4, 4)], (4, 8, 8)) == 2 * 4 * 4 * 64
    assert grid_flops(Pad((0,), ((1, 1),)), [(4, 4)], (4, 6)) == 0
