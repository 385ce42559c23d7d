"""The symmetry of outputs in words.

In: a checked module. Out: short lines for a picture, and sentences for a report. A guarantee is never
told without its level unless it is exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from eqspec.graph.causes import causes
from eqspec.graph.model import Level, Module, Node, OutputFeature, Promise
from eqspec.graph.types import Axis, FlatAxis, Type


def short_laws(module: Module, node: Node) -> Iterator[str]:
    """`unchanged under Rot, Flip`, `follows S almost everywhere`: one line for each kind and level.

    That an output follows the groups of its type is not said where it is exact: the type says it.
    """
    touched = [name for name in module.factors if name in node.touched]
    for level in sorted(Level, reverse=True):
        here = [name for name in touched if node.levels.get(name, Level.EXACT) is level]
        still = [name for name in here if name not in node.type.factors]
        moved = [name for name in here if name in node.type.factors]
        suffix = "" if level is Level.EXACT else f" {level.words}"
        if still:
            yield f"unchanged under {', '.join(still)}{suffix}"
        if moved and level is not Level.EXACT:
            yield f"follows {', '.join(moved)}{suffix}"


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


@dataclass(frozen=True)
class Law:
    """What one output does under one factor. ``except_`` says where that may fail, or why it is not
    proved."""

    factor: str
    group: str
    text: str
    level: str
    exact: bool
    except_: tuple[str, ...] = ()


def laws_of(module: Module, output: OutputFeature) -> list[Law]:
    """One law for every factor of the module, in order."""
    if module.is_interface:
        return [_asked(module, output, name) for name in module.factors]
    node = module.node(output.node)
    return [_law(module, output, node, name) for name in module.factors]


def _law(module: Module, output: OutputFeature, node: Node, factor: str) -> Law:
    group = module.groups[factor].description
    if factor not in node.touched:
        text = f"It does not depend on anything on which `{factor}` acts."
        return Law(factor, group, text, Level.EXACT.words, True)
    level = node.levels.get(factor, Level.EXACT)
    acted = [f"`{one.name}`" for one in module.inputs if factor in one.type.factors]
    when = f"When `{factor}` acts on {listed(acted)}" if acted else f"Under `{factor}`"
    text = f"{when}, {_reply(output, factor, factor in node.live)}."
    found: dict[str, None] = {}
    if level is not Level.EXACT:
        nodes = {inner.name: inner for inner in module.nodes}
        for cause in causes(nodes, node.name, {factor}):
            why = f"; not proved that these have measure zero: {cause.why}" if cause.why else ""
            found[f"{cause.null_set} ({cause.place}{why})"] = None
    return Law(factor, group, text, level.words, level is Level.EXACT, tuple(found))


def _asked(module: Module, output: OutputFeature, factor: str) -> Law:
    """An interface promises nothing: it says what a model has to do."""
    acted = [f"`{one.name}`" for one in module.inputs if factor in one.type.factors]
    when = f"When `{factor}` acts on {listed(acted)}" if acted else f"Under `{factor}`"
    reply = _reply(output, factor, True)
    text = f"{when}, {reply.replace(' stays ', ' must stay ').replace(' moves ', ' must move ')}."
    return Law(factor, module.groups[factor].description, text, "asked", True)


def _reply(output: OutputFeature, factor: str, live: bool) -> str:
    """``live``: the factor can move the output (`graph.guarantees`); else it acts on it and fixes it."""
    if factor not in output.type.factors:
        return f"`{output.name}` stays as it is"
    axes = [str(axis) for axis in _axes(output.type) if factor in axis.factors]
    ways = listed([f"`{axis}`" for axis in dict.fromkeys(axes)])
    if not live:
        by = f" by {ways}" if ways else ""
        return f"`{output.name}` stays as it is, and the action{by} on it leaves it alone"
    return f"`{output.name}` moves along, by {ways}" if ways else f"`{output.name}` moves along"


def _axes(type_: Type) -> Iterator[Axis]:
    """All axes of a type, those of the fields of a `flat` in its place."""
    for block in type_.blocks:
        for axis in block.axes:
            if isinstance(axis, FlatAxis):
                for _, inner in axis.fields:
                    yield from _axes(inner)
            else:
                yield axis


def promise_text(promise: Promise) -> str:
    """An `ensure` that was proved."""
    by = promise.subgroup or " \N{MULTIPLICATION SIGN} ".join(promise.factors)
    names = listed([f"`{name}`" for name in promise.targets])
    are = "is" if len(promise.targets) == 1 else "are"
    return f"{names} {are} {promise.kind} under {by}, {promise.level.words}."
