"""`eqspec compile` up to the disk: which files each spec wants, and what stands in their places.

In: checked specs and the wishes of the command line. Out: `Build` values with targets, and
diagnostics for what is out of date, foreign, blocked or orphaned. Nothing is written here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from eqspec.diagnostics.model import Diagnostic, Severity, Source, Span
from eqspec.emit.journal import recover, unfinished
from eqspec.emit.names import comment
from eqspec.emit.write import State, Target, inspect, is_edited, read_header
from eqspec.limits import limited
from eqspec.pipeline import CompileResult, Progress, compile_spec
from eqspec.tools.aiming import aim_of
from eqspec.tools.bounding import warm, within
from eqspec.tools.checking import Checked
from eqspec.tools.places import SpecFile, project_of, shown, walk

if TYPE_CHECKING:
    from eqspec.lowering.ways import Aim

CERTIFICATE = ".certificate.json"


@dataclass(frozen=True)
class Build:
    """A spec and its files; ``kinds`` says which of the files are tests, ``whole`` that nothing
    was left out by `--emit`, ``again`` that it is that of the run before. A spec that was refused has no
    targets."""

    spec: SpecFile
    folder: Path
    targets: tuple[Target, ...] = ()
    kinds: Mapping[Path, str] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()
    whole: bool = False
    again: bool = False

    @property
    def tests(self) -> list[Path]:
        return [target.path for target in self.targets if self.kinds[target.path] == "tests"]


def build(
    checked: Checked,
    emit: Sequence[str] | None,
    output_dir: str | None,
    progress: Progress | None,
    flags: Mapping[str, Any] = MappingProxyType({}),
    finish: bool = False,
) -> Build:
    """Compile one spec in memory and look at the places of its files; ``flags`` may ask for "distributed" and
    say for what it is lowered (`aiming`); ``finish`` first ends what a process that died began to write
    there."""
    spec, config = checked.spec, checked.config
    if output_dir is not None:
        folder = Path(output_dir).absolute()
    elif config.output_dir is not None and config.folder is not None:
        folder = config.folder / config.output_dir
    else:
        folder = spec.path.parent
    if finish:
        recover(folder)
    kinds = emit or config.emit
    shared = flags.get("distributed", False) or config.distributed
    try:
        result = _compiled(checked, kinds, progress, shared, aim_of(flags, config))
    except Exception as error:
        error.add_note(f"while compiling {spec.shown}")
        raise
    targets = tuple(inspect(folder / file.name, file.text) for file in result.files)
    return Build(
        spec,
        folder,
        targets,
        {folder / file.name: file.kind for file in result.files},
        result.diagnostics,
        whole=kinds is None,
    )


def refreshed(made: Build) -> Build:
    """The same build with a new look at the places of its files."""
    targets = tuple(inspect(target.path, target.text) for target in made.targets)
    return replace(made, targets=targets, again=True)


def _compiled(
    checked: Checked,
    kinds: Sequence[str] | None,
    progress: Progress | None,
    shared: bool,
    aim: Aim,
) -> CompileResult:
    """The files, inside the bounds of time and memory; beyond them there are none."""
    spec = checked.spec
    if not checked.result.ok:
        return CompileResult((), checked.diagnostics, {})
    warm()
    with limited(checked.config.limits):
        made = within(
            spec.shown,
            lambda: compile_spec(
                checked.result, spec.path.stem, spec.header_path, kinds, progress, shared, aim
            ),
        )
    if isinstance(made, Diagnostic):
        return CompileResult((), (*checked.diagnostics, made), {})
    return made


# ---- what may not be written ---------------------------------------------------------------------


def obstacles(builds: Sequence[Build], force: bool) -> list[Diagnostic]:
    """Targets that cannot or may not be written; with any of these, nothing is."""
    found: list[Diagnostic] = []
    wanted: dict[Path, SpecFile] = {}
    for one in builds:
        for target in one.targets:
            other = wanted.setdefault(target.path, one.spec)
            if other is not one.spec:
                found.append(
                    about(
                        "EQS502",
                        target.path,
                        f"both `{other.shown}` and `{one.spec.shown}` compile to this file",
                        "rename a spec, or compile them to different folders",
                    )
                )
                continue
            obstacle = _obstacle(target, one.spec, force)
            if obstacle is not None:
                found.append(obstacle)
    return found


def _obstacle(target: Target, spec: SpecFile, force: bool) -> Diagnostic | None:
    if target.state is State.BLOCKED:
        return about("EQS503", target.path, f"cannot write this file: {target.reason}")
    if force or target.state is State.CURRENT:
        return None
    if target.state is State.FOREIGN:
        message = f"this file is in the way: {target.reason}"
        return about("EQS502", target.path, message, "move it away, or overwrite it with `--force`")
    header = target.header
    if header is None or header.spec == comment(spec.header_path):
        return None
    if not _exists(header.spec, target.path, [spec]):
        return None  # the spec was moved or renamed
    message = f"this file belongs to `{header.spec}`, not to `{spec.header_path}`"
    return about("EQS502", target.path, message, "choose another folder, or overwrite: `--force`")


# ---- what is out of date -------------------------------------------------------------------------


def differences(builds: Sequence[Build]) -> list[Diagnostic]:
    """The findings of `--check`: what a compile would write."""
    found = [
        about("EQS631", folder, f"writing these files was interrupted: {', '.join(names)}", help_)
        for folder in dict.fromkeys(one.folder for one in builds)
        if (names := unfinished(folder))
        for help_ in ("`eqspec compile` finishes it",)
    ]
    for one in builds:
        again = f"`eqspec compile {one.spec.shown}` writes it anew"
        for target in one.targets:
            match target.state:
                case State.MISSING:
                    help_ = again.replace("writes it anew", "writes it")
                    found.append(about("EQS510", target.path, "this file is missing", help_))
                case State.STALE:
                    found.append(about("EQS501", target.path, _stale(target), again))
                case State.EDITED:
                    message = "this file was edited since eqspec wrote it"
                    found.append(about("EQS509", target.path, message, again))
                case _:
                    pass
    return found


def _stale(target: Target) -> str:
    from eqspec import __version__

    if target.header is not None and target.header.version != __version__:
        return f"this file is stale: eqspec {target.header.version} wrote it, this is {__version__}"
    return "this file is stale: its spec or the compiler has changed"


def edited(builds: Iterable[Build]) -> list[Diagnostic]:
    """A warning for every edit that is about to be overwritten."""
    return [
        about(
            "EQS509",
            target.path,
            "this file was edited since eqspec wrote it, and the edits are overwritten",
            "change the spec, or import the module and build on it in a file of your own",
            Severity.WARNING,
        )
        for one in builds
        for target in one.targets
        if target.state is State.EDITED
    ]


# ---- orphans -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Orphan:
    """An emitted file that no spec emits any more."""

    path: Path
    reason: str
    edited: bool


def orphans(builds: Sequence[Build], walked: Iterable[Path]) -> list[Orphan]:
    """Files with our header in the output folders (and below ``walked``) that nothing emits: their
    spec is gone, or it emits other files now."""
    from eqspec.tools.config import excluded

    candidates: set[Path] = set()
    for folder in {one.folder for one in builds}:
        try:
            found_here = (*folder.glob("*.py"), *folder.glob(f"*{CERTIFICATE}"))
            candidates.update(path for path in found_here if path.is_file())
        except OSError:
            continue
    for folder in walked:
        for suffix in (".py", CERTIFICATE):
            candidates.update(path.absolute() for path in walk(folder, suffix, excluded))
    emitted = {target.path for one in builds for target in one.targets}
    specs = [one.spec for one in builds]
    owners = {(one.folder, comment(one.spec.header_path)): one for one in builds}
    found: list[Orphan] = []
    for path in sorted(candidates - emitted):
        header = read_header(path)
        if header is None:
            continue
        owner = owners.get((path.parent, header.spec))
        if owner is not None:
            if not owner.targets or not owner.whole or path.name.endswith(CERTIFICATE):
                continue  # refused, or only a part was asked for; certificates are made on request
            reason = f"`{header.spec}` does not emit it any more"
        elif not _exists(header.spec, path, specs):
            reason = f"its spec `{header.spec}` is gone"
        else:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        found.append(Orphan(path, reason, is_edited(text, header)))
    return found


def orphaned(found: Sequence[Orphan]) -> list[Diagnostic]:
    help_ = "`eqspec compile --clean` deletes it"
    return [
        about("EQS508", orphan.path, f"this file is orphaned: {orphan.reason}", help_)
        for orphan in found
    ]


def _exists(header_path: str, emitted: Path, specs: Sequence[SpecFile]) -> bool:
    """Is there still a spec that this header can name?"""
    roots = [project_of(emitted.parent), emitted.parent]
    roots += [root for spec in specs for root in (spec.project, spec.path.parent)]
    return any(root is not None and _found(root, header_path) for root in dict.fromkeys(roots))


def _found(root: Path, header_path: str) -> bool:
    try:
        if "?" in header_path:  # a header writes `?` for what is not ASCII
            pattern = re.sub(r"([\[*])", r"[\1]", header_path)
            return any(root.glob(pattern))
        return (root / header_path).is_file()
    except (OSError, ValueError, NotImplementedError):
        return False


def about(
    code: str,
    path: Path,
    message: str,
    help: str | None = None,
    severity: Severity = Severity.ERROR,
) -> Diagnostic:
    """A diagnostic about a whole file."""
    source = Source(shown(path), "")
    return Diagnostic(code, message, source, Span(0, 0), help=help, severity=severity)
