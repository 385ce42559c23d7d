"""`[tool.eqspec]`: every setting, flags that win over it, and what is wrong in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_support import BAD, GOOD, WARNS, forget, run

from eqspec.program.devices import shipped_table
from eqspec.tools.aiming import aim_of
from eqspec.tools.config import KEYS, config_for


def project(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text)


def test_settings_of_check(here: Path) -> None:
    project(
        here,
        '[tool.eqspec]\noutput-format = "concise"\nignore = ["EQS4"]\ndeny-warnings = true\n'
        'exclude = ["old", "*_draft.eqs"]\nmax-errors = 1\n',
    )
    (here / "old").mkdir()
    for name in ("old/wrong.eqs", "x_draft.eqs"):
        (here / name).write_text("nonsense")
    (here / "bad.eqs").write_text(BAD)
    (here / "warns.eqs").write_text(WARNS)
    result = run("check")
    assert result.exit_code == 1
    assert result.stdout.startswith("warns.eqs:4:7: warning[EQS902]")
    assert "EQS4" not in result.stdout
    flags = run("check", "--ignore", "EQS9", "--output-format", "full")  # flags win
    assert "error[EQS401]" in flags.stdout
    assert "-->" in flags.stdout
    named = run("check", "x_draft.eqs")
    assert named.exit_code == 1  # a file that is named is checked


def test_settings_of_compile(here: Path) -> None:
    project(
        here,
        '[tool.eqspec]\noutput-dir = "models"\nemit = ["module"]\nset = { n = 3, other = 4 }\n',
    )
    (here / "specs").mkdir()
    (here / "specs" / "good.eqs").write_text(GOOD)
    assert run("compile").exit_code == 0
    assert [path.name for path in (here / "models").iterdir()] == ["good.py"]
    assert run("compile", "--check").exit_code == 0
    assert run("compile", "--check", "--set", "n=2").exit_code == 1
    assert run("compile", "-o", "elsewhere", "--emit", "tests").exit_code == 0
    assert [path.name for path in (here / "elsewhere").iterdir()] == ["test_good.py"]


def test_the_setting_distributed_is_the_flag(here: Path) -> None:
    (here / "good.eqs").write_text(GOOD)
    plain, asked = run("compile", "--stdout"), run("compile", "--stdout", "--distributed")
    assert "process_group" not in plain.stdout and "process_group" in asked.stdout
    project(here, "[tool.eqspec]\ndistributed = true\n")
    forget()
    assert run("compile", "--stdout").stdout == asked.stdout


def test_the_nearest_project_counts(here: Path) -> None:
    project(here, '[tool.eqspec]\nignore = ["EQS4"]\n')
    (here / "inner").mkdir()
    project(here / "inner", "[project]\n")
    (here / "bad.eqs").write_text(BAD)
    (here / "inner" / "bad.eqs").write_text(BAD)
    result = run("check", "--output-format", "concise")
    assert result.stdout.startswith("inner/bad.eqs:7:27: error[EQS401]")
    assert len(result.stdout.splitlines()) == 1


def test_unknown_settings_point_at_the_key(here: Path) -> None:
    project(here, '[project]\nselect = "x"\n\n[tool.eqspec]\nselct = ["EQS4"]\nzzz = 1\n')
    result = run("check")
    assert result.exit_code == 2
    assert "error[EQS601]: `[tool.eqspec]` has no setting `selct`" in result.stdout
    assert "--> pyproject.toml:5:1" in result.stdout
    assert "^^^^^ did you mean `select`?" in result.stdout
    assert "--> pyproject.toml:6:1" in result.stdout
    assert f"the settings are `{KEYS[0]}`" in result.stdout


@pytest.mark.parametrize(
    ("line", "column", "words"),
    [
        ('output-format = "jsno"', 18, "did you mean `json`?"),
        ('select = "EQS4"', 1, "a list of codes"),
        ('ignore = ["E4"]', 12, "codes or their beginnings"),
        ('deny-warnings = "yes"', 1, "true or false"),
        ("max-errors = 0", 1, "at least 1"),
        ("max-errors = true", 1, "at least 1"),
        ("output-dir = 3", 1, "a folder"),
        ('emit = ["module", "testz"]', 20, "did you mean `tests`?"),
        ("exclude = [1]", 1, "glob patterns"),
        ('set = { n = "7" }', 1, "whole numbers"),
    ],
)
def test_wrong_values(here: Path, line: str, column: int, words: str) -> None:
    project(here, f"[tool.eqspec]\n{line}\n")
    result = run("check", "--output-format", "full")
    assert result.exit_code == 2
    assert "error[EQS602]" in result.stdout
    assert f"--> pyproject.toml:2:{column}\n" in result.stdout
    assert words in result.stdout


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[tool.eqspec\nx = 1\n", "1:13"),
        ("[tool.eqspec]\nselect = [\n", "2:"),
        ("[tool]\neqspec = 3\n", "2:1"),
    ],
)
def test_broken_files(here: Path, text: str, place: str) -> None:
    project(here, text)
    result = run("check")
    assert result.exit_code == 2
    assert f"--> pyproject.toml:{place}" in result.stdout
    assert "EQS60" in result.stdout


def test_a_broken_file_that_does_not_mention_eqspec(here: Path) -> None:
    project(here, "[[[\n")
    assert run("check").exit_code == 0
    (here / "pyproject.toml").write_bytes(b"\xff eqspec")
    assert run("check").exit_code in (0, 2)


def test_unusual_ways_to_write_the_table(here: Path) -> None:
    project(here, 'tool.eqspec.selct = ["EQS4"]\n')
    assert "pyproject.toml:1:13" in run("check").stdout
    forget()
    project(here, '[tool]\neqspec = { "selct" = [] }\n')
    assert "pyproject.toml:2:12" in run("check").stdout


def test_a_device_table_that_cannot_be_used_is_told_in_the_settings(here: Path) -> None:
    (here / "pyproject.toml").write_text('[tool.eqspec]\ndevice = "cpus"\n', encoding="utf-8")
    (told,) = config_for(here).diagnostics
    assert (told.code, told.help) == ("EQS551", "did you mean `cpu`?")
    assert told.source.text[told.span.start : told.span.end] == "cpus"
    forget()
    (here / "mine.json").write_text("{}", encoding="utf-8")
    (here / "pyproject.toml").write_text('[tool.eqspec]\ndevice = "mine.json"\n', encoding="utf-8")
    (told,) = config_for(here).diagnostics
    assert "lacks `schema`" in told.label
    forget()
    (here / "mine.json").write_text(shipped_table("gpu").text(), encoding="utf-8")
    found = config_for(here)
    assert not found.diagnostics
    assert aim_of({}, found).table == shipped_table("gpu")
    assert aim_of({"device": "cpu", "batch": 3}, found).table == shipped_table("cpu")
    assert aim_of({"device": None, "batch": 3}, found).batch == 3
