"""From a file or raw bytes to a `Source`: UTF-8, with or without a byte order mark.

Out: the source, or None and one diagnostic that says why the bytes are no spec. No exceptions.
"""

from __future__ import annotations

from pathlib import Path

from eqspec.diagnostics.model import Diagnostic, Source, Span
from eqspec.limits import limits


def read_source(path: Path, shown: str) -> tuple[Source | None, list[Diagnostic]]:
    """Read a file; ``shown`` is how messages name it (relative, with ``/``)."""
    try:
        with path.open("rb") as file:
            data = file.read(limits().source_bytes + 1)  # a bound, also for pipes and devices
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path itself
        reason = getattr(error, "strerror", None) or str(error)
        return None, [_whole("EQS123", f"cannot read this file: {reason}", shown)]
    return source_of_bytes(data, shown)


def source_of_bytes(data: bytes, shown: str) -> tuple[Source | None, list[Diagnostic]]:
    """The source in a file's content, for example of standard input."""
    if len(data) > limits().source_bytes:
        most = limits().source_bytes
        bound = f"{most:,} bytes" if most % 2**20 else f"{most // 2**20} MiB"
        message = f"this file is larger than {bound}"
        return None, [
            _whole("EQS122", message, shown, "a spec is written by hand; is this the right file?")
        ]
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        hint = 'save it as UTF-8: an editor\'s "Save with encoding" does this'
        return None, [_whole("EQS120", "this file is UTF-16, not UTF-8", shown, hint)]
    zero = data.find(b"\0")
    if zero != -1:
        text = data[:zero].decode("utf-8-sig", errors="replace") + "\ufffd"
        return None, [
            Diagnostic(
                "EQS121",
                "this file is binary, not text",
                Source(shown, text),
                Span(len(text) - 1, len(text)),
                "a NUL byte",
                help="a spec is a plain text file in UTF-8",
            )
        ]
    try:
        return Source(shown, data.decode("utf-8-sig")), []
    except UnicodeDecodeError as error:
        # `utf-8-sig` counts from behind the byte order mark
        content = data.removeprefix(b"\xef\xbb\xbf")
        at = len(content[: error.start].decode("utf-8"))
        text = content.decode("utf-8", errors="replace")
        byte = content[error.start]
        return None, [
            Diagnostic(
                "EQS120",
                "this file is not UTF-8",
                Source(shown, text),
                Span(at, at + 1),
                f"the byte 0x{byte:02x} does not belong here",
                help="save the file as UTF-8",
            )
        ]


def _whole(code: str, message: str, shown: str, hint: str | None = None) -> Diagnostic:
    return Diagnostic(code, message, Source(shown, ""), Span(0, 0), help=hint)
