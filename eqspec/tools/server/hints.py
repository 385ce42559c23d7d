"""Inlay hints: the derived type of every layer that declares none."""

from __future__ import annotations

from lsprotocol import types as lsp

from eqspec.diagnostics.model import Span
from eqspec.syntax import tree
from eqspec.tools.server.session import Analysis

MAX_LENGTH = 60


def hints(analysis: Analysis, range_: lsp.Range) -> list[lsp.InlayHint]:
    wanted = analysis.positions.span(range_)
    return [
        lsp.InlayHint(
            position=analysis.positions.position(name.span.end),
            label=f": {type_}" if len(type_) <= MAX_LENGTH else f": {type_[: MAX_LENGTH - 1]}…",
            kind=lsp.InlayHintKind.Type,
            tooltip=type_ if len(type_) > MAX_LENGTH else None,
        )
        for name, type_ in _derived(analysis, wanted)
    ]


def _derived(analysis: Analysis, wanted: Span) -> list[tuple[tree.Name, str]]:
    """Names of layers with the type that was derived; of a template, if all instances agree."""
    found: list[tuple[tree.Name, str]] = []
    for item in analysis.file.items:
        if not isinstance(item, tree.Module):
            continue
        if item.span.end < wanted.start or item.span.start > wanted.end:
            continue
        nodes = [
            node for module in analysis.modules.get(item.name.text, ()) for node in module.nodes
        ] or list(analysis.elaborated.get(item.name.text, ()))
        types: dict[str, set[str]] = {}
        for node in nodes:
            types.setdefault(node.name, set()).add(str(node.type))
        for member in item.members:
            if not isinstance(member, tree.Layer | tree.Output) or member.type is not None:
                continue
            type_ = types.get(member.name.text, set())
            if len(type_) == 1:
                found.append((member.name, next(iter(type_))))
    return found
