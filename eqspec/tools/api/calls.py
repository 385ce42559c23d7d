"""`eqspec.check`, `eqspec.diagnose` and `eqspec.compile`: specs as paths or texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from types import MappingProxyType

from eqspec.diagnostics.model import Diagnostic, Severity, Source
from eqspec.pipeline import CheckResult, check_source, compile_spec
from eqspec.tools.aiming import aim_of
from eqspec.tools.api.errors import SpecError
from eqspec.tools.api.values import CheckedSpec, CompiledSpec, module_info
from eqspec.tools.checking import Checked, check_all
from eqspec.tools.config import EMIT, Config
from eqspec.tools.places import spec_file

SpecLike = str | PathLike[str]
"""A path, or a text: a string with a line end is a text."""

TEXT = "<text>"
"""What messages call a spec that is no file."""


@dataclass(frozen=True)
class Given:
    """A spec that was checked, proved or not: where it came from, and what was found."""

    shown: str
    header_path: str
    stem: str
    folder: Path | None
    config: Config
    result: CheckResult

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return (*self.config.diagnostics, *self.result.diagnostics)


def given(spec: SpecLike, sizes: Mapping[str, int] | None, name: str = "spec") -> Given:
    """Check a spec; of a file, the settings of its project hold.

    Raises:
        TypeError: ``spec`` is no path and no text, or a size is no whole number.
    """
    wanted = _sizes(sizes)
    if isinstance(spec, str) and ("\n" in spec or "\r" in spec):
        result = check_source(Source(TEXT, spec.removeprefix("\ufeff")), overrides=wanted)
        return Given(TEXT, f"{name}.eqs", name, None, Config(), result)
    if not isinstance(spec, str | PathLike):
        raise TypeError(f"a spec is a path or a text, not {type(spec).__name__}")
    path = fspath(spec)
    if not isinstance(path, str):
        raise TypeError("the path of a spec is text, not bytes")
    file = spec_file(Path(path))
    checked: Checked = next(check_all([file], wanted))
    config = checked.config
    folder = file.path.parent
    if config.output_dir is not None and config.folder is not None:
        folder = config.folder / config.output_dir
    return Given(file.shown, file.header_path, file.path.stem, folder, config, checked.result)


def proved(spec: SpecLike, sizes: Mapping[str, int] | None, name: str = "spec") -> Given:
    """The same, of a spec that is proved.

    Raises:
        SpecError: it is not.
    """
    found = given(spec, sizes, name)
    if not found.result.ok or any(d.severity is Severity.ERROR for d in found.diagnostics):
        raise SpecError(found.diagnostics)
    return found


def check(spec: SpecLike, *, sizes: Mapping[str, int] | None = None) -> CheckedSpec:
    """Prove every promise of a spec. Needs neither NumPy nor torch.

    ``spec`` is a path, or a text: a string with a line end. ``sizes`` sets `param`s, as `--set` does.

    Raises:
        SpecError: a promise does not hold, or the spec cannot be read; the error says why.
    """
    found = proved(spec, sizes)
    assert found.result.spec is not None
    modules = tuple(module_info(module) for module in found.result.spec.modules)
    return CheckedSpec(found.shown, modules, found.diagnostics, found.result.spec)


def diagnose(spec: SpecLike, *, sizes: Mapping[str, int] | None = None) -> tuple[Diagnostic, ...]:
    """Everything that `eqspec check` says of a spec, errors, warnings and notes; never raises for what
    stands in the spec. Empty: nothing to say, every promise is proved."""
    return given(spec, sizes).diagnostics


def compile(
    spec: SpecLike,
    *,
    sizes: Mapping[str, int] | None = None,
    emit: Sequence[str] | None = None,
    distributed: bool | None = None,
    name: str = "spec",
) -> CompiledSpec:
    """Compile a spec to PyTorch source text, in memory.

    ``emit`` and ``distributed`` are as on the command line, by default those of the settings. ``name`` is
    that of the module of a spec that is given as a text; a file has its own.

    Raises:
        SpecError: the spec is refused, or a layer is too large to build.
        ValueError: ``emit`` names something that cannot be emitted.
    """
    kinds = _kinds(emit)
    found = proved(spec, sizes, name)
    result = compile_spec(
        found.result,
        found.stem,
        found.header_path,
        kinds or found.config.emit,
        distributed=found.config.distributed if distributed is None else distributed,
        aim=aim_of({}, found.config),
    )
    if any(d.severity is Severity.ERROR for d in result.diagnostics):
        raise SpecError(result.diagnostics)
    return CompiledSpec(
        found.shown,
        MappingProxyType({file.name: file.text for file in result.files}),
        tuple(result.diagnostics),
        MappingProxyType({file.name: file.kind for file in result.files}),
        found.folder,
        found.header_path,
    )


def _sizes(sizes: Mapping[str, int] | None) -> dict[str, int]:
    wanted = dict(sizes or {})
    for name, value in wanted.items():
        if not isinstance(name, str) or not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"sizes are whole numbers by name, not {name!r}: {value!r}")
    return wanted


def _kinds(emit: Sequence[str] | None) -> tuple[str, ...] | None:
    kinds = (emit,) if isinstance(emit, str) else tuple(emit or ())
    for kind in kinds:
        if kind not in EMIT:
            raise ValueError(f"{kind!r} cannot be emitted; the kinds are {', '.join(EMIT)}")
    return kinds or None
