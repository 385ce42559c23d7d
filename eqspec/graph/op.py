"""What the graph asks of an op: a signature and a typing rule.

The table of ops lives in `eqspec.ops` and is handed in as an argument, so this room does not know
which ops there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NoReturn, Protocol

from eqspec.algebra.representations import Representation
from eqspec.diagnostics.model import Diagnostic, Label, Severity, Source, Span
from eqspec.graph.model import Base, Level, Node
from eqspec.graph.types import Type

Keyword = Literal["boolean", "number", "group", "axis", "names"] | tuple[str, ...]
"""What a keyword argument may be; a tuple lists the words it may be."""

KeywordValue = bool | float | str | tuple[str, ...] | Representation


class Refusal(Exception):  # noqa: N818  (it is a verdict, not a bug)
    """Ends the elaboration of one statement; carries what to tell the user.

    A refusal without diagnostics means that the cause was reported where it arose.
    """

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__(*(d.message for d in diagnostics))
        self.diagnostics = diagnostics


@dataclass(frozen=True)
class Signature:
    """The arguments of an op.

    ``tensors`` bounds the number of tensor arguments (None: any number). ``target`` says what becomes
    of a declared type: the op ``chooses`` its maps by it and cannot do without, ``keeps`` the type of
    its arguments and hands it down, makes its ``parts``, or ``ignores`` it. ``hints`` says, where it is
    not so simple, which types a declared type hands down to the arguments.
    """

    tensors: tuple[int, int | None] = (1, 1)
    base: bool = False
    keywords: Mapping[str, Keyword] = field(default_factory=dict)
    target: Literal["chooses", "keeps", "parts", "ignores"] = "ignores"
    hints: Callable[[Type, int], list[Type | None]] | None = None


@dataclass(frozen=True)
class Checked:
    """What a typing rule returns: the type of the result, what the lowering needs to know, and the
    level that the op by itself guarantees."""

    type: Type
    data: object = None
    level: Level = Level.EXACT


@dataclass(frozen=True)
class CallSite:
    """One call of an op, its arguments elaborated; `refuse` and `warn` speak at its place."""

    op: str
    name: str  # of the node being made
    args: tuple[Node, ...]
    arg_spans: tuple[Span, ...]
    base: Base | None
    keywords: Mapping[str, KeywordValue]
    keyword_spans: Mapping[str, Span]
    expected: Type | None
    span: Span  # the name of the op
    whole: Span  # the call
    target_span: Span | None  # the declared type
    source: Source
    report: Callable[[Diagnostic], None]

    def diagnostic(
        self,
        code: str,
        message: str,
        label: str = "",
        *,
        span: Span | None = None,
        help: str | None = None,
        labels: tuple[Label, ...] = (),
        severity: Severity = Severity.ERROR,
    ) -> Diagnostic:
        return Diagnostic(
            code, message, self.source, span or self.span, label, labels, help, (), severity
        )

    def refuse(
        self,
        code: str,
        message: str,
        label: str = "",
        *,
        span: Span | None = None,
        help: str | None = None,
        labels: tuple[Label, ...] = (),
    ) -> NoReturn:
        raise Refusal(self.diagnostic(code, message, label, span=span, help=help, labels=labels))

    def warn(
        self,
        code: str,
        message: str,
        label: str = "",
        *,
        span: Span | None = None,
        help: str | None = None,
        labels: tuple[Label, ...] = (),
    ) -> None:
        self.report(
            self.diagnostic(
                code,
                message,
                label,
                span=span,
                help=help,
                labels=labels,
                severity=Severity.WARNING,
            )
        )


class OpTyping(Protocol):
    """An entry of the table of ops as the graph sees it."""

    @property
    def name(self) -> str: ...

    @property
    def signature(self) -> Signature: ...

    @property
    def check(self) -> Callable[[CallSite], Checked]: ...
