"""A spec in a git revision: `main:specs/two_view.eqs`.

In: the text of an argument. Out: the specs of that revision, laid out in a temporary folder so that `use`
and the settings of the project work as they did, or a diagnostic. Git is asked for bytes alone: no hook,
no filter and no text conversion of the repository runs, nothing is fetched, and nothing is checked out.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from eqspec.diagnostics.model import Diagnostic, Source, Span
from eqspec.limits import limits

TIMEOUT = 30  # seconds for one question to git
LARGEST_TREE = 4_000  # files that are laid out


class CannotRead(Exception):  # noqa: N818 - says what happened
    """The revision or the file in it cannot be read; the diagnostic says why."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def is_revision(text: str) -> bool:
    """`REV:path`, as git writes it; a file of that very name is a file."""
    revision, colon, path = text.partition(":")
    return bool(revision and colon and path) and not os.path.lexists(text)


@contextmanager
def at_revision(text: str) -> Iterator[Path]:
    """The path of the spec in a folder that is gone afterwards.

    Raises:
        CannotRead: git is missing, this is no repository, or it has no such revision or file.
    """
    revision, _, name = text.partition(":")
    prefix = _git(text, "rev-parse", "--show-prefix").decode("utf-8", "replace").rstrip("\n")
    if name.startswith(("./", "../")):  # relative to this folder, as in git
        name = os.path.normpath(prefix + name).replace(os.sep, "/")
    if not revision or revision.startswith("-"):
        raise _cannot(text, "a revision does not begin with a dash")
    commit = _git(
        text, "rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}"
    )
    tree = commit.decode("ascii", "replace").strip()
    listed = _git(text, "ls-tree", "-r", "-z", "--full-tree", tree).split(b"\0")
    wanted: dict[str, str] = {}
    for entry in listed:
        head, _, raw = entry.partition(b"\t")
        path = raw.decode("utf-8", "surrogateescape")
        if not head.startswith((b"100644 ", b"100755 ")):
            continue  # links and submodules are left where they are
        if path.endswith((".eqs", "/pyproject.toml")) or path == "pyproject.toml":
            wanted[path] = head.split()[2].decode("ascii")
    if name not in wanted or not name.endswith(".eqs"):
        raise _cannot(text, f"this revision has no spec `{name}`")
    if len(wanted) > LARGEST_TREE:
        wanted = {name: wanted[name]}
    with TemporaryDirectory(prefix="eqspec-") as folder:
        for path, content in zip(wanted, _blobs(text, list(wanted.values())), strict=True):
            if ".." not in PurePosixPath(path).parts:
                place = Path(folder, *PurePosixPath(path).parts)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content[: limits().source_bytes + 1])
        yield Path(folder, *PurePosixPath(name).parts)


def _blobs(text: str, names: list[str]) -> Iterator[bytes]:
    """The content of blobs, by one process: `NAME blob SIZE`, a line end, the bytes, a line end."""
    asked = "".join(f"{name}\n" for name in names).encode("ascii")
    answer, at = _git(text, "cat-file", "--batch", given=asked), 0
    for name in names:
        end = answer.find(b"\n", at)
        head = answer[at:end].split()
        if len(head) != 3 or head[1] != b"blob":
            raise _cannot(text, f"git has no object {name}")
        size = int(head[2])
        yield answer[end + 1 : end + 1 + size]
        at = end + size + 2


def _git(text: str, *arguments: str, given: bytes = b"") -> bytes:
    environment = {**os.environ, "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            ["git", *arguments],
            capture_output=True,
            check=False,
            timeout=TIMEOUT,
            env=environment,
            input=given,
        )
    except FileNotFoundError:
        raise _cannot(text, "git is not installed") from None
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise _cannot(text, f"git does not answer: {error}") from None
    if done.returncode:
        if arguments[0] == "rev-parse" and "--verify" in arguments:
            raise _cannot(text, f"there is no revision `{text.partition(':')[0]}`")
        words = done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
        raise _cannot(text, words.split("\n")[0] or "git refuses")
    return done.stdout


def _cannot(text: str, why: str) -> CannotRead:
    source = Source(text, "")
    help_ = "write `REVISION:path/from/the/root.eqs`, or `REVISION:./path` from this folder"
    return CannotRead(
        Diagnostic("EQS530", f"cannot read this revision: {why}", source, Span(0, 0), help=help_)
    )
