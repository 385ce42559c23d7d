"""What is known of the name under the cursor.

In: an analysis and an offset. Out: Markdown. Of a feature: its declaration, type, shape, the groups that
act, what is promised, the dimension of every edge and what it costs. The facts are those of `explain`
(`tools.derivation`); nothing is derived here. Of a module with an error no promise is shown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from eqspec.diagnostics.model import Span
from eqspec.graph.model import Module, Node
from eqspec.graph.types import Type
from eqspec.ops import OPS
from eqspec.syntax.words import FORMS
from eqspec.tools.derivation import derivation
from eqspec.tools.server.dictionary import summary_of_family, summary_of_rep
from eqspec.tools.server.markup import code, inline, plain
from eqspec.tools.server.session import Analysis, files_of
from eqspec.tools.server.signatures import signature_of
from eqspec.tools.server.symbols import Kind, Symbol

MAX_INSTANCES = 4
MAX_LINES = 12
_WORD = re.compile(r"[A-Za-z_]\w*")
_FEATURES = (Kind.INPUT, Kind.LAYER, Kind.OUTPUT)
_LEVELS = {
    "exact": "exactly",
    "almost_everywhere": "almost everywhere",
    "approximate": "approximately: nothing is proved",
}

Costs = Mapping[tuple[str, str], Mapping[str, int]]
"""Of every (module, node) the numbers of `eqspec cost`, as far as they are known."""


def hover(analysis: Analysis, offset: int, costs: Costs) -> tuple[str, Span] | None:
    """The text, and the place that it is about."""
    found = analysis.index.at(offset)
    if found is not None:
        parts = [part for symbol in found.symbols[:3] for part in _symbol(analysis, symbol, costs)]
        return "\n\n".join(parts), found.span
    for match in _WORD.finditer(analysis.source.text, analysis.positions.line_start(offset)):
        if match.start() <= offset <= match.end():
            text = _word(analysis, match.group(), match.start())
            return (text, Span(*match.span())) if text else None
        if match.start() > offset:
            break
    return None


def nodes_of(analysis: Analysis, symbol: Symbol) -> list[tuple[Module, Node]]:
    """The nodes of a feature in every proved instance of its module."""
    return [
        (module, node)
        for module in analysis.modules.get(symbol.container, ())
        for node in module.nodes
        if node.name == symbol.name
    ]


# ---- names -----------------------------------------------------------------------------------------


def _symbol(analysis: Analysis, symbol: Symbol, costs: Costs) -> list[str]:
    parts = [code(_declaration(analysis, symbol))]
    if symbol.doc:
        parts.append(plain(symbol.doc))
    here = symbol.path == analysis.index.names.path
    match symbol.kind:
        case Kind.INPUT | Kind.LAYER | Kind.OUTPUT if here:
            parts += _feature(analysis, symbol, costs)
        case Kind.GROUP if here:
            parts += _group(analysis, symbol)
        case Kind.MODULE | Kind.INTERFACE if here:
            parts += _module(analysis, symbol)
        case Kind.POINT | Kind.GENERATOR | Kind.FIELD | Kind.FORMAL:
            parts.append(f"{symbol.kind.value} of {inline(symbol.container)}")
        case _ if not here:
            parts.append(f"declared in {inline(symbol.path.name)}")
    return parts


def _declaration(analysis: Analysis, symbol: Symbol) -> str:
    """The declaration as it is written, its middle left out where it is long."""
    text = symbol.name
    for names in files_of(analysis.index):
        if names.path == symbol.path:
            text = names.file.source.text[symbol.whole.start : symbol.whole.end]
    if symbol.kind in (Kind.MODULE, Kind.INTERFACE):
        return text.partition("{")[0].strip()
    if symbol.kind is Kind.POINT:
        return symbol.name
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        lines = [*lines[: MAX_LINES - 2], "  ...", lines[-1]]
    return "\n".join(lines)


def _feature(analysis: Analysis, symbol: Symbol, costs: Costs) -> list[str]:
    found = nodes_of(analysis, symbol)
    if found:
        parts = []
        for module, node in found[:MAX_INSTANCES]:
            if len(found) > 1:
                parts.append(f"In {inline(module.key)}:")
            parts.append(_node(module, node, costs.get((module.key, node.name))))
        if len(found) > MAX_INSTANCES:
            parts.append(f"and {len(found) - MAX_INSTANCES} more instances")
        return parts
    for module in analysis.modules.get(symbol.container, ()):
        for name, type_ in module.features if module.is_interface else ():
            if name == symbol.name:
                return [_list(_shape(type_) + _acting(type_))]
    for node in analysis.elaborated.get(symbol.container, ()):
        if node.name == symbol.name:
            lines = [f"type {inline(str(node.type))}", *_shape(node.type), *_acting(node.type)]
            refused = f"{inline(symbol.container)} is refused: nothing is promised."
            return [_list(lines), refused]
    if symbol.container in analysis.elaborated:
        return ["It cannot be derived: something that it reads is refused."]
    return []


def _node(module: Module, node: Node, cost: Mapping[str, int] | None) -> str:
    record = derivation(module, node)
    lines = [f"type {inline(record['type'])}", *_shape(node.type)]
    touched = sorted(node.touched | node.type.factors, key=module.factors.index)
    for factor in touched:
        law = "equivariant" if factor in node.type.factors else "invariant"
        lines.append(f"{inline(factor)}: **{law}**, {_LEVELS[record['levels'][factor]]}")
    if not touched:
        lines.append("no group acts, here or before")
    for cause in record.get("lowered_by", ()):
        lines.append(f"except {plain(cause['null_set'])}, by {inline(cause['op'])}")
    for edge in record["edges"]:
        lines.append(_edge(edge))
    lines += _cost(record, cost)
    if record["rule"]:
        ops = " after ".join(inline(step["op"]) for step in reversed(record["steps"]))
        lines.append(f"{ops}: {record['rule']}")
    return _list(lines)


def _edge(edge: Mapping[str, Any]) -> str:
    """`from x: Rot equivariant, Flip invariant; 12 free weights (fusion point)`."""
    words = [f"{inline(name)} {kind}" for name, kind in edge["factors"].items()]
    line = f"from {inline(edge['source'])}: {', '.join(words) or 'no group acts at either end'}"
    if edge["dimension"] is not None:
        line += f"; dimension {_number(edge['dimension'])}"
    return line + (" — **fusion point**" if edge["fusion"] else "")


def _cost(record: Mapping[str, Any], cost: Mapping[str, int] | None) -> list[str]:
    if record["op"] == "input":
        return []
    words = [f"{_number(record['parameters'])} parameters"]
    for average in record.get("averages", ()):
        calls = f"{_number(average['base_calls'])} calls of {inline(average['base'])}"
        if average["product_calls"] and average["product_calls"] != average["base_calls"]:
            calls += f" where a plain average needs {_number(average['product_calls'])}"
        words.append(calls)
    if cost is not None:
        words.append(f"{_number(cost['flops'])} FLOPs")
        words.append(f"{_number(cost['bytes'])} bytes")
    return ["cost: " + ", ".join(words)]


def _shape(type_: Type) -> list[str]:
    shapes = " and ".join(f"({', '.join(map(str, shape))})" for shape in type_.shapes)
    return [f"shape {plain(shapes)}, behind any batch dimensions"]


def _acting(type_: Type) -> list[str]:
    if not type_.factors:
        return ["no group acts"]
    return ["acted on by " + ", ".join(inline(factor) for factor in sorted(type_.factors))]


def _group(analysis: Analysis, symbol: Symbol) -> list[str]:
    """Order and generators, as far as a module uses the group."""
    for modules in analysis.modules.values():
        for module in modules:
            group = module.groups.get(symbol.name)
            if group is not None:
                order = "infinite" if group.order is None else f"of order {_large(group.order)}"
                names = ", ".join(inline(name) for name in group.generators)
                return [f"{order}, generated by {names}"]
    return []


def _module(analysis: Analysis, symbol: Symbol) -> list[str]:
    parts = []
    modules = analysis.modules.get(symbol.name, ())
    for module in modules[:MAX_INSTANCES]:
        lines = [f"takes {inline(f.name)}: {inline(str(f.type))}" for f in module.inputs]
        lines += [f"gives {inline(f.name)}: {inline(str(f.type))}" for f in module.outputs]
        if module.factors:
            lines.append("under " + ", ".join(inline(name) for name in module.factors))
        if len(modules) > 1:
            parts.append(f"In {inline(module.key)}:")
        parts.append(_list(lines))
    if not modules and symbol.name in analysis.elaborated:
        parts.append("It is refused: nothing is promised.")
    return parts


# ---- words of the language -------------------------------------------------------------------------


def _word(analysis: Analysis, word: str, start: int) -> str | None:
    """An op, a family of groups, a representation or a keyword."""
    dotted = analysis.source.text[max(start - 1, 0) : start] == "."
    if dotted:
        summary = summary_of_rep(word)
        return f"{inline(word)}: {summary}" if summary else None
    if word in OPS:
        op = OPS[word]
        return f"{code(signature_of(op))}\n\n{sentence(op.rule)}"
    summary = summary_of_family(word)
    if summary:
        return f"{inline(word)}: {summary}"
    form = FORMS.get(word.upper())
    return sentence(form) if form and word.islower() else None


def sentence(text: str) -> str:
    """A text of our own with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _list(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _number(value: int) -> str:
    return f"{value:,}"


def _large(order: int) -> str:
    return _number(order) if order < 10**15 else f"about 10^{int(math.log10(order))}"
