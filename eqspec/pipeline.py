"""The way of a spec through the compiler: the tour of the code.

    source text -parse-> syntax tree -check-> layer graph -lower-> tensor program -validate, emit-> files

Every stage is a function from the value before to the value after plus a list of diagnostics, and the
next stage starts only for what came through clean. `check` ends after the second arrow and needs
neither NumPy nor torch; `compile_spec` goes the whole way.

    parse      eqspec.syntax     text to `tree.File`; every syntax error of the file in one run
    check      eqspec.graph      names, groups, representations, types, edges, fusion points, guarantees;
                                 the typing rules of the ops prove the symmetry (eqspec.ops, eqspec.algebra)
    lower      eqspec.lowering   each node becomes instructions; bases are solved, and counted twice;
                                 passes: reduce first, expand last (eqspec.program)
    validate   eqspec.lowering   the program runs in NumPy under every generator before it may be emitted
    emit       eqspec.emit       instructions become a PyTorch module, its tests, symmetry functions
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eqspec.diagnostics.model import Diagnostic, Severity, Source, Span
from eqspec.graph.memo import Memo
from eqspec.graph.model import Module, Spec
from eqspec.graph.scope import Loader
from eqspec.graph.spec import build_spec
from eqspec.graph.types import symbols_in
from eqspec.limits import LimitReached, reached
from eqspec.ops import OPS
from eqspec.syntax import tree
from eqspec.syntax.parser import parse
from eqspec.syntax.reader import read_source

if TYPE_CHECKING:
    from eqspec.emit.files import EmittedFile
    from eqspec.lowering.module import Lowered
    from eqspec.lowering.ways import Aim

Progress = Callable[[str, int, int], None]
"""Called with the name of a module, its number and how many there are."""


@dataclass(frozen=True)
class CheckResult:
    """``spec`` holds the modules that are proved; None if the file could not be read at all."""

    spec: Spec | None
    diagnostics: tuple[Diagnostic, ...]
    file: tree.File | None = None

    @property
    def ok(self) -> bool:
        """No errors; warnings do not count."""
        return self.spec is not None and not any(
            d.severity is Severity.ERROR for d in self.diagnostics
        )


@dataclass(frozen=True)
class CompileResult:
    """``files`` is empty if anything was refused: a spec is emitted whole or not at all."""

    files: tuple[EmittedFile, ...]
    diagnostics: tuple[Diagnostic, ...]
    lowered: Mapping[str, Lowered]


def check_file(
    path: Path, shown: str, root: Path, overrides: Mapping[str, int] | None = None
) -> CheckResult:
    """Check the file at ``path``; messages call it ``shown``, and `use` stays inside ``root``."""
    source, diagnostics = read_source(path, shown)
    if source is None:
        return CheckResult(None, tuple(diagnostics))
    return check_source(source, path, root, overrides, diagnostics)


def check_source(
    source: Source,
    path: Path | None = None,
    root: Path | None = None,
    overrides: Mapping[str, int] | None = None,
    before: Sequence[Diagnostic] = (),
    *,
    loader: Loader | None = None,
    memo: Memo | None = None,
) -> CheckResult:
    """Parse and check a text; without ``path`` and ``root`` it may not `use` other files.

    For texts that change while they are written: ``loader`` reads used files (for example from an
    editor), and a ``memo`` remembers the modules of the last check; the positions inside of modules that
    come from it are those of the text in which they were checked.
    """
    file, found = parse(source)
    spec, more = build_spec(file, path, root, OPS, loader or load, overrides or {}, memo)
    if any(d.severity is Severity.ERROR for d in found):
        more = [d for d in more if d.code != "EQS902"]  # what a syntax error cost may have used it
    diagnostics = sorted((*before, *found, *more), key=lambda d: d.sort_key)
    return CheckResult(spec, tuple(diagnostics), file)


def load(path: Path, shown: str) -> tuple[tree.File | None, list[Diagnostic]]:
    """Read and parse a used file."""
    source, diagnostics = read_source(path, shown)
    if source is None:
        return None, diagnostics
    file, found = parse(source)
    return file, [*diagnostics, *found]


def lower_spec(
    spec: Spec,
    progress: Progress | None = None,
    distributed: bool = False,
    aim: Aim | None = None,
) -> tuple[dict[str, Lowered], list[Diagnostic]]:
    """Lower and validate every module; what cannot be lowered, or is not equivariant then, is refused.

    The way of lowering is chosen for an ``aim``; without one it is the reference, and pins of the spec do
    not count. What is computed is the same.
    """
    from eqspec.lowering.errors import LoweringRefused
    from eqspec.lowering.module import lower_module
    from eqspec.lowering.placement import place
    from eqspec.lowering.sizes import check_sizes
    from eqspec.lowering.threads import one_thread
    from eqspec.lowering.validation import validate

    lowered: dict[str, Lowered] = {}
    diagnostics: list[Diagnostic] = []
    modules = [module for module in spec.modules if not module.is_interface]
    for number, module in enumerate(modules):
        if progress is not None:
            progress(module.key, number, len(modules))
        if not set(module.children.values()) <= set(lowered):
            continue  # a module that it calls was refused
        try:
            with one_thread():
                placement = place(module, aim, distributed) if aim is not None else None
                lowered[module.key] = lower_module(module, distributed, placement=placement)
                fault = validate(lowered, module.key) or check_sizes(lowered, module.key)
        except (LimitReached, MemoryError) as error:
            raise reached(error, module.source, module.span) from None
        except LoweringRefused as refused:
            lowered.pop(module.key, None)
            diagnostics.append(
                Diagnostic(
                    refused.code,
                    refused.message,
                    module.source,
                    refused.span,
                    refused.label,
                    help=refused.help,
                )
            )
            continue
        if fault is not None:
            del lowered[module.key]
            diagnostics.append(
                Diagnostic(
                    "EQS506",
                    f"the program of `{module.key}` is not equivariant at `{fault.node}`",
                    module.source,
                    module.span,
                    fault.message,
                    help="this is a fault of the compiler, and nothing was written; please report it",
                )
            )
    return lowered, diagnostics


def compile_spec(
    checked: CheckResult,
    stem: str,
    header_path: str,
    emit: Sequence[str] | None = None,
    progress: Progress | None = None,
    distributed: bool = False,
    aim: Aim | None = None,
) -> CompileResult:
    """Emit the files of a checked spec.

    ``stem`` is the name of the spec's file without its ending, ``header_path`` the path that the
    header of each file names; ``emit`` asks for some of "module", "tests", "actions", "certificate" (None:
    module and tests for modules, actions and tests for interfaces). In a ``distributed`` module several
    processes can share the calls of an average. ``aim`` says for what the way of lowering is chosen (None:
    for training on the shipped table of a CPU).
    """
    from eqspec.emit.files import emit_spec, stem_problem
    from eqspec.lowering.threads import one_thread
    from eqspec.lowering.ways import Aim

    diagnostics = list(checked.diagnostics)
    if checked.spec is None or not checked.ok:
        return CompileResult((), tuple(diagnostics), {})
    problem = stem_problem(stem)
    if problem is not None:
        message, help_ = problem
        diagnostics.append(
            Diagnostic("EQS504", message, checked.spec.source, Span(0, 0), help=help_)
        )
        return CompileResult((), tuple(diagnostics), {})
    dynamic = emit is not None and "actions" in emit and _with_run_time_sizes(checked.spec)
    if dynamic:
        diagnostics.append(
            Diagnostic(
                "EQS210",
                f"symmetry functions of `{dynamic.key}` are not built yet",
                dynamic.source,
                dynamic.span,
                "it has sizes that are read at run time",
                help="set them: `--set n=8`",
            )
        )
        return CompileResult((), tuple(diagnostics), {})
    turned = _with_discs(checked.spec, emit)
    if turned is not None:
        diagnostics.append(
            Diagnostic(
                "EQS210",
                f"symmetry functions of `{turned.key}` are not built yet",
                turned.source,
                turned.span,
                "a `disc` would be turned by interpolation, which is no representation",
            )
        )
        return CompileResult((), tuple(diagnostics), {})
    lowered, refused = lower_spec(checked.spec, progress, distributed, aim or Aim())
    diagnostics.extend(refused)
    if refused:
        return CompileResult((), tuple(diagnostics), lowered)
    with one_thread():
        files = emit_spec(checked.spec, lowered, stem, header_path, emit, distributed)
    return CompileResult(tuple(files), tuple(diagnostics), lowered)


def _with_discs(spec: Spec, emit: Sequence[str] | None) -> Module | None:
    """The first module with a disc of which symmetry functions are asked for: by name, or of an interface."""
    return next(
        (
            module
            for module in spec.modules
            if any(type_.sampled for _, type_ in module.features)
            and ("actions" in emit if emit is not None else module.is_interface)
        ),
        None,
    )


def _with_run_time_sizes(spec: Spec) -> Module | None:
    """The first module with a size that is read at run time."""
    return next((m for m in spec.modules if symbols_in(node.type for node in m.nodes)), None)
