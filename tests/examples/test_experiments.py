"""The experiments with pages of their own: their scripts in a small setting, their tables."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
PAGES = {
    "digits": "digits",
    "dna": "dna",
    "go": "go",
    "multi_view": "multi-view",
    "organs": "organs",
    "oriented_digits": "digits-d4",
    "scan": "scan",
    "word_swap": "word-swap",
}


def run(name: str, *flags: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name / "run.py"), *map(str, flags)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, f"{name}\n{done.stdout}\n{done.stderr}"
    return done.stdout


# ---- pages ---------------------------------------------------------------------------------------

SHOW = """
import importlib.util, json, sys
for name, page in json.loads(sys.argv[1]).items():
    sys.path.insert(0, f"examples/{name}")
    spec = importlib.util.spec_from_file_location(f"run_{name}", f"examples/{name}/run.py")
    script = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    with open(f"docs/experiments-{page}.json", encoding="utf-8") as file:
        print(sys.modules["report"].table(script.COLUMNS, json.load(file)["rows"]))
"""
# what the group leaves as it is: two columns, and the column that names the network
SAME = {
    "digits-d4": ("lying", "moved", "network"),
    "dna": ("written", "other", "network"),
    "go": ("lying", "moved", "network"),
    "organs": ("dice", "mirrored", "network"),
    "digits": ("upright", "moved", "network"),
    "multi-view": ("upright", "turned", "network"),
    "scan": ("still", "moved", "network"),
    "word-swap": (None, None, "model"),
}


def test_written_tables() -> None:
    """The tables of the pages are those of the results beside them, and no module of a spec loses
    anything under its group."""
    saved = {name: ROOT / "docs" / f"experiments-{page}.json" for name, page in PAGES.items()}
    written = {name: PAGES[name] for name, file in saved.items() if file.exists()}
    assert written
    for example, page in written.items():
        before, after, name = SAME[page]
        rows = json.loads(saved[example].read_text(encoding="utf-8"))["rows"]
        moduled = [row for row in rows if "change" in row and not row[name].startswith("plain")]
        assert len(moduled) >= len(rows) / 5
        for row in moduled:
            assert max(row["change"]) < 1e-5, row
            assert max(row.get("differ", [0])) == 0, row
            assert max(row.get("largest", [0])) < 1e-5, row
            assert before is None or row[before] == row[after], row
    done = subprocess.run(
        [sys.executable, "-c", SHOW, json.dumps(written)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pages = [
        (ROOT / "docs" / f"experiments-{page}.md").read_text(encoding="utf-8")
        for page in written.values()
    ]
    for line in done.stdout.splitlines():
        assert any(f"{line}\n" in page for page in pages), line


# ---- scripts -------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_quick_runs(name: str, tmp_path: Path) -> None:
    """The script asserts by itself that equivariant networks lose nothing; it repeats itself but
    for the times."""
    (tmp_path / "docs").mkdir()
    first = run(name, "--quick", "--save", tmp_path / "docs", cwd=tmp_path)
    saved = tmp_path / "docs" / f"experiments-{PAGES[name]}.json"
    assert run(name, "--show", saved, cwd=tmp_path) == first
    again = run(name, "--quick", cwd=tmp_path)
    assert re.sub(r"[\d.]+ ms", "", again) == re.sub(r"[\d.]+ ms", "", first)
