"""Writing the files of a `CompiledSpec`, by the rules of `eqspec compile`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from eqspec.emit.write import CannotWrite, inspect, write_all
from eqspec.tools.api.errors import SpecError
from eqspec.tools.building import Build, about, obstacles
from eqspec.tools.places import SpecFile


def write(
    shown: str,
    header_path: str,
    files: Mapping[str, str],
    kinds: Mapping[str, str],
    folder: Path,
    force: bool,
) -> tuple[Path, ...]:
    """Write what is new or changed; raises `SpecError` as `CompiledSpec.write` says."""
    folder = folder.absolute()
    targets = tuple(inspect(folder / name, text) for name, text in files.items())
    # the spec by the path that its header names: a text lies nowhere, a file may lie elsewhere
    build = Build(
        SpecFile(folder / Path(header_path).name, shown, None),
        folder,
        targets,
        {folder / name: kind for name, kind in kinds.items()},
    )
    stopped = obstacles([build], force)
    if stopped:
        raise SpecError(stopped)
    try:
        return tuple(write_all(targets))
    except CannotWrite as error:
        message = f"cannot write this file: {error.reason}"
        raise SpecError([about("EQS503", error.path, message)]) from error
