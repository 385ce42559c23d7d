"""`eqspec verify` as a user sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_support import GOOD, run

KINDS = ("--emit", "module,tests,certificate")


@pytest.fixture
def module(here: Path) -> Path:
    (here / "good.eqs").write_text(GOOD)
    assert run("compile", "good.eqs", *KINDS).exit_code == 0
    return here / "good.py"


def test_a_module_that_nobody_touched(module: Path) -> None:
    result = run("verify", "good.py")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "good.py: verified."
    assert any("dimension" in line and "counted anew" in line for line in lines)
    assert lines[-2].strip() == "The spec `good.eqs`, checked again, makes the same claims."
    assert lines[-1].strip() == "The spec `good.eqs`, compiled again, gives the same files."
    record = json.loads(run("verify", "good.py", "--format", "json").stdout)
    assert record["schema"] == 1
    (one,) = record["modules"]
    assert one["verified"] and one["compared_with_spec"] and one["rebuilt"]
    assert run("verify", "good.certificate.json").exit_code == 0


def test_what_is_wrong_has_a_code(module: Path) -> None:
    def codes(*flags: str) -> list[str]:
        result = run("verify", "good.py", "--format", "json", *flags)
        (one,) = json.loads(result.stdout)["modules"]
        assert (result.exit_code != 0) is bool(one["diagnostics"])
        return [found["code"] for found in one["diagnostics"]]

    text = module.read_text(encoding="utf-8")
    module.write_text(text + "\n", encoding="utf-8")
    assert codes() == ["EQS522"]
    module.write_text(text, encoding="utf-8")
    spec = module.with_name("good.eqs")
    spec.rename(module.with_name("moved.eqs"))
    assert codes() == ["EQS528"]
    assert codes("--no-spec") == []
    assert codes("--spec", "moved.eqs") == []
    module.with_name("moved.eqs").write_text("eqspec 1\n", encoding="utf-8")
    assert codes("--spec", "moved.eqs") == ["EQS522"]
    place = module.with_name("good.certificate.json")
    place.write_text(place.read_text(encoding="utf-8").replace("exact", "exakt"), encoding="utf-8")
    assert codes("--no-spec") == ["EQS521"]
    place.unlink()
    missing = run("verify", "good.py")
    assert missing.exit_code == 2
    assert "EQS520" in missing.stdout
    assert "--emit module,tests,certificate" in missing.stdout


def test_flags_that_do_not_go_together(module: Path) -> None:
    assert run("verify", "good.py", "--spec", "good.eqs", "--no-spec").exit_code == 2
    assert run("verify").exit_code == 2


def test_sizes_that_were_set_from_outside_are_said(here: Path) -> None:
    (here / "good.eqs").write_text(GOOD)
    kinds = "module,tests,certificate"
    assert run("compile", "good.eqs", "--emit", kinds, "--set", "n=1").exit_code == 0
    assert "Sizes were set from outside of the spec: n = 1." in run("verify", "good.py").output
    assert run("compile", "good.eqs", "--emit", kinds).exit_code == 0
    assert "from outside" not in run("verify", "good.py").output
