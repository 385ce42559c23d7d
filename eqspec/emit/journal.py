"""Several files of a folder replaced as one: a journal that says what to finish after a crash.

    stage      every new text is a file of its own beside its target, on the disk
    record     `.eqspec-*.journal` says which of them goes where; from here on the new texts hold
    replace    each target in one step
    forget     the journal goes

A process that dies before `record` leaves the old files, one that dies later leaves a journal, and the next
command that writes in the folder finishes it (`roll_forward`). So nobody's files are a mixture for
longer than that, and each single file is old or new at every moment.

A journal is data from the disk, perhaps from a stranger's repository: it may only replace files of
its own folder, by files beside it that have the digest it says, and only where the target still has
the content that it names.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eqspec.emit.disk import Busy, Folder, NotPlain, opened

_JOURNAL = re.compile(r"\.eqspec-[0-9a-f]+\.journal\Z")
_TEMPORARY = re.compile(r"\.eqspec-[0-9a-f-]+(\.[0-9]+)?\.tmp\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
SCHEMA = 1
ODD = "odd"  # stands for the digest of a target that is no plain file, which `--force` replaces


@dataclass(frozen=True)
class Entry:
    """``old`` is the digest of what the target has, None for nothing."""

    name: str
    temporary: str
    new: str
    old: str | None


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def digest_of(folder: Folder, name: str) -> str | None:
    """The digest of what stands there, None for nothing, `ODD` for what is no plain file."""
    try:
        data = folder.read(name)
    except NotPlain:
        return ODD
    return None if data is None else digest(data)


def stage(folder: Folder, texts: Sequence[tuple[str, str]]) -> list[Entry]:
    """Put new texts beside their targets; all of them, or none and an OSError."""
    mark = os.urandom(8).hex()
    entries: list[Entry] = []
    try:
        for number, (name, text) in enumerate(texts):
            temporary = f".eqspec-{mark}.{number}.tmp"
            data = text.encode("utf-8")
            folder.create(temporary, data, like=name)
            entries.append(Entry(name, temporary, digest(data), digest_of(folder, name)))
    except BaseException:
        discard(folder, entries)
        raise
    return entries


def discard(folder: Folder, entries: Sequence[Entry]) -> None:
    for entry in entries:
        folder.remove(entry.temporary)


def record(folder: Folder, entries: Sequence[Entry]) -> str | None:
    """Write the journal; out: its name, None where a single file needs none."""
    if len(entries) < 2:
        return None
    mark = os.urandom(8).hex()
    files = [vars(entry) for entry in entries]
    text = json.dumps({"eqspec": SCHEMA, "files": files})
    folder.create(f".eqspec-{mark}.tmp", text.encode("utf-8"))
    try:
        folder.replace(f".eqspec-{mark}.tmp", f".eqspec-{mark}.journal")
    except BaseException:
        folder.remove(f".eqspec-{mark}.tmp")
        raise
    folder.settle()
    return f".eqspec-{mark}.journal"


def forget(folder: Folder, journal: str | None) -> None:
    folder.settle()
    if journal is not None:
        folder.remove(journal)


# ---- after a crash -------------------------------------------------------------------------------


def roll_forward(folder: Folder) -> list[str]:
    """Finish what a dead process began, and remove what it left; out: the names that were replaced.

    The folder is locked, so whoever wrote a journal that is found here is gone.
    """
    done: list[str] = []
    names = folder.names()
    for journal in names:
        if _JOURNAL.match(journal) and folder.owned(journal):
            for entry in _entries(folder, journal):
                if _finish(folder, entry):
                    done.append(entry.name)
            folder.settle()
            folder.remove(journal)
    for name in names:
        if _TEMPORARY.match(name) and folder.owned(name):
            folder.remove(name)
    return done


def recover(path: Path) -> list[str]:
    """The same for a folder that may not exist or may be closed to us; then nothing is done."""
    try:
        if not _interrupted(path):
            return []
        with opened(path) as folder:
            return roll_forward(folder)
    except OSError:
        return []


def unfinished(path: Path) -> list[str]:
    """The files that a dead process was about to replace; nothing is changed. A process that still
    writes is none."""
    names: list[str] = []
    with suppress(OSError):
        if not _interrupted(path):
            return []
        with suppress(Busy), opened(path, patience=0.0) as folder:
            for journal in folder.names():
                if _JOURNAL.match(journal) and folder.owned(journal):
                    names += [
                        entry.name
                        for entry in _entries(folder, journal)
                        if digest_of(folder, entry.name) != entry.new
                    ]
    return names


def _interrupted(path: Path) -> bool:
    return any(_JOURNAL.match(name) or _TEMPORARY.match(name) for name in os.listdir(path))


def _finish(folder: Folder, entry: Entry) -> bool:
    found = digest_of(folder, entry.name)
    if found == entry.new or found != entry.old:
        return False  # done before, or somebody has written there since
    if digest_of(folder, entry.temporary) != entry.new:
        return False
    folder.replace(entry.temporary, entry.name)
    return True


def _entries(folder: Folder, journal: str) -> list[Entry]:
    """What a journal says, as far as it may say it."""
    try:
        found = json.loads(folder.read(journal) or b"")
        files = found["files"] if found["eqspec"] == SCHEMA else ()
        entries = [Entry(**file) for file in files]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return []
    return [entry for entry in entries if _allowed(entry)]


def _allowed(entry: Any) -> bool:
    plain = isinstance(entry.name, str) and entry.name == os.path.basename(entry.name)
    return (
        plain
        and entry.name not in ("", ".", "..")
        and not re.search(r"[/\\\0:]|\A\.eqspec-", entry.name)
        and isinstance(entry.temporary, str)
        and _TEMPORARY.match(entry.temporary) is not None
        and isinstance(entry.new, str)
        and _DIGEST.match(entry.new) is not None
        and (entry.old is None or isinstance(entry.old, str))
    )
