"""Groups, random elements of them and random networks, for the tests of frames: nothing of eqspec's own
actions is used here."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from eqspec.diagnostics.model import Source
from eqspec.pipeline import check_source, compile_spec

torch = pytest.importorskip("torch")

HEAD = """eqspec 1
group S = symmetric(6)
group T = symmetric(3)
group O2 = orthogonal(2)
group O3 = orthogonal(3)
group R2 = special_orthogonal(2)
group R3 = special_orthogonal(3)
group O4 = orthogonal(4)
group R4 = special_orthogonal(4)
group E = euclidean(3)
group F = special_euclidean(2)
"""


class Base(torch.nn.Module):
    """A random nonlinear network, which counts what goes through it."""

    def __init__(self, returns: list[tuple[int, ...]]) -> None:
        super().__init__()
        self.returns, self.rows, self.calls = returns, 0, 0

    def forward(self, *xs: Any) -> Any:
        flat = torch.cat([x.flatten(1) for x in xs], dim=1)
        self.rows += len(flat)
        self.calls += 1
        ys = []
        for k, shape in enumerate(self.returns):
            first = mixed(flat.shape[1], 16, k).to(flat)
            last = mixed(16, math.prod(shape), k + 7).to(flat)
            ys.append((torch.tanh(flat @ first + 0.3) @ last).reshape(-1, *shape))
        return ys[0] if len(ys) == 1 else tuple(ys)


def mixed(rows: int, columns: int, k: int) -> Any:
    """A matrix without any structure."""
    numbers = torch.arange(rows * columns, dtype=torch.float64)
    return torch.sin(numbers.square() * 1.7 + k + 1.0).reshape(rows, columns)


def modules(texts: str, folder: Path, stem: str) -> ModuleType:
    result = compile_spec(
        check_source(Source(f"{stem}.eqs", HEAD + texts)), stem, f"{stem}.eqs", ["module"]
    )
    assert result.files, [d.message for d in result.diagnostics]
    path = folder / f"{stem}.py"
    path.write_text(result.files[0].text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shapes_of(text: str) -> list[tuple[int, ...]]:
    return [tuple(int(n) for n in part.strip("[] ").split(",")) for part in text.split("+")]


def orthogonal(rng: Any, n: int, special: bool) -> Any:
    q, r = torch.linalg.qr(torch.randn(n, n, generator=rng, dtype=torch.float64))
    q = q * r.diagonal().sign()
    if special and torch.linalg.det(q) < 0:
        q = torch.cat((-q[:, :1], q[:, 1:]), dim=1)
    return q


Motion = dict[str, Any]


def motion(rng: Any) -> Motion:
    """An element of every group: matrices, orders of rows, and steps of any length."""
    found: Motion = {"S": torch.randperm(6, generator=rng), "T": torch.randperm(3, generator=rng)}
    for name, n, special in (
        ("O2", 2, False),
        ("O3", 3, False),
        ("R2", 2, True),
        ("R3", 3, True),
        ("O4", 4, False),
        ("R4", 4, True),
        ("E", 3, False),
        ("F", 2, True),
    ):
        found[name] = orthogonal(rng, n, special)
        found[f"{name} step"] = 5 * torch.randn(n, generator=rng, dtype=torch.float64)
    return found


def moved(x: Any, axes: list[str], g: Motion) -> Any:
    """The element acts on a batch of blocks, whose axes are written as in the spec."""
    dim = 1
    for axis in axes:
        group, _, rep = axis.partition(".")
        if not rep:
            dim += 1
            continue
        if rep == "natural":
            x = x.index_select(dim, g[group])
            dim += 1
            continue
        q = g[group]
        times = sum(map(int, rep[7:-1].split(","))) if rep.startswith("tensor") else 1
        if rep == "vector.pseudoscalar":
            x = x * torch.linalg.det(q)
            dim += 1
            continue
        for _ in range(times):
            x = torch.movedim(torch.movedim(x, dim, -1) @ q.T, -1, dim)
            if rep == "point":
                x = torch.movedim(torch.movedim(x, dim, -1) + g[f"{group} step"], -1, dim)
            dim += 1
        if rep == "vector.axial":
            x = x * torch.linalg.det(q)
    return x


def axes_of(text: str) -> list[list[str]]:
    """`[S.natural, O3.tensor(2, 0)], [2]` as lists of axes, one for each block."""
    blocks = []
    for part in text.replace("] + [", "]|[").replace("], [", "]|[").split("|"):
        inner = (
            part.strip()[1:-1].replace(", 0)", ",0)").replace(", 1)", ",1)").replace(", 2)", ",2)")
        )
        blocks.append([axis.strip() for axis in inner.split(", ")])
    return blocks


SIZES = {"S": 6, "T": 3, "O2": 2, "O3": 3, "R2": 2, "R3": 3, "O4": 4, "R4": 4, "E": 3, "F": 2}


def shape_of(axes: list[str]) -> tuple[int, ...]:
    shape: list[int] = []
    for axis in axes:
        group, _, rep = axis.partition(".")
        if not rep:
            shape.append(int(group))
        elif rep == "vector.pseudoscalar":
            shape.append(1)
        else:
            times = sum(map(int, rep[7:-1].split(","))) if rep.startswith("tensor") else 1
            shape += [SIZES[group]] * times
    return tuple(shape)
