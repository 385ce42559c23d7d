"""Emitted convolutions: clean code whose own tests pass."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from eqspec.diagnostics.model import Source
from eqspec.pipeline import check_source, compile_spec

CORPUS = Path(__file__).parents[1] / "corpus"
SPECS = {
    "convolutions": CORPUS / "convolutions.eqs",
    "satellite": CORPUS / "specs" / "02_satellite.eqs",
    "go": CORPUS / "specs" / "09_go.eqs",
    "dna": CORPUS / "specs" / "15_dna.eqs",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SPECS)
def test_other_tools_find_nothing(
    name: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = tmp_path_factory.getbasetemp().parent / "mypy"
    text = SPECS[name].read_text(encoding="utf-8").replace("param size = 256", "param size = 24")
    result = compile_spec(check_source(Source(f"{name}.eqs", text)), name, f"{name}.eqs")
    assert result.files, [d.message for d in result.diagnostics]
    for file in result.files:
        (tmp_path / file.name).write_text(file.text, encoding="utf-8")
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
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}{done.stderr}"
