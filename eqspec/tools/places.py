"""Which files a command works on, and what it calls them.

In: the paths of a command line. Out: `SpecFile` values in order of their shown paths: where a spec
lies, the name that messages use (relative to the working directory, with ``/``), the project it
belongs to (the folder of the nearest ``pyproject.toml``) and the name that emitted headers use. The
last two do not depend on the working directory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages"})
"""Folders that are not walked into, beside hidden ones and virtual environments."""

Excluded = Callable[[Path], bool]


@dataclass(frozen=True)
class SpecFile:
    """``path`` is absolute, ``shown`` for messages, ``project`` None outside of any project."""

    path: Path
    shown: str
    project: Path | None

    @property
    def root(self) -> Path:
        """The folder that `use` may not leave."""
        return self.project or self.path.parent

    @property
    def header_path(self) -> str:
        """The path that headers of emitted files name."""
        if self.project is None:
            return self.path.name
        return self.path.relative_to(self.project).as_posix()


def spec_file(path: Path) -> SpecFile:
    absolute = Path(os.path.abspath(path))
    return SpecFile(absolute, shown(absolute), project_of(absolute.parent))


def shown(path: Path) -> str:
    """A path as messages write it: relative to the working directory, with ``/``."""
    try:
        relative = os.path.relpath(path)
    except (ValueError, OSError):  # another drive; no working directory
        return path.as_posix()
    return Path(relative).as_posix()


@lru_cache(maxsize=4096)
def project_of(folder: Path) -> Path | None:
    """The nearest folder, from here upwards, that holds a ``pyproject.toml``."""
    for place in (folder, *folder.parents):
        try:
            if (place / "pyproject.toml").is_file():
                return place
        except OSError:
            continue
    return None


def find_specs(paths: Sequence[str], excluded: Excluded) -> list[SpecFile]:
    """The specs that the paths name; folders are walked, each file is taken once.

    A path that does not exist is returned like a file: reading it gives the diagnostic.
    ``excluded`` holds for what is found by walking, not for files that are named.
    """
    found: dict[Path, SpecFile] = {}
    for text in paths or (".",):
        path = Path(text)
        files: Iterable[Path] = (path,)
        if is_folder(path):
            files = walk(path, ".eqs", excluded)
        for file in files:
            spec = spec_file(file)
            found.setdefault(spec.path, spec)
    return sorted(found.values(), key=lambda spec: spec.shown)


def is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def walk(folder: Path, suffix: str, excluded: Excluded) -> Iterator[Path]:
    """Files below a folder, by name; links to folders are not followed, so there are no circles."""
    for here, files in _walk(folder, excluded):
        for name in sorted(files):
            if name.endswith(suffix) and not name.startswith(".") and not excluded(here / name):
                yield here / name


def walk_folders(folder: Path, excluded: Excluded) -> Iterator[Path]:
    """The folders that `walk` looks into, beginning with this one."""
    for here, _ in _walk(folder, excluded):
        yield here


def _walk(folder: Path, excluded: Excluded) -> Iterator[tuple[Path, list[str]]]:
    for place, folders, files in os.walk(folder):
        here = Path(place)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in SKIPPED
            and not (here / name / "pyvenv.cfg").exists()
            and not excluded(here / name)
        )
        yield here, files
