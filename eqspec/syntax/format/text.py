"""`format_text`: a spec in its canonical layout.

In: a source. Out: its text, laid out, or the diagnostics for which it is left as it is. What is
returned reads as the same syntax tree with the same comments in the same order: that is checked every
time, so that a fault of the layout cannot cost anybody a line.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from eqspec.diagnostics.model import Diagnostic, Severity, Source, Span
from eqspec.syntax import tree
from eqspec.syntax.format.joining import joined
from eqspec.syntax.format.leaves import with_comments
from eqspec.syntax.format.pages import lay_out
from eqspec.syntax.format.statements import statements
from eqspec.syntax.grammar import concrete_parser
from eqspec.syntax.parser import parse

WIDTH = 100


def format_text(source: Source, width: int = WIDTH) -> str | tuple[Diagnostic, ...]:
    """The text of a spec in canonical layout, or the syntax errors that forbid to touch it.

    Line ends stay those of the first line. Laying out the result again changes nothing.
    """
    file, found = parse(source)
    errors = tuple(one for one in found if one.severity is Severity.ERROR)
    if errors:
        return errors
    root, end = with_comments(concrete_parser().parse(source.text), source.text, file.comments)
    text = joined(lay_out(statements(root.parts, end), width), width)
    again, faults = parse(Source(source.path, text))
    if [one.code for one in faults] != [one.code for one in found] or not same(file, again):
        return (_fault(source),)
    return text.replace("\n", "\r\n") if "\r\n" in source.text.partition("\n")[0] + "\n" else text


def same(first: tree.File, second: tree.File) -> bool:
    """Whether two files differ in layout alone."""
    return _bare(first.items) == _bare(second.items) and [c.text for c in first.comments] == [
        c.text for c in second.comments
    ]


def _bare(value: Any) -> Any:
    """A tree without its places in the text."""
    if isinstance(value, tuple):
        return tuple(map(_bare, value))
    if is_dataclass(value):
        kept = tuple(_bare(getattr(value, f.name)) for f in fields(value) if f.name != "span")
        return type(value), kept
    return value


def _fault(source: Source) -> Diagnostic:
    return Diagnostic(
        "EQS599",
        "the layout of this file would change its meaning",
        source,
        Span(0, 0),
        help="this is a fault of eqspec, and nothing was changed; please report it with the file",
    )
