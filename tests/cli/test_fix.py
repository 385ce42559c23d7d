"""`eqspec check --fix`, and what the command line says to a mistyped word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_support import run

WRONG = "eqspec 1\n\ngroup Rot = cyclic(4)\n\nmodule M {\n  input x: [3, Rot.reglar]\n  output y: [1] = liner(x)\n}\n"
RIGHT = WRONG.replace("reglar", "regular").replace("liner", "linear")


def test_fix_writes_what_is_sure_and_reports_the_rest(here: Path) -> None:
    (here / "a.eqs").write_text(WRONG)
    (here / "b.eqs").write_text(RIGHT.replace("linear(x)", "linear(xx)"))
    done = run("check")
    assert done.exit_code == 1
    assert "`--fix` repairs 2 of them." in done.stderr
    assert (here / "a.eqs").read_text() == WRONG
    done = run("check", "--fix")
    assert done.exit_code == 1
    assert "Repaired 2 mistakes in 1 file." in done.stderr
    assert "+  output y: [1] = linear(x)\n" in done.stderr  # what was repaired is said
    assert (here / "a.eqs").read_text() == RIGHT
    assert "unknown feature `xx`" in done.stdout
    assert "a.eqs" not in done.stdout
    (here / "b.eqs").unlink()
    assert run("check", "--fix").exit_code == 0


def test_fix_shows_a_patch(here: Path) -> None:
    (here / "a.eqs").write_text(WRONG)
    done = run("check", "--fix", "--diff")
    assert done.exit_code == 1
    assert "-  output y: [1] = liner(x)\n" in done.stdout
    assert "+  output y: [1] = linear(x)\n" in done.stdout
    assert (here / "a.eqs").read_text() == WRONG
    assert run("check", "--diff").exit_code == 2


def test_fix_of_standard_input_and_of_chosen_codes(here: Path) -> None:
    assert run("check", "--fix", "-", stdin=WRONG).stdout == RIGHT
    (here / "a.eqs").write_text(WRONG)
    run("check", "--fix", "--ignore", "EQS214")
    assert (here / "a.eqs").read_text() == WRONG.replace("reglar", "regular")


def test_json_says_what_is_sure(here: Path) -> None:
    (here / "a.eqs").write_text(WRONG)
    found = json.loads(run("check", "--output-format", "json").stdout)["diagnostics"]
    assert [fix["sure"] for one in found for fix in one["fixes"]] == [True, True]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("chekc", "Did you mean 'check'?"),
        ("format", "Did you mean 'fmt'?"),
        ("complie", "Did you mean 'compile'?"),
        ("spec.eqs", "To check specs: `eqspec check spec.eqs`."),
        ("qqqqq", "No such command 'qqqqq'.\n"),
    ],
)
def test_commands(here: Path, word: str, said: str) -> None:
    done = run(word)
    assert done.exit_code == 2
    assert said in done.stderr
