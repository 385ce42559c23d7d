"""`eqspec fmt` as a person and as a machine call it."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cli_support import GOOD, ROOT, run

UNTIDY = "eqspec 1\ngroup Rot=cyclic( 4 )# turns\n"
TIDY = "eqspec 1\n\ngroup Rot = cyclic(4)  # turns\n"
BROKEN = "eqspec 1\ngroup Rot = cyclic(4\n"


def test_files_are_written_in_their_layout(here: Path) -> None:
    (here / "a.eqs").write_text(UNTIDY)
    (here / "b.eqs").write_text(TIDY)
    (here / "broken.eqs").write_text(BROKEN)
    before = (here / "b.eqs").stat().st_mtime_ns
    done = run("fmt")
    assert done.exit_code == 1
    assert "error[EQS102]" in done.stdout
    assert done.stderr == "1 file reformatted, 1 file unchanged, 1 file left alone.\n"
    assert (here / "a.eqs").read_text() == TIDY
    assert (here / "broken.eqs").read_text() == BROKEN
    assert (here / "b.eqs").stat().st_mtime_ns == before
    (here / "broken.eqs").unlink()
    done = run("fmt", "--check")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "2 files already laid out.\n"
    assert sorted(path.name for path in here.iterdir()) == ["a.eqs", "b.eqs"]


def test_check_reports_and_writes_nothing(here: Path) -> None:
    (here / "a.eqs").write_text(UNTIDY)
    done = run("fmt", "--check", "a.eqs")
    assert done.exit_code == 1
    assert "error[EQS512]" in done.stdout
    assert "a.eqs:2:1" in done.stdout
    assert "1 file would be reformatted." in done.stderr
    found = json.loads(run("fmt", "--check", "--output-format", "json").stdout)
    assert [one["code"] for one in found["diagnostics"]] == ["EQS512"]
    assert (here / "a.eqs").read_text() == UNTIDY


@pytest.mark.parametrize("end", ["\n", "", "\r\n"])
def test_diff_is_a_patch(here: Path, end: str) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    name = "s p.eqs"
    (here / name).write_bytes(("eqspec 1\n# a\u2028b\n" + UNTIDY[9:-1] + end).encode())
    done = run("fmt", "--diff", name)
    assert done.exit_code == 1
    (here / "a.patch").write_bytes(done.stdout_bytes)
    subprocess.run(["git", "apply", "a.patch"], cwd=here, check=True)
    assert (here / name).read_bytes().decode() == "eqspec 1\n\n# a\u2028b\n" + TIDY[10:]
    assert run("fmt", "--diff", name).stdout == ""
    assert run("fmt", "--diff", name).exit_code == 0


def test_standard_input(here: Path) -> None:
    assert run("fmt", "-", stdin=UNTIDY).stdout == TIDY
    crlf = run("fmt", "-", stdin=UNTIDY.replace("\n", "\r\n").encode())
    assert crlf.stdout_bytes == TIDY.replace("\n", "\r\n").encode()
    done = run("fmt", "--stdin-filename", "x/y.eqs", stdin=BROKEN)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "x/y.eqs:2:21" in done.stderr
    assert run("fmt", "--check", "-", stdin=UNTIDY).exit_code == 1
    assert run("fmt", "--check", "-", stdin=TIDY).exit_code == 0
    assert "+group Rot = cyclic(4)" in run("fmt", "--diff", "-", stdin=UNTIDY).stdout
    assert run("fmt", "-", "a.eqs").exit_code == 2
    assert run("fmt", "-", stdin=b"\xff").exit_code == 1


def test_what_cannot_be_read_or_written(here: Path) -> None:
    done = run("fmt", "missing.eqs")
    assert done.exit_code == 2
    assert "EQS123" in done.stdout
    file = here / "a.eqs"
    file.write_text(UNTIDY)
    if os.geteuid() != 0:
        here.chmod(0o500)
        done = run("fmt")
        here.chmod(0o700)
        assert done.exit_code == 2
        assert "EQS503" in done.stdout
        assert file.read_text() == UNTIDY


def test_rights_and_links_are_kept(here: Path) -> None:
    file, link = here / "a.eqs", here / "link.eqs"
    file.write_text(UNTIDY)
    file.chmod(0o640)
    link.symlink_to(file)
    assert run("fmt", "link.eqs").exit_code == 0
    assert link.is_symlink()
    assert file.read_text() == TIDY
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_marks_and_line_ends(here: Path) -> None:
    """A byte order mark goes; line ends become those of the first line."""
    for before, after in (
        (b"\xef\xbb\xbf" + UNTIDY.encode(), TIDY),
        (TIDY.replace("\n", "\r\n", 2).encode(), TIDY.replace("\n", "\r\n")),
        (b"eqspec 1\n\r\ngroup Rot = cyclic(4)  # turns\r\n", TIDY),
    ):
        (here / "a.eqs").write_bytes(before)
        assert run("fmt").exit_code == 0
        assert (here / "a.eqs").read_bytes().decode() == after
        assert run("fmt", "--check").exit_code == 0


def test_specs_in_documents(here: Path) -> None:
    document = "# A\n\n```eqs\n{}```\n\n- b\n\n  ```eqs\n  eqspec 1\n  param   n=3\n  ```\n"
    (here / "a.md").write_text(document.format(UNTIDY) + "```eqs\ngroup\n```\n```py\nx=1\n```\n")
    assert run("fmt").exit_code == 0  # only those that are named
    assert run("fmt", "a.md", "--check").exit_code == 1
    assert run("fmt", "a.md").exit_code == 0
    wanted = document.replace("eqspec 1\n  param   n=3", "eqspec 1\n\n  param n = 3")
    assert (here / "a.md").read_text() == (
        wanted.format(TIDY) + "```eqs\ngroup\n```\n```py\nx=1\n```\n"
    )


def test_a_patch_on_a_terminal_cannot_move_the_cursor(here: Path) -> None:
    (here / "a.eqs").write_text("eqspec 1\nparam n=3 # \x1b[2J\x07 gone\n")
    shown = run("fmt", "--diff", "--color", "always").stdout
    assert "\x1b[2J" not in shown
    assert "\x07" not in shown
    assert "\x1b[31m-param n=3" in shown


def test_fmt_imports_only_the_parser(here: Path) -> None:
    (here / "a.eqs").write_text(GOOD)
    code = (
        "import sys\nfrom eqspec.cli import main\n"
        "try:\n    main(['fmt'])\nexcept SystemExit:\n    pass\n"
        "print('heavy:', sorted(m for m in sys.modules if m in {'numpy', 'torch', 'networkx',"
        " 'pydantic', 'difflib', 'tomllib', 'eqspec.graph', 'eqspec.algebra', 'eqspec.ops'}))\n"
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


def test_specs_that_are_only_quoted_stay(here: Path) -> None:
    spec = "```eqs\neqspec 1\n\ngroup   G = cyclic(2)\n```\n"
    quoted = f"````md\n{spec}````\n\n<!--\n{spec}-->\n\n```text\n```\n\n~~~\n{spec}~~~\n\n"
    (here / "a.md").write_text(quoted + spec)
    assert run("fmt", "a.md").exit_code == 0
    assert (here / "a.md").read_text() == quoted + spec.replace("group   G", "group G")
