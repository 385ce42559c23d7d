"""`eqspec compile --watch`: compile, wait until something changes, compile that again.

In: the paths and flags of a compile. Out: nothing until Ctrl-C, then 0. A spec is compiled again if its
text changed, or that of a file it uses; one that was refused is checked at every change, for a file that
is missing may have come. After every round all findings are shown, also those of specs that did not
change, so that no error scrolls out of sight before it is repaired.

watchfiles (extra `watch`) wakes us up; what has changed is decided by looking at the files themselves,
so no change is lost while a round runs, and a save without a change costs nothing.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from eqspec.diagnostics.model import Diagnostic, Source, Span
from eqspec.tools import config, places
from eqspec.tools.compiling import Known, run_compile
from eqspec.tools.faults import internal_error
from eqspec.tools.findings import count, exit_code, report, say, to_stderr
from eqspec.tools.places import find_specs, is_folder, project_of, shown, walk_folders
from eqspec.tools.run import reporting_of, run_config

TICK_MS = 300  # from the beginning of a watch to the first look
_CLOCK_NS = 50_000_000  # a file system's clock may lag behind ours by this much
_CLEAR = "\x1b[2J\x1b[H"  # the screen, not what was scrolled out of it

Digests = Mapping[Path, bytes | None]
"""What each file that matters contains; None for one that cannot be read."""
Wait = Callable[[frozenset[Path]], Iterator[Collection[object]]]
"""From folders to moments, each with the events since the moment before; soon to the first one."""


def run_watch(
    paths: Sequence[str],
    emit: Sequence[str] | None,
    sizes: Mapping[str, int],
    flags: Mapping[str, Any],
    wait: Wait | None = None,
) -> int:
    if wait is None:
        if find_spec("watchfiles") is None:
            reporting = reporting_of(flags, run_config(paths))
            return exit_code(report([_missing()], reporting), reporting)
        wait = _moments
    known: Known = {}
    try:
        while True:
            seen, folders = _round(paths, emit, sizes, flags, known)
            changed = _next_change(paths, seen, known, folders, wait)
            _forget(known, changed)
    except KeyboardInterrupt:
        say("\nStopped watching.")
        return 0


def _round(
    paths: Sequence[str],
    emit: Sequence[str] | None,
    sizes: Mapping[str, int],
    flags: Mapping[str, Any],
    known: Known,
) -> tuple[Digests, frozenset[Path]]:
    """Compile what is not known; out: the files as they were before, and where to look from now on."""
    start = time.time_ns() - _CLOCK_NS
    before = _digests(paths, known)
    if sys.stdout.isatty() and sys.stderr.isatty():
        to_stderr(_CLEAR)
    try:
        run_compile(paths, emit, sizes, flags, known)
    except Exception as error:  # a fault of eqspec must not end the watching of a working day
        to_stderr(internal_error(error))
    after = {  # of what this round found out to be used
        path: digest if _untouched(path, start) else b"changed meanwhile"
        for path, digest in _digests(paths, known).items()
        if path not in before
    }
    folders = _folders(paths, known)
    clock = time.strftime("%H:%M:%S")
    say(f"[{clock}] Watching {count(len(known), 'spec')}; Ctrl-C ends.")
    return {**before, **after}, folders


def _next_change(
    paths: Sequence[str], seen: Digests, known: Known, folders: frozenset[Path], wait: Wait
) -> set[Path]:
    """Wait for files that are new, gone or have another content."""
    for number, moment in enumerate(wait(folders)):
        if number and not moment:
            continue  # the first look finds what changed before the watch began, events tell the rest
        now = _digests(paths, known)
        changed = {path for path in seen.keys() | now.keys() if seen.get(path) != now.get(path)}
        if changed:
            say(f"Changed: {', '.join(sorted(shown(path) for path in changed))}")
            return changed
        if _folders(paths, known) != folders:
            return set()  # a folder came or went: look there as well
    raise KeyboardInterrupt  # nobody waits any longer


def _forget(known: Known, changed: set[Path]) -> None:
    """Leave what need not be compiled again."""
    if any(path.name == "pyproject.toml" for path in changed):
        config.forget()
        places.project_of.cache_clear()
        known.clear()
    for path in list(known):
        refused = not known[path].build.targets
        if changed and (refused or not changed.isdisjoint(_files_of(path, known))):
            del known[path]


# ---- which files matter -----------------------------------------------------------------------------


def _files_of(path: Path, known: Known) -> set[Path]:
    """A spec and the files that it uses."""
    checked = known[path].checked
    spec = checked.result.spec
    root = checked.spec.root.resolve()
    used = {root / source.path for source in spec.sources[1:]} if spec is not None else set()
    return {path, *used}


def _digests(paths: Sequence[str], known: Known) -> Digests:
    files = {spec.path for spec in find_specs(paths, config.excluded)}
    for path in known:
        files |= _files_of(path, known)
    projects = {project_of(file.parent) for file in files} | {project_of(Path.cwd())}
    files |= {project / "pyproject.toml" for project in projects if project is not None}
    return {file: _digest(file) for file in files}


def _digest(file: Path) -> bytes | None:
    try:
        return hashlib.sha256(file.read_bytes()).digest()
    except (OSError, ValueError):
        return None


def _untouched(file: Path, since: int) -> bool:
    try:
        return file.stat().st_mtime_ns < since
    except (OSError, ValueError):
        return True


def _folders(paths: Sequence[str], known: Known) -> frozenset[Path]:
    """The folders whose entries matter: they are watched, each without what lies below it."""
    found: set[Path] = set()
    for text in paths or (".",):
        path = Path(text)
        if is_folder(path):
            found.update(folder.absolute() for folder in walk_folders(path, config.excluded))
        else:
            found.add(path.absolute().parent)
    for path in known:
        found.update(file.parent for file in _files_of(path, known))
    return frozenset(folder for folder in found if is_folder(folder))


def _moments(folders: frozenset[Path]) -> Iterator[Collection[object]]:
    from watchfiles import watch

    return watch(
        *folders,
        watch_filter=lambda _, path: not os.path.basename(path).startswith(".eqspec-"),
        recursive=False,
        rust_timeout=TICK_MS,
        yield_on_timeout=True,
        raise_interrupt=True,
    )


def _missing() -> Diagnostic:
    source = Source(shown(Path(sys.executable)), "")
    message = "`--watch` needs watchfiles, which is not installed"
    return Diagnostic("EQS620", message, source, Span(0, 0), help="`pip install 'eqspec[watch]'`")
