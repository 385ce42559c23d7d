"""Kernels of group convolutions: their number by two routes, and that those of another library lie among
them.

Numbers: Cohen and Welling, *Group Equivariant Convolutional Networks* (2016), p4 and p4m; a kernel between
two regular fields is free at one element, so there are |G| k^2 of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from eqspec.diagnostics.model import Source
from eqspec.graph.model import Module, Node
from eqspec.ops.blockmaps import pair_basis
from eqspec.ops.kernels import Kernels
from eqspec.pipeline import check_source


def layer_of(group: str, fibre: str, size: int, extra: str = "") -> tuple[Module, Node, Kernels]:
    """A convolution from one field to another, in its module."""
    field = f"[G.{fibre}, G.grid(7, 7)]"
    text = (
        f"eqspec 1\ngroup G = {group}\n{extra}\nmodule M {{\n  input x: {field}\n"
        f"  output y: {field} = conv2d(x, kernel={size}, padding={size // 2})\n}}\n"
    )
    checked = check_source(Source("x.eqs", text))
    assert checked.ok and checked.spec is not None, [d.message for d in checked.diagnostics]
    module = checked.spec.modules[0]
    node = module.node("y")
    assert isinstance(node.data, Kernels)
    return module, node, node.data


def basis_of(group: str, fibre: str, size: int, extra: str = "") -> NDArray[np.float64]:
    """The kernels that are emitted: (number, channels out, channels in, rows, columns)."""
    module, node, data = layer_of(group, fibre, size, extra)
    block = module.node("x").type.blocks[0]
    pair = data.pair(block, data.sources[0][0], node.type.blocks[0], 0).pair
    (part,) = pair.shared
    dense = pair_basis(pair, part).dense()
    width = block.shape[0]
    return dense.reshape(len(dense), width, width, size, size)


@pytest.mark.parametrize(
    ("group", "size", "count"),
    [
        ("cyclic(4)", 3, 36),
        ("cyclic(4)", 5, 100),
        ("dihedral(4)", 3, 72),
        ("dihedral(4)", 5, 200),
    ],
)
def test_kernels_between_regular_fields(group: str, size: int, count: int) -> None:
    assert layer_of(group, "regular", size)[2].dimensions == (((count,),),)  # by characters
    basis = basis_of(group, "regular", size)
    assert len(basis) == count  # by the solver
    assert np.linalg.matrix_rank(basis.reshape(count, -1)) == count


@pytest.mark.slow
@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("group", ["cyclic(4)", "dihedral(4)"])
def test_the_kernels_of_escnn_lie_among_them(group: str, size: int) -> None:
    """Band-limited kernels of circular harmonics, sampled on the grid, are equivariant under the
    symmetries of the grid, so they are among all that are."""
    gspaces: Any = pytest.importorskip("escnn.gspaces")
    nn: Any = pytest.importorskip("escnn.nn")
    mirrored = group == "dihedral(4)"
    space = gspaces.flipRot2dOnR2(4) if mirrored else gspaces.rot2dOnR2(4)
    field = nn.FieldType(space, [space.regular_repr])
    torch.manual_seed(0)
    layer = nn.R2Conv(field, field, kernel_size=size, bias=False)
    # its elements that turn and mirror a picture as the generators of the spec do
    picture = torch.randn(1, 1, 7, 7)
    trivial = nn.GeometricTensor(picture, nn.FieldType(space, [space.trivial_repr]))
    wanted = {"r": picture.rot90(1, (-2, -1))} | ({"s": picture.flip(-1)} if mirrored else {})
    images = [
        f"{name} -> {cycles(space.regular_repr(element))}"
        for name, moved in wanted.items()
        for element in space.fibergroup.elements
        if torch.allclose(trivial.transform(element).tensor, moved, atol=1e-5)
    ]
    assert len(images) == len(wanted)
    lines = "\n".join(images)
    extra = f"rep G.field = permutation({space.regular_repr.size}) {{ {lines} }}"
    basis = basis_of(group, "field", size, extra)
    flat = basis.reshape(len(basis), -1)
    spanned = []
    for _ in range(flat.shape[0] + 8):
        layer.weights.data.normal_()
        kernel, _ = layer.expand_parameters()
        spanned.append(kernel.detach().double().reshape(-1).numpy())
    kernels = np.stack(spanned)
    coefficients = np.linalg.lstsq(flat.T, kernels.T, rcond=None)[0]
    error = np.abs(coefficients.T @ flat - kernels).max() / np.abs(kernels).max()
    assert error < 1e-5
    assert np.linalg.matrix_rank(kernels, tol=1e-4 * np.abs(kernels).max()) <= len(basis)


def cycles(matrix: NDArray[np.float64]) -> str:
    """A permutation matrix in the words of a spec."""
    to = [int(np.argmax(column)) for column in np.asarray(matrix).T]
    text, seen = "", set()
    for start in range(len(to)):
        orbit = [start]
        while to[orbit[-1]] != start:
            orbit.append(to[orbit[-1]])
        if start not in seen and len(orbit) > 1:
            text += f"({' '.join(map(str, orbit))})"
        seen.update(orbit)
    return text or "()"
