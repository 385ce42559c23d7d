"""What stands in a report: plain values for its template.

In: a checked spec, and its lowered modules where it was possible to make them. Out: one HTML page. The
facts are those of `explain` and `cost`; nothing is counted here but sums over the steps of a layer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eqspec import __version__
from eqspec.diagnostics.model import Diagnostic, Severity
from eqspec.diagnostics.render import in_order, render_text, summary
from eqspec.graph.model import Module, Spec
from eqspec.graph.sizes import is_dynamic
from eqspec.tools.derivation import parameters
from eqspec.tools.pictures.cards import clipped
from eqspec.tools.pictures.colours import slot
from eqspec.tools.pictures.pages import drawn, page
from eqspec.tools.pictures.pixels import Image, table_image
from eqspec.tools.pictures.scene import scene_of
from eqspec.tools.pictures.sharing import MapSpace, Shared, map_spaces
from eqspec.tools.pictures.wording import Law, laws_of, promise_text
from eqspec.tools.strategytable import guarantee_words, reaches

WIDEST = 340  # pixels of a table of weights
MOST_SHOWN = 128  # rows and columns of a table that are shown
MOST_IMAGES = 400  # of one page


@dataclass(frozen=True)
class Output:
    """An output and its laws."""

    name: str
    type: str
    doc: str
    laws: list[Law]


@dataclass(frozen=True)
class Tile:
    """One cluster of a space of maps, as an image or as the reason why there is none."""

    rows: str
    columns: str
    factors: tuple[str, ...]
    image: Image | None
    text: str
    problem: str


@dataclass(frozen=True)
class Row:
    """A line of the table of costs; the shares are parts of the largest entry of their columns."""

    name: str
    ops: str
    calls: int
    product: int
    parameters: int
    flops: int
    bytes: int
    parameter_share: float
    flop_share: float


def report_text(
    spec: Spec | None,
    records: Sequence[Mapping[str, Any]],
    diagnostics: Sequence[Diagnostic],
    title: str,
    uncosted: str,
    example: Spec | None = None,
) -> str:
    """``records`` are those of `tools.costing.module_costs`; ``uncosted`` says why there are none.
    ``example`` is the spec with small numbers for its sizes of run time: its tables are drawn."""
    costs = {record["module"]: record for record in records}
    budget = [MOST_IMAGES]
    modules = list(spec.modules) if spec is not None else []
    errors = sum(d.severity is Severity.ERROR for d in diagnostics)
    return page(
        "report.html.jinja",
        title=title,
        version=__version__,
        digest=_digest(spec),
        errors=errors,
        warnings=sum(d.severity is Severity.WARNING for d in diagnostics),
        verdict=_verdict(modules, errors),
        proved=any(not module.is_interface for module in modules),
        modules=[_module(module, costs.get(module.key), budget, example) for module in modules],
        diagnostics=[
            {"severity": d.severity.value, "text": render_text([d], color=False).rstrip()}
            for d in in_order(diagnostics)
        ],
        summary=summary(diagnostics),
        uncosted=uncosted,
    )


def _digest(spec: Spec | None) -> str:
    digest = hashlib.sha256()
    for source in spec.sources if spec is not None else ():
        digest.update(source.text.encode("utf-8"))
    return digest.hexdigest() if spec is not None else ""


def _verdict(modules: Sequence[Module], errors: int) -> str:
    proved = [module for module in modules if not module.is_interface]
    if errors:
        rest = f"; {_count(len(proved), 'module')} shown here passed" if proved else ""
        return f"Refused: {_count(errors, 'error')}{rest}."
    asked = len(modules) - len(proved)
    words = []
    if proved:
        words.append(f"{_count(len(proved), 'module')} proved")
    if asked:
        asks = "it asks" if asked == 1 else "they ask"
        words.append(f"{_count(asked, 'interface')} declared: {asks}, and nothing is proved of it")
    return f"{', '.join(words)}." if words else "No modules."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


# ---- modules -------------------------------------------------------------------------------------


def _module(
    module: Module, cost: Mapping[str, Any] | None, budget: list[int], example: Spec | None
) -> dict[str, Any]:
    scene = scene_of(module)
    spaces = _spaces(module)
    if example is not None:
        spaces = _drawn_small(spaces, [m for m in example.modules if m.key == module.key])
    return {
        "key": module.key,
        "doc": [" ".join(part.split()) for part in (module.doc or "").split("\n\n") if part],
        "interface": module.is_interface,
        "factors": [
            {
                "name": factor.name,
                "group": factor.group,
                "extent": factor.extent,
                "slot": slot(factor.number),
            }
            for factor in scene.factors
        ],
        "inputs": [
            {"name": one.name, "type": str(one.type), "doc": one.doc or ""} for one in module.inputs
        ],
        "outputs": [
            Output(one.name, str(one.type), one.doc or "", laws_of(module, one))
            for one in module.outputs
        ],
        "promises": [promise_text(promise) for promise in module.promises],
        "bases": [
            {
                "name": base.name,
                "signature": ", ".join(map(str, base.signature)),
                "target": str(base.target),
                "doc": base.doc or "",
                "claims": sorted(base.claims),
            }
            for base in module.bases
        ],
        "graph": drawn([scene], titles=False),
        "maps": [_map(space, budget) for space in spaces if space.clusters],
        "full": [space for space in spaces if not space.clusters],
        "others": _others(module),
        "rows": _rows(module, cost) if cost else [],
        "total": cost["total"] if cost else None,
        "calls": _calls(cost) if cost else None,
        "averages": _averages(cost) if cost else [],
    }


def _spaces(module: Module) -> list[MapSpace]:
    nodes = (node for node in module.nodes if node.op != "input")
    return [space for node in nodes for space in map_spaces(module, node)]


def _drawn_small(spaces: list[MapSpace], modules: Sequence[Module]) -> list[MapSpace]:
    """The same spaces with the tables of a small example, where these have the same dimensions."""
    small = [space for module in modules for space in _spaces(module)]
    if [space.dimension for space in small] != [space.dimension for space in spaces]:
        return spaces
    return [
        replace(
            space,
            clusters=tuple(
                replace(
                    table, source=shared.source, target=shared.target, at=_example(shared, table)
                )
                if table.labels is not None and table.dimension == shared.dimension
                else shared
                for shared, table in zip(space.clusters, other.clusters, strict=True)
            ),
        )
        if len(space.clusters) == len(other.clusters)
        else space
        for space, other in zip(spaces, small, strict=True)
    ]


def _example(shared: Shared, table: Shared) -> str:
    """`n = 5`, of every size of run time that a table has."""
    at = dict(zip(shared.lengths, table.lengths, strict=True))
    return ", ".join(f"{size} = {at[size]}" for size in at if is_dynamic(size))


def _others(module: Module) -> list[dict[str, Any]]:
    """Weights that are no matrix between two features: of norms, attention, circular harmonics."""
    return [
        {"name": node.name, "op": node.op, "parameters": parameters(node)}
        for node in module.nodes
        if parameters(node) and node.op != "call" and not any(map_spaces(module, node))
    ]


# ---- maps ----------------------------------------------------------------------------------------


def _map(space: MapSpace, budget: list[int]) -> dict[str, Any]:
    return {
        "source": clipped(space.source, 48),
        "target": space.target,
        "op": space.op,
        "tiles": [_tile(shared, budget) for shared in space.clusters],
        "formula": _formula(space),
        "at": ", ".join(dict.fromkeys(shared.at for shared in space.clusters if shared.at)),
    }


def _formula(space: MapSpace) -> str:
    """`4 x 4,096 channel pairs = 16,384 free weights`."""
    dims = [shared.dimension for shared in space.clusters]
    whole = f"{space.dimension:,} free weight{'s' if space.dimension != 1 else ''}"
    if None in dims or not dims:
        return whole
    times = " \N{MULTIPLICATION SIGN} "
    factors = [f"{d:,}" for d in dims]
    pairs = f"{space.channels:,} pair{'s' if space.channels != 1 else ''} of channels"
    return f"{times.join([*factors, pairs])} = {whole}"


def _tile(shared: Shared, budget: list[int]) -> Tile:
    columns = " \N{CIRCLED TIMES} ".join(shared.source) or "1"
    rows = " \N{CIRCLED TIMES} ".join(shared.target) or "1"
    if shared.labels is None or shared.signs is None:
        return Tile(rows, columns, shared.factors, None, "", shared.problem)
    if budget[0] <= 0:
        problem = f"no more than {MOST_IMAGES} images on one page"
        return Tile(rows, columns, shared.factors, None, "", problem)
    budget[0] -= 1
    high, wide = shared.tile or (1, 1)
    top, left = max(MOST_SHOWN // high, 1) * high, max(MOST_SHOWN // wide, 1) * wide
    labels, signs = shared.labels[:top, :left], shared.signs[:top, :left]
    image = table_image(labels, signs, shared.tile, WIDEST)
    return Tile(rows, columns, shared.factors, image, _said(shared, labels.shape), "")


def _said(shared: Shared, shown: tuple[int, ...]) -> str:
    """What there is to see on an image."""
    assert shared.labels is not None
    assert shared.signs is not None
    found = int(shared.labels.max(initial=-1)) + 1
    text = f"{shared.size[0]:,} by {shared.size[1]:,} entries, {_different(found)}"
    if shared.tile is not None:
        tiles = shared.labels.size // (shared.tile[0] * shared.tile[1])
        text += f"; {_count(tiles, 'tile')} of {shared.tile[0]} by {shared.tile[1]} places"
    if shared.dimension is not None and found > shared.dimension:
        text += f" with {_count(found - shared.dimension, 'relation')} between them"
    if (shared.labels < 0).any():
        text += "; empty entries are zero"
    if (shared.signs < 0).any():
        text += "; a bar is a minus sign"
    if shown != shared.labels.shape:
        text += "; the upper left corner is shown"
    return text


def _different(count: int) -> str:
    return "all zero" if not count else "one value" if count == 1 else f"{count:,} different values"


# ---- costs ---------------------------------------------------------------------------------------


def _rows(module: Module, cost: Mapping[str, Any]) -> list[Row]:
    """One line for each layer: the sum over its steps."""
    records = {record["node"]: record for record in cost["nodes"]}
    groups = [
        (node.name, module.steps(node.name))
        for node in module.nodes
        if node.declared and node.op != "input"
    ]
    told = {step.name for _, steps in groups for step in steps}
    groups += [
        (node.name, (node,))
        for node in module.nodes
        if node.name not in told and node.op not in ("input", "block", "field")
    ]
    rows = []
    for name, steps in groups:
        ops = " \N{RIGHTWARDS ARROW} ".join(dict.fromkeys(step.op for step in steps))
        calls, product, weights, flops, size = (
            sum(records[step.name][key] for step in steps) for key in _KEYS
        )
        rows.append(Row(name, ops, calls, product, weights, flops, size, 0.0, 0.0))
    weights = max((int(row.parameters) for row in rows), default=0) or 1
    flops = max((int(row.flops) for row in rows), default=0) or 1
    return [
        replace(
            row,
            parameter_share=int(row.parameters) / weights,
            flop_share=int(row.flops) / flops,
        )
        for row in rows
    ]


_KEYS = ("base_calls", "product_calls", "parameters", "flops", "bytes")


def _calls(cost: Mapping[str, Any]) -> dict[str, Any] | None:
    """Calls of networks as compiled, beside those of an average over the whole product of groups."""
    total = cost["total"]
    calls, product = total["base_calls"], total["product_calls"]
    if not calls:
        return None
    parts = [f"{record['base_calls']:,}" for record in cost["nodes"] if record["base_calls"]]
    most = max(int(calls), int(product))  # a size of run time counts as it is drawn
    return {
        "calls": calls,
        "product": product,
        "parts": " + ".join(parts) if 1 < len(parts) <= 24 else "",
        "share": int(calls) / most,
        "product_share": int(product) / most,
        "networks": len(parts),
    }


def _averages(cost: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The strategies for every average, as in the table of `eqspec cost`; averages with the same table
    are told together."""
    found: list[dict[str, Any]] = []
    for record in cost["nodes"]:
        if "strategies" not in record:
            continue
        rows = [
            {
                "text": one["strategy"],
                "written": one["written"],
                "calls": one["base_calls"],
                "helper": one["helper_calls"],
                "guarantee": guarantee_words(one["levels"]),
                "reaches": reaches(one.get("loses")),
            }
            for one in record["strategies"]
        ]
        same = next((one for one in found if one["strategies"] == rows), None)
        if same is not None:
            same["nodes"].append(record["node"])
        else:
            found.append({"nodes": [record["node"]], "strategies": rows})
    return found
