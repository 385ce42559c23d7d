"""What `eqspec cost` and `eqspec explain` say of ways of lowering: predicted times, and what was chosen.

In: a `Placement`. Out: records for JSON, and lines for a terminal. Seconds are predictions by a device
table, of a step of training and of a call in evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from eqspec.tools.paint import paint

if TYPE_CHECKING:
    from eqspec.lowering.ways import Placement, Time

Record = dict[str, Any]


def placement_record(found: Placement) -> Record:
    """The plans that were compared for a module, the chosen one first named; ``measured``: the rates of
    the table were."""
    aim = found.aim
    return {
        "device": aim.table.name,
        "measured": aim.table.measured,
        "batch": aim.batch,
        "for": aim.purpose,
        "chosen": found.chosen.name,
        "plans": [{"plan": c.name, **_seconds(c.time)} for c in found.candidates],
        "nodes": {
            node: {"way": found.way(node).name, **_seconds(found.way(node).time)}
            for node in found.ways
        },
    }


def ways_record(found: Placement, node: str) -> Record | None:
    """The ways of one node alone; None if it has one."""
    if node not in found.ways:
        return None
    return {
        "device": found.aim.table.name,
        "batch": found.aim.batch,
        "for": found.aim.purpose,
        "chosen": found.way(node).name,
        "ways": [{"way": way.name, **_seconds(way.time)} for way in found.ways[node]],
    }


def placement_lines(record: Mapping[str, Any], color: bool) -> list[str]:
    """A table of the plans; one line where there is no choice."""
    plans = record["plans"]
    head = f"predicted time, batch {record['batch']} on {record['device']}"
    if not record["measured"]:
        head += " (rates estimated, not measured)"
    rows = [(plan["plan"], plan) for plan in plans]
    return ["", "  " + paint(head, "2", color), *_rows(rows, record["chosen"], color)]


def ways_lines(record: Mapping[str, Any], color: bool) -> list[str]:
    rows = [(way["way"], way) for way in record["ways"]]
    head = f"ways to lower it, predicted for batch {record['batch']} on {record['device']}"
    return [head, *_rows(rows, record["chosen"], color)]


def _rows(rows: Sequence[tuple[str, Mapping[str, Any]]], chosen: str, color: bool) -> list[str]:
    wide = max(len(name) for name, _ in rows)
    lines = []
    for name, times in rows:
        line = (
            f"    {name:<{wide}}  {duration(times['training']):>8} training"
            f"  {duration(times['evaluation']):>8} evaluation"
        )
        if name == chosen and len(rows) > 1:
            line = paint(f"{line}  chosen", "1", color)
        lines.append(line)
    return lines


def duration(seconds: float) -> str:
    """Three digits and a unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def _seconds(time: Time) -> Record:
    return {
        "training": float(f"{time.training:.4g}"),
        "evaluation": float(f"{time.evaluation:.4g}"),
    }
