"""`eqspec compile`: check, build in memory, then write, compare or print.

Everything that could refuse is asked before the first file is written: a spec is emitted whole or
not at all.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eqspec.diagnostics.model import Diagnostic, Severity
from eqspec.diagnostics.render import summary
from eqspec.emit.write import CannotWrite, State, Target, write_all
from eqspec.tools.building import (
    Build,
    Orphan,
    about,
    build,
    differences,
    edited,
    obstacles,
    orphaned,
    orphans,
    refreshed,
)
from eqspec.tools.checking import Checked, check_all
from eqspec.tools.config import DOCUMENTS, excluded
from eqspec.tools.findings import Reporting, count, exit_code, out, report, say, to_stderr
from eqspec.tools.places import find_specs, is_folder, shown
from eqspec.tools.progress import ProgressLine
from eqspec.tools.run import gathered, reporting_of, run_config

WRITES = (State.MISSING, State.STALE, State.EDITED, State.FOREIGN)


def run_compile(
    paths: Sequence[str],
    emit: Sequence[str] | None,
    sizes: Mapping[str, int],
    flags: Mapping[str, Any],
    known: Known | None = None,
) -> int:
    """One run. What is ``known`` from the run before is not compiled again; it is brought up to date."""
    before = {} if known is None else known
    config = run_config(paths)
    reporting = replace(reporting_of(flags, config), keep_errors=True)
    if flags["test"]:
        from eqspec.tools.testing import missing_libraries

        missing = missing_libraries()
        if missing:
            return exit_code(report(missing, reporting), reporting)
    specs = find_specs(paths, excluded)
    checked = list(check_all(specs, sizes, {path: one.checked for path, one in before.items()}))
    builds: list[Build] = []
    writes = not any(flags[name] for name in ("check_only", "diff", "dry_run", "to_stdout"))
    with ProgressLine() as progress:
        for one in checked:
            if one.spec.path in before:
                builds.append(refreshed(before[one.spec.path].build))
                continue
            progress.spec = one.spec.shown
            made = build(one, emit, flags["output_dir"], progress, flags, writes)
            builds.append(made)
    if known is not None:
        known |= {
            one.spec.path: Compiled(one, made) for one, made in zip(checked, builds, strict=True)
        }
    compiled = [
        replace(one, result=replace(one.result, diagnostics=made.diagnostics))
        for one, made in zip(checked, builds, strict=True)
    ]
    diagnostics = gathered(compiled, [config], reporting)
    if not specs and not diagnostics:
        say("No .eqs files found.")
        if not (flags["check_only"] or flags["clean"]):
            return 0
    if flags["to_stdout"]:
        return _print(builds, emit is None, diagnostics, reporting)
    stopped = obstacles(builds, flags["force"])
    diagnostics += stopped
    if flags["check_only"] or flags["diff"]:
        return _compare(paths, builds, diagnostics, reporting, flags)
    if flags["dry_run"]:
        return _dry_run(builds, diagnostics, reporting)
    return _write(paths, builds, diagnostics, bool(stopped), reporting, flags)


@dataclass(frozen=True)
class Compiled:
    """A spec as a run left it."""

    checked: Checked
    build: Build


Known = dict[Path, Compiled]
"""By the path of the spec."""


# ---- nothing is written --------------------------------------------------------------------------


def _print(
    builds: Sequence[Build], short: bool, diagnostics: list[Diagnostic], reporting: Reporting
) -> int:
    """Print the files (``short``: without the tests, for which nobody asked); so that standard
    output is Python, findings go to standard error."""
    targets = [
        target
        for one in builds
        for target in one.targets
        if not (short and one.kinds[target.path] == "tests")
    ]
    for target in targets:
        if len(targets) > 1:
            out(f"# ==== {shown(target.path)} ====\n")
        out(target.text)
    left = report(diagnostics, reporting, to_stderr)
    return exit_code(left, reporting)


def _compare(
    paths: Sequence[str],
    builds: Sequence[Build],
    diagnostics: list[Diagnostic],
    reporting: Reporting,
    flags: Mapping[str, Any],
) -> int:
    changed = [target for one in builds for target in one.targets if target.state in WRITES]
    if flags["diff"]:
        for target in changed:
            out("".join(_diff(target)))
    if flags["check_only"]:
        diagnostics += differences(builds)
        diagnostics += orphaned(orphans(builds, _walked(paths)))
    # with `--diff` standard output is a patch
    left = report(diagnostics, reporting, to_stderr if flags["diff"] else None)
    current = sum(target.state is State.CURRENT for one in builds for target in one.targets)
    if left:
        say(summary(left))
    elif changed:
        say(f"{count(len(changed), 'file')} would change.")
    else:
        say(f"{count(current, 'file')} up to date.")
    code = exit_code(left, reporting)
    return code or int(bool(changed) and not reporting.exit_zero)


def _diff(target: Target) -> Iterator[str]:
    name = shown(target.path)
    old = (target.old or "").splitlines(keepends=True)
    before = f"a/{name}" if target.old is not None else "/dev/null"
    new = target.text.splitlines(keepends=True)
    for line in difflib.unified_diff(old, new, before, f"b/{name}"):
        yield line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"


def _dry_run(builds: Sequence[Build], diagnostics: list[Diagnostic], reporting: Reporting) -> int:
    left = report(diagnostics, reporting)
    write = to_stderr if reporting.format in DOCUMENTS else out
    for one in builds:
        for target in one.targets:
            if target.state in WRITES:
                write(f"would write {shown(target.path)} ({target.state.value})\n")
    say(_summary(builds, [], "would be written"))
    return exit_code(left, reporting)


# ---- writing -------------------------------------------------------------------------------------


def _write(
    paths: Sequence[str],
    builds: Sequence[Build],
    diagnostics: list[Diagnostic],
    stopped: bool,
    reporting: Reporting,
    flags: Mapping[str, Any],
) -> int:
    written: list[Path] = []
    if not stopped:
        diagnostics += edited(builds)
        try:  # also what is up to date: another process may write there at this moment
            written = write_all([target for one in builds for target in one.targets])
        except CannotWrite as error:
            written = list(error.written)
            message = f"cannot write this file: {error.reason}"
            help_ = None
            if written:
                help_ = (
                    "the files named below were already replaced; the next compile does the rest"
                )
            diagnostics.append(about("EQS503", error.path, message, help_))
            stopped = True
    found = [] if stopped else orphans(builds, _walked(paths) if flags["clean"] else ())
    deleted: list[Orphan] = []
    if flags["clean"]:
        deleted = _clean(found, flags["force"], diagnostics)
    left = report(diagnostics, reporting)
    for path in written:
        say(f"Wrote {shown(path)}")
    for orphan in deleted:
        say(f"Deleted {shown(orphan.path)} ({orphan.reason})")
    if found and not flags["clean"]:
        names = ", ".join(shown(orphan.path) for orphan in found[:3])
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        say(f"Nothing emits {names}{more} any more; `eqspec compile --clean` deletes such files.")
    if any(found.severity is not Severity.NOTE for found in left):
        say(summary(left))
    if stopped:
        say("Nothing was written." if not written else "Not everything was written.")
    elif builds:
        say(_summary(builds, written, "written"))
    code = exit_code(left, reporting)
    if flags["test"] and not stopped:
        from eqspec.tools.testing import run_tests

        code = max(code, run_tests([path for one in builds if not one.again for path in one.tests]))
    return code


def _clean(found: Sequence[Orphan], force: bool, diagnostics: list[Diagnostic]) -> list[Orphan]:
    """Delete orphans; one that was edited stays, unless forced."""
    deleted = []
    for orphan in found:
        if orphan.edited and not force:
            message = f"this orphaned file was edited, and stays: {orphan.reason}"
            help_ = "delete it by hand, or with `--clean --force`"
            diagnostics.append(about("EQS508", orphan.path, message, help_, Severity.WARNING))
            continue
        try:
            orphan.path.unlink(missing_ok=True)
        except OSError as error:
            message = f"cannot delete this file: {error.strerror or error}"
            diagnostics.append(about("EQS503", orphan.path, message))
            continue
        deleted.append(orphan)
    return deleted


def _walked(paths: Sequence[str]) -> list[Path]:
    return [Path(path) for path in paths or (".",) if is_folder(Path(path))]


def _summary(builds: Sequence[Build], written: Sequence[Path], what: str) -> str:
    """`Compiled 2 specs: 3 files written, 1 unchanged.`"""
    good = [one for one in builds if one.targets]
    targets = [target for one in good for target in one.targets]
    number = len(written)
    if what == "would be written":
        number = sum(target.state in WRITES for target in targets)
    same = sum(target.state is State.CURRENT for target in targets)
    parts = []
    if number or not same:
        parts.append(f"{count(number, 'file')} {what}")
    if same:
        parts.append(f"{same} unchanged")
    refused = len(builds) - len(good)
    if not good:
        return f"Nothing was written: {count(refused, 'spec')} refused."
    tail = f"; {count(refused, 'spec')} refused" if refused else ""
    return f"Compiled {count(len(good), 'spec')}: {', '.join(parts)}{tail}."
