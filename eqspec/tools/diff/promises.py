"""What became of the promises of a module.

A module promises that F(a x) = b F(x) for every pair (a, b) of how an element of its group acts on all
its inputs and on an output. An old promise is kept if the pair of every generator is a pair of the new
module; names of groups, and how a group is written as a product, say nothing about that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eqspec.graph.model import Level, Module, OutputFeature
from eqspec.graph.types import Type
from eqspec.tools.diff.actions import Frame, frame
from eqspec.tools.diff.changes import FactorChange, ModuleChange, OutputChange, Remark, Verdict
from eqspec.tools.diff.members import Answer, Element, member, same_factor
from eqspec.tools.diff.signature import signature_changes, stands_still

LEVELS = sorted(Level, reverse=True)  # strongest first


def module_change(old: Module, new: Module) -> ModuleChange:
    """Promises and signature; costs and weights are added by `weights`."""
    remarks = signature_changes(old, new)
    if not stands_still(old.inputs, new.inputs):
        remarks.append(
            Remark(Verdict.BROKEN, "the promises cannot be compared: they are about other inputs")
        )
        return ModuleChange(old.key, (), tuple(remarks), place=(new.source, new.span))
    named = {feature.name: feature for feature in new.outputs}
    outputs = tuple(
        output_change(old, new, feature, named[feature.name])
        for feature in old.outputs
        if feature.name in named and _comparable(feature.type, named[feature.name].type)
    )
    remarks += _ensured(old, new)
    return ModuleChange(old.key, outputs, tuple(remarks), place=(new.source, new.span))


def _comparable(old: Type, new: Type) -> bool:
    return old.shapes == new.shapes and old.one_hot.shapes == new.one_hot.shapes


def output_change(
    old: Module, new: Module, feature: OutputFeature, other: OutputFeature
) -> OutputChange:
    """What became of every old factor at an output, and what is new."""
    groups = (dict(old.groups), dict(new.groups))
    inputs = [f.type for f in old.inputs], [f.type for f in new.inputs]
    whole = frame([*inputs[0], feature.type], [*inputs[1], other.type], groups)
    alone = frame(*inputs, groups)
    levels = _levels(old, feature, whole.acting(0)), _levels(new, other, whole.acting(1))
    types = (feature.type, other.type)
    found: list[FactorChange] = []
    moved = False
    for factor in whole.acting(0):
        change = _fate(whole, alone, factor, levels, types)
        moved = moved or change.kind == "moved"
        found.append(change)
    for factor in whole.acting(1):
        answer = _contained(whole, 1, factor, whole.acting(0))[0]
        if answer is None:
            continue
        if moved and _contained(alone, 1, factor, alone.acting(0))[0] is not Answer.NO:
            continue  # it moves the inputs as an old one does, of which the new law was told
        group = new.groups[factor].description
        law, level = _law(factor, other.type), levels[1][factor].key
        kind = "gained" if answer is Answer.NO else "perhaps"
        found.append(FactorChange(factor, group, kind, law, None, level))
    place = (new.source, other.span)
    return OutputChange(feature.name, str(feature.type), str(other.type), tuple(found), place)


def _levels(module: Module, feature: OutputFeature, factors: Sequence[str]) -> dict[str, Level]:
    levels = module.node(feature.node).levels if feature.node else {}
    return {factor: levels.get(factor, Level.EXACT) for factor in factors}


def _fate(
    whole: Frame,
    alone: Frame,
    factor: str,
    levels: tuple[Mapping[str, Level], Mapping[str, Level]],
    types: tuple[Type, Type],
) -> FactorChange:
    group = whole.groups[0][factor]
    before, law = levels[0][factor], _law(factor, types[0])

    def changed(kind: str, new: Level | None, by: str = "", why: str = "") -> FactorChange:
        after = new.key if new is not None else None
        return FactorChange(factor, group.description, kind, law, before.key, after, by, why)

    unknown = False
    for level in LEVELS:
        allowed = [name for name in whole.acting(1) if levels[1][name] >= level]
        answer, by = _contained(whole, 0, factor, allowed)
        if answer is None:
            kind = "kept" if level == before else "stronger" if level > before else "weaker"
            return changed(kind, level, "" if by == factor and _same_group(whole, factor) else by)
        unknown = unknown or answer is Answer.UNKNOWN
    if unknown:
        return changed(
            "undecided", None, why="the groups are too large, or have no formula, to tell"
        )
    if factor in alone.acting(0) and (_contained(alone, 0, factor, alone.acting(1))[0] is None):
        why = f"the inputs move as before, and the output follows another law: {types[1]}"
        return changed("moved", None, why=why)
    kept = [
        name
        for g, name in enumerate(group.generators)
        if isinstance(member(whole, 0, factor, g, whole.acting(1)), Element)
    ]
    why = f"{', '.join(kept)} {'is' if len(kept) == 1 else 'are'} kept" if kept else ""
    return changed("lost", None, why=why)


def _contained(
    whole: Frame, side: int, factor: str, allowed: Sequence[str]
) -> tuple[Answer | None, str]:
    """None if all of the factor is in the product of the ``allowed`` ones of the other side, and how."""
    same = same_factor(whole, side, factor, allowed)
    if same is not None:
        return None, same
    group = whole.groups[side][factor]
    elements: list[Element] = []
    unknown = False
    for generator in range(len(group.generators)):
        found = member(whole, side, factor, generator, allowed)
        if found is Answer.NO:
            return Answer.NO, ""  # one generator is enough
        if isinstance(found, Element):
            elements.append(found)
        else:
            unknown = True
    if unknown:
        return Answer.UNKNOWN, ""
    return None, _words(group.generators, elements)


def _words(generators: Sequence[str], elements: Sequence[Element]) -> str:
    """`r as r^2 of Turn`; where elements have no words, the factors that hold them."""
    if all(text is not None for element in elements for _, text in element.parts):
        parts = [
            f"{name} is " + " times ".join(f"{text} of {f}" for f, text in element.parts)
            for name, element in zip(generators, elements, strict=True)
            if element.parts
        ]
        if len(parts) <= 3 and max(map(len, parts), default=0) <= 40:
            return ", ".join(parts)
    factors = dict.fromkeys(f for element in elements for f in element.factors)
    return "a part of " + " * ".join(factors)


def _same_group(whole: Frame, factor: str) -> bool:
    return factor in whole.groups[1] and whole.groups[0][factor] == whole.groups[1][factor]


def _law(factor: str, type_: Type) -> str:
    return "equivariant" if factor in type_.factors else "invariant"


def _ensured(old: Module, new: Module) -> list[Remark]:
    """Claims that nobody demands any more: they may hold still, but the next change may lose them."""

    def claims(module: Module) -> list[tuple[str, str, str, int]]:
        return [
            (target, promise.kind, promise.subgroup or factor, promise.level)
            for promise in module.promises
            for target in promise.targets
            for factor in (promise.factors if not promise.subgroup else ("",))
        ]

    now = claims(new)
    outputs = {feature.name for feature in new.outputs}
    found = []
    for target, kind, by, level in claims(old):
        if not any(n[:3] == (target, kind, by) and n[3] >= level for n in now):
            words = Level(level).words
            text = f"no `ensure` demands any more that `{target}` is {words} {kind} under `{by}`"
            # outputs are compared anyway; of what is inside nothing else is known
            found.append(Remark(Verdict.SAME if target in outputs else Verdict.WEAKER, text))
    return found
