"""Formulas for a reader: the law of a feature, and how a dimension was counted. Plain values for JSON."""

from __future__ import annotations

from typing import Any

from eqspec.algebra.images import Rational
from eqspec.algebra.representations import Representation
from eqspec.algebra.tallies import tally
from eqspec.graph.model import Module, Node

LETTERS = "ghkpqrst"


def law_of(module: Module, node: Node) -> dict[str, Any] | None:
    """The law of a feature as a function of the inputs that it depends on: `f(g·x, y) = g·f(x, y)`."""
    if node.op == "input":
        return None
    upstream, todo = {node.name}, [node.name]
    while todo:
        for arg in module.node(todo.pop()).args:
            if arg not in upstream:
                upstream.add(arg)
                todo.append(arg)
    inputs = [feature for feature in module.inputs if feature.name in upstream]
    acting = frozenset(f for feature in inputs for f in feature.type.factors) | node.type.factors
    factors = [name for name in module.factors if name in acting]
    if not factors:
        return None
    short = len(factors) <= len(LETTERS)
    elements = {name: LETTERS[k] if short else f"g_{name}" for k, name in enumerate(factors)}

    def moved(name: str, by: frozenset[str]) -> str:
        return "·".join([*(elements[factor] for factor in factors if factor in by), name])

    names = ", ".join(feature.name for feature in inputs)
    acted = ", ".join(moved(feature.name, feature.type.factors) for feature in inputs)
    right = moved(f"{node.name}({names})", node.type.factors)
    return {"formula": f"{node.name}({acted}) = {right}", "elements": elements}


def count_of(
    source: tuple[int | Representation, ...], target: tuple[int | Representation, ...]
) -> dict[str, Any]:
    """How the dimension of a cluster comes about, for a reader who wants to count again."""
    told = tally(
        tuple(axis for axis in source if not isinstance(axis, int)),
        tuple(axis for axis in target if not isinstance(axis, int)),
    )
    return {
        "route": told.route,
        "formula": list(told.formula),
        "classes": [
            {
                "element": row.element,
                "elements": row.elements,
                "source": _rational(row.source),
                "target": _rational(row.target),
            }
            for row in told.rows
        ],
    }


def _rational(value: Rational) -> int | str:
    """A whole number, or a fraction as text: `3/2`."""
    return int(value) if value == int(value) else str(value)
