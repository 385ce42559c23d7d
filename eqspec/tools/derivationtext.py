"""The derivation of a node as text: words, formulas and tables that a reviewer can follow.

In: the record of `derivation`, from which nothing is left out but what a table would drown in.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from eqspec.diagnostics.snippet import visible
from eqspec.tools.findings import count
from eqspec.tools.paint import paint

TITLE, HEADING = "1", "1;36"
WIDTH = 100

_WORDS = {
    "exact": "exactly",
    "almost_everywhere": "almost everywhere",
    "approximate": "approximately",
}
_ASKS = {
    "equivariant": "acts on both ends: the map commutes with it",
    "invariant": "acts on the source alone: the map forgets it",
    "symmetric": "acts on the target alone: the result is fixed by it",
}
_PRODUCTS = ("gated", "dot", "tensor_product")
_ASKS_OF_PRODUCTS = {
    "equivariant": "acts on both ends: the product moves as its type says",
    "invariant": "acts on the source alone: the form along its axes does not change",
    "symmetric": "acts on the target through the other argument",
}


def derivation_text(record: dict[str, Any], color: bool) -> str:
    acting = ", ".join(record["factors"]) or "nothing: invariant under every factor"
    shapes = " and ".join(str(tuple(shape)) for shape in record["shapes"])
    rows = [("type", record["type"]), ("shape", shapes), ("acted by", acting)]
    if record.get("law"):
        rows.append(("law", _law(record["law"])))
    rows.append(("guarantee", _guarantee(record["levels"])))
    for cause in record.get("lowered_by", ()):
        rows.append(("not proved" if cause.get("why") else "except", _cause(cause)))
    for promise in record.get("promises", ()):
        by = promise.get("subgroup") or " * ".join(promise["factors"])
        rows.append(("ensured", f"{promise['kind']} under {by}, {_WORDS[promise['guarantee']]}"))
    ops = " after ".join(step["op"] for step in reversed(record["steps"]))
    rows.append(("op", ops if record["rule"] else "an input of the module"))
    if record["rule"]:
        rows.append(("because", record["rule"]))
    if "calls" in record:
        rows.append(("calls", f"module {record['calls']}"))
    if record["rule"]:
        bias = f", {record['bias']:,} of them bias" if record.get("bias") else ""
        rows.append(("parameters", f"{record['parameters']:,}{bias}"))
    for found in record.get("convolutions", ()):
        rows.append(("windows", _windows(found)))
    for found in record.get("attentions", ()):
        rows += _heads(found)
    if record.get("each"):
        rows.append(("each", f"one map at every index of {', '.join(record['each'])}"))
    title = f"{record['node']}  in module {record['module']}"
    lines = [paint(title, TITLE, color)]
    if record.get("doc"):
        lines += [f"  {visible(line)}" for line in record["doc"].split("\n")]
    lines += _fields(rows)
    for average in record.get("averages", ()):
        lines += ["", *_average(average, color)]
    for edge in record["edges"]:
        lines += ["", *_edge(edge, color)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _law(law: Mapping[str, Any]) -> str:
    """`h(g·x) = g·h(x) for every g in Rot`."""
    each = [f"{letter} in {factor}" for factor, letter in law["elements"].items()]
    return f"{law['formula']}   for all {', '.join(each)}"


def _heads(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """`2 heads of 4 channels over S.natural`, and the dimensions of the spaces of maps."""
    widths = " and ".join(
        f"{n} channel{'s' if n != 1 else ''}" for n in dict.fromkeys(found["widths"])
    )
    heads = f"{found['heads']} head{'s' if found['heads'] != 1 else ''}"
    each = (
        f", each with scores for every index of {', '.join(found['each'])}" if found["each"] else ""
    )
    rows = [("heads", f"{heads} of {widths} over {', '.join(found['over'])}{each}")]
    maps = ", ".join(f"{name} {count:,}" for name, count in found["parameters"].items())
    rows.append(("maps", maps))
    if found["bias"] != "none":
        rows.append(
            ("positions", f"{found['bias']} bias, {found['orbits']:,} numbers for each head")
        )
    return rows


def _windows(found: Mapping[str, Any]) -> str:
    """`3 x 3, stride 2, padding 1, from 33 x 33 to 17 x 17 positions`."""
    words = [" x ".join(map(str, found["kernel"]))]
    for name, usual in (("stride", 1), ("padding", 0), ("dilation", 1)):
        values = found[name]
        if name == "padding":
            values = [pair[0] if pair[0] == pair[1] else pair for pair in values]
        if any(value != usual for value in values):
            same = all(value == values[0] for value in values)
            words.append(f"{name} {values[0] if same else values}")
    if found["padding_mode"] != "zero" and any(map(any, found["padding"])):
        words[-1] += f" ({found['padding_mode']})"
    if found["groups"] > 1:
        words.append(f"{found['groups']} groups")
    before, after = (" x ".join(map(str, found[key])) for key in ("from", "to"))
    return f"{', '.join(words)}; from {before} to {after} positions"


def _fields(rows: Sequence[tuple[str, str]]) -> list[str]:
    wide = max(len(name) for name, _ in rows)
    lines = []
    for name, text in rows:
        folded = textwrap.wrap(text, 96 - wide, break_long_words=False) or [""]
        lines.append(f"  {name:<{wide}}  {folded[0]}")
        lines += [f"  {'':<{wide}}  {line}" for line in folded[1:]]
    return lines


def _guarantee(levels: Mapping[str, str]) -> str:
    if len(set(levels.values())) <= 1:
        return _WORDS[next(iter(levels.values()), "exact")]
    names: dict[str, list[str]] = {}
    for factor, level in levels.items():
        names.setdefault(level, []).append(factor)
    return "; ".join(f"{_WORDS[level]} under {', '.join(under)}" for level, under in names.items())


def _cause(cause: Mapping[str, Any]) -> str:
    inside = f" of the module `{cause['module']}`" if "module" in cause else ""
    why = f"; {cause['why']}" if "why" in cause else ""
    return f"{cause['null_set']} (`{cause['op']}` in `{cause['node']}`{inside}{why})"


def _rule(rule: str, by: str) -> list[tuple[str, str]]:
    """How the answers along an orbit become one; nothing to say of the mean."""
    match rule, by:
        case "closest", _:
            return [("projection", "by the normal equations: the target is not orthogonal")]
        case "weighted", _:
            return [("weights", f"by `{by}`, for each element of the group")]
        case "choice", "entropy" | "margin":
            best = "least" if by == "entropy" else "largest"
            return [("choice", f"the element of {best} {by}, or the mean of several")]
        case "choice", _:
            return [("choice", f"the element for which `{by}` is least, or the mean of several")]
    return []


def _average(average: Mapping[str, Any], color: bool) -> list[str]:
    name = average["base"]
    each = ", ".join(f"{n['calls']:,} of `{n['base']}`" for n in average.get("networks", ()))
    rows = [("base calls", f"{average['base_calls']:,}" + (f": {each}" if each else ""))]
    if average["product_calls"] is not None:
        rows.append(("plain average", f"{average['product_calls']:,} calls over the whole product"))
    for step in average.get("frames", ()):
        rows.append(
            ("frame", f"{step['method']} for {step['factor']}: {step['frames']:,} for a sample")
        )
    if "canonical" in average:
        made = average["canonical"]
        chosen = f"by `{made['by']}`" if made["by"] else "by a fixed linear function"
        ties = "the first" if made["ties"] == "first" else "the mean over them"
        rows += [
            ("canonical", f"up to {made['average']}: one of {made['cosets']:,} cosets, {chosen}"),
            (
                "energies",
                f"{made['elements']:,}, one for each element; of several best cosets {ties}",
            ),
        ]
    if "rule" in average:
        rows += _rule(average["rule"], average.get("by", ""))
    if average["claims"]:
        rows.append(("claimed", f"the base itself respects {', '.join(average['claims'])}"))
    loses = average.get("loses")
    if loses:
        rows += [
            (
                "output span",
                f"{loses['output_span']:,} of {loses['output_dimension']:,} dimensions: whatever the"
                " base, all results lie in these",
            ),
            (
                "input kept",
                f"{loses['input_kept']:,} of {loses['input_dimension']:,} dimensions: no branch sees"
                " the others",
            ),
        ]
    if loses and "linear_maps" in loses:
        rows.append(
            (
                "linear maps",
                f"{loses['linear_maps_reached']:,} of {loses['linear_maps']:,} that are equivariant"
                " are reached; interactions between factors are not, even where all are",
            )
        )
    return [paint(f"average of the base `{name}`", HEADING, color), *_fields(rows)]


def _edge(edge: Mapping[str, Any], color: bool) -> list[str]:
    fusion = "   (fusion point)" if edge["fusion"] else ""
    lines = [paint(f"{edge['source']} -> {edge['target']}", HEADING, color) + fusion]
    lines.append(f"  from {edge['type']}")
    asks = _ASKS_OF_PRODUCTS if edge["op"] in _PRODUCTS else _ASKS
    rows = [(name, f"{kind:<11}  {asks[kind]}") for name, kind in edge["factors"].items()]
    wide = max((len(name) for name, _ in rows), default=0)
    lines += [f"  {name:<{wide}}  {text}" for name, text in rows]
    if not rows:
        lines.append("  no factor acts at either end")
    if not edge["solved"]:
        return lines
    several = len(edge["blocks"]) > 1
    for pair in edge["blocks"]:
        if several:
            lines.append(f"  block {pair['source']} to block {pair['target']}")
        lines += _cluster_lines(pair["clusters"], "    " if several else "  ")
    dimension = edge["dimension"]
    words = "too many to count" if dimension is None else count(dimension, "free weight")
    lines.append(f"  together, channels included: {words}{_product(edge)}")
    return lines


def _product(edge: Mapping[str, Any]) -> str:
    """` = 64 x 10 x 4`: channels of the source and the target, and the dimension of every cluster; a
    summand for every pair of blocks. Empty where other things count too, as the groups of a convolution."""
    summands: list[str] = []
    total = 0
    for pair in edge["blocks"]:
        dimensions = [cluster["dimension"] for cluster in pair["clusters"]]
        factors = [*pair["channels"], *dimensions]
        if not all(isinstance(factor, int) for factor in factors):
            return ""
        product = 1
        for factor in factors:
            product *= factor
        total += product
        if product:
            summands.append(" x ".join(f"{factor:,}" for factor in factors))
    if total != edge["dimension"] or not summands or len(summands) > 6:
        return ""
    return f" = {' + '.join(summands)}"


def _short(label: str) -> str:
    """The fields of a `flat` stand in the type already."""
    return "flat" if label.startswith("flat {") else label


def _cluster_lines(found: Sequence[Mapping[str, Any]], indent: str) -> list[str]:
    rows = []
    for cluster in found:
        source = " x ".join(map(_short, cluster["source"])) or "1"
        target = " x ".join(map(_short, cluster["target"])) or "1"
        dimension = cluster["dimension"]
        size = "not counted" if dimension is None else f"dimension {dimension:,}"
        for symbol, least in cluster.get("holds_from", {}).items():
            size += f" for {symbol} >= {least}"
        rows.append(
            (f"{{{', '.join(cluster['factors'])}}}", f"{source} -> {target}", size, cluster)
        )
    if not rows:
        return []
    first, second, third = (max(len(row[k]) for row in rows) for k in range(3))
    lines = []
    for a, b, c, cluster in rows:
        by = cluster["solver"]
        lines.append(f"{indent}cluster {a:<{first}}  {b:<{second}}  {c:<{third}}  by {by}")
        if "count" in cluster:
            lines += _count_lines(cluster["count"], f"{indent}  ")
    return lines


_ROUTES = {
    "characters": "counted by characters: dim = 1/|G| Σ χ(source, g^-1) χ(target, g)",
    "partitions": "counted by partitions",
    "weyl": "counted by characters of an infinite group",
    "orbits": "counted by orbits",
    "null space": "counted by solving",
}


def _count_lines(found: Mapping[str, Any], indent: str) -> list[str]:
    """The count spelled out, so that it can be followed with a pencil."""
    lines = [f"{indent}{_ROUTES[found['route']]}"]
    inner = f"{indent}  "
    if found["classes"]:
        head = ("element", "how many", "χ source", "χ target")
        cells = [
            (row["element"], f"{row['elements']:,}", str(row["source"]), str(row["target"]))
            for row in found["classes"]
        ]
        wide = [max(len(row[k]) for row in (head, *cells)) for k in range(4)]
        for row in (head, *cells):
            rest = "  ".join(
                f"{cell:>{room}}" for cell, room in zip(row[1:], wide[1:], strict=True)
            )
            lines.append(f"{inner}{row[0]:<{wide[0]}}  {rest}")
    for line in found["formula"]:
        folded = textwrap.wrap(
            line,
            WIDTH - len(inner),
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        lines += [f"{inner}{part}" for part in folded]
    return lines
