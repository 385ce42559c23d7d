"""Pools, resizing and padding as emitted: plain calls of PyTorch that compile, export and commute."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from eqspec.diagnostics.model import Severity, Source
from eqspec.pipeline import check_source, compile_spec

SPEC = """\
eqspec 1
param c = 2
param h = 5
group D4 = dihedral(4)
group O = octahedral()
group T = cyclic(12)
group R = cyclic(2)
module Net {
  input x: [c, D4.regular, D4.grid(17, 17)]
  a = max_pool2d(x, kernel=3, stride=2, padding=1)
  b = avg_pool2d(a, kernel=3, stride=2, padding=1, count_include_pad=false)
  d = adaptive_max_pool2d(b, size=6)
  e = resize(d, size=5, mode=bicubic, antialias=true)
  f = upsample(e, factor=3, mode=nearest)
  g = pad(f, padding=1, mode=reflect)
  output y: [c, D4.regular, D4.grid(13, 13)] = pad(g, padding=-2)
  output up = resize(y, size=20, align_corners=true)
}
module Signal {
  input x: [T.shift(12), c, T.regular]
  input s: [R.sign, R.reverse(8), c]
  output y = max_pool1d(x, kernel=3, stride=1, padding=1, padding_mode=circular)
  output z = upsample(avg_pool1d(s, kernel=2), factor=41, mode=nearest)
}
module Volume {
  input x: [c, O.grid(5, 5, 5)]
  y = resize(max_pool3d(x, kernel=3, stride=2, padding=1), size=6)
  output large = adaptive_max_pool3d(y, size=2)
}
module Plain {
  input x: [c, h]
  output y = resize(x, size=15, mode=nearest_exact, over=h)
  output z = resize(x, size=14, mode=nearest, over=h)
}
"""


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    checked = check_source(Source("grids.eqs", SPEC))
    done = compile_spec(checked, "grids", "grids.eqs", ["module", "tests", "actions"])
    assert [d.message for d in done.diagnostics if d.severity is Severity.ERROR] == []
    return {file.name: file.text for file in done.files}


@pytest.fixture(scope="module")
def code(files: dict[str, str]) -> Any:
    made = ModuleType("grids")
    sys.modules["grids"] = made
    exec(compile(files["grids.py"], "grids.py", "exec"), made.__dict__)
    return made


def test_the_size_is_always_written_out(files: dict[str, str]) -> None:
    text = files["grids.py"]
    assert "scale_factor" not in text
    assert text.count("F.interpolate") == text.count("size=(")
    assert "_on_grid(F.max_pool2d, x.flatten(-4, -3), 3, 3, stride=2, padding=1)" in text
    assert 'mode="nearest-exact"' in text  # 4 to 164 entries: whole multiples without ties


def test_nearest_neighbours_are_exact(code: Any) -> None:
    """By a factor of 41 PyTorch's own `nearest` is not symmetric at every size."""
    s = torch.randn(2, 1, 8, 2, dtype=torch.float64)
    x = torch.zeros(2, 12, 2, 12, dtype=torch.float64)
    z = code.Signal()(x, s).z
    means = s.unflatten(2, (4, 2)).mean(3)
    assert torch.allclose(z, means.repeat_interleave(41, dim=2), atol=1e-15)
    mirrored = code.Signal()(x, -s.flip(2)).z
    assert torch.allclose(mirrored, -z.flip(2), atol=1e-15)
    plain = code.Plain()(torch.arange(10.0).reshape(2, 5))
    assert plain.y[0].tolist() == [(2 * i + 1) * 5 // 30 for i in range(15)]
    assert plain.z[0].tolist() == [i * 5 // 14 for i in range(14)]


def test_equal_windows_of_an_adaptive_pool_are_a_plain_one(
    files: dict[str, str], code: Any
) -> None:
    text = files["grids.py"].partition("class Volume")[2]
    assert "F.max_pool3d, y, 4, 3)" in text and "F.adaptive" not in text
    x = torch.randn(2, 2, 5, 5, 5)
    middle = torch.nn.functional.max_pool3d(x, 3, 2, 1)
    middle = torch.nn.functional.interpolate(middle, size=(6, 6, 6), mode="trilinear")
    expected = torch.nn.functional.adaptive_max_pool3d(middle, 2)
    assert torch.equal(code.Volume()(x), expected)


def test_leading_dimensions_are_free(code: Any) -> None:
    net = code.Net().double()
    x = torch.randn(2, 3, 2, 8, 17, 17, dtype=torch.float64)
    y = net(x).y
    assert y.shape == (2, 3, 2, 8, 13, 13)
    assert torch.equal(net(x[1, 2]).y, y[1, 2])


@pytest.mark.slow
def test_the_emitted_files_pass_their_tests_and_are_clean(
    files: dict[str, str], tmp_path: Path
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    run = [sys.executable, "-m"]
    for command in (
        ["pytest", "-q", "-p", "no:cacheprovider", "."],
        ["ruff", "check", "--isolated", "--no-cache", "."],
        ["ruff", "format", "--isolated", "--no-cache", "--check", "."],
        ["mypy", "--strict", "--cache-dir", os.devnull, "grids.py"],
    ):
        ran = subprocess.run([*run, *command], capture_output=True, text=True, cwd=tmp_path)
        assert ran.returncode == 0, ran.stdout[-4000:]


@pytest.mark.slow
def test_capture(code: Any) -> None:
    for name, shapes in (
        ("Net", [(2, 2, 8, 17, 17)]),
        ("Signal", [(2, 12, 2, 12), (2, 1, 8, 2)]),
        ("Volume", [(2, 2, 5, 5, 5)]),
    ):
        module = getattr(code, name)().double()
        xs = tuple(torch.randn(shape, dtype=torch.float64) for shape in shapes)
        expected = module(*xs)
        exported = torch.export.export(module, xs).module()
        compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
        for run in (exported, compiled):
            found = run(*xs)
            for a, b in zip(
                found if isinstance(found, tuple) else (found,),
                expected if isinstance(expected, tuple) else (expected,),
                strict=True,
            ):
                assert torch.allclose(a, b, atol=1e-12)
