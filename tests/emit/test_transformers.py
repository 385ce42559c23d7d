"""Transformers as a user writes them: their code is clean, and their tests pass."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from eqspec.diagnostics.model import Source
from eqspec.pipeline import CheckResult, check_source, compile_spec

SPECS = Path(__file__).parents[1] / "corpus" / "specs"
NAMES = {"set_transformer": "19_set_transformer.eqs", "vision": "20_vit.eqs"}


def checked(name: str) -> CheckResult:
    found = check_source(Source(f"{name}.eqs", (SPECS / NAMES[name]).read_text(encoding="utf-8")))
    assert [d.message for d in found.diagnostics] == []
    return found


def test_a_layer_is_linear_maps_and_one_call_of_attention() -> None:
    text = compile_spec(checked("set_transformer"), "net", "net.eqs", emit=["module"]).files[0].text
    _, _, block = text.partition("\nclass Block(")
    _, _, forward = block.partition("    def forward(")
    body = forward.partition("\n    def ")[0]
    assert body.count("F.linear(") == 6
    assert body.count("F.scaled_dot_product_attention(") == 1
    assert "einsum" not in body and "expand" not in body


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_tools_find_nothing_and_the_tests_pass(
    name: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    result = compile_spec(checked(name), name, f"{name}.eqs")
    assert [file.kind for file in result.files] == ["module", "tests"]
    for file in result.files:
        (tmp_path / file.name).write_text(file.text, encoding="utf-8")
    cache = tmp_path_factory.getbasetemp().parent / "mypy"
    for command in (
        ["ruff", "check", "--isolated", "--no-cache", "."],
        ["ruff", "format", "--check", "--isolated", "--no-cache", "."],
        ["mypy", "--strict", "--cache-dir", str(cache), f"{name}.py"],
        ["pytest", "-q", "-p", "no:cacheprovider", "."],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stdout[-4000:]
