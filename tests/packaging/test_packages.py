"""The sdist and the wheel work in a fresh environment without torch.

Needs the package registry: the base dependencies are really installed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = Path("examples/cartpole/cartpole.eqs")

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return {"sdist": sdist, "wheel": wheel}


def test_wheel_holds_grammar_templates_and_pages(packages: dict[str, Path]) -> None:
    with zipfile.ZipFile(packages["wheel"]) as wheel:
        names = wheel.namelist()
    assert "eqspec/grammars/eqs.lark" in names
    assert any(n.startswith("eqspec/templates/torch/") and n.endswith(".jinja") for n in names)
    assert "eqspec/diagnostics/pages/EQS401.md" in names
    assert "eqspec/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "docs/", "examples/"))]


def test_sdist_holds_what_the_wheel_is_built_from(packages: dict[str, Path]) -> None:
    with tarfile.open(packages["sdist"]) as sdist:
        names = {name.split("/", 1)[-1] for name in sdist.getnames()}
    assert {"grammars/eqs.lark", "pyproject.toml", "README.md", "LICENSE", str(SPEC)} <= names


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_installed_package_checks_and_compiles(
    kind: str, packages: dict[str, Path], tmp_path: Path
) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", packages[kind], cwd=tmp_path)
    missing = "import importlib.util as u; assert u.find_spec('torch') is None"
    run(python, "-c", missing, cwd=tmp_path)

    spec = tmp_path / SPEC.name
    spec.write_text((ROOT / SPEC).read_text(encoding="utf-8"), encoding="utf-8")
    eqspec = tmp_path / "venv" / "bin" / "eqspec"
    run(eqspec, "check", spec.name, cwd=tmp_path)
    run(eqspec, "compile", spec.name, "-o", "out", cwd=tmp_path)
    written = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert written == ["cartpole.py", "test_cartpole.py"]
    compile((tmp_path / "out" / "cartpole.py").read_text(encoding="utf-8"), "cartpole.py", "exec")

    run(eqspec, "init", "new", "--template", "robots", cwd=tmp_path)
    run(eqspec, "check", "new", "--deny-warnings", cwd=tmp_path)
    assert "_EQSPEC_COMPLETE" in run(eqspec, "completions", "zsh", cwd=tmp_path).stdout
    run(python, "-m", "pip", "install", "--quiet", "pytest", "pygments", cwd=tmp_path)
    asked = run(python, "-m", "pytest", "--eqspec", "new", cwd=tmp_path)  # by its entry point
    assert "1 passed" in asked.stdout
    coloured = run(python, "-m", "pygments", "-l", "eqs", "-f", "html", spec.name, cwd=tmp_path)
    assert '<span class="kd">group</span>' in coloured.stdout
