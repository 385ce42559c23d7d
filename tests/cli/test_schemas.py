"""What the commands print as data fits the published schemas, and the schemas fit the code."""

from __future__ import annotations

import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
from cli_support import BAD, GOOD, WARNS, run

from eqspec.limits import NAMES
from eqspec.tools.config import EMIT, FORMATS, KEYS, config_for

ROOT = Path(__file__).resolve().parents[2]

SPEC = """eqspec 1
group D4 = dihedral(4)
module Letters {
  input x: [D4.grid(4, 4)]
  base net: [16] -> [3]
  h: [4, D4.regular] = linear(x)
  r: [4, D4.regular] = relu(h)
  logits: [3] = linear(r)
  guess: [3] = coset(net, x)
  output y: [3] = logits + guess
  ensure y almost everywhere invariant under D4
}
"""


@cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((ROOT / f"docs/schemas/{name}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def fits(name: str, text: str) -> Any:
    record = json.loads(text)
    validator(name).validate(record)
    return record


def test_what_the_commands_print_fits_the_schemas(here: Path) -> None:
    for name, text in (("bad", BAD), ("good", GOOD), ("warns", WARNS), ("letters", SPEC)):
        (here / f"{name}.eqs").write_text(text, encoding="utf-8")
    found = fits("diagnostics", run("check", "--output-format", "json").stdout)
    assert found["diagnostics"]
    whole = json.loads(run("explain", "letters.eqs", "--format", "json").stdout)
    assert len(whole["nodes"]) > 4
    for node in whole["nodes"]:
        validator("derivation").validate(node)
    one = fits("derivation", run("explain", "letters.eqs", "guess", "--format", "json").stdout)
    assert one["lowered_by"] and one["averages"]
    ways = ("explain", "letters.eqs", "h", "--ways", "--batch", "64", "--format", "json")
    lowering = fits("derivation", run(*ways).stdout)["lowering"]
    assert lowering["batch"] == 64
    assert lowering["chosen"] in [way["way"] for way in lowering["ways"]]
    cost = fits("cost", run("cost", "letters.eqs", "--all", "--format", "json").stdout)
    assert any("strategies" in node for node in cost["modules"][0]["nodes"])
    assert cost["modules"][0]["time"]["chosen"]
    assert run("compile", "letters.eqs", "--emit", "module,certificate").exit_code == 0
    assert fits("verify", run("verify", "letters.py", "--format", "json").stdout)["modules"]
    (here / "letters.py").write_text("x = 1\n", encoding="utf-8")
    wrong = fits("verify", run("verify", "letters.py", "--format", "json").stdout)
    assert wrong["modules"][0]["diagnostics"]
    fits("certificate", (here / "letters.certificate.json").read_text(encoding="utf-8"))


def test_settings_and_their_schema_agree(here: Path) -> None:
    schema = json.loads((ROOT / "docs/schemas/settings.json").read_text(encoding="utf-8"))
    assert tuple(schema["properties"]) == KEYS
    assert tuple(schema["properties"]["output-format"]["enum"]) == FORMATS
    assert tuple(schema["properties"]["emit"]["items"]["enum"]) == EMIT
    assert tuple(schema["properties"]["limits"]["properties"]) == NAMES
    for number, line in enumerate(
        (
            'select = ["EQS9"]',
            'select = ["E9"]',
            "select = 9",
            "deny-warnings = true",
            'deny-warnings = "yes"',
            "max-errors = 3",
            "max-errors = 0",
            'output-format = "sarif"',
            'output-format = "xml"',
            'emit = ["certificate"]',
            'emit = ["modul"]',
            "set = { n = 7 }",
            "set = { n = 7.5 }",
            'exclude = ["old/*"]',
            "exclude = [1]",
            'output-dir = "build"',
            "output-dir = 1",
            "distributed = false",
            "distributed = 0",
            "unknown = 1",
            "limits = { seconds = 9 }",
            "limits = { second = 9 }",
            "limits = { seconds = true }",
            "limits = 9",
            'lowering = "blocks"',
            'lowering = "fast"',
            "batch = 64",
            "batch = 0",
            'device = "gpu"',
            "device = 3",
            'for = "evaluation"',
            'for = "speed"',
        )
    ):
        folder = here / str(number)
        folder.mkdir()
        place = folder / "pyproject.toml"
        place.write_text(f"[tool.eqspec]\n{line}\n", encoding="utf-8")
        table = tomllib.loads(line)
        assert validator("settings").is_valid(table) is not bool(config_for(folder).diagnostics), (
            line
        )
