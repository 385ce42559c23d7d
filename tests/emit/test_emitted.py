"""Emitted files: the same bytes anywhere, clean by other tools' judgement, hostile input harmless."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from in_process import run_tests
from test_matrix_groups import ROTATIONS

from eqspec.diagnostics.model import Source
from eqspec.emit.names import Names, comment, docstring, identifier, quoted, stem_problem
from eqspec.pipeline import check_source, compile_spec

HEAD = "eqspec 1\ngroup A = cyclic(4)\ngroup B = cyclic(2)\n"
RICH = """
rep A.plane = matrix([x, y]) { r -> [[0, -1], [1, 0]] }
group C = cyclic(3)
rep C.plane = matrix(2) { r -> [[0, -1], [1, -1]] }
module Inner(n) {
  input x: [n, A.regular]
  base net: [n, 4] -> [n]
  output p: [n] = equitune(net, x)
  output q: [n, A.regular] = leaky_relu(linear(x), negative_slope=0.2)
}
module Outer {
  ## The image.
  input image: [2, A.rot90(6, 6)]
  input hand: [B.sign, C.plane] + [2, B.regular]
  input state: flat { v: [A.plane], w: [A.plane.axial, B.sign], rest: fixed [3] }
  base net: [2, 36] -> [8]
  base big: [2, 6, 6] -> [4]
  a: [3, A.regular] = relu(linear(image))
  b = Inner(a, n=3, net=big2)
  base big2: [3, 4] -> [3]
  s: [3, A.regular, B.sign] = linear(state, hand)
  output turn: [A.plane] = linear(state.v, state)
  output pair: [B.sign] + [4] = linear(hand, b.p, s)
  output mean: [4] = equitune(big, image)
  output board: [B.regular, A.rot90(6, 6)] = linear(b.q, hand[1])
}
"""
RICH = RICH.replace("  base net: [2, 36] -> [8]\n", "")


def files(text: str, stem: str = "spec", emit: list[str] | None = None) -> dict[str, str]:
    result = compile_spec(check_source(Source(f"{stem}.eqs", text)), stem, f"{stem}.eqs", emit)
    assert result.files, [d.message for d in result.diagnostics]
    return {file.name: file.text for file in result.files}


def write(folder: Path, found: dict[str, str]) -> None:
    for name, text in found.items():
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rich")
    write(folder, files(HEAD + RICH, emit=["module", "tests", "actions"]))
    return folder


def test_other_tools_find_nothing(tmp_path: Path) -> None:
    """One process of the type checker for specs of both kinds: it reads torch first, for ten seconds."""
    write(tmp_path, files(HEAD + RICH, emit=["module", "tests", "actions"]))
    write(tmp_path, files(ROTATIONS, "rotations"))
    for command in (["ruff", "check"], ["ruff", "format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", *command, "--isolated", "--no-cache", str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--cache-dir",
            os.devnull,
            "spec.py",
            "spec_symmetry.py",
            "rotations.py",
            "test_rotations.py",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_emitted_tests_pass(rich: Path) -> None:
    ran = run_tests(rich)
    assert ran.status == 0 and ran.passed, ran.text[-4000:]
    assert not ran.skipped, "nothing is left out"


def test_the_same_bytes_anywhere(tmp_path: Path) -> None:
    (tmp_path / "spec.eqs").write_text(HEAD + RICH)
    (tmp_path / "deep").mkdir()
    outputs = []
    for seed, cwd in (("0", tmp_path), ("77", tmp_path / "deep")):
        target = tmp_path / f"out{seed}"
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "eqspec",
                "compile",
                str(tmp_path / "spec.eqs"),
                "-o",
                str(target),
            ],
            cwd=cwd,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        outputs.append({path.name: path.read_bytes() for path in sorted(target.iterdir())})
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) == 2


def test_a_module_imports_nothing_but_torch(rich: Path) -> None:
    tree = ast.parse((rich / "spec.py").read_text())
    roots = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert roots <= {"__future__", "math", "operator", "warnings", "collections", "typing", "torch"}


HOSTILE = '"""; import os; os.system("false") #'


def test_documentation_cannot_leave_its_quotes() -> None:
    text = (
        HEAD.replace("eqspec 1\n", "eqspec 1\n")
        + f'## {HOSTILE}\n## \\\n## ends with a quote "\n## \u2028\u0085 and \x0c\n'
        + f"module M {{\n  ## {HOSTILE}\n  input x: [A.regular, B.sign, B.sign]\n"
        + f"  output y: [1] = linear(x) # {HOSTILE}\n}}\n"
    )
    found = files(text)
    for name, code in found.items():
        tree = ast.parse(code)
        calls = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == "system"]
        assert not calls, name


def test_strings_cannot_leave_their_quotes() -> None:
    text = (
        HEAD
        + 'rep B.token = permutation(["a\\"b", "\\\\", "\\n", "x]"]) { r -> ("a\\"b" "\\\\") }\n'
        + "module M {\n  input x: [B.token, A.regular]\n  output y: [B.token] = linear(x)\n}\n"
    )
    for code in files(text, emit=["module", "tests", "actions"]).values():
        ast.parse(code)


def test_names() -> None:
    assert identifier("class") == "class_"
    assert identifier("h.linear") == "h_linear"
    assert identifier("_kept") == "x_kept"
    assert identifier("forward") == "forward_"
    names = Names({"h"})
    assert [names.take("h"), names.take("h"), names.take("h_2")] == ["h_2", "h_3", "h_2_2"]


@pytest.mark.parametrize("text", ['"', "\\", '"""', "\n", "\u2028", "é", "{{ x }}", "\x00"])
def test_text_is_escaped(text: str) -> None:
    assert ast.literal_eval(quoted(text)) == text
    body = docstring(text)
    assert ast.literal_eval(f'"""{body}\n    """').rstrip() == body
    assert "\n" not in comment(text)


@pytest.mark.parametrize(
    "stem", ["torch", "test_x", "class", "a-b", "math", "1st", "", "numpy", "ü"]
)
def test_file_names_that_cannot_be_modules(stem: str) -> None:
    assert stem_problem(stem) is not None


def test_a_factory_is_imported_when_the_module_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = HEAD + (
        'module M {\n  input x: [2, A.regular]\n  base net: [2, 4] -> [3] = "nets.small:make"\n'
        "  output y: [3] = equitune(net, x)\n}\n"
    )
    write(tmp_path, files(text))
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "__init__.py").write_text("")
    (tmp_path / "nets" / "small.py").write_text(
        "from torch import nn\ndef make():\n    return nn.Sequential(nn.Flatten(), nn.Linear(8, 3), nn.Tanh())\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    ran = run_tests(tmp_path)
    assert ran.status == 0 and ran.passed, ran.text[-3000:]
