"""`eqspec explain`: the page of a code, or the derivation of a node as text or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eqspec.diagnostics.codes import CODES, HEADINGS, page
from eqspec.diagnostics.model import Severity
from eqspec.diagnostics.render import render_text, summary
from eqspec.diagnostics.snippet import visible
from eqspec.diagnostics.suggest import did_you_mean
from eqspec.graph.model import Module, Node, Spec
from eqspec.graph.sizes import for_json
from eqspec.tools.aiming import aim_of
from eqspec.tools.checking import Checked, check_all
from eqspec.tools.derivation import derivation
from eqspec.tools.derivationtext import HEADING as _HEADING
from eqspec.tools.derivationtext import TITLE as _TITLE
from eqspec.tools.derivationtext import derivation_text
from eqspec.tools.findings import UNUSABLE, out, say, to_stderr
from eqspec.tools.paint import paint
from eqspec.tools.places import is_folder, spec_file
from eqspec.tools.placing import ways_lines, ways_record

if TYPE_CHECKING:
    from eqspec.lowering.ways import Aim

_CODE = "2"


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
    flags: Mapping[str, Any] | None = None,
) -> int:
    """``flags`` say for what the way of lowering is chosen; None: nothing is said of it, which is faster."""
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
    record = derivation(*found[0], counted=True)
    ways = None if flags is None else _ways(*found[0], aim_of(flags, checked.config))
    if ways is not None:
        record["lowering"] = ways
    if format_ == "json":
        out(json.dumps(for_json(record), indent=2, ensure_ascii=False) + "\n")
    else:
        out(derivation_text(record, color))
        if ways is not None:
            out("\n" + "\n".join(ways_lines(ways, color)) + "\n")
    return 0


def _ways(module: Module, node: Node, aim: Aim) -> dict[str, Any] | None:
    """How a node can be lowered, and how it is; None where there is one way, or none."""
    from eqspec.ops import op_named

    if module.is_interface or node.op == "input":
        return None
    op = op_named(node.op)
    if op.forms is None and op.irreducible is None:
        return None
    from eqspec.lowering.errors import LoweringRefused
    from eqspec.lowering.placement import place

    try:
        return ways_record(place(module, aim), node.name)
    except LoweringRefused:  # what `compile` says
        return None


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
