"""The table of strategies for a node, in the text and the JSON of `eqspec cost`.

In: what `tools.strategies` found. Out: records of schema 1, and lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eqspec.graph.model import Level, Module, Node
from eqspec.tools.paint import paint
from eqspec.tools.strategies import Refused, Strategy, strategies

Record = dict[str, Any]
UNIVERSAL = "every equivariant map"


def strategy_records(module: Module, node: Node, refused: bool) -> Record:
    """`strategies` of a node, and `refused` if they are asked for."""
    found = strategies(module, node)
    record: Record = {"strategies": [_legal(one) for one in found if isinstance(one, Strategy)]}
    if refused:
        record["refused"] = [
            {"strategy": one.text, "op": one.op, "code": one.code, "reason": one.reason}
            for one in found
            if isinstance(one, Refused)
        ]
    return record


def _legal(one: Strategy) -> Record:
    record: Record = {
        "strategy": one.text,
        "op": one.op,
        "written": one.written,
        "base_calls": one.base_calls,
        "helper_calls": one.helper_calls,
        "kept_in_training": one.kept,
        "guarantee": one.level.key,
        "levels": {name: level.key for name, level in one.levels.items()},
    }
    if one.declares:
        record["declares"] = one.declares
    if one.loses is not None:
        record["loses"] = {
            "output_span": one.loses.output_span,
            "output_dimension": one.loses.output_dimension,
            "input_kept": one.loses.input_kept,
            "input_dimension": one.loses.input_dimension,
            "linear_maps_reached": one.loses.reached,
            "linear_maps": one.loses.hom,
        }
    return record


def strategy_lines(node: Record, color: bool) -> list[str]:
    """The strategies for a node, one a line; a star marks the one that the spec has."""
    if "strategies" not in node:
        return []
    header = ("", "strategy", "calls", "helper", "kept", "guarantee", "reaches")
    rows = [
        (
            "*" if one["written"] else "",
            one["strategy"],
            f"{one['base_calls']:,}",
            f"{one['helper_calls']:,}" if one["helper_calls"] else "-",
            f"{one['kept_in_training']:,}",
            guarantee_words(one["levels"]),
            reaches(one.get("loses")) + (f"  ({one['declares']})" if "declares" in one else ""),
        )
        for one in node["strategies"]
    ]
    wide = [max(len(row[k]) for row in (header, *rows)) for k in range(len(header))]
    keep = [k for k in range(len(header)) if k != 3 or any(row[3] != "-" for row in rows)]

    def line(row: tuple[str, ...]) -> str:
        cells = [f"{row[k]:>{wide[k]}}" if k in (2, 3, 4) else f"{row[k]:<{wide[k]}}" for k in keep]
        return ("  " + "  ".join(cells)).rstrip()

    lines = ["", paint(f"  strategies for `{node['node']}`", "1", color)]
    lines += [paint(line(header), "2", color), *(line(row) for row in rows)]
    for one in node.get("refused", ()):
        lines.append(f"     {one['strategy']}: {one['code']}, {one['reason']}")
    return lines


def guarantee_words(levels: Mapping[str, str]) -> str:
    words = {level.key: level.words for level in Level}
    if len(set(levels.values())) <= 1:
        return words[next(iter(levels.values()), Level.EXACT.key)]
    return ", ".join(f"{words[level]} under {name}" for name, level in levels.items())


def reaches(loses: Mapping[str, int] | None) -> str:
    if loses is None:
        return UNIVERSAL
    return (
        f"output {loses['output_span']:,} of {loses['output_dimension']:,},"
        f" input {loses['input_kept']:,} of {loses['input_dimension']:,}"
    )
