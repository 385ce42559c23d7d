"""Scenes and drawings of every example and of the corpus: true to the layer graph, well-formed, legible."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path

import jsonschema
from picture_specs import CORPUS, EXAMPLES, ROOT, spec_at, spec_of

from eqspec.graph.model import EdgeClass, fusion_points
from eqspec.tools.pictures.notebook import html_of, svg_of
from eqspec.tools.pictures.scene import scene_of
from eqspec.tools.pictures.texts import dot_text, json_text, mermaid_text

SVG = "{http://www.w3.org/2000/svg}"
TWO_VIEW = next(path for path in EXAMPLES if path.stem == "two_view")


def test_scenes_say_what_the_layer_graph_says() -> None:
    for path in (*EXAMPLES, *CORPUS):
        for module in spec_at(path).modules:
            scene, steps = scene_of(module), scene_of(module, steps=True)
            for feature in (*scene.features, *steps.features):
                assert "".join(token.text for token in feature.tokens) == feature.type
                for token in feature.tokens:
                    assert set(token.factors) <= set(feature.factors)
            if module.is_interface:
                continue
            shown = {(a.source, a.target) for a in scene.arrows if a.fusion and not a.part}
            declared = {node.name for node in module.nodes if node.declared}
            assert shown == {pair for pair in fusion_points(module) if pair[0] in declared}
            graph = module.graph()
            for arrow in steps.arrows:
                classes = graph.edges[arrow.source, arrow.target]["classes"]
                assert dict(arrow.classes) == classes
            assert {(a.source, a.target) for a in steps.arrows} == set(graph.edges)
            whole = sum(feature.parameters for feature in scene.features)
            assert whole == sum(feature.parameters for feature in steps.features)
            names = {feature.name for feature in scene.features}
            assert names == {node.name for node in module.nodes if node.declared}
            for feature in scene.features:
                if feature.kind != "input":
                    assert any(arrow.target == feature.name for arrow in scene.arrows)


def test_the_fusion_points_of_two_views() -> None:
    (module,) = spec_at(TWO_VIEW).modules
    arrows = {(a.source, a.target): a for a in scene_of(module).arrows}
    assert {key for key, arrow in arrows.items() if arrow.fusion} == {("g", "h"), ("f", "k")}
    met = arrows["g", "h"]
    assert met.dimension == 64 * 64
    assert met.carrying(EdgeClass.INVARIANT) == ("Flip",)
    assert met.enters == ("Rot",)
    assert arrows["h", "logits"].enters == ()


def test_a_factor_that_comes_by_another_argument_does_not_enter() -> None:
    spec = spec_of(
        "eqspec 1\ngroup G = cyclic(3)\nmodule M {\n  input x: [G.regular]\n  input s: [1]\n"
        "  base net: [3], [1] -> [3]\n"
        "  a: [G.regular] = equitune(net, x, s)\n"
        "  c: [G.regular] = linear(s)\n  output y: [G.regular] = a + c\n}\n"
    )
    arrows = {(a.source, a.target): a for a in scene_of(spec.modules[0]).arrows}
    assert arrows["s", "a"].enters == ()
    assert arrows["s", "c"].enters == ("G",)


def boxes_of(svg: ET.Element) -> list[tuple[float, float, float, float]]:
    """The rectangles of all cards: left, top, right, bottom. Nested translations are added up."""
    found = []

    def walk(element: ET.Element, x: float, y: float) -> None:
        moved = re.fullmatch(r"translate\(([-\d.]+) ([-\d.]+)\)", element.get("transform", ""))
        if moved:
            x, y = x + float(moved[1]), y + float(moved[2])
        if element.tag == SVG + "rect" and "eqg-card" in element.get("class", ""):
            left, top = x + float(element.get("x", 0)), y + float(element.get("y", 0))
            width, height = float(element.get("width", 0)), float(element.get("height", 0))
            found.append((left, top, left + width, top + height))
        for child in element:
            walk(child, x, y)

    walk(svg, 0.0, 0.0)
    return found


def test_drawings_are_well_formed_and_nothing_overlaps() -> None:
    for path in (*EXAMPLES, *CORPUS):
        text = svg_of(spec_at(path))
        root = ET.fromstring(text)
        _, _, width, height = map(float, root.get("viewBox", "").split())
        boxes = boxes_of(root)
        assert len(boxes) >= sum(len(m.inputs) + len(m.outputs) for m in spec_at(path).modules) / 2
        for left, top, right, bottom in boxes:
            assert left >= 0
            assert top >= 0
            assert right <= width
            assert bottom <= height
        for a, b in combinations(boxes, 2):
            apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
            assert apart, (path.name, a, b)
        for reference in re.findall(r"(?:href|src|url)\s*[=(]", text):
            raise AssertionError(f"{path.name} names another file: {reference}")


def test_drawings_are_the_same_every_time() -> None:
    spec = spec_at(TWO_VIEW)
    assert svg_of(spec) == svg_of(spec)
    (module,) = spec.modules
    assert svg_of(module) == svg_of(spec)
    assert html_of(spec).startswith('<div style="overflow-x:auto"><svg ')


def test_json_keeps_to_its_published_schema() -> None:
    schema = json.loads(Path(ROOT / "docs" / "schemas" / "graph.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    for path in (*EXAMPLES, *CORPUS):
        for steps in (False, True)[: 1 + (path.stem in ("resnet18", "dipole", "06_pointcloud"))]:
            scenes = [scene_of(module, steps=steps) for module in spec_at(path).modules]
            record = json.loads(json_text(scenes))
            validator.validate(record)
            for module in record["modules"]:
                names = {feature["name"] for feature in module["features"]}
                assert {edge["source"] for edge in module["edges"]} <= names
                assert {edge["target"] for edge in module["edges"]} <= names


def test_mermaid_and_dot_hold_every_feature_and_edge() -> None:
    for path in (*EXAMPLES, *CORPUS):
        scenes = [scene_of(module) for module in spec_at(path).modules]
        features = sum(len(scene.features) for scene in scenes)
        edges = sum(len(scene.arrows) for scene in scenes)
        dot, mermaid = dot_text(scenes), mermaid_text(scenes)
        assert len(re.findall(r"^    m\d+n\d+ \[label=", dot, re.M)) == features
        assert len(re.findall(r"^    m\d+n\d+ -> m\d+n\d+", dot, re.M)) == edges
        assert len(re.findall(r"^    m\d+n\d+[\[({]", mermaid, re.M)) == features
        assert len(re.findall(r"^    m\d+n\d+ -->", mermaid, re.M)) == edges
        assert dot.count('"') % 2 == 0
        assert dot.count("{") == dot.count("}") or "flat {" in dot
