"""`eqspec diff OLD NEW`: two specs, as files, as texts or in git revisions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path

from eqspec.diagnostics.model import Diagnostic, Severity
from eqspec.diagnostics.render import render_text, summary
from eqspec.graph.model import Spec
from eqspec.tools.api.calls import SpecLike, proved
from eqspec.tools.api.errors import SpecError
from eqspec.tools.checking import check_all
from eqspec.tools.diff.changes import SpecDiff, Verdict
from eqspec.tools.diff.comparing import compare
from eqspec.tools.diff.printing import diagnostics, markdown, text, verdict_line
from eqspec.tools.diff.revisions import CannotRead, at_revision, is_revision
from eqspec.tools.findings import UNUSABLE, Reporting, formatted, out, say, to_stderr
from eqspec.tools.places import spec_file

FORMATS = ("text", "json", "github", "markdown")


def diff(
    old: SpecLike,
    new: SpecLike,
    *,
    sizes: Mapping[str, int] | None = None,
    weights: bool = True,
) -> SpecDiff:
    """What became of the promises of ``old`` in ``new``: same, stronger, weaker or broken.

    Each is a path, a text, or a path in a git revision: `main:specs/two_view.eqs`. Without ``weights``
    nothing is compiled, and neither costs nor saved weights are compared.

    Raises:
        SpecError: a spec is refused, or a revision cannot be read.
    """
    with ExitStack() as stack:
        left, right = (_spec(given, sizes, stack) for given in (old, new))
        found, refused = compare(left[1], right[1], (left[0], right[0]), weights)
    if refused:
        raise SpecError(refused)
    return found


def _spec(given: SpecLike, sizes: Mapping[str, int] | None, stack: ExitStack) -> tuple[str, Spec]:
    """How the spec is called, and what was proved of it."""
    if not _is_revision(given):
        found = proved(given, sizes)
        assert found.result.spec is not None
        return found.shown, found.result.spec
    name = fspath(given)
    try:
        path = stack.enter_context(at_revision(name))
    except CannotRead as error:
        raise SpecError([error.diagnostic]) from None
    checked = next(check_all([replace(spec_file(path), shown=name)], dict(sizes or {})))
    if not checked.result.ok or checked.result.spec is None:
        raise SpecError(checked.diagnostics)
    return name, checked.result.spec


def _is_revision(given: SpecLike) -> bool:
    return isinstance(given, str | PathLike) and "\n" not in str(given) and is_revision(str(given))


def run_diff(
    old: str,
    new: str | None,
    sizes: Mapping[str, int],
    format_: str,
    color: bool,
    weights: bool,
    allow_weaker: bool,
) -> int:
    """``new`` None: ``old`` is a file, and compared with the last commit of it."""
    if new is None:
        path = Path(old).as_posix()
        old, new = f"HEAD:{path if path.startswith(('/', '../')) else './' + path}", old
    try:
        found = diff(old, new, sizes=sizes, weights=weights)
    except SpecError as error:
        return _refused(error.diagnostics)
    match format_:
        case "json":
            out(json.dumps(found.to_dict(), indent=2, ensure_ascii=False) + "\n")
        case "github":
            marked = _severe(diagnostics(found), allow_weaker)
            out(formatted(marked, Reporting("github")))
        case "markdown":
            out(markdown(found))
        case _:
            out(text(found, color))
    say(verdict_line(found))
    return int(any(verdict not in _passing(allow_weaker) for verdict in _verdicts(found)))


def _passing(allow_weaker: bool) -> tuple[Verdict, ...]:
    return (Verdict.SAME, Verdict.STRONGER, *([Verdict.WEAKER] if allow_weaker else []))


def _verdicts(found: SpecDiff) -> Iterator[Verdict]:
    """Of everything that was compared: what is weaker does not hide what is undecided."""
    for module in found.modules:
        yield module.verdict
        yield from (remark.verdict for remark in module.remarks)
        for output in module.outputs:
            yield from (change.verdict for change in output.factors)


def _severe(found: Sequence[Diagnostic], allow_weaker: bool) -> list[Diagnostic]:
    return [
        replace(d, severity=Severity.WARNING) if allow_weaker and d.code == "EQS531" else d
        for d in found
    ]


def _refused(found: Sequence[Diagnostic]) -> int:
    errors = [d for d in found if d.severity is Severity.ERROR]
    to_stderr(render_text(errors, color=False) + "\n")
    say(summary(errors))
    return 2 if any(d.code in UNUSABLE for d in errors) else 1
