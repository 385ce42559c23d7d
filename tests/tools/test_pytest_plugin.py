"""The pytest plugin: silent unless asked, and then it says what `eqspec check` says."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from eqspec.tools import pytest_plugin

ROOT = Path(__file__).resolve().parent.parent.parent
GOOD = "eqspec 1\n\ngroup F = cyclic(2)\nmodule M {\n  input x: [F.sign]\n  output y = tanh(x)\n}\n"
BAD = GOOD.replace("tanh", "relu")
WARNS = GOOD.replace("module M", "group Idle = cyclic(3)\nmodule N")


def pytest_run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", pytest_plugin.__name__]
    command += ["-p", "no:cacheprovider", "--rootdir", str(folder), *arguments]
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_specs_are_items(tmp_path: Path) -> None:
    for name, text in (("good", GOOD), ("bad", BAD), ("warns", WARNS), ("left/out", BAD)):
        (tmp_path / f"{name}.eqs").parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.eqs").write_text(text)
    (tmp_path / "test_it.py").write_text("def test_it():\n    pass\n")
    (tmp_path / "pyproject.toml").write_text('[tool.eqspec]\nexclude = ["left"]\n')
    silent = pytest_run(tmp_path)
    assert silent.returncode == 0, silent.stdout
    assert "1 passed" in silent.stdout
    asked = pytest_run(tmp_path, "--eqspec")
    assert asked.returncode == 1
    assert "1 failed, 3 passed, 1 warning" in asked.stdout
    assert (
        "error[EQS401]: `relu` is not equivariant on `F.sign`\n  --> bad.eqs:6:14" in asked.stdout
    )
    assert "Traceback" not in asked.stdout
    assert "EQS902" in asked.stdout
    (tmp_path / "pyproject.toml").write_text(
        "[tool.eqspec]\ndeny-warnings = true\n[tool.pytest.ini_options]\neqspec_compile = true\n"
    )
    configured = pytest_run(
        tmp_path, "good.eqs", "warns.eqs", "-rA", "--strict-markers", "-m", "eqspec"
    )
    assert "PASSED good.eqs::check" in configured.stdout
    assert "FAILED good.eqs::compile" in configured.stdout
    assert "EQS510" in configured.stdout
    assert "FAILED warns.eqs::check" in configured.stdout  # warnings are denied here


def test_the_plugin_is_an_entry_point() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"eqspec": pytest_plugin.__name__}


def test_importing_the_plugin_imports_nothing_of_the_compiler() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import eqspec.tools.pytest_plugin\n"
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "['eqspec', 'eqspec.tools', 'eqspec.tools.pytest_plugin']\n"
    assert pytest.Item in pytest_plugin.SpecItem.__mro__
