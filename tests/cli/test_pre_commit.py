"""The hooks, as a user has them: installed by the real pre-commit from this repository, by path."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli_support import BAD, GOOD, ROOT, process

SHIPPED = (
    "eqspec",
    "grammars",
    "templates",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    ".pre-commit-hooks.yaml",
)
CONFIG = """\
repos:
  - repo: {path}
    rev: {rev}
    hooks:
      - id: eqspec-check
      - id: eqspec-compile-check
"""


class Repository:
    """A git repository with an identity of its own and no settings of this machine."""

    def __init__(self, folder: Path, home: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
            "HOME": str(home),
            "PRE_COMMIT_HOME": str(home / "hooks"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        self.env.pop("PYTHONPATH", None)
        self.run("git", "init", "-q")
        self.run("git", "config", "user.name", "Tester")
        self.run("git", "config", "user.email", "tester@example.org")

    def attempt(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
            check=False,
        )

    def run(self, *command: str) -> str:
        done = self.attempt(*command)
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    def commit(self) -> subprocess.CompletedProcess[str]:
        self.run("git", "add", ".")
        return self.attempt("git", "commit", "-q", "-m", "A commit")


@pytest.mark.slow
def test_a_wrong_spec_cannot_be_committed(tmp_path: Path) -> None:
    pytest.importorskip("pre_commit")
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    shipped = Repository(tmp_path / "eqspec", tmp_path)
    for name in SHIPPED:
        source, target = ROOT / name, shipped.folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    assert shipped.commit().returncode == 0

    user = Repository(tmp_path / "user", tmp_path)
    rev = shipped.run("git", "rev-parse", "HEAD")
    config = CONFIG.format(path=shipped.folder.as_posix(), rev=rev)
    (user.folder / ".pre-commit-config.yaml").write_text(config)
    spec = user.folder / "flip.eqs"
    spec.write_text(BAD)
    user.run(sys.executable, "-m", "pre_commit", "install")

    blocked = user.commit()
    assert blocked.returncode != 0
    lines = blocked.stdout.split("\n")
    code = next((k for k, line in enumerate(lines) if "relu(x)" in line), None)
    assert code is not None, blocked.stdout
    assert lines[code + 1][lines[code].index("relu") :].startswith("^^^^")
    assert "error[EQS401]" in blocked.stdout

    installed = {path.name for path in (tmp_path / "hooks").glob("*/py_env*/**/site-packages/*")}
    assert "lark" in installed
    assert "torch" not in installed

    spec.write_text(GOOD)
    missing = user.commit()
    assert missing.returncode != 0
    assert "error[EQS510]" in missing.stdout
    assert process("compile", cwd=user.folder).returncode == 0
    done = user.commit()
    assert done.returncode == 0, done.stdout
