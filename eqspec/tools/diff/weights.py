"""Costs before and after, and whether a `state_dict` of the old module fits the new one.

In: two specs that are proved. Out: `Numbers` and a `State` for every module that both have. Both are
lowered: this part needs NumPy, but not torch.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from eqspec.diagnostics.model import Diagnostic
from eqspec.graph.model import Spec
from eqspec.graph.sizes import for_json
from eqspec.tools.diff.changes import ModuleChange, Numbers, State
from eqspec.tools.diff.entries import Names, Place, module_entries

COUNTED = ("base_calls", "parameters", "flops", "bytes")
NO_STATE = "extra_repr"
"""A method that says the names of groups, and computes nothing."""


@dataclass(frozen=True)
class Side:
    """A spec compiled: totals and saved tensors of every module, the code of its classes and helpers,
    and the names of the entries of what comes in and goes out."""

    totals: Mapping[str, Mapping[str, int | str]]
    states: Mapping[str, Mapping[str, tuple[int | str, ...]]]
    code: Mapping[str, str]
    reached: Mapping[str, frozenset[str]]
    entries: Mapping[str, tuple[dict[Place, Names], ...]]


def compiled(spec: Spec) -> tuple[Side | None, list[Diagnostic]]:
    """Lower a spec; or the diagnostics that say why that is refused."""
    from eqspec.emit.module import module_text
    from eqspec.pipeline import lower_spec
    from eqspec.tools.costing import module_costs

    lowered, refused = lower_spec(spec)
    if refused:
        return None, refused
    if not lowered:
        return Side({}, {}, {}, {}, {}), []
    totals = {record["module"]: for_json(record["total"]) for record in module_costs(lowered)}
    text, names = module_text(lowered, "compared")
    states: dict[str, Mapping[str, tuple[int | str, ...]]] = {}
    for key in lowered:  # in order of dependence: children first
        state: dict[str, Any] = {k: tuple(for_json(list(s))) for k, s in names.state[key].items()}
        for attribute, child in names.children[key].items():
            state |= {f"{attribute}.{k}": shape for k, shape in states[child].items()}
        states[key] = state
    code = _definitions(text)
    reached = {key: _reached(names.classes[key], code) for key in lowered}
    entries = {module.key: module_entries(module) for module in spec.modules}
    return Side(totals, states, code, reached, entries), []


def with_weights(change: ModuleChange, old: Side, new: Side) -> ModuleChange:
    """The change with its numbers; interfaces have none."""
    name = change.name
    before, after = old.totals.get(name), new.totals.get(name)
    if before is None or after is None:
        return change
    numbers = tuple(Numbers(key, before[key], after[key]) for key in COUNTED)
    return replace(change, numbers=numbers, state=_state(name, old, new))


def _state(name: str, old: Side, new: Side) -> State:
    before, after = old.states[name], new.states[name]
    missing = tuple(key for key in after if key not in before)
    unexpected = tuple(key for key in before if key not in after)
    reshaped = tuple(key for key in before if key in after and before[key] != after[key])
    if missing or unexpected or reshaped:
        return State("incompatible", missing, unexpected, reshaped)
    same = (
        old.entries[name] == new.entries[name]
        and old.reached[name] == new.reached[name]
        and all(old.code[key] == new.code[key] for key in old.reached[name])
    )
    return State("same" if same else "differs")


def _definitions(text: str) -> dict[str, str]:
    """The top-level definitions of a module by name, without comments and docstrings."""
    found: dict[str, str] = {}
    for statement in ast.parse(text).body:
        for name in _names(statement):
            found[name] = ast.dump(_bare(statement))
    return found


def _names(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def _bare(statement: ast.stmt) -> ast.stmt:
    for node in ast.walk(statement):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            first, *rest = node.body
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = rest or [ast.Pass()]
            node.body = [
                inner
                for inner in node.body
                if not (isinstance(inner, ast.FunctionDef) and inner.name == NO_STATE)
            ]
    return statement


def _reached(start: str, code: Mapping[str, str]) -> frozenset[str]:
    """The definitions that a class uses, itself and through others."""
    found, todo = {start}, [start]
    while todo:
        text = code[todo.pop()]
        for name in code:
            if name not in found and f"id='{name}'" in text:
                found.add(name)
                todo.append(name)
    return frozenset(found)
