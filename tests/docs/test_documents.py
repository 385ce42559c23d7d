"""The documentation is true: snippets run, links lead somewhere, tables are complete."""

from __future__ import annotations

import re
import shlex
import shutil
import textwrap
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from eqspec.cli import main
from eqspec.diagnostics.codes import CODES
from eqspec.diagnostics.model import Severity, Source
from eqspec.diagnostics.render import render_text
from eqspec.graph.expressions import OPS_NOT_BUILT
from eqspec.graph.groups import GROUPS_NOT_BUILT
from eqspec.graph.reps import BUILT, NOT_BUILT
from eqspec.ops import OPS
from eqspec.pipeline import check_source, compile_spec
from eqspec.tools.config import KEYS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
)
PAGES = sorted((ROOT / "eqspec" / "diagnostics" / "pages").glob("*.md"))
CARTPOLE = ROOT / "examples" / "cartpole" / "cartpole.eqs"


def fences(file: Path, word: str) -> list[str]:
    pattern = rf"^```{word}(?: title=[^\n]*)?\n(.*?)^```$"
    return re.findall(pattern, file.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


SNIPPETS = [
    pytest.param(text, id=f"{name_of(file)}-{number}")
    for file in DOCUMENTS
    if "reference" not in file.parts  # these have tests of their own: test_reference.py
    for number, text in enumerate(fences(file, "eqs"))
]


@pytest.mark.parametrize("text", SNIPPETS)
def test_eqs_snippets_check(text: str) -> None:
    found = check_source(Source("x.eqs", text)).diagnostics
    assert [d.message for d in found if d.severity is not Severity.NOTE] == []


def anchors(file: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("file", [*DOCUMENTS, *PAGES], ids=name_of)
def test_links_lead_somewhere(file: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", file.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("file", DOCUMENTS, ids=name_of)
def test_paths_that_are_named_exist(file: Path) -> None:
    """`eqspec/graph/spec.py` exists; a path that is named without its folder is looked for in the
    package."""
    text = re.sub(r"^```.*?^```$", "", file.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for path in re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", text):
        if path.isupper() or "NAME" in path:
            continue
        assert (ROOT / path).exists() or (ROOT / "eqspec" / path).exists(), path


def test_index_of_diagnostics_is_complete() -> None:
    text = (ROOT / "docs" / "diagnostics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(EQS\d{3})\]\(([^)]*)\) \| (\w+) \| (.*) \|$", text, re.MULTILINE)
    assert rows == [
        (code, f"../eqspec/diagnostics/pages/{code}.md", entry.severity.value, entry.title)
        for code, entry in sorted(CODES.items())
    ]


def test_language_reference_names_every_op_and_representation() -> None:
    text = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    built, _, missing = text.partition("\n## Not built yet\n")
    for name in (set(OPS) - {"+"}) | set(BUILT):
        assert re.search(rf"`{name}[`(]", built), name
    for name in (*OPS_NOT_BUILT, *NOT_BUILT, *GROUPS_NOT_BUILT):
        assert re.search(rf"`{name}[`(]", missing), name
    for name in re.findall(r"`(\w+)`", missing):
        assert name not in OPS, name
        assert name not in BUILT, name


COMMANDS = ROOT / "docs" / "commands.md"


def test_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(CARTPOLE, tmp_path)
    monkeypatch.chdir(tmp_path)
    (block,) = fences(COMMANDS, "sh")
    for line in block.splitlines():
        program, *arguments = shlex.split(line)
        assert program == "eqspec"
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, (line, result.output)


def test_commands_flags_and_settings_are_listed() -> None:
    text = COMMANDS.read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `eqspec (\w+)", text, re.MULTILINE))
    context = click.Context(main)
    commands = {name: main.get_command(context, name) for name in main.list_commands(context)}
    assert listed == set(commands)
    flags = {
        option
        for command in commands.values()
        if command is not None
        for parameter in command.params
        for option in parameter.opts
    }
    flags |= {option for parameter in main.params for option in parameter.opts}
    assert set(re.findall(r"`(--[a-z-]+)", text)) <= flags
    table = text.partition("## Settings")[2]
    keys = re.findall(r"`([a-z-]+)`", "".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)))
    assert sorted(keys) == sorted(KEYS)


def test_decisions_are_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text("utf-8"))
    assert listed == sorted(file.name for file in folder.glob("[0-9]*.md"))


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_shows_the_example_itself() -> None:
    assert fences(ROOT / "README.md", "eqs") == [CARTPOLE.read_text(encoding="utf-8")]


def test_readme_shows_what_the_example_compiles_to() -> None:
    checked = check_source(Source(CARTPOLE.name, CARTPOLE.read_text(encoding="utf-8")))
    files = compile_spec(checked, CARTPOLE.stem, CARTPOLE.name, ["module"]).files
    (module,) = [file.text for file in files]
    methods = fences(ROOT / "README.md", "python")
    assert len(methods) == 2
    for shown in methods:
        assert textwrap.indent(shown, "    ") in module, f"README.md is old; now it is\n{module}"


def test_readme_shows_the_refusal_as_it_is() -> None:
    text = CARTPOLE.read_text(encoding="utf-8")
    right, wrong = "[32, Mirror.regular] = tanh(", "[32, Mirror.state] = relu("
    assert right in text
    assert f"`h: {wrong}linear(state))`" in readme()
    found = check_source(Source(CARTPOLE.name, text.replace(right, wrong))).diagnostics
    refusal = render_text(found, color=False).strip("\n") + "\n"
    assert fences(ROOT / "README.md", "text") == [refusal]
    assert fences(ROOT / "docs" / "index.md", "text") == [refusal]


def test_readme_counts_the_parameters() -> None:
    (shown,) = re.findall(r"This class has (\d+),", readme())
    checked = check_source(Source(CARTPOLE.name, CARTPOLE.read_text(encoding="utf-8")))
    assert checked.spec is not None
    nodes = checked.spec.modules[0].nodes
    assert sum(getattr(node.data, "parameters", 0) for node in nodes) == int(shown)


def test_commands_of_the_readme() -> None:
    """The specs they name exist, and so do the extra and the flag."""
    text = readme()
    for path in re.findall(r"eqspec compile (\S+)", text):
        assert (ROOT / path).is_file(), path
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert 'pip install -e ".[dev]"' in text
    assert "dev" in extras["optional-dependencies"]
    assert len(text.splitlines()) <= 150


def test_ci_runs_the_test_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "pytest -n 2" in readme()
    assert re.search(r'pytest" -n 2\b', script)
