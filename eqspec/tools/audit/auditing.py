"""`eqspec audit`: does a model of the user have the symmetry that a spec declares?

In: the import path of a factory, a spec with the name of a module or interface in it, and sizes. Out: a
report and an exit code, 0 pass, 1 fail, 2 nothing could be audited. torch is imported here and below
only; the model is code of the user and runs in this process.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice, product
from pathlib import Path

from eqspec.diagnostics.model import Diagnostic, Source, Span
from eqspec.diagnostics.render import render_text
from eqspec.diagnostics.snippet import visible
from eqspec.diagnostics.suggest import did_you_mean
from eqspec.graph.model import Module
from eqspec.syntax import tree
from eqspec.tools.audit.findings import Report, Run
from eqspec.tools.audit.report import text_of_report
from eqspec.tools.checking import check_all
from eqspec.tools.explaining import checked_spec
from eqspec.tools.findings import out, say, to_stderr
from eqspec.tools.places import is_folder, spec_file
from eqspec.tools.progress import ProgressLine

AUTOMATIC = (3, 2, 5, 8)  # values of a size that is read at run time, when none is set
MOST_SIZES = 16


@dataclass(frozen=True)
class Options:
    """``drawn``: audit with random parameters too."""

    seed: int = 0
    batch: int = 4
    drawn: bool = True


def run_audit(
    model: str,
    spec: str,
    sizes: Sequence[tuple[str, int]],
    options: Options,
    format_: str,
    color: bool,
) -> int:
    if find_spec("torch") is None:
        help_ = "`pip install 'eqspec[torch]'`"
        return _stop("EQS511", "`eqspec audit` runs a model and needs torch", sys.executable, help_)
    path, name = _split(spec)
    choices = _choices(path, sizes)
    if choices is None:
        return 2
    asked: list[tuple[Mapping[str, int], Module]] = []
    for one in choices:
        module = _module(path, name, one)
        if module is None:
            return 2
        if not any(_same_shapes(module, known) for _, known in asked):
            asked.append((one, module))
    key = asked[0][1].key
    asked = [(one, module) for one, module in asked if module.groups]
    if not asked:
        say(f"Error: no group acts on `{key}`: there is no symmetry to audit")
        return 2
    if any(type_.sampled for _, module in asked for _, type_ in module.features):
        return _stop(
            "EQS210",
            f"an audit of `{key}` is not built yet",
            spec,
            "a `disc` is turned by interpolation; audit the turns that map pixels to pixels by a spec with"
            " `grid`",
        )
    from eqspec.tools.audit.model import CannotLoad, load

    with users_code():
        try:
            subject = load(model)
        except CannotLoad as error:
            return _stop(error.code, error.message, model, error.help)
        from eqspec.tools.audit.runs import audited

        runs: list[Run] = []
        with ProgressLine(verb="auditing") as progress:
            progress.spec = model
            for number, (chosen, module) in enumerate(asked):
                progress(module.key, number, len(asked))
                found = audited(subject, module, chosen, options.batch, options.seed)
                runs.extend(found if options.drawn else islice(found, 1))
        dtype = str(subject.dtype).removeprefix("torch.")
    report = Report(model, path, key, dtype, options.seed, options.batch, tuple(runs))
    if format_ == "json":
        out(json.dumps(report.record(), indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    else:
        out(text_of_report(report, color))
    return 0 if report.result == "pass" else 1


def _stop(code: str, message: str, where: str, help_: str | None) -> int:
    found = Diagnostic(code, message, Source(visible(where), ""), Span(0, 0), help=help_)
    to_stderr(render_text([found], color=False) + "\n")
    return 2


def _split(text: str) -> tuple[str, str | None]:
    """``two_view.eqs:TwoView``; a name of a file may hold a colon too."""
    head, colon, name = text.rpartition(":")
    if colon and head.endswith(".eqs"):
        return head, name
    return text, None


def _same_shapes(first: Module, second: Module) -> bool:
    """Does a size that was changed not matter here?"""
    return first.groups == second.groups and [t.shapes for _, t in first.features] == [
        t.shapes for _, t in second.features
    ]


def _module(path: str, name: str | None, sizes: Mapping[str, int]) -> Module | None:
    """The module or interface that is meant; None if it is not clear which, or it is refused, and then
    the reason has been said."""
    checked, _ = checked_spec(path, sizes)
    if checked is None or checked.result.spec is None:
        return None
    modules = list(checked.result.spec.modules)
    if name is not None:
        found = [m for m in modules if name == m.key] or [m for m in modules if name == m.name]
        if len(found) == 1:
            return found[0]
        if found:
            say(f"Error: `{visible(name)}` has several instances: {_listed(found)}")
            return None
        near = did_you_mean(name, [m.key for m in modules])
        hint = f"did you mean `{near}`?" if near else f"it has {_listed(modules) or 'none'}"
        say(f"Error: {path} has no module or interface `{visible(name)}`; {hint}")
        return None
    if len(modules) == 1:
        return modules[0]
    if modules:
        say(f"Error: {path} has several modules: name one of {_listed(modules)}, as {path}:NAME")
    else:
        say(f"Error: {path} has no module and no interface")
    return None


def _listed(modules: Sequence[Module]) -> str:
    return ", ".join(module.key for module in modules[:12])


# ---- sizes ---------------------------------------------------------------------------------------


def _choices(path: str, sizes: Sequence[tuple[str, int]]) -> list[dict[str, int]] | None:
    """The sizes to audit at: every combination of those that are set, and some values for every size
    that is read at run time and not set."""
    values: dict[str, list[int]] = {}
    for name, value in sizes:
        values.setdefault(name, [])
        if value not in values[name]:
            values[name].append(value)
    names = list(values)
    chosen = [
        dict(zip(names, combination, strict=True)) for combination in product(*values.values())
    ]
    free = [name for name in _run_time_sizes(path) if name not in values]
    if free:
        automatic = [
            {name: AUTOMATIC[(k + place) % len(AUTOMATIC)] for place, name in enumerate(free)}
            for k in range(len(AUTOMATIC))
        ]
        chosen = [{**one, **more} for one in chosen for more in automatic]
    if len(chosen) > MOST_SIZES:
        say(f"Error: {len(chosen)} combinations of sizes; at most {MOST_SIZES} are audited")
        return None
    return chosen


def _run_time_sizes(path: str) -> list[str]:
    """The parameters of a file that are `dynamic` or `padded`; none if it cannot be read."""
    if is_folder(Path(path)):
        return []
    file = next(check_all([spec_file(Path(path))], {})).result.file
    return [
        item.name.text
        for item in (file.items if file is not None else ())
        if isinstance(item, tree.Param) and isinstance(item.value, str)
    ]


@contextlib.contextmanager
def users_code() -> Iterator[None]:
    """The current folder can be imported from, and what the model prints goes to standard error."""
    kept = list(sys.path)
    sys.path.insert(0, os.getcwd())
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        sys.path[:] = kept
