"""`eqspec cost`: what the compiled modules cost, node by node, schema 1.

The numbers are sums over the instructions of the lowered program, for one sample in evaluation.
`product_calls` is what a plain average over the whole product of groups would need.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from eqspec.diagnostics.render import render_text, summary
from eqspec.graph.model import ModuleCall, Node
from eqspec.graph.sizes import for_json, is_dynamic
from eqspec.ops.averaging import Average
from eqspec.ops.cosetchecks import Canonicalisation
from eqspec.ops.frames import Framing
from eqspec.tools.aiming import aim_of
from eqspec.tools.explaining import checked_spec
from eqspec.tools.findings import out, say, to_stderr
from eqspec.tools.paint import paint
from eqspec.tools.placing import placement_lines, placement_record
from eqspec.tools.progress import ProgressLine
from eqspec.tools.strategies import is_average
from eqspec.tools.strategytable import strategy_lines, strategy_records

SCHEMA = 1
NUMBERS = ("base_calls", "product_calls", "parameters", "flops", "bytes")
_TITLES = ("base calls", "plain average", "parameters", "FLOPs", "bytes")

Record = dict[str, Any]


def run_cost(
    spec: str,
    format_: str,
    sizes: Mapping[str, int],
    color: bool,
    refused: bool = False,
    flags: Mapping[str, Any] = MappingProxyType({}),
) -> int:
    """``refused``: the strategies that are not legal at a node are listed with the reason. ``flags`` say
    for what the way of lowering is chosen."""
    from eqspec.pipeline import lower_spec

    checked, code = checked_spec(spec, sizes)
    if checked is None or checked.result.spec is None:
        return code
    with ProgressLine() as progress:
        progress.spec = checked.spec.shown
        try:
            aim = aim_of(flags, checked.config)
            lowered, diagnostics = lower_spec(checked.result.spec, progress, aim=aim)
        except Exception as error:
            error.add_note(f"while lowering {checked.spec.shown}")
            raise
    if diagnostics:
        to_stderr(render_text(diagnostics, color=False) + "\n")
        say(summary(diagnostics))
        return 1
    records = module_costs(lowered, refused)
    if format_ == "json":
        out(json.dumps(for_json({"schema": SCHEMA, "modules": records}), indent=2) + "\n")
    elif records:
        out("\n".join(_table(record, color) for record in records))
        say("For one sample in evaluation; what a base does inside is not counted.")
        if any("strategies" in node for record in records for node in record["nodes"]):
            say(
                "Evaluation holds one chunk of calls at a time (`call_bytes`); training holds the"
                " activations of all that are kept."
            )
    else:
        say("There is no module in this spec: an interface costs nothing.")
    return 0


def module_costs(lowered: Mapping[str, Any], refused: bool = False) -> list[Record]:
    """One record for each module, in order of dependence; a call of a module costs its total."""
    from eqspec.program.cost import Cost, costs

    totals: dict[str, Record] = {}
    records: list[Record] = []
    for key, made in lowered.items():
        found = costs(made.program)
        nodes: list[Record] = []
        for node in made.module.nodes:
            cost = found.pop(node.name, Cost())
            record = {
                "node": node.name,
                "op": node.op,
                "base_calls": cost.base_calls,
                "product_calls": _product(node),
                "parameters": cost.parameters,
                "flops": cost.flops,
                "bytes": cost.bytes,
            }
            if isinstance(node.data, ModuleCall):
                _add(record, totals[node.data.module.key])
            if is_average(node):
                record |= strategy_records(made.module, node, refused)
            nodes.append(record)
        total: Record = dict.fromkeys(NUMBERS, 0)
        for record in nodes:
            _add(total, record)
        for rest in found.values():  # what belongs to no node of the graph
            for name in ("base_calls", "parameters", "flops", "bytes"):
                total[name] += getattr(rest, name)
        # a plain average takes the whole module for one network: an evaluation for each element
        # (an infinite group never acts on what is averaged; on what is framed there is no such number)
        orders = [group.order or 1 for group in made.module.groups.values()]
        total["product_calls"] = math.prod(orders) if total["base_calls"] else 0
        framed = any(isinstance(node.data, Framing) for node in made.module.nodes)
        for group in made.module.groups.values():
            if is_dynamic(group.parameters) or (framed and not group.is_finite):
                total["product_calls"] = 0  # n! for an n that is not known
        totals[key] = total
        record = {"module": key, "nodes": nodes, "total": total}
        if made.placement is not None:
            record["time"] = placement_record(made.placement)
        records.append(record)
    return records


def _product(node: Node) -> int:
    return node.data.product if isinstance(node.data, Average | Canonicalisation) else 0


def _add(record: Record, other: Mapping[str, Any]) -> None:
    for name in NUMBERS:
        record[name] += other[name]


def _table(record: Record, color: bool) -> str:
    rows = [
        (node["node"], node["op"], *(_number(node[name]) for name in NUMBERS))
        for node in record["nodes"]
        if node["op"] != "input"
    ]
    total = ("total", "", *(_number(record["total"][name]) for name in NUMBERS))
    header = ("node", "op", *_TITLES)
    keep = [0, 1] + [k for k in range(2, len(header)) if k > 3 or record["total"][NUMBERS[k - 2]]]
    wide = [max(len(row[k]) for row in (header, *rows, total)) for k in range(len(header))]

    def line(row: Sequence[str]) -> str:
        cells = [f"{row[k]:<{wide[k]}}" if k < 2 else f"{row[k]:>{wide[k]}}" for k in keep]
        return "  " + "  ".join(cells).rstrip()

    rule = "  " + "-" * (len(line(total)) - 2)
    lines = [paint(record["module"], "1", color), paint(line(header), "2", color)]
    lines += [line(row) for row in rows]
    lines += [rule, paint(line(total), "1", color)]
    for node in record["nodes"]:
        lines += strategy_lines(node, color)
    if "time" in record:
        lines += placement_lines(record["time"], color)
    return "\n".join(lines) + "\n"


def _number(value: int) -> str:
    return f"{value:,}" if value else "-"
