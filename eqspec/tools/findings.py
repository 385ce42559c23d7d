"""From diagnostics to what a command prints and the number it exits with.

Findings go to standard output in the chosen format; the summary and everything said in passing go
to standard error. Exit codes: 0 nothing to report, 1 errors found, 2 a file that cannot be read,
wrong settings, a fault of eqspec.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from eqspec.diagnostics import render
from eqspec.diagnostics.model import Diagnostic, Severity
from eqspec.diagnostics.snippet import visible

UNUSABLE = frozenset(
    "EQS123 EQS503 EQS511 EQS520 EQS530 EQS599 EQS601 EQS602 EQS603 EQS610 EQS611 EQS620".split()
)
"""Codes of what lies outside of the specs: they exit with 2."""


@dataclass(frozen=True)
class Reporting:
    """The flags that all commands share; ``select`` and ``ignore`` hold beginnings of codes."""

    format: str = "full"
    color: bool = False
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    deny_warnings: bool = False
    exit_zero: bool = False
    max_errors: int | None = None
    keep_errors: bool = False  # `--select` and `--ignore` choose among warnings only


def chosen(
    diagnostics: Iterable[Diagnostic],
    select: Sequence[str],
    ignore: Sequence[str],
    keep_errors: bool = False,
) -> list[Diagnostic]:
    """What `--select` and `--ignore` leave; what is wrong outside of the specs always stays."""
    return [
        found
        for found in diagnostics
        if found.code in UNUSABLE
        or (keep_errors and found.severity is Severity.ERROR)
        or (
            (not select or found.code.startswith(tuple(select)))
            and not (ignore and found.code.startswith(tuple(ignore)))
        )
    ]


def first_errors(
    diagnostics: Sequence[Diagnostic], limit: int | None
) -> tuple[list[Diagnostic], int]:
    """The findings up to the error of this number, and how many errors come after it."""
    errors = 0
    for number, found in enumerate(diagnostics):
        if found.severity is Severity.ERROR:
            if errors == limit:
                rest = diagnostics[number:]
                return list(diagnostics[:number]), sum(d.severity is Severity.ERROR for d in rest)
            errors += 1
    return list(diagnostics), 0


def exit_code(diagnostics: Iterable[Diagnostic], reporting: Reporting) -> int:
    code = 0
    for found in diagnostics:
        if found.code in UNUSABLE and found.severity is Severity.ERROR:
            return 2
        denied = reporting.deny_warnings and found.severity is Severity.WARNING
        if found.severity is Severity.ERROR or denied:
            code = 1
    return 0 if reporting.exit_zero else code


def formatted(diagnostics: Sequence[Diagnostic], reporting: Reporting) -> str:
    match reporting.format:
        case "json":
            return render.render_json(diagnostics)
        case "github":
            return render.render_github(diagnostics, repository_folder())
        case "sarif":
            from eqspec.diagnostics.sarif import render_sarif  # lazy: it reads pages

            return render_sarif(diagnostics, repository_folder())
        case "concise":
            return render.render_concise(diagnostics)
        case _:
            return render.render_text(diagnostics, reporting.color)


def repository_folder() -> str:
    """Where a GitHub workflow runs in its repository, as `specs`; empty at its root and elsewhere.

    Annotations and code scanning want paths from the root of the repository, also from a step with a
    `working-directory`.
    """
    root = os.environ.get("GITHUB_WORKSPACE")
    if not root:
        return ""
    here, there = os.path.realpath("."), os.path.realpath(root)
    try:
        inside = os.path.commonpath((here, there)) == there
    except ValueError:  # another drive
        return ""
    return os.path.relpath(here, there).replace(os.sep, "/") if inside else ""


def report(
    diagnostics: Iterable[Diagnostic],
    reporting: Reporting,
    write: Callable[[str], None] | None = None,
) -> list[Diagnostic]:
    """Print the findings in order; out: the ones that `--select` and `--ignore` leave."""
    everything = render.in_order(diagnostics)
    left = chosen(everything, reporting.select, reporting.ignore, reporting.keep_errors)
    printed, more = first_errors(left, reporting.max_errors)
    text = formatted(printed, reporting)
    if text and reporting.format == "full":
        text += "\n"
    (write or out)(text)
    if more:
        say(f"Only the first {reporting.max_errors} errors are shown; {more} more were found.")
    hidden = sum(found.severity is Severity.ERROR for found in everything) - sum(
        found.severity is Severity.ERROR for found in left
    )
    if hidden:
        noun = "error is" if hidden == 1 else "errors are"
        say(f"{hidden} {noun} hidden by --select or --ignore.")
    return left


def out(text: str) -> None:
    """To standard output, as it is."""
    if text:
        sys.stdout.write(text)
        sys.stdout.flush()


def to_stderr(text: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(text)
    sys.stderr.flush()


def say(text: str) -> None:
    """A line of chatter, to standard error; names of files are shown, not obeyed."""
    to_stderr("".join(visible(line) + "\n" for line in text.split("\n")))


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
