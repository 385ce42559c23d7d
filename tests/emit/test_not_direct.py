"""Emitted modules of semidirect and wreath products: the same as those of `dihedral(4)`, and green tests."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from eqspec.diagnostics.model import Source
from eqspec.ops.linear import LinearMaps
from eqspec.pipeline import CheckResult, check_source, compile_spec

DIHEDRAL = "group D = dihedral(4)\n"
SEMIDIRECT = (
    "group N = cyclic(4)\ngroup H = cyclic(2) named { r: s }\n"
    "group D = semidirect(N, H) { s { r -> r^-1 } }\n"
)
BODY = """\
rep D.plane = matrix([x, y]) { r -> [[0, -1], [1, 0]]  s -> diag(1, -1) }
group Half = subgroup(D, r^2)
group Mirror = subgroup(D, s)
module Flow {
  input image: [2, D.grid(6, 6)]
  input speed: [D.plane]
  base net: [2, 6, 6] -> [8]
  h: [4, D.regular] = relu(linear(image, speed))
  e: [D.regular] = equitune(net, image)
  q: [4, D.quotient(Half)] = pool(h, over=Half)
  c: [3, D.quotient(Mirror)] = tanh(linear(q, e))
  output velocity: [D.plane] + [2, D.irrep(4)] = linear(h, c)
  output mirrored: [5, D.sign] = linear(h)
  output score: [3] = linear(h, c, e)
  ensure q invariant under Half
  ensure score invariant under D
}
"""
WREATH = """\
group A = symmetric(3)
group B = symmetric(2) named { t: u, c: v }
group W = wreath(A, B)
group F = cyclic(5)
group C = cyclic(4) named { r: h }
group Affine = semidirect(F, C) { h { r -> r^2 } }
group Points = subgroup(Affine, h)
rep Points.turn = matrix(2) { h -> [[0, -1], [1, 0]] }
module Pairs {
  input sets: [W.natural, 2]
  input values: [3, Affine.quotient(Points)]
  base net: [3, 5] -> [5]
  h: [4, W.natural] = relu(linear(sets, values))
  v: [Affine.quotient(Points)] = equitune(net, values)
  output y: [W.natural, Affine.regular] = linear(h, v)
  output z: [Affine.induced(Points, turn)] + [Affine.irrep(3)] = linear(v, values)
}
"""


def checked(text: str) -> CheckResult:
    result = check_source(Source("spec.eqs", "eqspec 1\n" + text))
    assert result.ok, [d.message for d in result.diagnostics]
    return result


def load(folder: Path, name: str, text: str) -> ModuleType:
    files = compile_spec(checked(text), name, f"{name}.eqs").files
    assert len(files) == 2
    for file in files:
        (folder / file.name).write_text(file.text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def dimensions(text: str) -> list[object]:
    spec = checked(text).spec
    assert spec is not None
    return [
        (node.name, node.type.shapes, getattr(node.data, "dimensions", None))
        for node in spec.modules[0].nodes
        if isinstance(node.data, LinearMaps) or node.declared
    ]


def test_semidirect_and_dihedral_are_one_group(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    assert dimensions(DIHEDRAL + BODY) == dimensions(SEMIDIRECT + BODY)
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(72, 8), torch.nn.Tanh())
    first = load(tmp_path, "by_name", DIHEDRAL + BODY).Flow(net).double()
    second = load(tmp_path, "by_parts", SEMIDIRECT + BODY).Flow(net).double()
    state = {k: torch.randn_like(v) for k, v in first.state_dict().items()}
    first.load_state_dict(state)
    second.load_state_dict(state)
    image, speed = torch.randn(7, 2, 6, 6).double(), torch.randn(7, 2).double()
    for a, b in zip(first(image, speed), second(image, speed), strict=True):
        for x, y in zip(*((v if isinstance(v, tuple) else (v,)) for v in (a, b)), strict=True):
            torch.testing.assert_close(x, y, rtol=0, atol=1e-12)
    assert (tmp_path / "by_parts.py").read_text("utf-8").count("index_select") == (
        tmp_path / "by_name.py"
    ).read_text("utf-8").count("index_select")


@pytest.mark.slow
@pytest.mark.parametrize("text", [SEMIDIRECT + BODY, WREATH], ids=["semidirect", "wreath"])
def test_the_emitted_tests_pass(text: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    load(tmp_path, "made", text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_made.py"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout[-3000:]
    for tool in (["ruff", "check"], ["ruff", "format", "--check"]):
        looked = subprocess.run(
            [sys.executable, "-m", *tool, "--isolated", str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert looked.returncode == 0, looked.stdout + looked.stderr
