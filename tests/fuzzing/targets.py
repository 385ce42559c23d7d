"""What must hold for any bytes at all: one function for each target of the fuzzer.

In: the bytes of a file. Out: nothing, or an exception: `Broken` where a promise was broken, whatever
escaped otherwise. A refusal by diagnostics is a good answer; so is a spec that is proved.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import pkgutil
import re
import sys
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from eqspec.diagnostics.codes import CODES
from eqspec.diagnostics.model import Diagnostic, Severity, Source, Span
from eqspec.diagnostics.render import render_concise, render_github, render_json, render_text
from eqspec.pipeline import CheckResult, check_source, compile_spec
from eqspec.syntax.parser import parse
from eqspec.syntax.reader import source_of_bytes
from eqspec.syntax.trivia import MAX_DIAGNOSTICS

NAME = "spec.eqs"
_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_FAULTS = {"EQS505", "EQS506", "EQS599"}  # codes by which the compiler admits a fault of its own
_REACHING = {
    "subprocess",
    "socket",
    "ctypes",
    "urllib",
    "http",
    "ftplib",
    "smtplib",
    "webbrowser",
    "shutil",
    "pty",
}
_IMPORTS = (set(sys.stdlib_module_names) - _REACHING) | {"torch", "pytest"}
_STATEMENTS = (
    ast.Import | ast.ImportFrom | ast.ClassDef | ast.FunctionDef | ast.Assign | ast.AnnAssign
)


Codes = frozenset[str]
"""What was told of an input, by its codes: the plain engine keeps inputs that tell something new."""


class Broken(Exception):  # noqa: N818  (says what happened)
    """A promise that was not kept."""


@dataclass(frozen=True)
class Target:
    """``seconds`` of processor time and ``megabytes`` beyond the interpreter's own that an input
    of ``size`` bytes may cost."""

    name: str
    run: Callable[[bytes], Codes]
    seconds: float
    megabytes: int
    size: int


def parser(data: bytes) -> Codes:
    """Text to tree: diagnostics that point into the text, and all formats can print them."""
    source, found = source_of_bytes(data, NAME)
    if source is None:
        _told(found, 1)
        _promise(bool(found), "no source and no reason")
        return _codes(found)
    file, found = parse(source)
    _told(found, 2 * MAX_DIAGNOSTICS + 1)
    repr(file)
    if zlib.crc32(data) % 8 == 0:
        again = parse(Source(NAME, source.text))[1]
        _promise(_plain(again) == _plain(found), "the same text gave other messages")
    return _codes(found)


def checker(data: bytes) -> Codes:
    """Text to layer graph: proved or refused, and the same each time."""
    checked = _checked(data)
    return frozenset() if checked is None else _codes(checked.diagnostics)


def _checked(data: bytes) -> CheckResult | None:
    source, _ = source_of_bytes(data, NAME)
    if source is None:
        return None
    checked = check_source(source)
    _told(checked.diagnostics, 2_000)
    errors = any(found.severity is Severity.ERROR for found in checked.diagnostics)
    _promise(checked.ok == (not errors), "`ok` disagrees with the diagnostics")
    if zlib.crc32(data) % 8 == 0:
        again = check_source(Source(NAME, source.text))
        _promise(
            _plain(again.diagnostics) == _plain(checked.diagnostics), "a second check says other"
        )
    return checked


def compiler(data: bytes) -> Codes:
    """Text to Python in memory: it parses, imports what it may and does nothing at import."""
    checked = _checked(data)
    if checked is None or not checked.ok or checked.spec is None:
        return frozenset() if checked is None else _codes(checked.diagnostics)
    result = compile_spec(checked, "spec", NAME)
    _told(result.diagnostics, 2_000)
    for found in result.diagnostics:
        _promise(found.code not in _FAULTS, f"{found.code}: {found.message} ({found.label})")
    refused = any(found.severity is Severity.ERROR for found in result.diagnostics)
    _promise(bool(result.files) != refused or not checked.spec.modules, "emitted half")
    for file in result.files:
        _harmless(file.name, file.text, data)
        _promise("\r" not in file.text, "a carriage return in emitted text")
        file.text.encode("utf-8")
    return _codes(result.diagnostics) | {node.op for m in checked.spec.modules for node in m.nodes}


def formatter(data: bytes) -> Codes:
    """Text to canonical text: it says the same, keeps every comment, and is a fixed point."""
    from eqspec.syntax.format import format_text

    source, _ = source_of_bytes(data, NAME)
    if source is None:
        return frozenset()
    file, found = parse(source)
    errors = [d for d in found if d.severity is Severity.ERROR]
    made = format_text(source)
    if errors:
        _promise(not isinstance(made, str), "a text with syntax errors was formatted")
        return _codes(found)
    if not isinstance(made, str):
        raise Broken("a text without syntax errors was refused")
    second, told = parse(Source(NAME, made))
    _promise(not [d for d in told if d.severity is Severity.ERROR], "formatted text does not parse")
    _promise(_shape(second) == _shape(file), "the tree is another one")
    _promise(_comments(second) == _comments(file), "comments changed")
    _promise(format_text(Source(NAME, made)) == made, "formatting twice changes more")
    return _codes(found)


TARGETS = {
    target.name: target
    for target in (
        Target("parser", parser, 3.0, 500, 8_192),
        Target("checker", checker, 10.0, 1_000, 4_096),
        Target("formatter", formatter, 5.0, 500, 8_192),
        Target("compile", compiler, 60.0, 2_000, 4_096),
    )
}


def load_all() -> None:
    """Import every file of the compiler that a target may need, so that all are instrumented."""
    for room in ("syntax", "graph", "algebra", "ops", "lowering", "program", "emit"):
        package = importlib.import_module(f"eqspec.{room}")
        for found in pkgutil.iter_modules(package.__path__, f"eqspec.{room}."):
            importlib.import_module(found.name)


def missing(name: str) -> str:
    """Why a target cannot run here, empty if it can."""
    if name == "formatter" and importlib.util.find_spec("eqspec.syntax.format") is None:
        return "there is no formatter"
    return ""


# ---- promises ------------------------------------------------------------------------------------


def _promise(kept: bool, what: str) -> None:
    if not kept:
        raise Broken(what)


def _codes(found: Iterable[Diagnostic]) -> Codes:
    return frozenset(diagnostic.code for diagnostic in found)


def _plain(found: Iterable[Diagnostic]) -> list[tuple[str, str, Span, str]]:
    return [(d.code, d.message, d.span, d.label) for d in found]


def _told(diagnostics: Iterable[Diagnostic], most: int) -> None:
    """Every message has a code, words and places in its text; no format chokes on it, and none
    passes on what a terminal obeys."""
    found = list(diagnostics)
    _promise(len(found) <= most, f"{len(found)} messages")
    for one in found:
        size = len(one.source.text)
        _promise(one.code in CODES, f"no such code {one.code}")
        _promise(bool(one.message.strip()), f"{one.code} without words")
        spans = [one.span, *(label.span for label in one.labels)]
        spans += [span for fix in one.fixes for span, _ in fix.edits]
        for span in spans:
            _promise(0 <= span.start <= span.end <= size, f"{one.code} points out of the text")
    for text in (
        render_text(found, color=False),
        render_concise(found),
        render_github(found),
    ):
        _promise(_OBEYED.search(text.replace("\n", "")) is None, "a control character is printed")
        text.encode("utf-8")
    lines = render_concise(found).count("\n")
    _promise(lines == len(found), "a message of several lines in a format of one line each")
    _promise(render_github(found).count("\n") == len(found), "a workflow command was injected")
    _promise(len(json.loads(render_json(found))["diagnostics"]) == len(found), "JSON lost some")


def _harmless(name: str, text: str, data: bytes) -> None:
    try:
        body = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise Broken(f"emitted text is not Python: {error}") from error
    for node in body.body:
        plain = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        guarded = isinstance(node, ast.If | ast.For | ast.With | ast.Expr | ast.Try | ast.Assert)
        tests = name.startswith("test_") and guarded
        _promise(
            isinstance(node, _STATEMENTS) or plain or tests, f"{type(node).__name__} at import"
        )
    for node in ast.walk(body):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "."]
        for imported in names:
            top = imported.split(".")[0]
            known = top in _IMPORTS or top.startswith("spec") or _named(top, data)
            _promise(known, f"an import of {imported}")


def _named(top: str, data: bytes) -> bool:
    """Does a factory string of the spec, `base f: ... = "package.module:factory"`, name this?"""
    return re.search(rb'"\s*' + re.escape(top.encode()) + rb"[.:]", data) is not None


# ---- what a formatter may not change -------------------------------------------------------------


def _shape(value: object) -> object:
    """A tree without its places: spans, sources and comments left out."""
    if isinstance(value, Span | Source):
        return None
    if isinstance(value, tuple | list):
        return [_shape(entry) for entry in value]
    if hasattr(value, "__dataclass_fields__"):
        fields = [f for f in value.__dataclass_fields__ if f not in ("span", "source", "comments")]
        return (type(value).__name__, [_shape(getattr(value, field)) for field in fields])
    return value


def _comments(file: object) -> list[str]:
    return [comment.text.rstrip() for comment in getattr(file, "comments", ())]
