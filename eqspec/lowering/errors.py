"""What cannot be lowered, as a value that the pipeline turns into a diagnostic."""

from __future__ import annotations

from eqspec.diagnostics.model import Span


class LoweringRefused(Exception):  # noqa: N818 - says what happened
    """A node that the solvers refuse, or on which they disagree."""

    def __init__(
        self, code: str, message: str, span: Span, label: str = "", help: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.span = span
        self.label = label
        self.help = help
