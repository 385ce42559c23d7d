"""Points of a representation read from a file: one word a line, numbered from 0.

In: the path that a spec writes. Out: the words. The rules of `use` hold: the path is relative to the
spec, links are followed before it is asked whether the file lies inside the project, and only so much
is read as a text can have.
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from eqspec.diagnostics.model import Source, Span
from eqspec.graph.scope import Scope
from eqspec.syntax import tree
from eqspec.syntax.reader import read_source

MAX_WORDS = 2**16


def words_of_file(scope: Scope, written: tree.String) -> tuple[str, ...]:
    """The words of a file, in order.

    Raises:
        Refusal: EQS226; EQS210 for a format that is not read.
    """
    source = _read(scope, written)
    lines = source.text.replace("\r\n", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()  # after the last line end
    if not lines:
        _refuse(scope, written.span, f"`{written.value}` has no words", "it is empty")
    if len(lines) > MAX_WORDS:
        _refuse(
            scope,
            written.span,
            f"`{written.value}` has {len(lines):,} lines",
            f"a representation has at most {MAX_WORDS:,} points",
        )
    known: dict[str, int] = {}
    for number, word in enumerate(lines, 1):
        if not word:
            _refuse(
                scope,
                written.span,
                f"line {number:,} of `{written.value}` is empty",
                "every line is a word, and its number is that of the line",
            )
        first = known.setdefault(word, number)
        if first != number:
            _refuse(
                scope,
                written.span,
                f"line {number:,} of `{written.value}` has a word that stands in line {first:,} too",
                repr(word) if len(word) <= 40 else repr(word[:40]) + " ...",
            )
    return tuple(lines)


def _read(scope: Scope, written: tree.String) -> Source:
    world, text = scope.world, written.value
    if world.root is None or scope.path is None:
        _refuse(scope, written.span, "standard input cannot read other files", "")
    if "\0" in text:
        _refuse(scope, written.span, "no file has such a name", "a NUL")
    if text.lower().endswith(".json"):
        scope.not_built(
            "a vocabulary in JSON",
            written.span,
            help="write one word on every line, in the order of their numbers",
        )
    try:
        target = (scope.path.parent / text).resolve()
        root = world.root.resolve()
    except (OSError, RuntimeError):
        _refuse(scope, written.span, f"`{text}` cannot be read", "links lead in a circle")
    if Path(text).is_absolute() or not target.is_relative_to(root):
        scope.refuse(
            "EQS226",
            "a file outside the project cannot be read",
            written.span,
            help="the project ends at the folder of the nearest pyproject.toml",
        )
    if target not in world.vocabularies:
        source, diagnostics = read_source(target, target.relative_to(root).as_posix())
        if source is None:
            _refuse(
                scope,
                written.span,
                f"`{text}` cannot be read",
                diagnostics[0].message.replace("this file", "the file"),
            )
        world.vocabularies[target] = source
    return world.vocabularies[target]


def _refuse(scope: Scope, span: Span, message: str, label: str) -> NoReturn:
    scope.refuse("EQS226", message, span, label)
