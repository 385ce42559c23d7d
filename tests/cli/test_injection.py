"""Texts that mean something to Python, HTML, a shell or a terminal, in every place a text can stand.

What a hostile spec gives is compared with what a harmless one of the same shape gives: the same
statements, the same elements and attributes, the same number of lines. Nothing is run, loaded or obeyed.
"""

from __future__ import annotations

import ast
import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest
from cli_support import forget, run

PAYLOADS = (
    '""" + __import__("os").system("touch pwned") + """',
    "''' \\",
    "</title></style></script><script>alert(1)</script>",
    '--> "><img src=x onerror=alert(1)> ]]>',
    "{{ 7 * 7 }} {% include 'x' %} {# x #}",
    "$(touch pwned) `touch pwned` ; touch pwned | $HOME ${x}",
    "%0A::error file=x::injected",
    "\x1b]0;title\x07 \x1b[2J \x9b31m \u202e \u2066 \r",
    "\\N{BELL} \\x41 \\u0041 \\",
    'graph TD; A["x"] --> B; click A href "javascript:alert(1)"',
    "digraph { a -> b } \\l \\N \\G",
    "| a | b | [x](javascript:alert(1)) <b> *x*",
)
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def as_string(payload: str) -> str:
    """A string of the language with this value."""
    escaped = payload.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\u000d")
    return f'"{escaped}"'


def spec_of(payloads: Sequence[str]) -> str:
    """Every payload as the comment of a layer, and as a label of a permutation."""
    labels = [as_string(payload) for payload in payloads]
    comments = [payload.replace("\r", " ") for payload in payloads]
    layers = "".join(
        f"  ## {comment}\n  h{k}: [2, Flip.regular] = relu(linear(x))\n"
        for k, comment in enumerate(comments)
    )
    last = " + ".join(f"h{k}" for k in range(len(payloads)))
    return (
        f"eqspec 1\n\n## {comments[0]}\ngroup Flip = cyclic(2)\n"
        f"rep Flip.sides = permutation([{', '.join(labels)}]) {{\n"
        f"  r -> ({labels[0]} {labels[1]})\n}}\n"
        f"## {comments[2]}\nmodule M {{\n  ## {comments[3]}\n  input x: [3, Flip.sides]\n{layers}"
        f"  ## {comments[1]}\n  output y: [2, Flip.sides] = linear({last})\n}}\n"
    )


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[tuple[str, ...]] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[(tag, *sorted(name for name, _ in attrs))] += 1
        for name, value in attrs:
            assert not name.startswith("on"), (tag, name)
            assert not (value or "").strip().lower().startswith("javascript:"), (tag, name, value)


def html_of(text: str) -> Counter[tuple[str, ...]]:
    parser = Elements()
    parser.feed(text)
    parser.close()
    return parser.found


def svg_of(text: str) -> set[tuple[str, ...]]:
    found = set()
    for element in ET.fromstring(text).iter():
        found.add((element.tag, *sorted(element.attrib)))
        assert not any(name.lower().startswith("on") for name in element.attrib)
        assert "javascript:" not in " ".join(element.attrib.values()).lower()
    return found


def skeleton(text: str) -> list[str]:
    """Kinds of all statements of a Python file, and what it imports and calls."""
    found = []
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
                found.append(f"call {name}")
            case ast.Import() | ast.ImportFrom():
                found.append(ast.unparse(node))
            case ast.stmt():
                found.append(type(node).__name__)
    return sorted(found)


def made(folder: Path, payloads: Sequence[str]) -> dict[str, str]:
    """Everything that is written of a spec with these payloads."""
    forget()
    (folder / "a.eqs").write_text(spec_of(payloads), encoding="utf-8", newline="\n")
    told = run("compile", "a.eqs")
    assert told.exit_code == 0, told.stdout
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in ("a.py", "test_a.py")}
    for kind in ("svg", "html", "mermaid", "dot", "json"):
        told = run("graph", "a.eqs", "--format", kind)
        assert told.exit_code == 0, told.output
        texts[kind] = told.stdout
    assert run("report", "a.eqs", "-o", "report.html").exit_code == 0
    texts["report"] = (folder / "report.html").read_text(encoding="utf-8")
    names = ["y", *(f"h{k}" for k in range(len(payloads)))]
    texts["explain"] = "".join(run("explain", "a.eqs", name).stdout for name in names)
    texts["derivation"] = run("explain", "a.eqs", "h3", "--format", "json").stdout
    return texts


def test_texts_of_a_spec(here: Path) -> None:
    harmless = made(here, [f"harmless{k}" for k in range(len(PAYLOADS))])
    texts = made(here, PAYLOADS)
    for name in ("a.py", "test_a.py"):
        assert skeleton(texts[name]) == skeleton(harmless[name])
    for name in ("html", "report"):
        assert html_of(texts[name]) == html_of(harmless[name])
    assert svg_of(texts["svg"]) == svg_of(harmless["svg"])
    for name in ("json", "derivation"):
        assert json.loads(texts[name]).keys() == json.loads(harmless[name]).keys()
    for name in ("dot", "mermaid", "explain"):
        assert texts[name].count("\n") == harmless[name].count("\n"), name
    for name in ("a.py", "test_a.py", "dot", "mermaid", "explain"):
        found = OBEYED.search(texts[name].replace("\n", ""))
        assert found is None, (name, found)
    assert "<script>alert" not in texts["mermaid"]
    assert not list(here.glob("**/pwned"))


def test_diagnostics_about_a_text(here: Path) -> None:
    """A label, a factory string and a path of `use` that are wrong, in every format."""
    for payload in PAYLOADS:
        line = payload.replace("\r", " ").replace("\\", "\\\\").replace('"', '\\"')
        text = (
            f'eqspec 1\nuse "{line}" as other\ngroup Flip = cyclic(2)\n'
            f'rep Flip.sides = permutation(["{line}", "b"]) {{\n  r -> ("{line}" "c")\n}}\n'
            f'module M {{\n  input x: [3, Flip.sides]\n  base f: [3] -> [3] = "{line}"\n'
            f"  output y = equitune(f, x)\n}}\n"
        )
        (here / "b.eqs").write_text(text, encoding="utf-8")
        for format_ in ("full", "concise", "github", "json", "sarif"):
            told = run("check", "b.eqs", "--output-format", format_, "--color", "never")
            assert told.exit_code in (1, 2)
            assert not OBEYED.search(told.stdout.replace("\n", "")), (format_, payload)
            if format_ in ("json", "sarif"):
                json.loads(told.stdout)
            if format_ == "github":
                assert all(
                    re.match("::(error|warning|notice) ", s) for s in told.stdout.splitlines()
                )
            if format_ == "concise":
                assert all("[EQS" in line for line in told.stdout.splitlines())


@pytest.mark.parametrize(
    "name",
    [
        'q"><img src=x onerror=alert(1)>',
        "$(touch pwned)`touch pwned`;&|",
        "a\n::error::injected\nimport os",
        "\x1b[2J\u202e",
        "-rf --force",
        "{{ 7*7 }}'''\"\"\"",
        "%0A::error::x,y:z",
        "..%2f..%2f",
    ],
)
def test_names_of_folders(name: str, here: Path) -> None:
    (here / "pyproject.toml").write_text("[project]\n")
    forget()
    folder = here / name
    folder.mkdir()
    (folder / "a.eqs").write_text(spec_of(["a", "b", "c", "d"]))
    told = run("compile", "--", str(folder))
    assert told.exit_code == 0, told.output
    assert not OBEYED.search(told.output.replace("\n", ""))
    text = (folder / "a.py").read_text(encoding="utf-8")
    assert text.split("\n")[0].endswith("DO NOT EDIT.")
    assert text.split("\n")[1].startswith("# spec sha256:")
    assert skeleton(text)
    assert run("compile", "--check", "--", str(folder)).exit_code == 0
    page = run("graph", "--format", "html", "--", str(folder / "a.eqs"))
    assert page.exit_code == 0
    html_of(page.stdout)
    assert not list(here.glob("**/pwned"))


def test_settings(here: Path) -> None:
    """Every setting gets every payload: a diagnostic in one line each, or nothing at all."""
    from eqspec.tools.config import KEYS

    (here / "a.eqs").write_text(spec_of(["a", "b", "c", "d"]))
    for payload in PAYLOADS:
        value = json.dumps(payload)
        lines = [f"{key} = {value}" for key in KEYS if key != "output-dir"]
        lines += [f"{json.dumps(payload)} = 1"]
        (here / "pyproject.toml").write_text("[tool.eqspec]\n" + "\n".join(lines) + "\n")
        forget()
        told = run("check", "--output-format", "concise")
        assert told.exit_code in (1, 2)
        assert all(":" in line and "[EQS" in line for line in told.stdout.splitlines())
        assert not OBEYED.search(told.output.replace("\n", ""))
    for where in ("../outside", "/proc/nothing", "\\u0000", "x\\ny"):
        (here / "pyproject.toml").write_text(f'[tool.eqspec]\noutput-dir = "{where}"\n')
        forget()
        run("compile")  # ends in words, never in a traceback


def test_a_spec_reaches_no_file_outside(here: Path) -> None:
    """`use` stays inside of the project, whatever the path says."""
    inside = here / "inside"
    inside.mkdir()
    (inside / "pyproject.toml").write_text("[project]\n")
    (here / "secret.eqs").write_text("eqspec 1\ngroup Secret = cyclic(2)\n")
    (inside / "link.eqs").symlink_to(here / "secret.eqs")
    secret = str(here / "secret.eqs")
    for path in ("../secret.eqs", secret, "link.eqs", "x/../../secret.eqs", "/etc/passwd"):
        (inside / "a.eqs").write_text(f'eqspec 1\nuse "{path}" as other\n')
        told = run("check", str(inside / "a.eqs"))
        assert told.exit_code in (1, 2), path
        assert "Secret" not in told.output
        assert "root:" not in told.output
