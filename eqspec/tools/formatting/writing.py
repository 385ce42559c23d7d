"""A spec gets another text: whole or not at all, with its rights, through a link to where it lies."""

from __future__ import annotations

from pathlib import Path

from eqspec.diagnostics.model import Diagnostic, Source, Span
from eqspec.syntax.reader import source_of_bytes
from eqspec.tools.places import shown


def replace_text(path: Path, source: Source, text: str) -> Diagnostic | None:
    """Write a spec that was read as ``source``; what is returned says why that was not possible."""
    from eqspec.emit.write import CannotWrite, State, Target, reason_of, write_all

    try:
        data = path.read_bytes()
        now, _ = source_of_bytes(data, source.path)
        if now is None or now.text != source.text:
            return _failed(path, "somebody else has written it meanwhile")
        old = data.decode("utf-8").replace("\r\n", "\n")
        if old == text:  # its line ends are mixed: the writer would see no difference
            write_all([Target(path.resolve(), text, State.FOREIGN)])
        else:
            write_all([Target(path, text, State.STALE, old)])
    except CannotWrite as error:
        return _failed(path, error.reason)
    except OSError as error:
        return _failed(path, reason_of(error))
    return None


def _failed(path: Path, reason: str) -> Diagnostic:
    message = f"cannot write this file: {reason}"
    return Diagnostic("EQS503", message, Source(shown(path), ""), Span(0, 0))
