"""The discrete Fourier transform as an instruction: the matrix of irreducible coordinates, the interpreter and
the emitted helpers are one map, which can be compiled and exported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from eqspec.algebra.constructors import regular
from eqspec.algebra.families import cyclic
from eqspec.algebra.isotypic import isotypic
from eqspec.emit.render import render
from eqspec.program.builder import Builder
from eqspec.program.cost import cost_of
from eqspec.program.fourier import is_transform
from eqspec.program.instructions import Program
from eqspec.program.interpreter import run


def helpers() -> dict[str, Callable[..., torch.Tensor]]:
    """The two functions as they stand in an emitted module."""
    scope: dict[str, Any] = {"torch": torch, "Tensor": torch.Tensor}
    exec(render("torch/fourier.jinja", helpers={"fourier", "fourier_back"}), scope)
    return scope


def there_and_back(shape: tuple[int, ...], dim: int) -> Program:
    b = Builder()
    x = b.input("x", 0, shape)
    y = b.fourier(x, dim)
    return b.program([("y", (y,)), ("z", (b.fourier_back(y, dim),))])


@pytest.mark.parametrize(
    ("shape", "dim"),
    [((2,), 0), ((3, 5), 1), ((4, 8, 2), 1), ((9, 2), 0), ((1, 3), 0), ((2, 6), 1)],
)
def test_the_transform_is_the_matrix_of_irreducible_coordinates(
    shape: tuple[int, ...], dim: int
) -> None:
    n = shape[dim]
    program = there_and_back(shape, dim)
    x = np.random.default_rng(n).normal(size=(4, *shape))
    _, y, z = run(program, {"x": (x,)}, {}, {}, {}, {})
    assert y.shape[1:] == program.shape(1) == (n, *shape[:dim], *shape[dim + 1 :])
    assert z.shape[1:] == program.shape(2) == shape
    if n > 1:
        found = isotypic(regular("r", "G", cyclic(n)))
        assert found is not None and is_transform(found.matrix)
        assert not is_transform(np.eye(n))
        expected = np.moveaxis(np.tensordot(found.matrix, x, (1, dim + 1)), 0, 1)
        assert np.abs(y - expected).max() < 1e-14
    assert np.abs(z - x).max() < 1e-14
    emitted = helpers()
    given = torch.tensor(x, requires_grad=True)
    there = emitted["_fourier"](given, dim - len(shape), -len(shape))
    back = emitted["_fourier_back"](there, -len(shape), dim - len(shape))
    assert np.abs(there.detach().numpy() - y).max() < 1e-14
    assert np.abs(back.detach().numpy() - z).max() < 1e-14
    # orthogonal, so the gradient of <there, c> is the way back of c
    weights = torch.randn_like(there)
    (gradient,) = torch.autograd.grad((there * weights).sum(), given)
    turned = emitted["_fourier_back"](weights, -len(shape), dim - len(shape))
    assert (gradient - turned).abs().max() < 1e-14


def test_long_axes_cost_less_than_the_matrix() -> None:
    program = there_and_back((16, 256), 1)
    found = cost_of(program, 1).flops
    assert found == cost_of(program, 2).flops and found * 10 < 2 * 256 * 256 * 16


def test_half_precision_is_transformed_in_single() -> None:
    x = torch.randn(3, 16, 5)
    scope = helpers()
    for dtype in (torch.bfloat16, torch.float16):
        y = scope["_fourier"](x.to(dtype), -2, -2)
        z = scope["_fourier_back"](y, -2, -2)
        assert y.dtype == z.dtype == dtype and (z.float() - x).abs().max() < 0.05


@pytest.mark.slow
def test_the_helpers_are_compiled_and_exported() -> None:
    scope = helpers()

    class Both(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = scope["_fourier"](x, -1, -2)
            return scope["_fourier_back"](torch.relu(y), -2, -1)

    module, x = Both(), torch.randn(4, 3, 12, requires_grad=True)
    expected = module(x)
    compiled = torch.compile(module, backend="eager", fullgraph=True)(x)
    assert torch.equal(compiled, expected)
    compiled.sum().backward()
    batch = torch.export.Dim("batch", min=2)
    exported = torch.export.export(module, (x.detach(),), dynamic_shapes=({0: batch},))
    other = torch.randn(7, 3, 12)
    assert torch.allclose(exported.module()(other), module(other), atol=1e-6)
    onnx = pytest.importorskip("onnxruntime") and torch.onnx.export(
        module, (x.detach(),), dynamo=True, verbose=False
    )
    assert onnx is not None
    assert torch.allclose(onnx(x.detach())[0], expected.detach(), atol=1e-5)
