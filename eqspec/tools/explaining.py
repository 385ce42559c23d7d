"""`eqspec explain`: the page of a code, or the derivation of a node as text or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eqspec.diagnostics.codes import CODES, HEADINGS, page
from eqspec.diagnostics.model import Severity
from eqspec.diagnostics.render import render_text, summary
from eqspec.diagnostics.snippet import visible
from eqspec.diagnostics.suggest import did_you_mean
from eqspec.graph.model import Module, Node, Spec
from eqspec.graph.sizes import for_json
from eqspec.tools.checking import Checked, check_all
from eqspec.tools.derivation import derivation
from eqspec.tools.findings import UNUSABLE, count, out, say, to_stderr
from eqspec.tools.paint import paint
from eqspec.tools.places import is_folder, spec_file

_TITLE, _HEADING, _CODE = "1", "1;36", "2"


# ---- codes ---------------------------------------------------------------------------------------


def run_explain_code(text: str, format_: str, color: bool) -> int:
    """The page of a code: `EQS401`, `eqs401` and `401` are the same."""
    code = text.strip().upper()
    if code.isdigit():
        code = f"EQS{code}"
    entry = CODES.get(code)
    if entry is None:
        near = did_you_mean(code, CODES)
        hint = f"; did you mean {near}?" if near else ""
        say(f"Error: {visible(text)!r} is no diagnostic code and no spec{hint}")
        if not near:
            say("Codes look like EQS401; a spec is the path of an .eqs file.")
        return 2
    body = page(code)
    if format_ == "json":
        record = {
            "schema": 1,
            "code": code,
            "severity": entry.severity.value,
            "title": entry.title,
            "page": body,
        }
        out(json.dumps(record, indent=2, ensure_ascii=False) + "\n")
        return 0
    out(_page(body or f"# {code}: {entry.title}\n", color))
    return 0


def _page(markdown: str, color: bool) -> str:
    """A page for the terminal: headings stand out, examples are indented."""
    lines = []
    fenced = False
    for line in markdown.rstrip().split("\n"):
        if line.startswith("```"):
            fenced = not fenced
            continue
        if fenced:
            lines.append(f"    {line}".rstrip())
        elif line.startswith("## "):
            heading = line[3:]
            lines.append(paint(heading, _HEADING, color))
            if not color and heading in HEADINGS:
                lines.append("-" * len(heading))
        elif line.startswith("# "):
            lines.append(paint(line[2:], _TITLE, color))
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


# ---- nodes ---------------------------------------------------------------------------------------


def checked_spec(text: str, sizes: Mapping[str, int]) -> tuple[Checked | None, int]:
    """A spec that is proved; else its diagnostics are printed, and the exit code is returned."""
    if is_folder(Path(text)):
        say(f"Error: {text} is a folder: name one spec")
        return None, 2
    checked = next(check_all([spec_file(Path(text))], sizes))
    errors = [d for d in checked.diagnostics if d.severity is Severity.ERROR]
    if checked.result.ok:
        return checked, 0
    to_stderr(render_text(errors, color=False) + "\n")
    say(summary(errors))
    return None, 2 if any(found.code in UNUSABLE for found in errors) else 1


def run_explain(
    spec: str,
    node: str | None,
    module: str | None,
    format_: str,
    sizes: Mapping[str, int],
    color: bool,
) -> int:
    checked, code = checked_spec(spec, sizes)
    if checked is None or checked.result.spec is None:
        return code
    modules = chosen_modules(checked.result.spec, module, spec)
    if modules is None:
        return 2
    if node is None:
        if format_ == "json":
            records = [derivation(m, n, whole=False) for m in modules for n in m.nodes]
            out(
                json.dumps(for_json({"schema": 1, "nodes": records}), indent=2, ensure_ascii=False)
                + "\n"
            )
        else:
            out(_overview(modules, spec, color))
        return 0
    found = [(m, n) for m in modules if (n := _node(m, node)) is not None]
    if not found:
        known = [name for m in modules for name in _names(m)]
        return _unknown("node", node, spec, known)
    if len(found) > 1:
        names = ", ".join(m.key for m, _ in found)
        say(f"Error: `{visible(node)}` is a node of several modules ({names}); add --module")
        return 2
    record = derivation(*found[0])
    if format_ == "json":
        out(json.dumps(for_json(record), indent=2, ensure_ascii=False) + "\n")
    else:
        out(_text(record, color))
    return 0


def chosen_modules(found: Spec, module: str | None, spec: str) -> tuple[Module, ...] | None:
    """The modules of this name, all if there is none; None if no module is called so, which is said."""
    if module is None:
        return found.modules
    chosen = tuple(m for m in found.modules if module in (m.key, m.name))
    if not chosen:
        _unknown("module", module, spec, [m.key for m in found.modules])
        return None
    return chosen


def _node(module: Module, name: str) -> Node | None:
    for feature in module.outputs:
        if feature.name == name and feature.node:
            name = feature.node
            break
    return next((node for node in module.nodes if node.name == name), None)


def _names(module: Module) -> list[str]:
    return [*(node.name for node in module.nodes), *(output.name for output in module.outputs)]


def _unknown(what: str, name: str, spec: str, known: Sequence[str]) -> int:
    names = list(dict.fromkeys(known))
    near = did_you_mean(name, names)
    say(f"Error: {spec} has no {what} `{visible(name)}`")
    if near:
        say(f"Did you mean `{near}`?")
    elif names:
        shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
        say(f"It has {shown}.")
    return 2


def _overview(modules: Sequence[Module], spec: str, color: bool) -> str:
    """The nodes of a spec, one line each."""
    lines = []
    for module in modules:
        lines.append(paint(module.key, _TITLE, color))
        features = [(n.name, n.op, str(n.type)) for n in module.nodes]
        if module.is_interface:
            features = [(f.name, "input", str(f.type)) for f in module.inputs]
            features += [(f.name, "output", str(f.type)) for f in module.outputs]
        wide = max((len(name) for name, _, _ in features), default=0)
        ops = max((len(op) for _, op, _ in features), default=0)
        lines += [f"  {name:<{wide}}  {op:<{ops}}  {type_}" for name, op, type_ in features]
        lines.append("")
    lines.append(f"`eqspec explain {spec} NODE` derives one of them.")
    return "\n".join(lines) + "\n"


# ---- text ----------------------------------------------------------------------------------------

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


def _text(record: dict[str, Any], color: bool) -> str:
    acting = ", ".join(record["factors"]) or "nothing: invariant under every factor"
    shapes = " and ".join(str(tuple(shape)) for shape in record["shapes"])
    rows = [("type", record["type"]), ("shape", shapes), ("acted by", acting)]
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
    lines = [paint(title, _TITLE, color)]
    if record.get("doc"):
        lines += [f"  {line}" for line in record["doc"].split("\n")]
    lines += _fields(rows)
    for average in record.get("averages", ()):
        lines += ["", *_average(average, color)]
    for edge in record["edges"]:
        lines += ["", *_edge(edge, color)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


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
    import textwrap

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
    return [paint(f"average of the base `{name}`", _HEADING, color), *_fields(rows)]


def _edge(edge: Mapping[str, Any], color: bool) -> list[str]:
    fusion = "   (fusion point)" if edge["fusion"] else ""
    lines = [paint(f"{edge['source']} -> {edge['target']}", _HEADING, color) + fusion]
    lines.append(f"  from {edge['type']}")
    asks = _ASKS_OF_PRODUCTS if edge["op"] in _PRODUCTS else _ASKS
    rows = [(name, f"{kind:<11}  {asks[kind]}") for name, kind in edge["factors"].items()]
    wide = max((len(name) for name, _ in rows), default=0)
    lines += [f"  {name:<{wide}}  {text}" for name, text in rows]
    if not rows:
        lines.append("  no factor acts at either end")
    weights = edge["solved"]
    if weights:
        several = len(edge["blocks"]) > 1
        for pair in edge["blocks"]:
            if several:
                lines.append(f"  block {pair['source']} to block {pair['target']}")
            lines += _cluster_lines(pair["clusters"], "    " if several else "  ")
    if not weights:
        return lines
    dimension = edge["dimension"]
    words = "too many to count" if dimension is None else count(dimension, "free weight")
    lines.append(f"  together, channels included: {words}")
    return lines


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
    return [
        f"{indent}cluster {a:<{first}}  {b:<{second}}  {c:<{third}}  by {cluster['solver']}"
        for a, b, c, cluster in rows
    ]
