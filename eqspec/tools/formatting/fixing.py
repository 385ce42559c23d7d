"""`eqspec check --fix`: specs with their sure repairs made, written back or shown as a patch."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from eqspec.diagnostics.model import Diagnostic, Source
from eqspec.diagnostics.render import summary
from eqspec.pipeline import check_source
from eqspec.syntax.reader import read_source, source_of_bytes
from eqspec.tools.findings import Reporting, chosen, count, exit_code, out, report, say, to_stderr
from eqspec.tools.formatting.patches import patch
from eqspec.tools.formatting.repairs import repaired
from eqspec.tools.formatting.writing import replace_text
from eqspec.tools.places import SpecFile, spec_file


def fix_files(
    specs: Sequence[SpecFile], sizes: Mapping[str, int], reporting: Reporting, diff: bool
) -> tuple[list[Diagnostic], int]:
    """Repair the files; with ``diff`` print patches and write nothing. Out: what could not be
    written, and how many repairs were made."""
    failed: list[Diagnostic] = []
    files = made = 0
    for spec in specs:
        source, _ = read_source(spec.path, spec.shown)
        if source is None:
            continue
        fixed, number = _repaired(spec, source, sizes, reporting)
        if not number:
            continue
        if diff:
            out(patch(source, fixed.text, reporting.color))
        elif blocked := replace_text(spec.path, source, fixed.text):
            failed.append(blocked)
            continue
        else:
            to_stderr(patch(source, fixed.text, reporting.color))
        files += 1
        made += number
    if made:
        say(
            f"{'Would repair' if diff else 'Repaired'} {count(made, 'mistake')} in {count(files, 'file')}."
        )
    return failed, made


def fix_stdin(name: str | None, sizes: Mapping[str, int], reporting: Reporting, diff: bool) -> int:
    """Repair standard input: the result goes to standard output, what is left to standard error."""
    spec = spec_file(Path(name or "stdin"))
    shown = spec.shown if name else "<stdin>"
    source, found = source_of_bytes(sys.stdin.buffer.read(), shown)
    made = 0
    if source is not None:
        fixed, made = _repaired(spec, source, sizes, reporting, name is not None)
        out(patch(source, fixed.text, reporting.color) if diff else fixed.text)
        found = list(_check(spec, fixed, sizes, name is not None))
    left = report(found, reporting, to_stderr)
    if made:
        say(f"{'Would repair' if diff else 'Repaired'} {count(made, 'mistake')}.")
    if left:
        say(summary(left))
    return exit_code(left, reporting) or int(diff and made > 0)


def _repaired(
    spec: SpecFile,
    source: Source,
    sizes: Mapping[str, int],
    reporting: Reporting,
    named: bool = True,
) -> tuple[Source, int]:
    def check(text: Source) -> list[Diagnostic]:
        found = _check(spec, text, sizes, named)
        return chosen(found, reporting.select, reporting.ignore)

    return repaired(source, check)


def _check(
    spec: SpecFile, source: Source, sizes: Mapping[str, int], named: bool
) -> tuple[Diagnostic, ...]:
    path, root = (spec.path, spec.root) if named else (None, None)
    declared = {name: value for name, value in sizes.items() if f"param {name}" in source.text}
    return check_source(source, path, root, declared).diagnostics
