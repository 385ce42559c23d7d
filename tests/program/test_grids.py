"""Instructions on grids: NumPy, shapes and the emitted call agree with PyTorch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from eqspec.emit.grids import grid_call
from eqspec.program.gridruns import run_grid
from eqspec.program.grids import Conv, grid_flops, grid_shape


def _on_grid(function: object, x: Tensor, rank: int, *args: object, **options: object) -> Tensor:
    y = function(x.reshape(-1, *x.shape[-rank:]), *args, **options)  # type: ignore[operator]
    return y.reshape(*x.shape[:-rank], *y.shape[1:])


def _random_conv(rng: np.random.Generator) -> tuple[Conv, list[tuple[int, ...]]] | None:
    rank = int(rng.integers(1, 4))
    window = tuple(int(n) for n in rng.integers(1, 4, rank))
    sizes = tuple(int(n) for n in rng.integers(3, 8, rank))
    groups = int(rng.choice([1, 1, 2, 3]))
    rows, columns = groups * int(rng.integers(1, 3)), groups * int(rng.integers(1, 3))
    transposed = bool(rng.random() < 0.3)
    conv = Conv(
        (0, 1, 2)[: int(rng.integers(2, 4))],
        tuple(int(n) for n in rng.integers(1, 4, rank)),
        tuple(int(n) for n in rng.integers(0, 3, rank)),
        tuple(int(n) for n in rng.integers(1, 3, rank)),
        groups,
        transposed,
    )
    weight = (
        (columns, rows // groups, *window) if transposed else (rows, columns // groups, *window)
    )
    shapes = [(columns, *sizes), weight, (rows,)][: len(conv.args)]
    try:
        grid_shape(conv, shapes)
    except AssertionError:
        return None  # the window does not fit
    return conv, shapes


def test_convolutions_agree_with_torch() -> None:
    rng = np.random.default_rng(5)
    tried = 0
    for _ in range(400):
        drawn = _random_conv(rng)
        if drawn is None:
            continue
        conv, shapes = drawn
        x = rng.standard_normal((2, *shapes[0]))
        args = [x, *(rng.standard_normal(shape) for shape in shapes[1:])]
        found = run_grid(conv, args)
        assert found.shape[1:] == grid_shape(conv, shapes)
        names = {"F": functional, "_on_grid": _on_grid}
        names |= {f"a{k}": torch.from_numpy(arg) for k, arg in enumerate(args)}
        texts = grid_call(conv, [f"a{k}" for k in range(len(args))])
        wanted = eval(f"_on_grid({', '.join(texts)})", names)
        np.testing.assert_allclose(found, wanted.numpy(), atol=1e-12)
        # more batch dimensions, and none
        names["a0"] = torch.from_numpy(x).reshape(2, 1, *shapes[0])
        more = eval(f"_on_grid({', '.join(texts)})", names)
        assert torch.equal(more.flatten(0, 1), wanted)
        names["a0"] = torch.from_numpy(x)[0]
        alone = eval(f"_on_grid({', '.join(texts)})", names)
        np.testing.assert_allclose(alone.numpy(), found[0], atol=1e-12)
        tried += 1
    assert tried > 300


def test_operations_are_counted() -> None:
    plain = Conv((0, 1), (1, 1), (1, 1), (1, 1))
    shapes = [(3, 8, 8), (5, 3, 3, 3)]
    assert grid_flops(plain, shapes, grid_shape(plain, shapes)) == 2 * 5 * 64 * 27
    up = Conv((0, 1), (2, 2), (0, 0), (1, 1), transposed=True)
    shapes = [(3, 4, 4), (3, 5, 2, 2)]
    assert grid_shape(up, shapes) == (5, 8, 8)
    assert grid_flops(up, shapes, (5, 8, 8)) == 2 * 16 * 3 * 5 * 4
