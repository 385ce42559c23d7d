"""Emitted modules that choose cosets: green tests, clean files, exported and compiled where they are static."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eqspec.diagnostics.model import Source
from eqspec.pipeline import check_source, compile_spec

TEXT = """eqspec 1
group D = dihedral(4)
group Turns = subgroup(D, r)
group A = cyclic(4)
group B = cyclic(2)
group Tri = cyclic(3)
rep Tri.plane = matrix(2) { r -> [[0, -1], [1, -1]] }
group N = cyclic(3)
group H = cyclic(2) named { r: s }
group S = semidirect(N, H) { s { r -> r^-1 } }

module Static {
  input x: [2, D.grid(4, 4)]
  input v: [Tri.plane, 2]
  base net: [2, 4, 4] -> [8]
  base big: [36] -> [8, 2]
  output y: [D.regular] = coset(net, x, average=Turns)
  output z: [D.regular, Tri.plane] = coset(big, x, v)
}
module Eager {
  input x: [A.regular, B.sign]
  base net: [4, 1] -> [4]
  output y: [A.regular] = coset(net, x, average=B, ties=average)
}
module Learned {
  input x: [A.regular]
  input z: [B.sign, 3]
  base net: [4] + [1, 3] -> [4, 2]
  base e: [4] + [1, 3] -> [1]
  h: [A.regular] = relu(linear(x))
  output y: [A.regular, B.regular] = coset(net, h, z, by=e, average=A)
}
module Parts {
  input x: [S.regular]
  base net: [6] -> [6]
  output n: [S.regular] = coset(net, x, average=N)
  output h: [S.regular] = coset(net, x, average=H)
}
module Outer(n) {
  input x: [n, A.regular, B.sign]
  base net: [4, 1] -> [4]
  h: [A.regular, B.sign] = linear(x)
  output y = Eager(h, net=net)
}
module Use {
  input x: [3, A.regular, B.sign]
  base net: [4, 1] -> [4]
  output y = Outer(x, n=3, net=net)
}
"""


@pytest.mark.slow
def test_the_emitted_tests_pass(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    checked = check_source(Source("made.eqs", TEXT))
    result = compile_spec(checked, "made", "made.eqs")
    assert result.files, [d.message for d in result.diagnostics]
    for file in result.files:
        (tmp_path / file.name).write_text(file.text, encoding="utf-8")
    for tool in (
        ["ruff", "check", "--isolated"],
        ["ruff", "format", "--check", "--isolated"],
        ["mypy", "--strict", "--cache-dir", os.devnull, "made.py"],
        ["pytest", "-q", "-p", "no:cacheprovider", "test_made.py"],
    ):
        ran = subprocess.run(
            [sys.executable, "-m", *tool, *([] if "made" in tool[-1] else ["."])],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-1000:]
    assert "skipped" not in ran.stdout.splitlines()[-1], "nothing is left out"
