"""`init` begins a project and changes nothing; `completions` offers what fits, and never fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
import yaml
from cli_support import GOOD, ROOT, run
from click.shell_completion import BashComplete

from eqspec.cli import main
from eqspec.tools.starting import templates

NAMES = [template.name for template in templates()]


def test_every_template_is_proved_and_listed(here: Path) -> None:
    listed = run("init", "--list").stdout
    for template in templates():
        result = run("init", template.name, "--template", template.name)
        assert result.exit_code == 0
        assert f"Wrote {template.name}/{template.name}.eqs" in result.stderr
        assert f"{template.name} " in listed
        assert template.title in listed
        (here / template.name / "pyproject.toml").unlink()
    checked = run("check", "--deny-warnings")
    assert checked.exit_code == 0, checked.stdout
    assert run("fmt", "--check").exit_code == 0
    assert len(NAMES) >= 5


@pytest.mark.slow
def test_every_template_compiles_and_passes_its_tests(here: Path) -> None:
    for name in NAMES:
        assert run("init", name, "--template", name).exit_code == 0
    done = subprocess.run(
        [sys.executable, "-m", "eqspec", "compile", "--test"],
        cwd=here,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert f"Compiled {len(NAMES)} specs" in done.stderr


def test_settings_and_hooks_are_good(here: Path) -> None:
    run("init", "new", "-t", "sets")
    assert tomllib.loads((here / "new/pyproject.toml").read_text()) == {"tool": {"eqspec": {}}}
    (repo,) = yaml.safe_load((here / "new/.pre-commit-config.yaml").read_text())["repos"]
    offered = {
        hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    }
    for hook in repo["hooks"]:
        same = {key: value for key, value in hook.items() if key != "language"}
        assert same.items() <= offered[hook["id"]].items()
    for line in (here / "new/pyproject.toml").read_text().splitlines()[1:]:
        (here / "new/pyproject.toml").write_text("[tool.eqspec]\n" + line.removeprefix("# "))
        assert run("check", "new").exit_code == 0


def test_nothing_that_exists_is_changed(here: Path) -> None:
    assert run("init").exit_code == 0
    before = {path.name: path.read_bytes() for path in here.iterdir()}
    again = run("init")
    assert again.exit_code == 1
    assert "EQS502" in again.stdout
    (here / "pyproject.toml").write_text("[project]\n")
    (here / ".pre-commit-config.yaml").write_text("repos: []\n")
    other = run("init", "-t", "robots")
    assert other.exit_code == 0
    assert "pyproject.toml is left as it is. Add to it:\n\n[tool.eqspec]" in other.stderr
    assert ".pre-commit-config.yaml is left as it is" in other.stderr
    assert (here / "pyproject.toml").read_text() == "[project]\n"
    assert (here / "images.eqs").read_bytes() == before["images.eqs"]
    below = run("init", "specs", "-t", "sets")  # in a project, whose settings hold there too
    assert below.exit_code == 0
    assert [path.name for path in (here / "specs").iterdir()] == ["sets.eqs"]
    (here / "sets.eqs").mkdir()
    blocked = run("init", "-t", "sets")
    assert blocked.exit_code == 2
    assert "Nothing was written." in blocked.stderr
    assert run("init", "-t", "stes").stderr.count("did you mean 'sets'?") == 1


def offered(*words: str) -> list[str]:
    """What is offered for the last of these words."""
    complete = BashComplete(main, {}, "eqspec", "_EQSPEC_COMPLETE")
    return [item.value for item in complete.get_completions(list(words[:-1]), words[-1])]


def test_offers(here: Path) -> None:
    (here / "good.eqs").write_text(GOOD)
    (here / "more").mkdir()
    (here / "more" / "a b.eqs").write_text(GOOD)
    (here / "notes.txt").write_text("")
    assert offered("check", "") == ["good.eqs", "more/"]
    assert offered("check", "more/") == ["more/a b.eqs"]
    assert offered("explain", "good.eqs", "h.") == ["h.linear"]
    assert set(offered("explain", "good.eqs", "")) >= {"x", "h", "score"}
    assert offered("explain", "-m", "Sm") == []
    assert offered("explain", "good.eqs", "-m", "Sm") == ["Small"]
    assert offered("explain", "EQS40")[0] == "EQS401"
    assert offered("check", "--ignore", "EQS90") == [f"EQS90{n}" for n in range(1, 6)]
    assert offered("cost", "good.eqs", "--set", "") == ["n="]
    assert offered("compile", "--emit", "module,t") == ["module,tests"]
    assert offered("compile", "-o", "") == ["more/"]
    assert offered("init", "--template", "") == NAMES
    assert offered("audit", "m:f", "good.eqs:") == ["good.eqs:Small"]
    assert offered("diff", "main:") == ["main:good.eqs", "main:more/"]
    assert run("compile", "good.eqs").exit_code == 0
    assert offered("verify", "") == ["good.py", "more/"]
    assert "completions" in offered("")
    assert "--watch" in offered("compile", "--w")


def test_every_path_is_completed() -> None:
    context = click.Context(main)
    paths = {"spec", "paths", "old", "new", "what", "folder", "module", "sizes", "select", "ignore"}
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        for parameter in command.params:
            if parameter.name in paths:
                assert parameter._custom_shell_complete is not None, (name, parameter.name)


def test_no_offer_is_an_error(here: Path) -> None:
    (here / "bad\x1b[2J.eqs").write_bytes(b"\xff\x00")
    (here / "binary.eqs").write_bytes(b"\xff\x00param n")
    assert offered("check", "") == ["binary.eqs"]
    assert offered("check", "/nowhere/x") == []
    assert offered("explain", "nowhere.eqs", "h") == []
    assert offered("explain", "binary.eqs", "h") == []
    assert offered("cost", "nowhere.eqs", "--set", "n") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_scripts_are_good(shell: str, here: Path) -> None:
    script = run("completions", shell).stdout
    assert "_EQSPEC_COMPLETE" in script
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    (here / "script").write_text(script)
    assert subprocess.run([program, "-n", "script"], check=False).returncode == 0


def test_bash_completes(here: Path) -> None:
    """The script itself, with a program `eqspec` on the path."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    (here / "bin").mkdir()
    program = here / "bin" / "eqspec"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m eqspec "$@"\n')
    program.chmod(0o755)
    (here / "a b.eqs").write_text(GOOD)
    (here / "specs").mkdir()
    lines = (
        'eval "$(eqspec completions bash)"; compopt() { echo "compopt $2"; }',
        "COMP_WORDS=(eqspec check ''); COMP_CWORD=2; _eqspec_completion eqspec",
        'printf "<%s>\\n" "${COMPREPLY[@]}"',
    )
    path = f"{here / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [bash, "--norc", "-c", "\n".join(lines)],
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    expected = ["compopt nospace", "compopt nospace", "<a\\ b.eqs>", "<bin/>", "<specs/>"]
    assert done.stdout.splitlines() == expected, done.stderr
