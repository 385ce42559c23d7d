"""What callers of a module see besides its promises: inputs, outputs, networks, claims."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eqspec.graph.model import Base, InputFeature, Module, OutputFeature
from eqspec.graph.types import Type
from eqspec.tools.diff.changes import Remark, Verdict
from eqspec.tools.diff.entries import entry_changes


def stands_still(old: Sequence[InputFeature], new: Sequence[InputFeature]) -> bool:
    """Do the inputs hold the same tensors, in the same order, so that actions on them can be compared?"""
    return [f.name for f in old] == [f.name for f in new] and all(
        _alike(a.type, b.type) for a, b in zip(old, new, strict=True)
    )


def signature_changes(old: Module, new: Module) -> list[Remark]:
    found: list[Remark] = []
    if old.is_interface != new.is_interface:
        kinds = ("interface", "module") if old.is_interface else ("module", "interface")
        found.append(_broken(f"the {kinds[0]} is a{'n' * new.is_interface} {kinds[1]} now"))
    found += _features("input", _types(old.inputs), _types(new.inputs))
    found += _features("output", _types(old.outputs), _types(new.outputs))
    counts = len(old.outputs), len(new.outputs)
    if 1 in counts and counts[0] != counts[1]:
        kinds_ = ("a tensor", "a named tuple")
        first, second = kinds_ if counts[0] == 1 else kinds_[::-1]
        found.append(_broken(f"a call returned {first} and returns {second}"))
    return [*found, *_bases(old, new)]


def _features(what: str, old: dict[str, Type], new: dict[str, Type]) -> list[Remark]:
    found = [_broken(f"{what} `{name}` is gone") for name in old if name not in new]
    for name, type_ in new.items():
        if name not in old:
            verdict = Verdict.BROKEN if what == "input" else Verdict.STRONGER
            found.append(Remark(verdict, f"{what} `{name}` is new: {type_}"))
    for name, type_ in old.items():
        if name in new and not _alike(type_, new[name]):
            was, now = str(type_), str(new[name])
            if was == now:  # a name that stands for other sizes
                was, now = (" + ".join(map(str, t.shapes)) for t in (type_, new[name]))
            found.append(_broken(f"{what} `{name}` was {was} and is {now}"))
        elif name in new:
            found += entry_changes(f"{what} `{name}`", type_, new[name])
    common = [name for name in old if name in new], [name for name in new if name in old]
    if common[0] != common[1]:
        order = ", ".join(common[1])
        found.append(_broken(f"the {what}s change places: {order}"))
    return found


def _types(features: Sequence[InputFeature] | Sequence[OutputFeature]) -> dict[str, Type]:
    return {feature.name: feature.type for feature in features}


def _alike(old: Type, new: Type) -> bool:
    """The same tensors: shapes, and whole numbers where there were some, of as many values."""
    return (
        old.shapes == new.shapes
        and old.one_hot.shapes == new.one_hot.shapes
        and old.has_indices == new.has_indices
    )


def _bases(old: Module, new: Module) -> list[Remark]:
    found: list[Remark] = []
    before, after = ({base.name: base for base in module.bases} for module in (old, new))
    found += [
        _broken(f"the network `{name}` is no argument any more") for name in before.keys() - after
    ]
    for name, base in after.items():
        if name not in before:
            verdict = Verdict.SAME if base.factory else Verdict.BROKEN
            found.append(Remark(verdict, f"the constructor takes a network more: `{name}`"))
        elif not _same_call(before[name], base):
            found.append(_broken(f"the network `{name}` is called with other tensors"))
        else:
            if before[name].factory and not base.factory:
                found.append(_broken(f"the network `{name}` is not built by default any more"))
            for what, left, right in _exchanged(before[name], base):
                found += entry_changes(what, left, right)
    kept = [n for n in before if n in after], [n for n in after if n in before]
    if kept[0] != kept[1]:
        found.append(_broken(f"the networks change places: {', '.join(kept[1])}"))
    for name, base in after.items():
        if base.claims and not (name in before and _same_claims(before[name], base)):
            by = ", ".join(sorted(base.claims))
            text = (
                f"the promises rest on a claim now: that the network `{name}` respects {by} itself"
            )
            found.append(Remark(Verdict.WEAKER, text))
    for name, base in before.items():
        if base.claims and name in after and not after[name].claims:
            text = f"the promises do not rest any more on what the network `{name}` respects"
            found.append(Remark(Verdict.STRONGER, text))
    return found


def _same_call(old: Base, new: Base) -> bool:
    return (
        len(old.signature) == len(new.signature)
        and all(_alike(a, b) for a, b in zip(old.signature, new.signature, strict=True))
        and _alike(old.target, new.target)
    )


def _exchanged(old: Base, new: Base) -> Iterator[tuple[str, Type, Type]]:
    """The tensors that the network takes and returns, in words and before and after."""
    for number, (left, right) in enumerate(zip(old.signature, new.signature, strict=True), 1):
        yield f"argument {number} of the network `{new.name}`", left, right
    yield f"the result of the network `{new.name}`", old.target, new.target


def _same_claims(old: Base, new: Base) -> bool:
    """Types are equal where the same matrices act, whatever they are called; the factors must have the
    same names too, as the claim ties them together."""
    return (old.signature, old.target) == (new.signature, new.target)


def _broken(text: str) -> Remark:
    return Remark(Verdict.BROKEN, text)
