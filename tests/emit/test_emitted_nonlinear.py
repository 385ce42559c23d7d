"""Emitted modules of lengths, gates and products: clean, right, differentiable at zero."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from eqspec.diagnostics.model import Source
from eqspec.pipeline import check_source, compile_spec

SPEC = """eqspec 1
group S = symmetric(4)
group O3 = orthogonal(3)
group L = lorentz(1, 3)
group T = dihedral(3)
rep T.plane = matrix(2) { r -> [[0, -1], [1, -1]]  s -> [[0, 1], [1, 0]] }

module Points {
  input x: [S.natural, O3.vector]
  input charge: [S.natural]
  input skew: 3x[T.plane] + [2, T.sign]
  v: [S.natural, 6, O3.vector] = norm_relu(linear(x))
  w: [S.natural, 6, O3.vector] = gated(linear(v), sigmoid(linear(norm(v))))
  k: [S.natural, 2, O3.tensor(2, 0)] = linear(tensor_product(w, v, pairs=same))
  trace = contract(k, dims=[-2, -1])
  small: [S.natural, 2, O3.tensor(2, 0)] = norm_relu(k)
  rest: 3x[T.plane] + [2, T.sign] = gated(norm_relu(skew), norm(skew))
  output moment: [O3.vector] = tensor_product(charge, x)
  output gram: [S.natural, S.natural] = dot(x, x, pairs=all)
  output y: [5] = linear(norm(w, squared=true), dot(v, w), trace, norm(small), norm(rest))
}

module Jets {
  input p: [S.natural, L.vector]
  v: [S.natural, 4, L.vector] = gated(linear(p), linear(dot(p, p, pairs=all)))
  output squares: [S.natural, 4, 4] = dot(v, v, pairs=channels)
  output area: [S.natural, 4, L.tensor(2, 0)] = tensor_product(v, v, pairs=same)
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("nonlinear")
    result = compile_spec(check_source(Source("bends.eqs", SPEC)), "bends", "bends.eqs")
    assert result.files, [d.message for d in result.diagnostics]
    for file in result.files:
        (made / file.name).write_text(file.text, encoding="utf-8")
    return made


@pytest.mark.slow
def test_other_tools_find_nothing(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    cache = tmp_path_factory.getbasetemp().parent / "mypy"
    for command in (
        ["ruff", "check", "--isolated", "--no-cache", str(folder)],
        ["ruff", "format", "--check", "--isolated", "--no-cache", str(folder)],
        ["mypy", "--strict", "--cache-dir", str(cache), str(folder / "bends.py")],
        ["pytest", "-q", "-p", "no:cacheprovider", str(folder)],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
        )
        assert done.returncode == 0, done.stdout[-4000:]


@pytest.fixture(scope="module")
def bends(folder: Path) -> dict[str, object]:
    space: dict[str, object] = {"__name__": "bends"}
    exec(compile((folder / "bends.py").read_text(encoding="utf-8"), "bends.py", "exec"), space)
    return space


def test_the_code_multiplies_by_views(folder: Path) -> None:
    text = (folder / "bends.py").read_text(encoding="utf-8")
    assert ".unsqueeze(-1)" in text
    assert "torch.sqrt(torch.square(" in text
    assert "clamp" not in text and "torch.norm" not in text


def test_gradients_at_zero_are_finite(bends: dict[str, object]) -> None:
    made = bends["Points"]
    assert callable(made)
    network = made()
    x, charge = torch.zeros(2, 4, 3), torch.zeros(2, 4)
    skew = (torch.zeros(2, 3, 2), torch.zeros(2, 2, 1))
    for tensor in (x, charge, *skew):
        tensor.requires_grad_(True)
    out = network(x, charge, skew)
    sum(part.sum() for part in out).backward()
    for tensor in (x, charge, *skew, *network.parameters()):
        assert tensor.grad is None or torch.isfinite(tensor.grad).all()


def test_lengths_are_those_of_torch(bends: dict[str, object]) -> None:
    made = bends["Points"]
    assert callable(made)
    x = torch.randn(3, 4, 3)
    skew = (torch.randn(3, 3, 2), torch.randn(3, 2, 1))
    out = made()(x, torch.randn(3, 4), skew)
    torch.testing.assert_close(out.gram, x @ x.transpose(-1, -2))


def test_squares_of_lorentz_vectors_are_minkowskis(bends: dict[str, object]) -> None:
    made = bends["Jets"]
    assert callable(made)
    p = torch.randn(2, 4, 4, dtype=torch.float64)
    network = made().double()
    squares, area = network(p)
    eta = torch.tensor([1.0, -1.0, -1.0, -1.0], dtype=torch.float64)
    traces = (area.diagonal(dim1=-2, dim2=-1) * eta).sum(-1)
    torch.testing.assert_close(squares.diagonal(dim1=-2, dim2=-1), traces)


def test_one_graph(bends: dict[str, object]) -> None:
    made = bends["Jets"]
    assert callable(made)
    network = made().eval()
    p = torch.randn(2, 4, 4)
    exported = torch.export.export(network, (p,))
    for found, wanted in zip(exported.module()(p), network(p), strict=True):
        torch.testing.assert_close(found, wanted)
