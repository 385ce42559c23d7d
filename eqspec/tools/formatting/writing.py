"""A spec gets another text: whole or not at all, with its rights, through a link to where it lies."""

from __future__ import annotations

from pathlib import Path

from eqspec.diagnostics.model import Diagnostic, Source, Span
from eqspec.tools.places import shown


def replace_text(path: Path, text: str) -> Diagnostic | None:
    """Write a spec; what is returned says why that was not possible."""
    from eqspec.emit.write import CannotWrite, State, Target, write_all

    try:
        write_all([Target(path, text, State.STALE)])
    except CannotWrite as error:
        message = f"cannot write this file: {error.reason}"
        return Diagnostic("EQS503", message, Source(shown(path), ""), Span(0, 0))
    return None
