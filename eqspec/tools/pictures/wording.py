"""The symmetry of outputs in words.

In: a checked module. Out: short lines for a picture, and sentences for a report. A guarantee is never
told without its level unless it is exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eqspec.graph.model import Level, Module, Node


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
