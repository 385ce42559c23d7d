"""Renaming: every place that names a symbol, in all files, or a reason why not.

In: a symbol and its new name. Out: the edits of every file. They are tried before they are offered: the
edited texts must be read without a new error, every name in them must stand for what it stood for,
and the checker must say what it said. So a rename never changes what a spec means.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from eqspec.diagnostics.model import Severity, Span
from eqspec.graph.memo import Memo
from eqspec.ops import OPS
from eqspec.syntax import tree
from eqspec.syntax.layout import ITEM_WORDS, MEMBER_WORDS
from eqspec.tools.server.indexing import index
from eqspec.tools.server.session import Analysis, Job, Session, analyse, parsed
from eqspec.tools.server.symbols import Index, Kind, Occurrence, Symbol

RESERVED = frozenset((*ITEM_WORDS, *MEMBER_WORDS))
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_POINT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z|[0-9]+\Z")


class CannotRename(Exception):  # noqa: N818  (it is an answer, not a bug)
    """Why a name cannot be changed so."""


Edits = dict[Path, list[tuple[Span, str]]]


@dataclass(frozen=True)
class _Texts:
    """The texts before and after, of every file that changes."""

    before: dict[Path, str]
    after: dict[Path, str]


def can_rename(analysis: Analysis, offset: int) -> Occurrence:
    """The name at the cursor.

    Raises:
        CannotRename: there is none, or what it stands for is not clear.
    """
    found = analysis.index.at(offset)
    if found is None:
        word = re.match(r"\w*", analysis.source.text[offset:])
        raise CannotRename(
            f"`{word.group()}` is a word of the language"
            if word and word.group()
            else "there is no name here"
        )
    if len(found.symbols) > 1:
        owners = " and of ".join(f"`{symbol.container}`" for symbol in found.symbols[:3])
        raise CannotRename(
            f"`{found.symbol.name}` may stand for a representation of {owners}: rename it where it is declared"
        )
    return found


def rename(session: Session, analysis: Analysis, offset: int, new: str) -> Edits:
    """The edits that rename the symbol at the cursor everywhere.

    Raises:
        CannotRename: with the reason.
    """
    symbol = can_rename(analysis, offset).symbol
    _valid(symbol, new)
    if new == symbol.name:
        return {}
    places = list(session.occurrences(symbol))
    edits: Edits = {}
    for found, occurrence in places:
        if len(occurrence.symbols) > 1:
            raise CannotRename(
                f"`{symbol.name}` of a group that is a parameter may stand for several"
                f" representations in {found.source.path}"
            )
        written = found.source.text[occurrence.span.start : occurrence.span.end]
        text = _written(symbol, new, written)
        edits.setdefault(found.names.path, []).append((occurrence.span, text))
    before = {path: session.text_at(path) or "" for path in edits}
    after = {path: apply(before[path], edits[path]) for path in edits}
    _try(session, symbol, new, _Texts(before, after), edits)
    return edits


def apply(text: str, edits: list[tuple[Span, str]]) -> str:
    """A text with some spans replaced."""
    for span, new in sorted(edits, key=lambda edit: edit[0].start, reverse=True):
        text = text[: span.start] + new + text[span.end :]
    return text


def _valid(symbol: Symbol, new: str) -> None:
    if symbol.kind is Kind.POINT:
        if not new or "\n" in new or not new.isprintable():
            raise CannotRename("a point needs a name of one line")
        return
    if not _NAME.match(new):
        raise CannotRename("a name has letters, digits and `_`, and begins with no digit")
    if new in RESERVED:
        raise CannotRename(f"`{new}` is a reserved word")
    if new in OPS and symbol.kind is Kind.MODULE:
        raise CannotRename(f"`{new}` is an op: a call of it would not reach the module")


def _written(symbol: Symbol, new: str, old: str) -> str:
    """The new name as it is written there: points in quotes where they need them."""
    if symbol.kind is not Kind.POINT:
        return new
    if old.startswith('"') or not _POINT.match(new) or new in RESERVED:
        return '"' + new.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return new


# ---- is it the same spec? --------------------------------------------------------------------------


def _try(session: Session, symbol: Symbol, new: str, texts: _Texts, edits: Edits) -> None:
    def read(path: Path) -> tree.File | None:
        text = texts.after.get(path)
        if text is None:
            text = session.text_at(path)
        return parsed(text, path.name)[0] if text is not None else None

    for path in texts.after:
        old, _ = parsed(texts.before[path], path.name)
        made, wrong = parsed(texts.after[path], path.name)
        was = index(path, old, session.read)
        now = index(path, made, read)
        if _shape(was, symbol, new, edits) != _shape(now, None, new, edits) or len(wrong) != len(
            parsed(texts.before[path], path.name)[1]
        ):
            raise CannotRename(f"`{new}` would clash with another name in {path.name}")
    for path in texts.after:
        if _said(session, path, texts.before) != _said(session, path, texts.after):
            raise CannotRename(
                f"`{symbol.name}` cannot become `{new}`: the checker would say something else about"
                f" {path.name}"
            )


def _shape(found: Index, symbol: Symbol | None, new: str, edits: Edits) -> list[object]:
    """Every occurrence with what it stands for. Before the change (``symbol``) places and names are
    given as they will be."""

    def there(path: Path, offset: int) -> int:
        if symbol is None:
            return offset
        return offset + sum(
            len(text) - (span.end - span.start)
            for span, text in edits.get(path, ())
            if span.start < offset
        )

    def name(one: Symbol) -> object:
        called = new if one == symbol else one.name
        return one.path, one.kind, called, there(one.path, one.span.start)

    here = found.names.path
    return [
        (there(here, occurrence.span.start), tuple(name(one) for one in occurrence.symbols))
        for occurrence in found.occurrences
    ]


def _said(session: Session, path: Path, texts: dict[Path, str]) -> object:
    """What the checker says about a file, without its words: they may hold the name."""
    buffers = {d.path: d.text for d in session.documents.values() if d.path is not None}
    buffers |= texts
    job = Job(path.as_uri(), path, texts[path], 0, Memo(), buffers)
    result = analyse(job).result
    codes = Counter(
        (found.code, found.source.path, found.severity is Severity.ERROR)
        for found in result.diagnostics
    )
    modules = result.spec.modules if result.spec is not None else ()
    proved = [
        (node.op, node.level(), [tuple(map(int, shape)) for shape in node.type.shapes])
        for module in modules
        for node in module.nodes
    ]  # sizes of run time as numbers: they are called by the names of parameters
    return codes, proved
