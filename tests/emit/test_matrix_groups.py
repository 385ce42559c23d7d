"""Infinite matrix groups end to end: check, compile, and the emitted tests pass."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from in_process import run_tests

from eqspec.diagnostics.model import Source
from eqspec.pipeline import check_source, compile_spec

ROTATIONS = """eqspec 1
group S = symmetric(4)
group O3 = orthogonal(3)
module M {
  input x: [4, O3.vector]
  input y: [2, O3.tensor(2, 0)]
  h: [8, O3.vector, O3.vector] = linear(y)
  z: [6, O3.vector] = linear(x)
  s: [3] = linear(h)
  output out: [3, O3.vector] = linear(z)
  output t: [3, O3.tensor(2, 0)] = linear(h)
  output u: [3] = tanh(s)
}
module Cloud {
  input x: [S.natural, O3.vector]
  input charge: [S.natural]
  output c: [O3.vector] = linear(x)
  output d: [S.natural, O3.vector, 2] = linear(x)
}
"""
BOOSTS = """eqspec 1
group L = lorentz(1, 3)
group P = special_lorentz(1, 2)
module M {
  input x: [4, L.vector]
  input f: [L.tensor(1, 1)]
  h: [4, L.tensor(0, 2)] = linear(f)
  output o: [3, L.covector] = linear(x)
  output g: [2, L.tensor(2, 0)] = linear(h)
  output s: [5] = linear(h)
  output p: [5, L.vector.pseudoscalar, P.vector] = linear(q)
  input q: [L.vector.pseudoscalar, P.vector, 2]
}
"""
LINEAR = """eqspec 1
group G = general_linear(2)
group H = special_linear(3)
group W = symplectic(4)
group U = special_unitary(2)
group A = scaling(2)
module M {
  input x: [G.tensor(1, 1)]
  input y: [H.vector, 2]
  input w: [W.tensor(2, 0)]
  input u: [U.vector, 2]
  input a: [A.tensor(1, 1), A.vector]
  output gx: [G.vector, G.covector] = linear(x)
  output hy: [H.vector] = linear(y)
  output ww: [W.vector, W.covector] + [2] = linear(w)
  output uu: [U.vector] = linear(u)
  output aa: [A.vector, 3] = relu(linear(a))
}
"""
LIE = """eqspec 1
group Turn = lie(2) {
  algebra J = [[0, -1], [1, 0]]
  discrete s = diag(1, -1)
}
group Shear = lie(2) { algebra N = [[0, 1], [0, 0]] }
group C = cyclic(2)
module M {
  input x: [4, Turn.vector]
  input t: [Turn.tensor(1, 1), 2]
  output y: [Turn.vector, 3] = linear(x)
  output z: [3] = linear(t)
  output w: [Turn.vector.pseudoscalar] + [Turn.tensor(2, 0)] = linear(t)
}
module Sheared {
  input x: [Shear.vector]
  input c: [Shear.covector, 2]
  input h: [Shear.tensor(1, 1)]
  output y: [Shear.vector, 3] = linear(x)
  output z: [3] = linear(c)
  output q: [C.regular, 2] = linear(c)
  output hh: [Shear.vector, Shear.covector] = linear(h)
}
"""
IRREPS = """eqspec 1
group O3 = orthogonal(3)
group U = special_unitary(2)
group T = special_orthogonal(2)
group E = euclidean(2)
module M {
  input x: [4, O3.irreps(0..2)]
  input v: [2, O3.vector]
  input p: [U.irrep(3), E.vector]
  input z: [3, T.irrep(2)]
  h: [8, O3.irreps(0..3)] = linear(x, v)
  output y: [5] + [3, O3.irrep(2)] = linear(h)
  output w: [U.irrep(1), U.irrep(2), E.vector] = linear(p)
  output u: [T.irrep(2)] = linear(z)
}
"""


def compiled(text: str, folder: Path, stem: str, emit: list[str] | None = None) -> None:
    result = compile_spec(check_source(Source(f"{stem}.eqs", text)), stem, f"{stem}.eqs", emit)
    assert result.files, [d.message for d in result.diagnostics]
    for file in result.files:
        (folder / file.name).write_text(file.text, encoding="utf-8")


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("stem", "text"),
    [
        ("rotations", ROTATIONS),
        pytest.param("boosts", BOOSTS, marks=pytest.mark.slow),
        pytest.param("linear_groups", LINEAR, marks=pytest.mark.slow),
        pytest.param("lie", LIE, marks=pytest.mark.slow),
        pytest.param("irreps", IRREPS, marks=pytest.mark.slow),
    ],
)
def test_emitted_tests_pass(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, stem: str, text: str
) -> None:
    cache = str(tmp_path_factory.getbasetemp().parent / "mypy")
    typed = [("mypy", "--strict", "--config-file", "", "--cache-dir", cache, ".")]
    if stem == "rotations":
        typed = []  # in `test_emitted.py`
    compiled(text, tmp_path, stem, ["module", "tests", "actions"])
    for arguments in (
        ("ruff", "check", "--isolated", "--no-cache", "."),
        ("ruff", "format", "--check", "--isolated", "--no-cache", "."),
        *typed,
    ):
        done = python(tmp_path, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    ran = run_tests(tmp_path)
    assert ran.status == 0 and ran.passed, ran.text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("3 / 5, -4 / 5", "3 / 5, -3 / 5"),  # a matrix that is no rotation
        ('"O3.m": ("signed", "0 1 2", "-1 1 1")', '"O3.m": ("signed", "0 1 2", "-1 -1 -1")'),
    ],
)
def test_emitted_tests_see_a_wrong_law(tmp_path: Path, before: str, after: str) -> None:
    """The tests have power: the same module against a law that is slightly wrong fails."""
    text = """eqspec 1
group O3 = orthogonal(3)
module M {
  input x: [O3.tensor(2, 0)]
  output y: [O3.vector, 2] = linear(v)
  output s: [2] = linear(x)
  input v: [O3.vector, 3]
}
"""
    compiled(text, tmp_path, "turned")
    path = tmp_path / "test_turned.py"
    tests = path.read_text(encoding="utf-8")
    assert before in tests
    # along one axis of one input only: changed everywhere it may be another law
    path.write_text(tests.replace(before, after, 1), encoding="utf-8")
    ran = run_tests(tmp_path, "-k", "float64")
    assert ran.status == 1 and ran.failed, ran.text


def test_a_word_is_cut_before_it_stretches_too_much(tmp_path: Path) -> None:
    compiled(BOOSTS, tmp_path, "boosts")
    code = (
        "import test_boosts as t; c = t.CASES[0];"
        "w = t.words_of(c);"
        "assert all(t.stretch(c, x) <= 1e4 for x in w);"
        "assert any(t.stretch(c, x) > 2 for x in w);"
        "assert all(t.stretch(c, x) <= 30 for x in t.words_of(c, limit=30));"
        "assert ['L.b'] in t.words_of(c, limit=30)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_generator_that_stretches_too_much_is_refused() -> None:
    for size, codes in (("1000", ["EQS421"]), ("2", [])):
        text = f"""eqspec 1
group Big = lie(2) {{ discrete s = diag({size}, 1) }}
module M {{
  input x: [Big.tensor(2, 0)]
  output y: [Big.tensor(2, 0)] = linear(x)
}}
"""
        result = compile_spec(check_source(Source("big.eqs", text)), "big", "big.eqs", ["module"])
        assert [d.code for d in result.diagnostics] == codes
        assert bool(result.files) == (not codes)
