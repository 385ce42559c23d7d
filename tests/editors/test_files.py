"""The files of editors are those that the grammar gives, and they are good."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from editors_corpus import ROOT, good_texts

from eqspec import __version__
from eqspec.diagnostics.model import Source
from eqspec.syntax.parser import parse
from eqspec.tools.editors.files import generated
from eqspec.tools.editors.textmate import BUILTIN, SCOPES, grammar
from eqspec.tools.editors.tokens import classify
from eqspec.tools.editors.vocabulary import Kind

EDITORS = ROOT / "editors"
CODE = EDITORS / "vscode"


def test_generated_files_are_up_to_date() -> None:
    for name, text in generated().items():
        assert (EDITORS / name).read_text(encoding="utf-8") == text, (
            f"editors/{name} is old: python -m eqspec.tools.editors"
        )


def colors(text: str) -> dict[tuple[int, int], str]:
    """What an editor makes of a text: of each line the earliest match, of these the first pattern."""
    patterns = [(re.compile(entry["match"]), entry) for entry in grammar()["patterns"]]
    found: dict[tuple[int, int], str] = {}
    start = 0
    for line in text.split("\n"):
        at = 0
        matches = {number: p.search(line) for number, (p, _) in enumerate(patterns)}
        while True:
            for number, match in matches.items():
                if match is not None and match.start() < at:
                    matches[number] = patterns[number][0].search(line, at)
            left = [(match, number) for number, match in matches.items() if match is not None]
            if not left:
                break
            match, number = min(left, key=lambda pair: (pair[0].start(), pair[1]))
            entry = patterns[number][1]
            assert match.end() > at
            scopes = {"0": {"name": entry["name"]}} if "name" in entry else entry["captures"]
            for group, scope in scopes.items():
                begin, end = match.span(int(group))
                found[start + begin, start + end] = scope["name"]
            at = match.end()
        start += len(line) + 1
    return found


def test_textmate_colours_as_the_grammar_says() -> None:
    compared = 0
    for name, text in good_texts():
        found = colors(text)
        for piece in classify(text):
            written = text[piece.start : piece.end]
            if piece.kind is Kind.SPACE or written == "index":  # an op that is not built
                continue
            scope = found.get((piece.start, piece.end))
            if scope == BUILTIN:
                scope = SCOPES[Kind.CALL]
            assert scope == SCOPES[piece.kind], (name, written)
            compared += 1
    assert compared > 25_000


def test_half_typed_lines_do_not_colour_the_next_ones() -> None:
    good = "group Rot = cyclic(4)"
    whole = colors(good)
    for broken in ('use "half', "input x: [3, (", "h = relu(", "rep Rot.x {", "# relu(", '"'):
        found = colors(f"{broken}\n{good}")
        shift = len(broken) + 1
        tail = {(a - shift, b - shift): s for (a, b), s in found.items() if a >= shift}
        assert tail == whole, broken
    assert SCOPES[Kind.ERROR] in colors('use "half').values()


def _default(defaults: dict[str, str], match: re.Match[str]) -> str:
    return defaults.get(match[1], "")


def test_every_snippet_is_good() -> None:
    heads = {
        "eqspec": "{}",
        "group": "eqspec 1\nparam n = 3\n{}",
        "rep": "eqspec 1\ngroup G = cyclic(2)\n{}",
        "module": "eqspec 1\ngroup G = cyclic(2)\n{}",
    }
    member = "eqspec 1\ngroup G = cyclic(2)\nmodule M {{\ninput x: [1]\n{}\n}}\n"
    snippets = json.loads((CODE / "snippets/eqs.json").read_text(encoding="utf-8"))
    for name, snippet in snippets.items():
        body = "\n".join(snippet["body"])
        defaults = dict(re.findall(r"\$\{(\d+):([^}]*)\}", body))
        choices = re.findall(r"\$\{\d+\|([^|]*)\|\}", body)
        for chosen in product(*(choice.split(",") for choice in choices)):
            left = list(chosen)
            text = re.sub(r"\$\{\d+\|[^|]*\|\}", lambda _, left=left: left.pop(0), body)
            text = re.sub(r"\$\{\d+:([^}]*)\}", r"\1", text)
            text = re.sub(r"\$(\d+)", partial(_default, defaults), text)
            whole = heads.get(snippet["prefix"], member).format(text)
            assert parse(Source(name, whole))[1] == [], whole


def test_the_extension_names_what_it_has() -> None:
    package: dict[str, Any] = json.loads((CODE / "package.json").read_text(encoding="utf-8"))
    contributed = package["contributes"]
    paths = [entry["path"] for key in ("grammars", "snippets") for entry in contributed[key]]
    paths += [package["main"], contributed["languages"][0]["configuration"]]
    for path in paths:
        assert (CODE / path).is_file(), path
    json.loads((CODE / "language-configuration.json").read_text(encoding="utf-8"))
    assert package["version"] == __version__
    assert package["license"] == "Apache-2.0"
    assert (CODE / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert contributed["grammars"][0]["scopeName"] == grammar()["scopeName"]
    script = (CODE / "extension.js").read_text(encoding="utf-8")
    for command in contributed["commands"]:
        assert command["command"] in script
    assert set(re.findall(r'"eqspec\.(\w+)"', script)) <= {"restart", "command"}


@pytest.mark.slow
def test_the_extension_packages(tmp_path: Path) -> None:
    """With npm and a registry; else there is nothing to package with."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    folder = tmp_path / "vscode"
    shutil.copytree(CODE, folder, ignore=shutil.ignore_patterns("node_modules"))
    quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
    installed = subprocess.run(
        [npm, "install", *quiet],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if installed.returncode != 0:
        pytest.skip(f"npm cannot install: {installed.stderr[-300:]}")
    program = folder / "node_modules" / ".bin" / "vsce"
    command = [str(program), "package", "--allow-missing-repository", "-o", "eqspec.vsix"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(folder / "eqspec.vsix") as package:
        names = set(package.namelist())
    wanted = ("extension.js", "syntaxes/eqs.tmLanguage.json", "snippets/eqs.json", "package.json")
    assert {f"extension/{name}" for name in wanted} <= names
    assert "extension/node_modules/vscode-languageclient/node.js" in names
    assert not any("node_modules/@vscode/vsce" in name for name in names)
