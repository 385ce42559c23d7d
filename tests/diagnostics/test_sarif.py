"""SARIF: what the standard asks of the part that is written here, and what viewers do with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
from click.testing import CliRunner

from eqspec.cli import main
from eqspec.diagnostics.codes import CODES, page
from eqspec.diagnostics.model import Diagnostic, Fix, Label, Severity, Source, Span
from eqspec.diagnostics.render import render_github
from eqspec.diagnostics.sarif import render_sarif
from eqspec.pipeline import check_source
from eqspec.syntax.parser import parse
from eqspec.syntax.reader import read_source

HERE = Path(__file__).parent
BAD = sorted((HERE.parent / "syntax" / "bad").glob("*.eqs"))


def thing(required: str, **properties: Any) -> dict[str, Any]:
    """An object with these properties and no others; the standard refuses others, too."""
    return {
        "type": "object",
        "required": required.split(),
        "properties": properties,
        "additionalProperties": False,
    }


def some(items: Any, least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": least}


TEXT = {"type": "string", "minLength": 1}
COUNT = {"type": "integer", "minimum": 1}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
MESSAGE = thing("text", text=TEXT)
REGION = thing(
    "startLine startColumn endLine endColumn",
    **dict.fromkeys(("startLine", "startColumn", "endLine", "endColumn"), COUNT),
)
# a URI reference holds no space, no bracket, no backslash and no lone percent sign
URI = {"type": "string", "pattern": r"^([A-Za-z0-9._~:/@!$&'()*+,;=-]|%[0-9A-F]{2})+$"}
ARTIFACT = thing("uri", uri=URI, uriBaseId={"const": "%SRCROOT%"})
PHYSICAL = thing("artifactLocation", artifactLocation=ARTIFACT, region=REGION)
LOCATION = thing("physicalLocation", physicalLocation=PHYSICAL)
RELATED = thing(
    "physicalLocation id message",
    physicalLocation=PHYSICAL,
    id={"type": "integer", "minimum": 0},
    message={"type": "object", "properties": {"text": {"type": "string"}}},
)
REPLACEMENT = thing(
    "deletedRegion", deletedRegion=REGION, insertedContent=thing("text", text={"type": "string"})
)
CHANGE = thing(
    "artifactLocation replacements", artifactLocation=ARTIFACT, replacements=some(REPLACEMENT, 1)
)
FIX = thing("artifactChanges", description=MESSAGE, artifactChanges=some(CHANGE, 1))
RULE = thing(
    "id",
    id=TEXT,
    shortDescription=MESSAGE,
    fullDescription=MESSAGE,
    help=thing("text", text=TEXT, markdown=TEXT),
    helpUri=URI,
    defaultConfiguration=thing("level", level=LEVEL),
)
RESULT = thing(
    "ruleId ruleIndex level message locations partialFingerprints",
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": 0},
    level=LEVEL,
    message=MESSAGE,
    locations=some(LOCATION, 1),
    relatedLocations=some(RELATED, 1),
    fixes=some(FIX, 1),
    partialFingerprints={"type": "object", "additionalProperties": TEXT},
)
DRIVER = thing("name", name=TEXT, semanticVersion=TEXT, rules={**some(RULE), "uniqueItems": True})
RUN = thing(
    "tool results",
    tool=thing("driver", driver=DRIVER),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    results=some(RESULT),
)
LOG = thing(
    "version runs",
    **{"$schema": URI},
    version={"const": "2.1.0"},
    properties=thing("schema", schema={"const": 1}),
    runs=some(RUN, 1),
)


def validated(text: str) -> dict[str, Any]:
    """The run of a log that keeps to the standard."""
    log = json.loads(text)
    jsonschema.Draft202012Validator(LOG).validate(log)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert isinstance(run, dict)
    return run


def test_every_kind_of_diagnostic_gives_a_valid_log() -> None:
    found: list[Diagnostic] = []
    for path in BAD:
        source, diagnostics = read_source(path, f"tests/{path.name}")
        found += diagnostics if source is None else parse(source)[1]
    for code in list(CODES)[::4]:
        block = (page(code) or "").partition("```eqs\n")[2].partition("```")[0]
        found += check_source(Source(f"{code}.eqs", block)).diagnostics if block else ()
    assert len({one.code for one in found}) > 40
    assert any(one.fixes for one in found)
    assert any(one.labels for one in found)
    run = validated(render_sarif(found))
    assert len(run["results"]) == len(found)
    prints = [one["partialFingerprints"]["eqspecFinding/v1"] for one in run["results"]]
    assert len(set(prints)) == len(prints)
    assert validated(render_sarif([]))["results"] == []


def test_a_result_says_what_the_message_says() -> None:
    source = Source("a b/[ü].eqs", "eqspec 1\n\U0001d400 h = relu(v)\n")
    relu = Span(source.text.index("relu"), source.text.index("relu") + 4)
    found = Diagnostic(
        "EQS401",
        "`relu` is wrong",
        source,
        relu,
        "here",
        (Label(Span(0, 6), "version"),),
        "use another",
        (Fix("write `norm`", ((relu, "norm"),)),),
    )
    (result,) = validated(render_sarif([found], "specs"))["results"]
    assert result["message"]["text"] == "`relu` is wrong\nhere\nhelp: use another"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "specs/a%20b/%5B%C3%BC%5D.eqs"
    region = {"startLine": 2, "startColumn": 7, "endLine": 2, "endColumn": 11}  # in code points
    assert place["region"] == region
    assert result["relatedLocations"][0]["message"]["text"] == "version"
    (replacement,) = result["fixes"][0]["artifactChanges"][0]["replacements"]
    assert replacement == {"deletedRegion": region, "insertedContent": {"text": "norm"}}


def test_a_fingerprint_follows_its_line() -> None:
    def prints(text: str) -> list[str]:
        source = Source("t.eqs", text)
        spots = [at for at in range(len(text)) if text.startswith("relu", at)]
        found = [Diagnostic("EQS401", "m", source, Span(at, at + 4)) for at in spots]
        run = validated(render_sarif(found))
        return [one["partialFingerprints"]["eqspecFinding/v1"] for one in run["results"]]

    assert prints("h = relu(v)\n") == prints("\n# more\n  h = relu(v)\n")
    assert prints("h = relu(v)\n") != prints("k = relu(v)\n")
    assert len(set(prints("h = relu(v)\nh = relu(v)\n"))) == 2


def test_hostile_texts_are_shown_and_not_obeyed() -> None:
    source = Source("\x1b[31m](x)\n.eqs", 'x "\u202e"\n')
    found = Diagnostic(
        "EQS101",
        "[click](https://example.org)\x1b[2J",
        source,
        Span(2, 5),
        "\u202eevil",
        help="[a](1)",
    )
    text = render_sarif([found])
    (result,) = validated(text)["results"]
    assert "](" not in result["message"]["text"]
    assert not any(sign in text for sign in ("\x1b", "\\u001b", "\u202e", "\\u202e"))
    note = render_github([found])
    assert note.count("\n") == 1
    assert not any(sign in note for sign in "\x1b\u202e\r")


def test_the_command_in_a_step_below_the_root_of_a_repository(
    tmp_path: Path, monkeypatch: Any
) -> None:
    (tmp_path / "specs").mkdir()
    bad = (
        "eqspec 1\ngroup F = cyclic(2)\nmodule M {\n  input x: [F.sign]\n  output y = relu(x)\n}\n"
    )
    (tmp_path / "specs" / "bad.eqs").write_text(bad)
    monkeypatch.chdir(tmp_path / "specs")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    ran = CliRunner().invoke(main, ["check", "--output-format", "sarif"])
    assert ran.exit_code == 1
    (result,) = validated(ran.stdout)["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "specs/bad.eqs"
    assert result["level"] == "error"
    note = CliRunner().invoke(main, ["compile", "--output-format", "github"]).stdout
    assert note.startswith("::error file=specs/bad.eqs,line=5,col=14,endColumn=18,title=EQS401::")
    assert "%0Ahelp: " in note
    dry = CliRunner().invoke(main, ["compile", "--dry-run", "--output-format", "sarif"])
    assert len(validated(dry.stdout)["results"]) == 1
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "elsewhere"))
    ran = CliRunner().invoke(main, ["check", "--output-format", "github"])
    assert ran.stdout.startswith("::error file=bad.eqs,")


def test_a_warning_is_a_warning() -> None:
    found = Diagnostic("EQS902", "m", Source("t", "x"), Span(0, 1), severity=Severity.WARNING)
    note = Diagnostic("EQS199", "m", Source("t", "x"), Span(0, 1), severity=Severity.NOTE)
    run = validated(render_sarif([found, note]))
    assert sorted(one["level"] for one in run["results"]) == ["note", "warning"]
