"""The whole comparison: two specs that are proved, module by module."""

from __future__ import annotations

from eqspec.diagnostics.model import Diagnostic, Span
from eqspec.graph.model import Spec
from eqspec.tools.diff.changes import ModuleChange, Place, Remark, SpecDiff, Verdict
from eqspec.tools.diff.promises import module_change
from eqspec.tools.diff.weights import compiled, with_weights


def compare(
    old: Spec, new: Spec, names: tuple[str, str], weights: bool = True
) -> tuple[SpecDiff, list[Diagnostic]]:
    """What changed from ``old`` to ``new``, which are called by ``names``. Without ``weights`` nothing is
    compiled. The diagnostics say why a spec cannot be; its promises are compared all the same."""
    there = {module.key: module for module in new.modules}
    changes: list[ModuleChange] = []
    for module in old.modules:
        if module.key in there:
            changes.append(module_change(module, there[module.key]))
        else:
            gone = (new.source, Span(0, 0))
            changes.append(_whole(module.key, Verdict.BROKEN, "the module is gone", gone))
    before = {module.key for module in old.modules}
    for module in new.modules:
        if module.key not in before:
            here = (module.source, module.span)
            changes.append(_whole(module.key, Verdict.STRONGER, "the module is new", here))
    refused: list[Diagnostic] = []
    if weights:
        (left, found), (right, more) = compiled(old), compiled(new)
        refused = [*found, *more]
        if left is not None and right is not None:
            changes = [with_weights(change, left, right) for change in changes]
    return SpecDiff(*names, tuple(changes)), refused


def _whole(name: str, verdict: Verdict, text: str, place: Place) -> ModuleChange:
    return ModuleChange(name, (), (Remark(verdict, text),), place=place)
