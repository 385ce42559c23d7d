"""No code stands on a page that no test runs, and no command that does not exist."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from eqspec.cli import main
from tests.docs.sessions import ROOT, Block, blocks
from tests.docs.test_sessions import FAST, SLOW

PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
)
SESSIONS = {f"docs/{name}" for name in (*FAST, *SLOW)}
ELSEWHERE = {
    "README.md": "tests/docs/test_documents.py",
    "docs/audit.md": "tests/audit/test_audit.py",
    "docs/emitted-code.md": "tests/docs/test_code_on_pages.py",
    "docs/python.md": "tests/docs/test_python.py",
}
"""Pages with Python that is not run from top to bottom, and the test that runs it."""


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def code(word: str) -> list[tuple[str, Block]]:
    """The blocks of a language on all pages."""
    found = ((name_of(file), block) for file in PAGES for block in blocks(file.read_text("utf-8")))
    return [(name, block) for name, block in found if block.word == word]


def test_all_python_on_the_pages_is_run() -> None:
    for name, _ in code("python"):
        if name in SESSIONS:
            continue
        assert name in ELSEWHERE, f"{name}: no test runs this page"
        test = (ROOT / ELSEWHERE[name]).read_text(encoding="utf-8")
        assert Path(name).name in test, f"{ELSEWHERE[name]} does not speak of {name}"


def option_names(command: click.Command) -> set[str]:
    return {
        one for parameter in command.params for one in (*parameter.opts, *parameter.secondary_opts)
    }


def problem(line: str) -> str | None:
    """What is wrong with a command, without running it."""
    words = shlex.split(line, comments=True)
    if not words or words[0] in {".", "mkdir", "cd"}:
        return None
    flags = {word.partition("=")[0] for word in words if word.startswith("--")}
    match [Path(words[0]).name, *words[1:]]:
        case ["eqspec", *rest]:
            known = {
                name: main.get_command(click.Context(main), name)
                for name in main.list_commands(click.Context(main))
            }
            name = next((word for word in rest if word in known), None)
            command = known.get(name or "")
            if command is None and not flags & {"--version", "--help"}:
                return f"no command in `{line}`"
            told = option_names(main) | (option_names(command) if command else set())
            unknown = flags - told - {"--help", "--version"}
            return f"`{name}` has no {unknown}" if unknown else None
        case ["python", "-m", module, *_]:
            return None if importlib.util.find_spec(module) else f"no module `{module}`"
        case ["python", file, *_]:
            path = ROOT / file
            if not path.is_file():
                return f"no file `{file}`"
            return next((f"no {f} in {file}" for f in flags if f'"{f}"' not in sources(path)), None)
        case ["pip", "install", *wanted]:
            extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
            asked = re.findall(r"\[([\w,-]+)\]", " ".join(wanted))
            known = extras["optional-dependencies"]
            return next(
                (f"no extra {e}" for a in asked for e in a.split(",") if e not in known), None
            )
        case ["pytest" | "pre-commit" | "mkdocs" | ".ci" | "run", *_]:
            return None
        case ["npm" | "npx" | "code", *_]:
            return None  # a test of its own packages the extension
        case _:
            return f"no test knows `{words[0]}`"


def sources(script: Path) -> str:
    """A script and the files beside and above it, where its flags may be declared."""
    near = [*script.parent.glob("*.py"), *script.parent.parent.glob("*.py")]
    return "".join(file.read_text(encoding="utf-8") for file in near)


def test_commands_on_the_pages_exist() -> None:
    found = []
    for name, block in code("sh"):
        if name in SESSIONS:
            continue  # run
        for line in block.text.replace("\\\n", " ").splitlines():
            for part in line.split("&&"):
                wrong = problem(part)
                found += [f"{name}: {part.strip()}: {wrong}"] if wrong else []
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "eqspec chekc x.eqs",
        "eqspec check --nothing x.eqs",
        "python examples/cartpole/nothing.py",
        "python examples/cartpole/imitate.py --nothing",
        "python -m nothing_of_the_sort",
        'pip install "eqspec[nothing]"',
        "curl https://example.org",
    ],
)
def test_commands_that_do_not_exist_are_found(line: str) -> None:
    assert problem(line)


@pytest.mark.slow
def test_several_processes_as_in_emitted_code(tmp_path: Path) -> None:
    """docs/emitted-code.md: a module in a process group."""
    page = (ROOT / "docs" / "emitted-code.md").read_text(encoding="utf-8")
    (block,) = [b for b in blocks(page) if b.word == "python"]
    spec = ROOT / "examples" / "four_views" / "four_views.eqs"
    compiled = [sys.executable, "-m", "eqspec", "compile", spec, "-o", tmp_path, "--distributed"]
    subprocess.run(compiled, cwd=ROOT, check=True, capture_output=True)
    before = (
        "import os, torch, torch.distributed as dist\nfrom four_views import FourViews\n"
        "os.environ |= dict(MASTER_ADDR='127.0.0.1', MASTER_PORT='0', RANK='0', WORLD_SIZE='1')\n"
        "encoder, context = (torch.nn.Linear(1, 1) for _ in range(2))\n"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            before + block.text + "print(type(trained.module).__name__)",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "FourViews\n"
