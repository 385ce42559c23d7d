"""`eqspec fmt`: every spec in its canonical layout, or which ones are not.

In: the paths of the command line. Out: an exit code. Files are written whole or not at all; one with
syntax errors is left alone. Needs the parser and nothing behind it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eqspec.diagnostics.model import Diagnostic, Source, Span
from eqspec.diagnostics.render import summary
from eqspec.syntax.format import format_text
from eqspec.syntax.reader import read_source, source_of_bytes
from eqspec.tools.config import config_for, excluded
from eqspec.tools.findings import Reporting, count, exit_code, out, report, say, to_stderr
from eqspec.tools.formatting.documents import SUFFIX, lay_out_document
from eqspec.tools.formatting.patches import patch
from eqspec.tools.formatting.writing import replace_text
from eqspec.tools.places import SpecFile, find_specs, is_folder, spec_file


@dataclass(frozen=True)
class Laid:
    """A spec and its text in canonical layout, or why there is none."""

    spec: SpecFile
    source: Source | None
    text: str | None
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def changes(self) -> bool:
        return self.source is not None and self.text not in (None, self.source.text)


def run_fmt(
    paths: Sequence[str], check: bool, diff: bool, output_format: str | None, color: bool
) -> int:
    """Lay out the files that the paths name."""
    first = Path(paths[0] if paths else ".").absolute()
    config = config_for(first if is_folder(first) else first.parent)
    reporting = Reporting(output_format or config.output_format or "full", color)
    found = list(config.diagnostics)
    changed = same = wrong = 0
    for spec in find_specs(paths, excluded):
        laid = lay_out(spec, *read_source(spec.path, spec.shown))
        found += laid.diagnostics
        if not laid.changes:
            same += laid.text is not None
            wrong += laid.text is None
            continue
        assert laid.source is not None
        assert laid.text is not None
        if diff:
            out(patch(laid.source, laid.text, color))
        elif check:
            found.append(untidy(laid.source, laid.text))
        elif blocked := replace_text(spec.path, laid.source, laid.text):
            found.append(blocked)
            wrong += 1
            continue
        changed += 1
    # with `--diff` standard output is a patch
    left = report(found, reporting, to_stderr if diff else None)
    if not (changed or same or left):
        say("No .eqs files found.")
        return 0
    say(_sentence(changed, same, wrong, "would be " if check or diff else ""))
    return exit_code(left, reporting) or int(bool(changed) and (check or diff))


def run_fmt_stdin(
    name: str | None, check: bool, diff: bool, output_format: str | None, color: bool
) -> int:
    """Lay out standard input; the result goes to standard output, what is wrong to standard error."""
    spec = spec_file(Path(name or "stdin.eqs"))
    data = sys.stdin.buffer.read()
    laid = lay_out(spec, *source_of_bytes(data, spec.shown if name else "<stdin>"))
    reporting = Reporting(output_format or "full", color)
    found = list(laid.diagnostics)
    if laid.source is not None and laid.text is not None:
        if diff:
            out(patch(laid.source, laid.text, color) if laid.changes else "")
        elif check:
            found += [untidy(laid.source, laid.text)] if laid.changes else []
        else:
            sys.stdout.flush()
            binary = getattr(sys.stdout, "buffer", None)  # line ends as they are, on any system
            out(laid.text) if binary is None else binary.write(laid.text.encode())
    left = report(found, reporting, to_stderr if not check or diff else None)
    if left:
        say(summary(left))
    return exit_code(left, reporting) or int(laid.changes and (check or diff))


def lay_out(spec: SpecFile, source: Source | None, found: Iterable[Diagnostic]) -> Laid:
    if source is None:
        return Laid(spec, None, None, tuple(found))
    if spec.path.suffix == SUFFIX:
        return Laid(spec, source, lay_out_document(source.text))
    result = format_text(source)
    if isinstance(result, str):
        return Laid(spec, source, result)
    return Laid(spec, source, None, result)


def untidy(source: Source, text: str) -> Diagnostic:
    """A finding at the first line that would change."""
    old, new = source.text.split("\n"), text.split("\n")
    at = next((n for n, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), None)
    number = min(len(old), len(new)) - 1 if at is None else at
    start = sum(len(line) + 1 for line in old[:number])
    line = old[number].rstrip("\r")
    return Diagnostic(
        "EQS512",
        "this file is not in the canonical layout",
        source,
        Span(start + len(line) - len(line.lstrip()), start + len(line)),
        "the first line that would change",
        help=f"`eqspec fmt {source.path}` lays it out, `--diff` shows how",
    )


def _sentence(changed: int, same: int, wrong: int, would: str) -> str:
    """`2 files reformatted, 3 files unchanged, 1 file left alone.`"""
    parts = [
        f"{count(changed, 'file')} {would}reformatted" if changed else "",
        f"{count(same, 'file')} {'already laid out' if would else 'unchanged'}" if same else "",
        f"{count(wrong, 'file')} left alone" if wrong else "",
    ]
    return ", ".join(part for part in parts if part) + "."
