"""The one exception of the Python interface."""

from __future__ import annotations

from collections.abc import Iterable

from eqspec.diagnostics.model import Diagnostic, Severity
from eqspec.diagnostics.render import in_order, render_text


class SpecError(ValueError):
    """A spec was refused. ``diagnostics`` say what is wrong and where; the text of the error is what the
    command line would print. Warnings that were found beside the errors are among them."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(in_order(diagnostics))
        super().__init__(self.diagnostics)  # the argument, so that errors can be pickled

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the errors, in order, each once."""
        errors = [d.code for d in self.diagnostics if d.severity is Severity.ERROR]
        return tuple(dict.fromkeys(errors))

    def __str__(self) -> str:
        return render_text(self.diagnostics, color=False)


SpecError.__module__ = "eqspec"  # the name by which it is caught, shown in tracebacks
