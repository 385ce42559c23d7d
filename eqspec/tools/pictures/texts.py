"""The layer graph as Mermaid, DOT and JSON.

In: scenes. Out: text. A text of a spec reaches Mermaid through `mermaid_label` and DOT through
`dot_label`, and in no other way; JSON has the standard library.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eqspec.diagnostics.snippet import visible
from eqspec.graph.model import EdgeClass
from eqspec.graph.sizes import for_json
from eqspec.tools.pictures.colours import LIGHT, slot
from eqspec.tools.pictures.scene import Arrow, Factor, Feature, Scene

SCHEMA = 1

# ---- JSON ----------------------------------------------------------------------------------------


def json_text(scenes: Sequence[Scene]) -> str:
    """Schema 1: `docs/schemas/graph.json`."""
    record = {"schema": SCHEMA, "modules": [scene_record(scene) for scene in scenes]}
    return json.dumps(for_json(record), indent=1, ensure_ascii=False) + "\n"


def scene_record(scene: Scene) -> dict[str, Any]:
    return {
        "module": scene.module,
        "doc": scene.doc,
        "interface": scene.interface,
        "factors": [
            {"name": factor.name, "group": factor.group, "order": factor.order}
            for factor in scene.factors
        ],
        "features": [
            {
                "name": feature.name,
                "kind": feature.kind,
                "ops": list(feature.ops),
                "type": feature.type,
                "shapes": [list(shape) for shape in feature.shapes],
                "factors": list(feature.factors),
                "levels": dict(feature.levels),
                "parameters": feature.parameters,
                "calls": feature.calls or None,
                "outputs": list(feature.outputs),
                "doc": feature.doc,
            }
            for feature in scene.features
            if feature.kind != "model"
        ],
        "edges": [
            {
                "source": arrow.source,
                "part": arrow.part,
                "target": arrow.target,
                "op": arrow.op,
                "factors": {name: kind.value for name, kind in arrow.classes.items()},
                "dimension": arrow.dimension,
                "fusion": arrow.fusion,
            }
            for arrow in scene.arrows
            if not scene.interface
        ],
    }


# ---- what the two others share -------------------------------------------------------------------


def _lines(feature: Feature) -> list[str]:
    """The lines in a box."""
    lines = [feature.name, feature.type]
    lines += [" \N{RIGHTWARDS ARROW} ".join(op for op in feature.ops if op != "call")]
    lines += feature.notes
    lines += feature.laws
    return [line for line in lines if line]


def _label(arrow: Arrow) -> str:
    words = [arrow.part] if arrow.part else []
    if arrow.dimension is not None:
        words.append(f"dim {arrow.dimension:,}")
    if arrow.fusion:
        words.append("\N{BLACK DIAMOND} fusion")
    forgotten = arrow.carrying(EdgeClass.INVARIANT)
    if forgotten:
        words.append(f"forgets {', '.join(forgotten)}")
    if arrow.enters:
        words.append(f"fixed by {', '.join(arrow.enters)}")
    return ", ".join(words)


def _ids(scene: Scene, number: int) -> dict[str, str]:
    """Names that mean nothing in either language."""
    return {feature.name: f"m{number}n{k}" for k, feature in enumerate(scene.features)}


def _colour(feature: Feature, factors: Mapping[str, Factor]) -> str | None:
    """The colour of the first factor that acts."""
    names = [name for name in feature.factors if name in factors]
    return LIGHT[slot(factors[names[0]].number)] if names else None


# ---- Mermaid -------------------------------------------------------------------------------------


def mermaid_label(lines: Sequence[str]) -> str:
    """Text between quotes in Mermaid: whatever is not a letter, a digit or a blank is an entity."""
    return "<br/>".join("".join(_entity(c) for c in visible(line)) for line in lines)


def _entity(character: str) -> str:
    plain = character.isascii() and (character.isalnum() or character in " _.,:=+-")
    return character if plain else f"#{ord(character)};"


def mermaid_text(scenes: Sequence[Scene]) -> str:
    """A flowchart with a subgraph for every module."""
    return "\n".join(["flowchart TB", *_mermaid(scenes)]) + "\n"


def _mermaid(scenes: Sequence[Scene]) -> Iterator[str]:
    shapes = {"input": ("([", "])"), "output": ("[[", "]]"), "model": ("{{", "}}")}
    arrows = 0
    for number, scene in enumerate(scenes):
        factors = {factor.name: factor for factor in scene.factors}
        ids = _ids(scene, number)
        groups = ", ".join(f"{factor.name} = {factor.group}" for factor in scene.factors)
        title = [scene.module, groups] if groups else [scene.module]
        yield f'  subgraph m{number}["{mermaid_label(title)}"]'
        for feature in scene.features:
            left, right = shapes.get(feature.kind, ("[", "]"))
            yield f'    {ids[feature.name]}{left}"{mermaid_label(_lines(feature))}"{right}'
        thick: list[int] = []
        for arrow in scene.arrows:
            label = _label(arrow)
            middle = f'|"{mermaid_label([label])}"|' if label else ""
            yield f"    {ids[arrow.source]} -->{middle} {ids[arrow.target]}"
            if arrow.fusion:
                thick.append(arrows)
            arrows += 1
        yield "  end"
        for feature in scene.features:
            colour = _colour(feature, factors)
            if colour:
                yield f"  style {ids[feature.name]} stroke:{colour},stroke-width:3px"
        if thick:
            yield f"  linkStyle {','.join(map(str, thick))} stroke-width:4px"


# ---- DOT -----------------------------------------------------------------------------------------


def dot_label(lines: Sequence[str]) -> str:
    """Text between quotes in DOT, lines to the left."""
    texts = (visible(line).replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return "\\l".join([*texts, ""]) if len(lines) > 1 else "".join(texts)


def dot_text(scenes: Sequence[Scene]) -> str:
    """A digraph with a cluster for every module."""
    return "\n".join(["digraph eqspec {", *_dot(scenes), "}"]) + "\n"


def _dot(scenes: Sequence[Scene]) -> Iterator[str]:
    yield "  rankdir=TB;"
    yield '  node [shape=box, style=rounded, fontname="monospace", fontsize=11];'
    yield '  edge [fontname="monospace", fontsize=10];'
    styles = {
        "output": ", penwidth=2",
        "model": ', style="rounded,dashed"',
        "call": ", peripheries=2",
    }
    for number, scene in enumerate(scenes):
        factors = {factor.name: factor for factor in scene.factors}
        ids = _ids(scene, number)
        yield f"  subgraph cluster_{number} {{"
        yield f'    label="{dot_label([scene.module])}";'
        for feature in scene.features:
            colour = _colour(feature, factors)
            more = styles.get(feature.kind, "") + (f', color="{colour}"' if colour else "")
            yield f'    {ids[feature.name]} [label="{dot_label(_lines(feature))}"{more}];'
        for arrow in scene.arrows:
            carried = [LIGHT[slot(factors[name].number)] for name in arrow.classes]
            words = [f'label="{dot_label([_label(arrow)])}"'] if _label(arrow) else []
            if carried:
                words.append(f'color="{":".join(carried)}"')
            if arrow.fusion:
                words.append("style=bold, arrowhead=diamond")
            more = f" [{', '.join(words)}]" if words else ""
            yield f"    {ids[arrow.source]} -> {ids[arrow.target]}{more};"
        yield "  }"
