"""The benchmarks run, in their quick mode; what they measure is not tested."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_quick_mode_gives_every_table(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    file = tmp_path / "results.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--json", str(file)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr
    keys = {table["key"] for table in json.loads(file.read_text())["tables"]}
    assert keys == {
        "cold", "large", "compile", "basis", "linear", "fusion", "pairs", "averages", "chunks", "strategies",
        "convolution", "banks", "keystroke", "wire", "cold_peers", "peers", "capture", "blocks",
        "structured", "choice", "lowerings", "scaling", "goals",
    }  # fmt: skip
