"""An audit as text: one line a check, then a witness for everything that failed."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from eqspec.tools.audit.findings import Check, Report, Run, Witness
from eqspec.tools.paint import paint

WIDTH = 100
_STYLES = {"pass": "32", "fail": "1;31", "no power": "1;33", "measured": "36", "skipped": "2"}
_WORDS = {"pass": "pass", "fail": "FAIL", "no power": "BLIND", "measured": "info", "skipped": "-"}


def text_of_report(report: Report, color: bool) -> str:
    """The whole report."""
    title = f"Audit of {report.model} against {report.spec}:{report.name}"
    lines = [paint(title, "1", color)]
    terms = f"{report.dtype}, batches of {report.batch}, seed {report.seed}"
    terms += "; errors are relative to the largest answer of the batch"
    lines.append(paint(terms, "2", color))
    for run in report.runs:
        lines += ["", paint(_head(run), "1;36", color)]
        for check in _gathered(run.checks):
            lines += _check(check, color)
    lines += ["", _result(report, color)]
    return "\n".join(lines) + "\n"


def _head(run: Run) -> str:
    return run.state + (f", {sizes_text(run.sizes)}" if run.sizes else "")


def sizes_text(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in sizes.items())


def _gathered(checks: Sequence[Check]) -> Iterator[Check]:
    """Checks that were left out for one reason share a line."""
    for detail, group in groupby(checks, lambda c: c.detail if c.verdict == "skipped" else c.name):
        first, *rest = group
        if not rest:
            yield first
            continue
        names = ", ".join(check.name for check in (first, *rest))
        yield replace(first, name="not tried", detail=f"{names}: {detail}")


def _check(check: Check, color: bool) -> list[str]:
    word = paint(f"{_WORDS[check.verdict]:<5}", _STYLES[check.verdict], color)
    error = f"{check.error:.1e}" if check.error is not None and check.bound != 0 else ""
    wrapped = textwrap.wrap(check.detail, WIDTH - 31, break_long_words=False) or [""]
    lines = [f"  {word} {check.name:<13} {error:<7}  {wrapped[0]}".rstrip()]
    lines += [f"{'':31}{line}" for line in wrapped[1:]]
    if check.witness is not None:
        lines += _witness(check.witness, check, color)
    return lines


def _witness(witness: Witness, check: Check, color: bool) -> list[str]:
    rows: list[tuple[str, str]] = []
    if len(check.rows) > 1:
        rows += [("error", f"{error:.1e} under `{text}`") for text, error in check.rows[:12]]
    if witness.element:
        moves = f", which moves {witness.moves}" if witness.moves else ""
        rows.append(("witness", f"under `{witness.element}`{moves}"))
    rows.append(("tensor", f"`{witness.tensor}` at {witness.entry}"))
    many = f"of {witness.batch} samples" if witness.batch > 1 else "of one"
    values = f"{witness.found:.6g}, expected {witness.expected:.6g}"
    rows.append(("found", f"{values} ({witness.dtype}, sample {witness.sample}, batch {many})"))
    if witness.inputs:
        names = ", ".join(f"`{name}`" for name in witness.inputs)
        rows.append(("inputs", f"it shows with {names} alone, all other inputs zero"))
    elif witness.inputs is not None:
        rows.append(("inputs", "it shows even with all inputs zero, as a misplaced bias does"))
    if witness.layer is not None:
        rows.append(("layer", f"a guess: {witness.layer}"))
    if witness.note is not None:
        rows.append(("note", witness.note))
    return [
        f"{'':8}{paint(f'{name:<9}', '2', color)} {line}"
        for name, text in rows
        for line in [textwrap.shorten(text, WIDTH - 18, placeholder=" ...")]
    ]


def _result(report: Report, color: bool) -> str:
    failed = sum(check.verdict == "fail" for run in report.runs for check in run.checks)
    word = paint(_WORDS[report.result], _STYLES[report.result], color)
    if report.result == "fail":
        plural = "check fails" if failed == 1 else "checks fail"
        return f"{word}: {failed} {plural}."
    if report.result == "no power":
        listed = ", ".join(report.blind)
        return f"{word}: nothing is shown about {listed}; the audit could not have failed there."
    return f"{word}: no check found a fault."
