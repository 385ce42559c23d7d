"""`eqspec check`: flags, formats, exit codes, what goes to which stream."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cli_support import BAD, GOOD, INTERFACE, ROOT, WARNS, process, run

from eqspec.tools.flags import color_wanted


def test_a_good_spec(here: Path) -> None:
    (here / "good.eqs").write_text(GOOD)
    result = run("check")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "No problems found in 1 file.\n"


def test_a_wrong_spec_gets_a_caret(here: Path) -> None:
    (here / "bad.eqs").write_text(BAD)
    result = run("check", "bad.eqs")
    assert result.exit_code == 1
    assert "error[EQS401]: `relu` is not equivariant on `Flip.sign`" in result.stdout
    assert "--> bad.eqs:7:27" in result.stdout
    lines = result.stdout.split("\n")
    code = next(k for k, line in enumerate(lines) if "relu(x)" in line)
    assert lines[code + 1][lines[code].index("relu") :].startswith("^^^^")
    assert result.stderr == "Found 1 error in 1 file.\n"


def test_folders_are_walked_in_order_and_hidden_ones_skipped(here: Path) -> None:
    for place in (".git", ".venv", "node_modules/x", "env", "b", "a/deep"):
        (here / place).mkdir(parents=True)
        (here / place / "bad.eqs").write_text(BAD)
    (here / "env" / "pyvenv.cfg").write_text("")
    (here / "a.eqs").write_text(BAD)
    result = run("check", "--output-format", "concise")
    paths = [line.split(":")[0] for line in result.stdout.splitlines()]
    assert paths == ["a.eqs", "a/deep/bad.eqs", "b/bad.eqs"]
    again = run("check", "b", "a.eqs", ".", "--output-format", "concise")
    assert again.stdout == result.stdout


def test_nothing_to_check(here: Path) -> None:
    result = run("check")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "No .eqs files found.\n"


def test_unreadable_files_exit_with_2(here: Path) -> None:
    result = run("check", "nope.eqs")
    assert result.exit_code == 2
    assert "error[EQS123]" in result.stdout
    assert "nope.eqs" in result.stdout


def test_json(here: Path) -> None:
    (here / "bad.eqs").write_text(BAD)
    result = run("check", "--output-format", "json")
    document = json.loads(result.stdout)
    assert document["schema"] == 1
    (found,) = document["diagnostics"]
    assert found["code"] == "EQS401"
    assert found["severity"] == "error"
    assert found["path"] == "bad.eqs"
    assert found["start"] == {"line": 7, "column": 27, "offset": BAD.index("relu")}
    assert found["end"]["column"] == 31
    assert set(found) >= {"message", "labels", "help", "fixes", "url"}
    (here / "bad.eqs").write_text(GOOD)
    clean = run("check", "--output-format", "json")
    assert json.loads(clean.stdout) == {"schema": 1, "diagnostics": []}


def test_github(here: Path) -> None:
    (here / "bad.eqs").write_text(BAD)
    line = run("check", "--output-format", "github").stdout.splitlines()[0]
    assert line.startswith("::error file=bad.eqs,line=7,col=27,endColumn=31,title=EQS401::")


def test_standard_input(here: Path) -> None:
    result = run("check", "-", stdin=BAD)
    assert result.exit_code == 1
    assert "--> <stdin>:7:27" in result.stdout
    named = run("check", "--stdin-filename", "specs/bad.eqs", stdin=BAD)
    assert "--> specs/bad.eqs:7:27" in named.stdout
    assert run("check", "-", stdin=GOOD).exit_code == 0
    assert run("check", "-", stdin=b"\xff\xfe").exit_code == 1
    both = run("check", "-", "good.eqs", stdin=GOOD)
    assert both.exit_code == 2
    assert "standard input is checked alone" in both.stderr


def test_standard_input_uses_files_of_its_folder(here: Path) -> None:
    (here / "specs").mkdir()
    (here / "specs" / "groups.eqs").write_text("eqspec 1\n\ngroup Flip = cyclic(2)\n")
    text = (
        'eqspec 1\n\nuse "groups.eqs" as g\n\n'
        "module M {\n  input x: [g.Flip.sign]\n  output y: [g.Flip.sign] = tanh(x)\n}\n"
    )
    assert run("check", "--stdin-filename", "specs/m.eqs", stdin=text).exit_code == 0
    refused = run("check", "-", stdin=text)
    assert refused.exit_code == 1
    assert "EQS209" in refused.stdout


def test_select_and_ignore(here: Path) -> None:
    (here / "bad.eqs").write_text(BAD)
    (here / "warns.eqs").write_text(WARNS)
    codes = {"EQS401", "EQS902"}

    def found(*flags: str) -> tuple[int, set[str]]:
        result = run("check", "--output-format", "concise", *flags)
        return result.exit_code, {code for code in codes if code in result.stdout}

    assert found() == (1, codes)
    assert found("--select", "EQS9") == (0, {"EQS902"})
    assert found("--ignore", "eqs4") == (0, {"EQS902"})
    assert found("--ignore", "EQS401,EQS902") == (0, set())
    assert found("--select", "EQS9", "--select", "EQS401") == (1, codes)
    hidden = run("check", "--ignore", "EQS4")
    assert "1 error is hidden by --select or --ignore." in hidden.stderr
    wrong = run("check", "--select", "E4")
    assert wrong.exit_code == 2
    assert "'E4' is no code or its beginning" in wrong.stderr


def test_warnings(here: Path) -> None:
    (here / "warns.eqs").write_text(WARNS)
    result = run("check")
    assert result.exit_code == 0
    assert "warning[EQS902]" in result.stdout
    assert run("check", "--deny-warnings").exit_code == 1


def test_exit_zero_and_max_errors(here: Path) -> None:
    for name in "abc":
        (here / f"{name}.eqs").write_text(BAD)
    assert run("check", "--exit-zero").exit_code == 0
    assert run("check", "nope.eqs", "--exit-zero").exit_code == 2
    result = run("check", "--max-errors", "2")
    assert result.exit_code == 1
    assert result.stdout.count("error[EQS401]") == 2
    assert "Only the first 2 errors are shown; 1 more were found." in result.stderr
    assert run("check", "--max-errors", "0").exit_code == 2


def test_set(here: Path) -> None:
    (here / "good.eqs").write_text(GOOD)
    (here / "warns.eqs").write_text(WARNS)
    assert run("check", "--set", "n=7").exit_code == 0  # reaches the spec that declares it
    unknown = run("check", "--set", "m=7")
    assert unknown.exit_code == 1
    assert "EQS215" in unknown.stdout
    for text in ("n", "n=x", "n=-1", "=3"):
        assert run("check", "--set", text).exit_code == 2


def test_color(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "bad.eqs").write_text(BAD)
    assert "\x1b[" not in run("check").stdout  # not a terminal
    always = process("check", "--color", "always", cwd=here)
    assert "\x1b[1;31merror[EQS401]" in always.stdout
    monkeypatch.setattr("sys.stdout", type("Terminal", (), {"isatty": lambda self: True})())
    monkeypatch.delenv("TERM", raising=False)
    assert color_wanted("auto")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not color_wanted("auto")
    assert color_wanted("always")
    assert not color_wanted("never")


def test_version_and_help() -> None:
    from eqspec import __version__

    assert run("--version").stdout == f"eqspec {__version__}\n"
    for command in ((), ("check",), ("compile",), ("explain",), ("cost",)):
        result = run(*command, "--help")
        assert result.exit_code == 0
        assert max(map(len, result.stdout.splitlines())) <= 80
    assert run("chek").exit_code == 2


def test_paths_are_relative_to_the_working_directory(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "specs").mkdir()
    (here / "work").mkdir()
    (here / "specs" / "bad.eqs").write_text(BAD)
    monkeypatch.chdir(here / "work")
    result = run("check", here / "specs", "--output-format", "concise")
    assert result.stdout.startswith("../specs/bad.eqs:7:27: ")


def test_a_fault_is_a_message(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "good.eqs").write_text(GOOD)

    def broken(*arguments: object) -> None:
        raise RuntimeError("something is\nwrong")

    monkeypatch.setattr("eqspec.tools.checking.check_file", broken)
    result = run("check")
    assert result.exit_code == 2
    assert "error[EQS599]: internal error, please report: RuntimeError: something is wrong" in (
        result.stderr
    )
    assert "while checking good.eqs" in result.stderr
    monkeypatch.setenv("EQSPEC_DEBUG", "1")
    with pytest.raises(RuntimeError):
        run("check")


def test_a_closed_pipe_is_no_fault(here: Path) -> None:
    for number in range(300):
        (here / f"bad{number}.eqs").write_text(BAD)
    script = f"{sys.executable} -m eqspec check | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=here,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(here)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "error[" in done.stdout
    assert "Traceback" not in done.stderr
    assert "EQS599" not in done.stderr


HEAVY = {"torch", "pydantic", "jinja2", "rich", "networkx", "numpy", "scipy", "pytest", "tomllib"}


@pytest.mark.parametrize("text", [GOOD, BAD, WARNS, INTERFACE])
def test_check_imports_nothing_heavy(here: Path, text: str) -> None:
    (here / "spec.eqs").write_text(text)
    code = (
        "import sys\nfrom eqspec.cli import main\n"
        "try:\n    main(['check', 'spec.eqs'])\nexcept SystemExit:\n    pass\n"
        f"print('heavy:', sorted(set(sys.modules) & set({sorted(HEAVY)!r})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=here,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(here)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "heavy: []"


def test_the_list_of_commands_is_not_cut() -> None:
    listed = run("--help").stdout.partition("Commands:")[2]
    assert "check " in listed
    assert "..." not in listed
